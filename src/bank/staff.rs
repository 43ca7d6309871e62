//! What only the bank's staff may do.

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
    domain::{refusal::Refusal, user::UserRole},
    store::user,
};

/// The caller may record deposits, reverse, and hold.
pub(super) async fn require(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let mut s = bank.db.read().await?;
    let user = user::lookup(&mut s, permit.user_id).await?;
    match user.map(|user| user.role) {
        Some(UserRole::BankAdmin | UserRole::PlatformAdmin) => Ok(()),
        Some(UserRole::Customer | UserRole::Developer | UserRole::DeveloperAdmin) | None => {
            let reason = "Only the bank's staff may do this.";
            Err(Refusal::Forbidden { reason }.into())
        }
    }
}
