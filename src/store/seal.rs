//! The sealed journal: what waits for its seal, the seals, and the bank's folded sums.

use uuid::Uuid;

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::seal::{AuditRow, Entry, Hash, SealKind, Transaction},
    types::{
        clock::Instant,
        id::{AccountId, TransactionId},
        money::Minor,
    },
};

/// Something that waits for its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// The transaction, or the row of the audit log.
    pub subject_id: Uuid,
    /// Which of them.
    pub kind: SealKind,
}

/// A seal.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Seal {
    /// Its number.
    pub sequence: i64,
    /// What it is of.
    pub kind: SealKind,
    /// The thing itself.
    pub subject_id: Uuid,
    /// Its hash.
    #[sqlx(try_from = "Vec<u8>")]
    pub hash: HashColumn,
    /// When it was sealed.
    pub sealed_at: Instant,
}

/// A hash as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashColumn(pub Hash);

impl TryFrom<Vec<u8>> for HashColumn {
    type Error = &'static str;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| "a hash has 32 bytes")
    }
}

/// A sealed transaction with what its receipt needs beside the entries.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Sealed {
    /// The transaction.
    #[sqlx(flatten)]
    pub transaction: Transaction,
    /// Its number.
    pub sequence: i64,
    /// Its hash.
    #[sqlx(try_from = "Vec<u8>")]
    pub hash: HashColumn,
    /// The hash before it; none where it is the first.
    pub previous_hash: Option<Vec<u8>>,
    /// When it was sealed.
    pub sealed_at: Instant,
}

/// Entries as a seal covers them; what follows says which.
macro_rules! entries {
    ($from:literal) => {
        concat!(
            "
        SELECT e.transaction_id, e.account_id, e.customer, e.amount, a.currency,
            e.balance_after, e.version, e.posted_at, e.salt, a.owner_id
        FROM ",
            $from,
            " JOIN accounts a ON a.account_id = e.account_id "
        )
    };
}

/// Rows of the audit log as a seal covers them; what follows says which.
macro_rules! audit_rows {
    ($from:literal) => {
        concat!(
            "
        SELECT l.audit_id, l.actor_id, l.session_id, l.action, l.result, l.subject_id,
            l.ip_address, l.request_id, l.occurred_at
        FROM ",
            $from
        )
    };
}

statements! {
    WAITING = "SELECT subject_id, kind FROM unsealed ORDER BY subject_id LIMIT $1";

    STILL_WAITING = "SELECT subject_id FROM unsealed WHERE subject_id IN ($1..)";

    TRANSACTIONS = "
        SELECT transaction_id, kind, reverses, posted_at
        FROM transactions WHERE transaction_id IN ($1..)";

    ENTRIES = concat!(
        entries!("entries e"),
        "WHERE e.transaction_id IN ($1..) ORDER BY e.transaction_id, e.account_id"
    );

    AUDIT_ROWS = concat!(audit_rows!("audit_log l "), "WHERE l.audit_id IN ($1..)");

    LAST = "
        SELECT sequence, kind, subject_id, hash, sealed_at
        FROM seals ORDER BY sequence DESC LIMIT 1";

    /// One statement for the whole page: the hashes come as one row of bytes, 32 for
    /// each subject in the order of the ids, because neither database has a list of
    /// rows that the other has too. There is no seal 0: the COALESCE only tells
    /// PostgreSQL that the value is bytes.
    INSERT = "
        INSERT INTO seals (sequence, kind, subject_id, hash, sealed_at)
        SELECT $1 + w.place, w.kind, w.subject_id,
            substr(COALESCE($2, (SELECT s.hash FROM seals s WHERE s.sequence = 0)),
                CAST((w.place - 1) * 32 + 1 AS INTEGER), 32), $3
        FROM (
            SELECT u.subject_id, u.kind, ROW_NUMBER() OVER (ORDER BY u.subject_id) AS place
            FROM unsealed u WHERE u.subject_id IN ($4..)) w";

    REMOVE = "DELETE FROM unsealed WHERE subject_id IN ($1..)";

    FOLDS = "SELECT account_id, sum FROM bank_folds WHERE account_id IN ($1..)";

    /// An account that has lost its fold gets one, so that sealing goes on; what is
    /// missing in it is for the audit to say.
    MOVE_FOLD = "
        INSERT INTO bank_folds (account_id, through_sequence, sum) VALUES ($1, $2, $3)
        ON CONFLICT (account_id) DO UPDATE SET
            through_sequence = excluded.through_sequence, sum = excluded.sum";

    AFTER = "
        SELECT sequence, kind, subject_id, hash, sealed_at
        FROM seals WHERE sequence > $1 ORDER BY sequence LIMIT $2";

    TRANSACTIONS_BETWEEN = "
        SELECT t.transaction_id, t.kind, t.reverses, t.posted_at
        FROM seals s JOIN transactions t ON t.transaction_id = s.subject_id
        WHERE s.sequence > $1 AND s.sequence <= $2";

    ENTRIES_BETWEEN = concat!(
        entries!("seals s JOIN entries e ON e.transaction_id = s.subject_id"),
        "WHERE s.sequence > $1 AND s.sequence <= $2 ORDER BY e.transaction_id, e.account_id"
    );

    AUDIT_ROWS_BETWEEN = concat!(
        audit_rows!("seals s JOIN audit_log l ON l.audit_id = s.subject_id "),
        "WHERE s.sequence > $1 AND s.sequence <= $2"
    );

    SEALED = "
        SELECT t.transaction_id, t.kind, t.reverses, t.posted_at,
            s.sequence, s.hash, p.hash AS previous_hash, s.sealed_at
        FROM seals s JOIN transactions t ON t.transaction_id = s.subject_id
            LEFT JOIN seals p ON p.sequence = s.sequence - 1
        WHERE s.kind = 'TRANSACTION' AND s.subject_id IN ($1..)";
}

/// What waits, in the order of the ids.
pub async fn waiting(session: &mut Session, limit: i64) -> Result<Vec<Waiting>, DbError> {
    session.query(WAITING).bind(limit).all().await
}

/// Which of these wait still, in no particular order.
pub async fn still_waiting(session: &mut Session, ids: &[Uuid]) -> Result<Vec<Uuid>, DbError> {
    let rows: Vec<(Uuid,)> = session.query(STILL_WAITING).bind_ids(ids).all().await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Finds transactions, in no particular order.
pub async fn transactions(
    session: &mut Session,
    ids: &[Uuid],
) -> Result<Vec<Transaction>, DbError> {
    session.query(TRANSACTIONS).bind_ids(ids).all().await
}

/// The entries of transactions, by transaction and then by account.
pub async fn entries(session: &mut Session, ids: &[Uuid]) -> Result<Vec<Entry>, DbError> {
    session.query(ENTRIES).bind_ids(ids).all().await
}

/// Finds rows of the audit log, in no particular order.
pub async fn audit_rows(session: &mut Session, ids: &[Uuid]) -> Result<Vec<AuditRow>, DbError> {
    session.query(AUDIT_ROWS).bind_ids(ids).all().await
}

/// The last seal; none before the first.
pub async fn last(session: &mut Session) -> Result<Option<Seal>, DbError> {
    session.query(LAST).maybe().await
}

/// Writes the seals of what waits, numbered behind `last` in the order of the ids, and
/// lets it wait no longer. `ids` ascend, and `hashes` has 32 bytes for each.
///
/// A row that waits no longer is [`DbError::Vanished`], and everything is undone.
pub async fn insert(
    session: &mut Session,
    last: i64,
    ids: &[Uuid],
    hashes: &[u8],
    sealed_at: Instant,
) -> Result<(), DbError> {
    let query = session.query(INSERT).bind(last).bind(hashes).bind(sealed_at);
    let sealed = query.bind_ids(ids).execute().await?;
    let removed = session.query(REMOVE).bind_ids(ids).execute().await?;
    let wanted = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    if sealed == wanted && removed == wanted { Ok(()) } else { Err(DbError::Vanished) }
}

/// The folds of these accounts of the bank, in no particular order.
pub async fn folds(
    session: &mut Session,
    ids: &[AccountId],
) -> Result<Vec<(AccountId, Minor)>, DbError> {
    session.query(FOLDS).bind_list(ids).all().await
}

/// Sets the fold of an account of the bank.
pub async fn move_fold(
    session: &mut Session,
    id: AccountId,
    through_sequence: i64,
    sum: Minor,
) -> Result<(), DbError> {
    session.query(MOVE_FOLD).bind(id).bind(through_sequence).bind(sum).execute().await?;
    Ok(())
}

/// The seals behind a number, in their order.
pub async fn after(session: &mut Session, sequence: i64, limit: i64) -> Result<Vec<Seal>, DbError> {
    session.query(AFTER).bind(sequence).bind(limit).all().await
}

/// What the seals above the first number and up to the second are of, by the tables
/// themselves: transactions, entries by transaction and account, rows of the audit log.
pub async fn between(
    session: &mut Session,
    (above, through): (i64, i64),
) -> Result<(Vec<Transaction>, Vec<Entry>, Vec<AuditRow>), DbError> {
    let transactions = session.query(TRANSACTIONS_BETWEEN).bind(above).bind(through).all().await?;
    let entries = session.query(ENTRIES_BETWEEN).bind(above).bind(through).all().await?;
    let rows = session.query(AUDIT_ROWS_BETWEEN).bind(above).bind(through).all().await?;
    Ok((transactions, entries, rows))
}

/// The sealed ones among these transactions, in no particular order.
pub async fn sealed(session: &mut Session, ids: &[TransactionId]) -> Result<Vec<Sealed>, DbError> {
    session.query(SEALED).bind_list(ids).all().await
}
