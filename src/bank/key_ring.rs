//! Whether the secret is the one that this database was written with.

use super::{context::Bank, error::Failure};
use crate::{domain::refusal::Refusal, store::key_ring};

/// Notes the key on a new database; on an old one it must be the key that wrote it.
///
/// With another secret nothing that is sealed could be read and no card could be
/// found, and every new row would make it worse.
pub async fn check(bank: &Bank) -> Result<(), Failure> {
    let key_id = bank.ring.key_id_text();
    let now = bank.now();
    let mut s = bank.db.write().await?;
    let known = key_ring::all(&mut s).await?;
    if known.is_empty() {
        key_ring::add(&mut s, &key_id, now).await?;
        s.commit().await?;
        return Ok(());
    }
    if known.contains(&key_id) {
        return Ok(());
    }
    let reason = "This database was written with another TELLER_SECRET_KEY: start with that one.";
    Err(Refusal::Forbidden { reason }.into())
}
