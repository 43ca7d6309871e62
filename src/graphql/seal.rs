//! Receipts, as a client reads and checks them.

use async_graphql::{Context, Result, SimpleObject};

use super::{
    scalars::{BigInt, DateTime},
    viewer,
};
use crate::{bank::seal, types::id::TransactionId};

/// Proof that can be checked. content has one line for the transaction and one for each entry; the caller's own lines stand in clear (each with its random salt), every other line as its SHA-256 in hex. hash = SHA-256(previousHash || the SHA-256 of each line, in order): a line in clear is hashed first, one that is a hash is taken as it is, so that every party computes the same hash.
#[derive(Debug, Clone, SimpleObject)]
pub struct Receipt {
    /// The number of its seal: the first is 1, and none is ever missing.
    sequence: BigInt,
    /// The hash of its seal, in hex.
    hash: String,
    /// The hash of the seal before it, in hex; 64 zeros before the first.
    previous_hash: String,
    /// The lines that were sealed, parted by line feeds.
    content: String,
    /// When it was sealed.
    sealed_at: DateTime,
}

impl From<seal::Receipt> for Receipt {
    fn from(receipt: seal::Receipt) -> Self {
        Self {
            sequence: BigInt(receipt.sequence),
            hash: hex::encode(receipt.hash),
            previous_hash: hex::encode(receipt.previous_hash),
            content: receipt.content,
            sealed_at: DateTime(receipt.sealed_at),
        }
    }
}

/// The receipt of a movement, once it is sealed.
pub(super) async fn find(ctx: &Context<'_>, id: TransactionId) -> Result<Option<Receipt>> {
    Ok(viewer::current(ctx)?.loaders.receipt(id).await?.map(Into::into))
}
