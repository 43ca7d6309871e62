//! Whoever calls, by the cookie and the header that belong together.

use axum::http::StatusCode;
use serde_json::Value;

use super::{
    errors::{msg, not_ours},
    tokens::Cookie,
};
use crate::{
    bank::{error::Failure, permit::Permit, ticket, ticket::Unfit},
    compat::wire::{
        call::{Call, Origin},
        cookie,
        doors::Doors,
        outcome::No,
    },
    crypto::{mac, ticket::Kind, ticket::Ticket},
    domain::{refusal::Refusal, session::Facade},
};

/// What a page repeats.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// A page repeats what its token carries.
pub fn repeats(ticket: &Ticket, shown: &str) -> bool {
    let carried = ticket.claims.get("csrf").and_then(Value::as_str).unwrap_or_default();
    !carried.is_empty() && mac::same(carried.as_bytes(), shown.as_bytes())
}

/// A page of another origin made a browser send this; the cookies are for the bank's own.
pub fn is_foreign(call: &Call) -> bool {
    call.arrival.origin == Origin::Foreign
}

/// The permit of a call below `/api/`, each fault in its turn.
pub async fn permit(doors: &Doors, call: &Call) -> Result<Permit, No> {
    let (unauthorized, unprocessable) =
        (StatusCode::UNAUTHORIZED, StatusCode::UNPROCESSABLE_ENTITY);
    let say = |status, words: &str| No::from(msg(status, words));
    let token = cookie::find(&call.headers, Cookie::Access.name());
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| say(unauthorized, "Missing cookie \"access_token_cookie\""))?;
    let csrf = call.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    let csrf = csrf
        .filter(|csrf| !csrf.is_empty())
        .ok_or_else(|| say(unauthorized, "Missing CSRF token"))?;
    let ticket = ticket::read(&doors.bank, Facade::Ewallet, Kind::Access, token);
    let ticket = ticket.map_err(|unfit| match unfit {
        Unfit::Malformed => say(unprocessable, "Not enough segments"),
        Unfit::Forged => say(unprocessable, "Signature verification failed"),
        Unfit::Expired => say(unauthorized, "Token has expired"),
        Unfit::Foreign | Unfit::WrongKind => say(unprocessable, "Only access tokens are allowed"),
    })?;
    if is_foreign(call) || !repeats(&ticket, csrf) {
        return Err(not_ours().into());
    }
    match ticket::admit(&doors.bank, Facade::Ewallet, &ticket, call.visitor()).await {
        Err(Failure::Refused(Refusal::SessionEnded)) => {
            Err(say(unauthorized, "Token has been revoked"))
        }
        other => Ok(other?),
    }
}
