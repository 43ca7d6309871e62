//! Reading on a replica that may be behind, without showing anybody less than there is.

use std::collections::HashMap;

use super::{context::Bank, error::Failure};
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
    let asking = async { Ok(account::lookup_many(&mut far, &ids).await?) };
    let there = read(bank, asking).await?;
    let versions: HashMap<AccountId, i64> =
        there.iter().map(|one| (one.account_id, one.balance.version)).collect();
    let reaches = |one: &Account| {
        versions.get(&one.account_id).is_some_and(|version| *version >= one.balance.version)
    };
    known.iter().all(reaches).then_some(far)
}

/// What was read on the replica; `None` where it failed. Whatever is wrong there, the
/// primary knows.
pub(super) async fn read<T>(
    bank: &Bank,
    reading: impl Future<Output = Result<T, Failure>>,
) -> Option<T> {
    match reading.await {
        Ok(read) => Some(read),
        Err(failure) => {
            tracing::warn!(error = %failure, "the replica cannot be asked: the primary is");
            bank.db.leave_replica();
            None
        }
    }
}
