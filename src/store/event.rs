//! Each person's stream of events, numbered without a gap in the order of commits.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{clock::Instant, id::UserId},
};

statements! {
    OPEN = "INSERT INTO streams (owner_id, last) VALUES ($1, 0)";

    SWEEP = "DELETE FROM events WHERE occurred_at <= $1";
}

/// Opens the stream of a person who was just written.
pub async fn open(session: &mut Session, owner_id: UserId) -> Result<(), DbError> {
    session.query(OPEN).bind(owner_id).execute().await?;
    Ok(())
}

/// Forgets events that happened before an instant, and tells how many.
pub async fn sweep(session: &mut Session, before: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(before).execute().await
}
