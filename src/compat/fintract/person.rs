//! Whoever calls, by the token that they show, and what they may do here.

use super::errors::{STYLE, forbidden, not_found};
use crate::{
    bank::{permit::Permit, ticket, ticket::Unfit, user},
    compat::wire::{call::Call, doors::Doors, outcome::No},
    crypto::ticket::Kind,
    domain::{session::Facade, user::UserRole},
    store::user::User,
};

/// The permit of a call, with the person.
pub async fn caller(doors: &Doors, call: &Call) -> Result<(Permit, User), No> {
    let token = STYLE.token(call)?;
    let ticket = match ticket::read(&doors.bank, Facade::Fintract, Kind::Access, &token) {
        Ok(ticket) => ticket,
        Err(Unfit::WrongKind) => return Err(STYLE.bad_token("Token has wrong type").into()),
        Err(Unfit::Malformed | Unfit::Forged | Unfit::Expired | Unfit::Foreign) => {
            return Err(STYLE.bad_token("Token is invalid or expired").into());
        }
    };
    let permit = ticket::admit(&doors.bank, Facade::Fintract, &ticket, call.visitor()).await?;
    let user = user::me(&doors.bank, &permit).await?;
    Ok((permit, user))
}

/// The same for who is a customer.
pub async fn customer(doors: &Doors, call: &Call) -> Result<(Permit, User), No> {
    let (permit, user) = caller(doors, call).await?;
    if user.role == UserRole::Customer { Ok((permit, user)) } else { Err(forbidden().into()) }
}

/// The same for a path that names the person: only their own.
pub async fn oneself(doors: &Doors, call: &Call) -> Result<(Permit, User), No> {
    let (permit, user) = customer(doors, call).await?;
    match id(call) {
        None => Err(not_found().into()),
        Some(id) if id == user.legacy_id => Ok((permit, user)),
        Some(_) => Err(forbidden().into()),
    }
}

/// The number in the path; none where it is no number.
pub fn id(call: &Call) -> Option<i64> {
    let text = call.captures.first()?;
    let digits = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
