//! Reading on a replica that may be behind, without showing anybody less than there is.

use std::collections::HashMap;

use super::context::Bank;
use crate::{
    db::session::Session,
    store::{account, account::Account},
    types::id::AccountId,
};

/// A transaction on the replica in which the histories of these accounts are as long as on
/// the primary, where they were read just now; `None` where there is none.
///
/// The versions of an account have no gaps, and each entry is one of them. So whatever
/// anybody was told of these accounts, by this process or by another, is there as well.
pub(super) async fn caught_up(bank: &Bank, known: &[Account]) -> Option<Session> {
    let mut far = bank.db.read_behind().await?;
    let ids: Vec<AccountId> = known.iter().map(|one| one.account_id).collect();
    let there = match account::lookup_many(&mut far, &ids).await {
        Ok(there) => there,
        Err(error) => {
            tracing::warn!(%error, "the replica cannot be asked: the primary is");
            return None;
        }
    };
    let versions: HashMap<AccountId, i64> =
        there.iter().map(|one| (one.account_id, one.balance.version)).collect();
    let reaches = |one: &Account| {
        versions.get(&one.account_id).is_some_and(|version| *version >= one.balance.version)
    };
    known.iter().all(reaches).then_some(far)
}
