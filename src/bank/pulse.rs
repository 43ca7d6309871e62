//! About once a second this process writes a row, to know whether its writes succeed.
//!
//! Over a connection of its own, for so long and no longer, so that a database that is
//! stuck, or a crowd that waits for it, is found out and not waited for.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    context::Bank,
    heart::{Backlog, Heart},
};
use crate::{
    db::{error::DbError, pool::Db},
    store::{outbox, pulse, seal},
    types::{
        clock::Instant,
        id::{self, ProcessId},
    },
};

/// From the end of one beat to the next.
const EVERY: Duration = Duration::from_secs(1);
/// How long a beat may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many beats there are to one look at what waits.
const LOOKS: u32 = 5;

/// Beats until the returned future is dropped.
pub async fn work(bank: Bank) {
    let process = ProcessId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let db = bank.db.apart();
    let mut beats = 0_u32;
    loop {
        let heart = match timeout(PATIENCE, beat(&db, process, bank.now())).await {
            Ok(Ok(())) => Heart::Beats,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a beat failed");
                Heart::of(&error)
            }
            Err(_) => Heart::Silent,
        };
        bank.pulse.note(heart);
        let looks = heart == Heart::Beats && beats.is_multiple_of(LOOKS);
        beats = beats.wrapping_add(1);
        let looking = async {
            if looks {
                // No longer than the pause, or a slow look would keep a beat waiting.
                match timeout(EVERY, look(&bank, &db)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "what waits cannot be read"),
                    Err(_) => tracing::debug!("what waits cannot be read in time"),
                }
            }
        };
        tokio::join!(tokio::time::sleep(EVERY), looking);
    }
}

/// Writes the row of this process.
pub async fn beat(db: &Db, process: ProcessId, at: Instant) -> Result<(), DbError> {
    // A statement by itself can be given up at any moment, with its connection; on SQLite
    // only a transaction writes.
    let mut s = match db {
        Db::Sqlite { .. } => db.write().await?,
        Db::Postgres { .. } => db.alone().await?,
    };
    pulse::beat(&mut s, process, at).await?;
    s.commit().await
}

/// Looks how much waits, and since when.
async fn look(bank: &Bank, db: &Db) -> Result<(), DbError> {
    let mut s = db.alone().await?;
    let (letters, letter) = (outbox::count(&mut s).await?, outbox::oldest(&mut s).await?);
    let unsealed = seal::waiting(&mut s, 1).await?;
    let unsealed = unsealed.first().and_then(|one| id::made_at(one.subject_id));
    bank.pulse.note_backlog(Backlog { letters, letter, unsealed });
    Ok(())
}
