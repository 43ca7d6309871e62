//! What staff do here: they approve customers.

use super::{
    errors::{STYLE, forbidden},
    person::caller,
    profile::msg,
};
use crate::{
    bank::customer,
    compat::wire::{answer::Answer, call::Call, doors::Doors, drf::Field, outcome::No},
    domain::user::UserRole,
};

/// `POST /auth/admin_approval/`
pub async fn approve(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let (permit, user) = caller(doors, call).await?;
    if user.role != UserRole::PlatformAdmin {
        return Err(forbidden().into());
    }
    let mut input = STYLE.read(call)?;
    let customer_id = input.text(&Field::required("customer_id").max(255));
    input.settle()?;
    customer::approve(&doors.bank, &permit, &customer_id.unwrap_or_default()).await?;
    Ok(msg("User admin approved"))
}
