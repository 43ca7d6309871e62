//! The sandbox's clock, which whoever tries things out may move forward.
//!
//! How far it stands ahead is kept in the database: processes on one database share it,
//! each within a second, and a process that starts anew goes on from there.

use std::time::Duration;

use super::{context::Bank, error::Failure, hold};
use crate::{domain::refusal::Refusal, store::sandbox_clock};

/// How often a process looks whether another one has moved the clock.
const EVERY: Duration = Duration::from_secs(1);
/// The farthest that the clock may stand ahead: ten years.
pub const AHEAD_MAX: i64 = 10 * 366 * 24 * 60 * 60;

/// Brings this process's clock to where the database says that it stands.
pub async fn follow(bank: &Bank) -> Result<(), Failure> {
    if let Some(lead) = bank.clock.lead() {
        let mut s = bank.db.alone().await?;
        lead.reach(sandbox_clock::ahead(&mut s).await?);
    }
    Ok(())
}

/// Follows the clock for as long as the returned future is polled.
pub async fn work(bank: Bank) {
    while bank.clock.lead().is_some() {
        tokio::time::sleep(EVERY).await;
        if let Err(failure) = follow(&bank).await {
            tracing::warn!(%failure, "the sandbox's clock cannot be read");
        }
    }
}

/// Moves the clock forward, and does at once what the bank does by itself at its hour.
pub async fn forward(bank: &Bank, seconds: i64) -> Result<(), Failure> {
    let Some(lead) = bank.clock.lead().filter(|_| bank.rules.sandbox) else {
        let reason = "Only the clock of a sandbox can be moved.";
        return Err(Refusal::Forbidden { reason }.into());
    };
    if !(1..=AHEAD_MAX).contains(&seconds) {
        let reason = format!("must be a whole number from 1 to {AHEAD_MAX}");
        return Err(Refusal::invalid("seconds", reason).into());
    }
    let moved = bank.db.write_retrying(|s| {
        Box::pin(
            async move { Ok::<_, Failure>(sandbox_clock::forward(s, seconds, AHEAD_MAX).await?) },
        )
    });
    let Some(ahead) = moved.await? else {
        let reason = "would bring the clock more than ten years ahead";
        return Err(Refusal::invalid("seconds", reason).into());
    };
    lead.reach(ahead);
    hold::expire(bank).await?;
    Ok(())
}
