//! People as they see themselves.

use super::{
    context::Bank,
    error::{Broken, Failure},
    permit::Permit,
};
use crate::store::{user, user::User};

/// The caller.
pub async fn me(bank: &Bank, permit: &Permit) -> Result<User, Failure> {
    let mut s = bank.db.alone().await?;
    let found = user::lookup(&mut s, permit.user_id).await?;
    found.ok_or_else(|| Broken::Inconsistent("a live session has no person").into())
}
