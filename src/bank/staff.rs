//! What only the bank's staff may do.

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
    db::session::Session,
    domain::{
        refusal::Refusal,
        staff::{Party, Right},
    },
    store::{session, user},
};

/// The caller may record deposits, reverse, and hold.
pub(super) async fn require(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let mut s = bank.db.read().await?;
    let user = user::lookup(&mut s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    Ok(user.role.require(Right::Serve)?)
}

/// The caller as one who may do this, in the transaction in which it is done: the role of
/// a moment ago does not count, nor does a session that has ended.
pub(super) async fn actor(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    right: Right,
) -> Result<Party, Failure> {
    let facts = session::facts(s, permit.session_id, permit.user_id).await?;
    let alive = facts.is_some_and(|facts| facts.is_alive(bank.now()));
    let user = user::lookup(s, permit.user_id).await?.filter(|_| alive);
    let role = user.ok_or(Refusal::SessionEnded)?.role;
    role.require(right)?;
    Ok(Party { user_id: permit.user_id, role })
}
