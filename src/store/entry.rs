//! The books as they are read: histories and single transactions.

use super::{posting_rows::Side, statements::statements};
use crate::{
    db::{error::DbError, session::Session},
    domain::posting::TransactionKind,
    types::{
        clock::Instant,
        id::{AccountId, TransactionId, UserId},
        money::{Currency, Minor},
    },
};

/// One account's side of a transaction, with what the other side is called.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Entry {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// The account.
    pub account_id: AccountId,
    /// What came in (positive) or went out (negative).
    pub amount: Minor,
    /// The account's currency.
    #[sqlx(try_from = "String")]
    pub currency: Currency,
    /// The account's balance after it.
    pub balance_after: Minor,
    /// The account's version after it.
    pub version: i64,
    /// When.
    pub posted_at: Instant,
    /// What the movement was.
    pub kind: TransactionKind,
    /// The other side's account.
    pub counterparty_id: AccountId,
    /// What the other side is called.
    pub counterparty_label: String,
    /// Its last four digits, for a card.
    pub counterparty_last4: Option<String>,
    /// What was noted.
    pub note: Option<String>,
}

/// Where an entry stands among all of a person's: the key of a history's cursor. The
/// entries of one account stand in it as their versions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When it was posted.
    pub posted_at: Instant,
    /// Its account.
    pub account_id: AccountId,
    /// The account's version after it.
    pub version: i64,
}

impl Position {
    /// The last microsecond of the year 9999: what both databases sort last.
    pub const LAST: Instant = match Instant::from_timestamp_micros(253_402_300_799_999_999) {
        Some(instant) => instant,
        None => Instant::UNIX_EPOCH,
    };

    /// The first instant that a history can have.
    pub const FIRST: Instant = Instant::UNIX_EPOCH;

    /// Where this entry stands.
    pub fn of(entry: &Entry) -> Self {
        Self { posted_at: entry.posted_at, account_id: entry.account_id, version: entry.version }
    }
}

/// A transaction as such.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Transaction {
    /// Names it.
    pub transaction_id: TransactionId,
    /// What it was.
    pub kind: TransactionKind,
    /// What it takes back.
    pub reverses: Option<TransactionId>,
    /// When.
    pub posted_at: Instant,
    /// How much moved.
    pub amount: Minor,
    /// Of what.
    #[sqlx(try_from = "String")]
    pub currency: Currency,
}

/// What a side of a transaction is called.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SideText {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// Which side.
    pub side: Side,
    /// The account.
    pub account_id: AccountId,
    /// What it is called.
    pub label: String,
    /// The last four digits, for a card.
    pub last4: Option<String>,
    /// What was noted.
    pub note: Option<String>,
}

/// Entries with what the other side is called; what follows says which.
macro_rules! entries {
    () => {
        "
        SELECT e.transaction_id, e.account_id, e.amount, e.balance_after, e.version, e.posted_at,
            a.currency, t.kind, x.account_id AS counterparty_id, x.label AS counterparty_label,
            x.last4 AS counterparty_last4, x.note
        FROM entries e
            JOIN accounts a ON a.account_id = e.account_id
            JOIN transactions t ON t.transaction_id = e.transaction_id
            JOIN transaction_texts x
                ON x.transaction_id = e.transaction_id AND x.account_id <> e.account_id "
    };
}

statements! {
    ONE = concat!(
        entries!(),
        "WHERE e.transaction_id = $1 AND e.account_id = $2 AND a.owner_id = $3"
    );

    OF_TRANSACTIONS =
        concat!(entries!(), "WHERE a.owner_id = $1 AND e.transaction_id IN ($2..)");

    /// What moved is what came in; both sums are the same, or it would not stand here.
    TRANSACTIONS = "
        SELECT t.transaction_id, t.kind, t.reverses, t.posted_at, CAST(SUM(e.amount) AS BIGINT) AS amount,
            MIN(a.currency) AS currency
        FROM transactions t
            JOIN entries e ON e.transaction_id = t.transaction_id AND e.amount > 0
            JOIN accounts a ON a.account_id = e.account_id
        WHERE t.transaction_id IN ($1..)
        GROUP BY t.transaction_id, t.kind, t.reverses, t.posted_at";

    /// Which of these transactions touch an account of this person, by the books themselves.
    TOUCHING = "
        SELECT e.transaction_id FROM entries e JOIN accounts a ON a.account_id = e.account_id
        WHERE a.owner_id = $1 AND e.transaction_id IN ($2..)";

    /// What accounts of a person had at an instant; none that was opened later.
    BALANCES_AT = "
        SELECT a.account_id, a.currency, COALESCE((
                SELECT e.balance_after FROM entries e
                WHERE e.account_id = a.account_id AND e.posted_at <= $1
                ORDER BY e.posted_at DESC, e.version DESC LIMIT 1), 0) AS posted
        FROM accounts a
        WHERE a.created_at <= $1 AND a.owner_id = $2 AND a.account_id IN ($3..)";

    /// What took these transactions back, and how much of them, the oldest first.
    REVERSALS = "
        SELECT t.reverses, t.transaction_id, CAST(SUM(e.amount) AS BIGINT) AS amount
        FROM transactions t
            JOIN entries e ON e.transaction_id = t.transaction_id AND e.amount > 0
        WHERE t.reverses IN ($1..)
        GROUP BY t.reverses, t.transaction_id
        ORDER BY t.transaction_id";

    SIDES = "
        SELECT transaction_id, side, account_id, label, last4, note
        FROM transaction_texts WHERE transaction_id IN ($1..)";
}

/// One side of a transaction, where the account is this person's.
pub async fn one(
    session: &mut Session,
    transaction_id: TransactionId,
    account_id: AccountId,
    owner_id: UserId,
) -> Result<Option<Entry>, DbError> {
    session.query(ONE).bind(transaction_id).bind(account_id).bind(owner_id).maybe().await
}

/// A person's own entries of transactions, in no particular order.
pub async fn of_transactions(
    session: &mut Session,
    owner_id: UserId,
    ids: &[TransactionId],
) -> Result<Vec<Entry>, DbError> {
    session.query(OF_TRANSACTIONS).bind(owner_id).bind_list(ids).all().await
}

/// Finds transactions, in no particular order.
pub async fn transactions(
    session: &mut Session,
    ids: &[TransactionId],
) -> Result<Vec<Transaction>, DbError> {
    session.query(TRANSACTIONS).bind_list(ids).all().await
}

/// Which of these transactions touch an account of this person.
pub async fn touching(
    session: &mut Session,
    owner_id: UserId,
    ids: &[TransactionId],
) -> Result<Vec<TransactionId>, DbError> {
    let rows: Vec<(TransactionId,)> =
        session.query(TOUCHING).bind(owner_id).bind_list(ids).all().await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What an account had at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct BalanceAt {
    /// The account.
    pub account_id: AccountId,
    /// Its currency.
    #[sqlx(try_from = "String")]
    pub currency: Currency,
    /// Everything that had been posted.
    pub posted: Minor,
}

/// What accounts of a person had at an instant; one that was opened later is left out.
pub async fn balances_at(
    session: &mut Session,
    owner_id: UserId,
    ids: &[AccountId],
    at: Instant,
) -> Result<Vec<BalanceAt>, DbError> {
    session.query(BALANCES_AT).bind(at).bind(owner_id).bind_list(ids).all().await
}

/// A transaction that takes another back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Reversal {
    /// What it takes back.
    pub reverses: TransactionId,
    /// What it is itself.
    pub transaction_id: TransactionId,
    /// How much it takes back.
    pub amount: Minor,
}

/// What takes these transactions back, the oldest first.
pub async fn reversals(
    session: &mut Session,
    ids: &[TransactionId],
) -> Result<Vec<Reversal>, DbError> {
    session.query(REVERSALS).bind_list(ids).all().await
}

/// What the sides of transactions are called, in no particular order.
pub async fn sides(session: &mut Session, ids: &[TransactionId]) -> Result<Vec<SideText>, DbError> {
    session.query(SIDES).bind_list(ids).all().await
}
