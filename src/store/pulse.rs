//! A row for each process, written all the time to know that writes succeed.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{clock::Instant, id::ProcessId},
};

statements! {
    BEAT = "
        INSERT INTO pulses (process_id, beaten_at) VALUES ($1, $2)
        ON CONFLICT (process_id) DO UPDATE SET beaten_at = excluded.beaten_at";

    SWEEP = "DELETE FROM pulses WHERE beaten_at < $1";
}

/// Writes the row of a process.
pub async fn beat(session: &mut Session, id: ProcessId, at: Instant) -> Result<(), DbError> {
    session.query(BEAT).bind(id).bind(at).execute().await?;
    Ok(())
}

/// Removes the rows of processes that have written none since, and tells how many they were.
pub async fn sweep(session: &mut Session, before: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(before).execute().await
}
