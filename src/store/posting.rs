//! What the ledger writes of a movement. Nothing but the ledger calls this.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::posting::{Line, TransactionKind},
    types::{
        clock::Instant,
        id::{AccountId, TransactionId},
    },
};

/// What one side of a movement is called.
#[derive(Debug, Clone)]
pub struct Text {
    /// The account of that side.
    pub account_id: AccountId,
    /// How the other side sees it.
    pub label: String,
    /// The last four digits, for a card.
    pub last4: Option<String>,
    /// The person's name as it is; none for the bank.
    pub party: Option<String>,
}

/// Which side of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Where the money leaves.
    From,
    /// Where it arrives.
    To,
}

statements! {
    INSERT_ENTRY = "
        INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
            posted_at, salt)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

    /// Closes the transaction: its entries are there, and the database sums them.
    INSERT_TRANSACTION = "
        INSERT INTO transactions (transaction_id, kind, posted_at) VALUES ($1, $2, $3)";

    INSERT_TEXT = "
        INSERT INTO transaction_texts (transaction_id, side, account_id, label, last4, party, note)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
}

/// Writes one entry; the transaction must follow.
pub async fn insert_entry(
    session: &mut Session,
    transaction_id: TransactionId,
    line: &Line,
    posted_at: Instant,
    salt: &[u8],
) -> Result<(), DbError> {
    session
        .query(INSERT_ENTRY)
        .bind(transaction_id)
        .bind(line.leg.account_id)
        .bind(line.leg.customer)
        .bind(line.leg.amount)
        .bind(line.after.map(|after| after.posted))
        .bind(line.after.map(|after| after.version))
        .bind(posted_at)
        .bind(salt)
        .execute()
        .await?;
    Ok(())
}

/// Writes the transaction that closes its entries.
pub async fn insert_transaction(
    session: &mut Session,
    id: TransactionId,
    kind: TransactionKind,
    posted_at: Instant,
) -> Result<(), DbError> {
    session.query(INSERT_TRANSACTION).bind(id).bind(kind).bind(posted_at).execute().await?;
    Ok(())
}

/// Writes what one side is called.
pub async fn insert_text(
    session: &mut Session,
    id: TransactionId,
    side: Side,
    text: &Text,
    note: Option<&str>,
) -> Result<(), DbError> {
    session
        .query(INSERT_TEXT)
        .bind(id)
        .bind(side)
        .bind(text.account_id)
        .bind(text.label.as_str())
        .bind(text.last4.as_deref())
        .bind(text.party.as_deref())
        .bind(note)
        .execute()
        .await?;
    Ok(())
}
