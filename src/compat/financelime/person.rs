//! Whoever calls, by the token that they show.

use axum::http::{StatusCode, header};

use super::errors::common;
use crate::{
    bank::{door_session, permit::Permit, ticket},
    compat::wire::{call::Call, doors::Doors, outcome::No},
    crypto::ticket::Kind,
    domain::session::Facade,
};

/// The token of a call, whose scheme may be written in any case.
fn token(call: &Call) -> Option<&str> {
    let value = call.header(header::AUTHORIZATION.as_str())?;
    let mut parts = value.split_ascii_whitespace();
    let (scheme, token) = (parts.next()?, parts.next()?);
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && parts.next().is_none();
    is_bearer.then_some(token)
}

/// The permit of a call. It is asked for before anything of the body is looked at.
pub async fn permit(doors: &Doors, call: &Call) -> Result<Permit, No> {
    let unauthorized = || No::from(common(StatusCode::UNAUTHORIZED));
    let (bank, facade) = (&doors.bank, Facade::Financelime);
    let token = token(call).ok_or_else(unauthorized)?;
    let ticket = ticket::read(bank, facade, Kind::Access, token).map_err(|_| unauthorized())?;
    Ok(door_session::admit(bank, facade, &ticket, call.visitor()).await?)
}
