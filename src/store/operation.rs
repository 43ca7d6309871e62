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
    /// Money reserved for a merchant.
    Hold,
    /// A savings goal.
    Savings,
    /// A bill.
    Bill,
}

impl ResultKind {
    /// The kind as it is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transaction => "TRANSACTION",
            Self::Card => "CARD",
            Self::Hold => "HOLD",
            Self::Savings => "SAVINGS",
            Self::Bill => "BILL",
        }
    }
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
    LOOKUP = "
        SELECT fingerprint, result_kind, result_id, created_at
        FROM idempotency_keys WHERE scope_id = $1 AND idempotency_key = $2";

    SWEEP = "DELETE FROM idempotency_keys WHERE created_at <= $1";
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
