//! Whoever calls, by the cookie that a browser attaches to everything: what changes
//! something is therefore asked where its page came from.

use axum::http::{HeaderValue, Method, StatusCode, header};
use serde_json::Map;

use super::errors::{NO_USER, detail, forbidden, no_credentials, not_acceptable, unauthorized};
use crate::{
    bank::{error::Failure, permit::Permit, session::SignedIn, ticket, ticket::Unfit, user},
    compat::wire::{
        answer::Answer,
        call::{Call, Origin},
        cookie,
        doors::Doors,
        idempotency,
        outcome::No,
    },
    crypto::ticket::{Kind, Ticket},
    domain::{refusal::Refusal, session::Facade},
    store::user::User,
};

const COOKIE: &str = "authorization";
const FACADE: Facade = Facade::CardBank;

/// The token of a call; none where a browser has no cookie.
fn token(call: &Call) -> Option<&str> {
    cookie::find(&call.headers, COOKIE).filter(|token| !token.is_empty())
}

fn read(doors: &Doors, token: &str) -> Result<Ticket, Answer> {
    ticket::read(&doors.bank, FACADE, Kind::Access, token).map_err(|unfit| match unfit {
        Unfit::Expired => unauthorized("Token expired"),
        Unfit::Malformed | Unfit::Forged | Unfit::Foreign | Unfit::WrongKind => no_credentials(),
    })
}

/// Refuses what a page sends that may not use the server.
pub fn require_origin(call: &Call) -> Result<(), No> {
    let safe = call.method == Method::GET || call.method == Method::HEAD;
    match call.arrival.origin {
        Origin::Foreign if !safe => Err(forbidden("Origin not allowed").into()),
        Origin::Absent | Origin::Allowed(_) | Origin::Foreign => Ok(()),
    }
}

/// The permit of a call, and, where it changes something, of its page.
pub async fn caller(doors: &Doors, call: &Call) -> Result<Permit, No> {
    let token = token(call).ok_or_else(|| unauthorized("Not a valid token"))?;
    let ticket = read(doors, token)?;
    let permit = ticket::admit(&doors.bank, FACADE, &ticket, call.visitor()).await?;
    require_origin(call)?;
    Ok(permit)
}

/// The permit of a token that is still good; none where it is not.
pub async fn caller_if_any(doors: &Doors, call: &Call) -> Result<Option<Permit>, No> {
    let ticket = token(call).and_then(|token| read(doors, token).ok());
    let Some(ticket) = ticket else {
        return Ok(None);
    };
    match ticket::admit(&doors.bank, FACADE, &ticket, call.visitor()).await {
        Err(Failure::Refused(Refusal::SessionEnded)) => Ok(None),
        other => Ok(Some(other?)),
    }
}

/// The person, where they have what this dialect calls a wallet: a proven address and a name.
pub async fn with_wallet(doors: &Doors, permit: &Permit) -> Result<User, No> {
    let user = user::me(&doors.bank, permit).await?;
    let named = |name: &Option<String>| name.as_deref().is_some_and(|name| !name.is_empty());
    let has = permit.facts.email_verified && named(&user.first_name) && named(&user.last_name);
    if has { Ok(user) } else { Err(not_acceptable(NO_USER).into()) }
}

/// The key of a call that moves money; none where the client sends none.
pub fn key(call: &Call) -> Result<Option<String>, Answer> {
    idempotency::key(&call.headers)
        .map_err(|_| detail(StatusCode::BAD_REQUEST, "Idempotency-Key is not valid"))
}

fn set(answer: Answer, line: &str) -> Answer {
    let line = HeaderValue::from_str(line).expect("tokens, paths and times are plain text");
    answer.with(header::SET_COOKIE, line)
}

/// The answer that signs somebody in.
pub fn sign_in(doors: &Doors, call: &Call, signed_in: &SignedIn, answer: Answer) -> Answer {
    let lasts = FACADE.access_life();
    let token = ticket::issue(&doors.bank, &signed_in.permit, Kind::Access, lasts, Map::new());
    let (token, seconds, prefix) = (token.expose(), lasts.num_seconds(), call.prefix);
    let line = format!(
        "{COOKIE}={token}; HttpOnly; Max-Age={seconds}; Path={prefix}/; SameSite=none; Secure"
    );
    set(answer, &line)
}

/// The answer that clears the cookie, as browsers of other sites let it be cleared.
pub fn sign_out(doors: &Doors, call: &Call, answer: Answer) -> Answer {
    let now = doors.bank.now().format("%a, %d %b %Y %H:%M:%S GMT");
    let prefix = call.prefix;
    let line = format!(
        "{COOKIE}=\"\"; expires={now}; HttpOnly; Max-Age=0; Path={prefix}/; SameSite=none; Secure"
    );
    set(answer, &line)
}
