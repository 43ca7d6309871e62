//! Removes what has expired, so that nothing grows without bound.

use std::time::Duration;

use super::{attempt::ROWS_MAX, context::Bank, error::Failure, file, hold};
use crate::store::{
    attempt, challenge, event, inbox, operation, pulse, registration, session, signup,
};

/// How often holds that expired are given back: their money is wanted.
const HOLDS_EVERY: Duration = Duration::from_secs(30);
/// How many rounds of holds make one of everything else.
const HOLDS_ROUNDS: u32 = 20;
/// How long a key is remembered.
const KEYS_LIFE: chrono::Duration = chrono::Duration::days(30);

/// How long the row of a process that has ended stays.
const PULSES_LIFE: chrono::Duration = chrono::Duration::days(1);

/// How much was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Registrations whose code or link never came back.
    pub registrations: u64,
    /// Challenges that nobody answered.
    pub challenges: u64,
    /// Sessions that ended by age, and that no event names any more.
    pub sessions: u64,
    /// Idempotency keys of 30 days and more.
    pub keys: u64,
    /// Events that are not kept any longer.
    pub events: u64,
    /// Tries that do not count any more.
    pub attempts: u64,
    /// Captured letters.
    pub letters: u64,
    /// Rows of processes that have ended.
    pub pulses: u64,
    /// Files that never arrived, or that nobody sees any more.
    pub files: u64,
}

/// Sweeps every ten minutes, and gives back holds that expired twice a minute, until
/// the returned future is dropped.
pub async fn work(bank: Bank) {
    let mut rounds = 0_u32;
    loop {
        if rounds.is_multiple_of(HOLDS_ROUNDS) {
            match sweep(&bank).await {
                Ok(swept) if swept == Swept::default() => {}
                Ok(swept) => tracing::info!(?swept, "swept"),
                Err(failure) => tracing::error!(%failure, "the sweep failed"),
            }
        }
        match hold::expire(&bank).await {
            Ok(0) => {}
            Ok(holds) => tracing::info!(holds, "holds expired"),
            Err(failure) => tracing::error!(%failure, "holds could not be given back"),
        }
        rounds = rounds.wrapping_add(1);
        tokio::time::sleep(HOLDS_EVERY).await;
    }
}

/// Removes what has expired.
pub async fn sweep(bank: &Bank) -> Result<Swept, Failure> {
    let now = bank.now();
    // Their bytes are removed between transactions: a store may be slow.
    // What it cannot remove now keeps nobody else's things from being swept.
    let files = file::sweep(bank).await.unwrap_or_else(|failure| {
        tracing::error!(%failure, "files could not be removed");
        0
    });
    let events = now - bank.rules.events_kept;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                Ok(Swept {
                    files,
                    keys: operation::sweep(s, now - KEYS_LIFE).await?,
                    challenges: challenge::sweep(s, now).await?,
                    registrations: registration::sweep(s, now).await?
                        + signup::sweep(s, now).await?,
                    // An event may name one for as long as it is kept.
                    sessions: session::sweep(s, events).await?,
                    attempts: attempt::sweep(s, now, ROWS_MAX).await?,
                    events: event::sweep(s, events).await?,
                    letters: inbox::sweep(s, now).await?,
                    pulses: pulse::sweep(s, now - PULSES_LIFE).await?,
                })
            })
        })
        .await
}
