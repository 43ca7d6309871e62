//! Keyed requests: the same key and input do the same thing once.

use uuid::Uuid;

use super::{context::Bank, error::Failure};
use crate::{
    crypto::mac,
    db::session::Session,
    domain::refusal::Refusal,
    store::{
        operation,
        operation::{NewOperation, Operation, ResultKind},
    },
    types::id::UserId,
};

/// A key that a client sent with what it stands for.
#[derive(Debug, Clone)]
pub struct Keyed {
    scope_id: Uuid,
    key: String,
    fingerprint: Vec<u8>,
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
