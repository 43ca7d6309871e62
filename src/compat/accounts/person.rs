//! Whoever calls, by the token that they show.

use super::errors::{STYLE, TOKEN_OVER};
use crate::{
    bank::{permit::Permit, ticket, ticket::Unfit},
    compat::wire::{call::Call, doors::Doors, outcome::No},
    crypto::ticket::Kind,
    domain::session::Facade,
};

/// The permit of a call. It is asked for before anything of the body is looked at.
pub async fn permit(doors: &Doors, call: &Call) -> Result<Permit, No> {
    let token = STYLE.token(call)?;
    let ticket = match ticket::read(&doors.bank, Facade::Accounts, Kind::Access, &token) {
        Ok(ticket) => ticket,
        Err(Unfit::WrongKind) => return Err(STYLE.bad_token("Token has wrong type").into()),
        Err(Unfit::Malformed | Unfit::Forged | Unfit::Expired | Unfit::Foreign) => {
            return Err(STYLE.bad_token(TOKEN_OVER).into());
        }
    };
    Ok(ticket::admit(&doors.bank, Facade::Accounts, &ticket, call.visitor()).await?)
}
