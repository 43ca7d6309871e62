//! Money of cards that is reserved for merchants.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::hold::{Hold, HoldStatus},
    types::{
        clock::Instant,
        id::{AccountId, HoldId},
    },
};

/// All columns of holds; what follows says which.
macro_rules! holds {
    ($rest:literal) => {
        concat!(
            "SELECT hold_id, account_id, status, amount, captured, merchant, transaction_id,
                created_at, expires_at FROM holds ",
            $rest
        )
    };
}

statements! {
    INSERT = "
        INSERT INTO holds (hold_id, account_id, status, amount, captured, merchant, created_at,
            expires_at)
        VALUES ($1, $2, 'OPEN', $3, 0, $4, $5, $6)";

    LOOKUP = holds!("WHERE hold_id = $1");

    OPEN_OF = holds!("WHERE account_id IN ($1..) AND status = 'OPEN' ORDER BY created_at, hold_id");

    DUE = holds!("WHERE status = 'OPEN' AND expires_at <= $1 ORDER BY expires_at LIMIT 100");

    /// Only an open hold ends; its account is locked before.
    END = "UPDATE holds SET status = $2 WHERE hold_id = $1 AND status = 'OPEN'";
}

/// Writes a hold.
pub async fn insert(session: &mut Session, new: &Hold) -> Result<(), DbError> {
    session
        .query(INSERT)
        .bind(new.hold_id)
        .bind(new.account_id)
        .bind(new.amount)
        .bind(new.merchant.as_str())
        .bind(new.created_at)
        .bind(new.expires_at)
        .execute()
        .await?;
    Ok(())
}

/// Finds a hold.
pub async fn lookup(session: &mut Session, id: HoldId) -> Result<Option<Hold>, DbError> {
    session.query(LOOKUP).bind(id).maybe().await
}

/// The open holds of accounts, the oldest first.
pub async fn open_of(session: &mut Session, ids: &[AccountId]) -> Result<Vec<Hold>, DbError> {
    session.query(OPEN_OF).bind_list(ids).all().await
}

/// Some open holds whose time is over.
pub async fn due(session: &mut Session, now: Instant) -> Result<Vec<Hold>, DbError> {
    session.query(DUE).bind(now).all().await
}

/// Ends an open hold; false where it had ended before.
pub async fn end(session: &mut Session, id: HoldId, status: HoldStatus) -> Result<bool, DbError> {
    Ok(session.query(END).bind(id).bind(status).execute().await? == 1)
}
