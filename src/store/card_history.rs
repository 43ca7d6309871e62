//! What happened on a card, with both sides as they were called, for clients that show
//! names and numbers.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::{account::AccountKind, posting::TransactionKind},
    types::{
        clock::Instant,
        id::{AccountId, UserId},
        money::{Currency, Minor},
    },
};

/// One movement of a card.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Row {
    /// What came in (positive) or went out (negative).
    pub amount: Minor,
    /// The card's currency.
    #[sqlx(try_from = "String")]
    pub currency: Currency,
    /// What the movement was.
    pub kind: TransactionKind,
    /// When.
    pub posted_at: Instant,
    /// Where the money left: the account.
    pub from_id: AccountId,
    /// What it is.
    pub from_kind: AccountKind,
    /// Whose it is; nobody's where it is the bank's.
    pub from_owner: Option<UserId>,
    /// How the other side saw it.
    pub from_label: String,
    /// The person's name as it was.
    pub from_party: Option<String>,
    /// The last four digits, for a card.
    pub from_last4: Option<String>,
    /// The sealed number, for a card.
    pub from_number: Option<Vec<u8>>,
    /// Where the money arrived: the account.
    pub to_id: AccountId,
    /// What it is.
    pub to_kind: AccountKind,
    /// Whose it is; nobody's where it is the bank's.
    pub to_owner: Option<UserId>,
    /// How the other side saw it.
    pub to_label: String,
    /// The person's name as it was.
    pub to_party: Option<String>,
    /// The last four digits, for a card.
    pub to_last4: Option<String>,
    /// The sealed number, for a card.
    pub to_number: Option<Vec<u8>>,
    /// The payer named it by that number.
    pub to_named: bool,
}

statements! {
    /// An account's versions stand in the order of its entries.
    NEWEST = "
        SELECT e.amount, a.currency, t.kind, e.posted_at,
            f.account_id AS from_id, fa.kind AS from_kind, fa.owner_id AS from_owner,
            f.label AS from_label, f.party AS from_party, f.last4 AS from_last4,
            fc.number AS from_number,
            x.account_id AS to_id, xa.kind AS to_kind, xa.owner_id AS to_owner,
            x.label AS to_label, x.party AS to_party, x.last4 AS to_last4, xc.number AS to_number,
            x.named AS to_named
        FROM entries e
            JOIN accounts a ON a.account_id = e.account_id
            JOIN transactions t ON t.transaction_id = e.transaction_id
            JOIN transaction_texts f ON f.transaction_id = e.transaction_id AND f.side = 'FROM'
            JOIN accounts fa ON fa.account_id = f.account_id
            LEFT JOIN cards fc ON fc.account_id = f.account_id
            JOIN transaction_texts x ON x.transaction_id = e.transaction_id AND x.side = 'TO'
            JOIN accounts xa ON xa.account_id = x.account_id
            LEFT JOIN cards xc ON xc.account_id = x.account_id
        WHERE e.account_id = $1 AND t.kind <> 'OPENING_CREDIT'
        ORDER BY e.version DESC LIMIT $2";
}

/// The newest movements of a card but for its opening credit, at most so many.
pub async fn newest(session: &mut Session, id: AccountId, most: i64) -> Result<Vec<Row>, DbError> {
    session.query(NEWEST).bind(id).bind(most).all().await
}
