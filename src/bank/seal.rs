//! Receipts: what the sealed journal proves of a movement to one who took part in it.

use super::{
    context::Bank,
    error::{Broken, Failure},
    permit::Permit,
};
use crate::{
    domain::{
        seal as domain,
        seal::{BEFORE_ALL, Hash, Place},
    },
    store::{seal, seal::HashColumn},
    types::{clock::Instant, id::TransactionId},
};

/// Proof of a movement that can be checked without trusting the bank's word.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The movement.
    pub transaction_id: TransactionId,
    /// The number of its seal.
    pub sequence: i64,
    /// The hash of its seal.
    pub hash: Hash,
    /// The hash of the seal before it.
    pub previous_hash: Hash,
    /// Its lines: those of the reader in clear, every other as its hash.
    pub content: String,
    /// When it was sealed.
    pub sealed_at: Instant,
}

/// The receipts of the sealed ones among these movements that touch an account of the
/// caller, in no particular order.
pub async fn receipts(
    bank: &Bank,
    permit: &Permit,
    ids: &[TransactionId],
) -> Result<Vec<Receipt>, Failure> {
    let mut s = bank.db.read().await?;
    let sealed = seal::sealed(&mut s, ids).await?;
    let ids: Vec<_> =
        sealed.iter().map(|sealed| sealed.transaction.transaction_id.uuid()).collect();
    let entries = seal::entries(&mut s, &ids).await?;
    let reader = permit.user_id;
    let mut receipts = Vec::with_capacity(sealed.len());
    for sealed in sealed {
        let transaction_id = sealed.transaction.transaction_id;
        let entries = domain::of_transaction(&entries, transaction_id);
        if !entries.iter().any(|entry| entry.owner_id == Some(reader)) {
            continue;
        }
        let previous = sealed.previous_hash.map(HashColumn::try_from).transpose();
        let previous = previous.map_err(Broken::Inconsistent)?;
        let place = Place { sequence: sealed.sequence, sealed_at: sealed.sealed_at };
        receipts.push(Receipt {
            transaction_id,
            sequence: sealed.sequence,
            hash: sealed.hash.0,
            previous_hash: previous.map_or(BEFORE_ALL, |previous| previous.0),
            content: domain::content(&sealed.transaction, entries, &place, reader),
            sealed_at: sealed.sealed_at,
        });
    }
    Ok(receipts)
}
