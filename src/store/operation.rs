//! What a keyed mutation made: the memory that makes a repeated request harmless.

use uuid::Uuid;

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::clock::Instant,
};

/// What a key can stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResultKind {
    /// A movement of money.
    Transaction,
    /// A card.
    Card,
}

/// A key and what it made.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Operation {
    /// What the request was.
    pub fingerprint: Vec<u8>,
    /// What sort of thing was made.
    pub result_kind: ResultKind,
    /// The thing.
    pub result_id: Uuid,
    /// When.
    pub created_at: Instant,
}

/// A key that is about to be claimed.
#[derive(Debug, Clone)]
pub struct NewOperation {
    /// Whose key it is; the nil UUID for the bank's own.
    pub scope_id: Uuid,
    /// The key.
    pub key: String,
    /// What the request is.
    pub fingerprint: Vec<u8>,
    /// What sort of thing will be made.
    pub result_kind: ResultKind,
    /// The thing.
    pub result_id: Uuid,
}

statements! {
    /// Waits for whoever claims the same key at this moment.
    CLAIM = "
        INSERT INTO idempotency_keys (
            scope_id, idempotency_key, fingerprint, result_kind, result_id, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (scope_id, idempotency_key) DO NOTHING";

    LOOKUP = "
        SELECT fingerprint, result_kind, result_id, created_at
        FROM idempotency_keys WHERE scope_id = $1 AND idempotency_key = $2";

    SWEEP = "DELETE FROM idempotency_keys WHERE created_at <= $1";
}

/// Claims a key; false where it was used before.
pub async fn claim(
    session: &mut Session,
    new: &NewOperation,
    at: Instant,
) -> Result<bool, DbError> {
    let rows = session
        .query(CLAIM)
        .bind(new.scope_id)
        .bind(new.key.as_str())
        .bind(new.fingerprint.as_slice())
        .bind(new.result_kind)
        .bind(new.result_id)
        .bind(at)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// What a key made.
pub async fn lookup(
    session: &mut Session,
    scope_id: Uuid,
    key: &str,
) -> Result<Option<Operation>, DbError> {
    session.query(LOOKUP).bind(scope_id).bind(key).maybe().await
}

/// Forgets keys that were used before an instant, and tells how many.
pub async fn sweep(session: &mut Session, before: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(before).execute().await
}
