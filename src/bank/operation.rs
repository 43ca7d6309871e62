//! Keyed requests: the same key and input do the same thing once.

use uuid::Uuid;

use super::{context::Bank, entry, entry::TransactionView, error::Failure, permit::Permit};
use crate::{
    crypto::mac,
    db::{error::DbError, session::Session},
    domain::refusal::Refusal,
    store::{
        operation,
        operation::{NewOperation, Operation, ResultKind},
        posting,
    },
    types::id::{TransactionId, UserId},
};

/// A key that a client sent with what it stands for.
#[derive(Debug, Clone)]
pub struct Keyed {
    scope_id: Uuid,
    key: String,
    fingerprint: Vec<u8>,
}

/// What became of the claim of a key.
#[derive(Debug, Clone)]
pub(super) enum Claimed {
    /// It is claimed.
    Fresh,
    /// The same request claimed it before.
    Before(Operation),
}

impl Keyed {
    /// A person's key for an operation with this input.
    ///
    /// The input is everything that the client chose, in a form in which two
    /// spellings of the same wish are equal.
    pub fn new(
        bank: &Bank,
        user_id: UserId,
        key: &str,
        operation: &'static str,
        input: &[&[u8]],
    ) -> Self {
        let fingerprint = mac::fingerprint(&bank.ring, operation, input).to_vec();
        Self { scope_id: user_id.uuid(), key: key.to_owned(), fingerprint }
    }

    /// The same where a client may send none.
    pub fn optional(
        bank: &Bank,
        user_id: UserId,
        key: Option<&str>,
        operation: &'static str,
        input: &[&[u8]],
    ) -> Option<Self> {
        key.map(|key| Self::new(bank, user_id, key, operation, input))
    }

    /// Claims the key in a transaction that is not the ledger's, before anything else is
    /// locked; `claim` is the key as [`Self::claiming`] gives it.
    pub(super) async fn claim(
        &self,
        bank: &Bank,
        s: &mut Session,
        claim: &NewOperation,
    ) -> Result<Claimed, Failure> {
        s.may_be_repeated();
        if !posting::claim(s, &[claim], bank.now()).await?.is_empty() {
            return Ok(Claimed::Fresh);
        }
        let before = self.replay(s).await?;
        // It was swept between the two statements: the whole is begun again.
        Ok(Claimed::Before(before.ok_or(DbError::Vanished)?))
    }

    /// What the key made before, if anything; another request with it is refused.
    ///
    /// Asked before the facts are looked at, so that a repeated request is
    /// answered as the first one was even where the facts have changed since.
    /// The ledger asks again, under the key's lock.
    pub async fn replay(&self, s: &mut Session) -> Result<Option<Operation>, Failure> {
        let found = operation::lookup(s, self.scope_id, &self.key).await?;
        match found {
            Some(found) if found.fingerprint != self.fingerprint => {
                Err(Refusal::IdempotencyConflict.into())
            }
            found => Ok(found),
        }
    }

    /// The key as the ledger claims it.
    pub fn claiming(self, result_kind: ResultKind, result_id: Uuid) -> NewOperation {
        let Self { scope_id, key, fingerprint } = self;
        NewOperation { scope_id, key, fingerprint, result_kind, result_id }
    }
}

/// What one of the caller's keys made within the last 30 days.
pub async fn find(bank: &Bank, permit: &Permit, key: &str) -> Result<Option<Operation>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(operation::lookup(&mut s, permit.user_id.uuid(), key).await?)
}

/// A movement that is known to be made by a key of the caller.
pub async fn movement(bank: &Bank, id: TransactionId) -> Result<Option<TransactionView>, Failure> {
    Ok(entry::of_staff(bank, &[id]).await?.pop())
}
