//! Which path is whose, and the way of a call from the socket to its dialect and back.
//!
//! At the root the five share one space of paths. A path belongs to the dialect that
//! documents it in that very spelling, else to the one that documents it but for the slash
//! at its end: both are answered directly, as a redirect would lose bodies and cookies.
//! Below `/compat/NAME` stand the paths of one dialect alone.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header},
};
use http_body_util::LengthLimitError;

use super::{
    accounts, card_bank, ewallet, financelime, fintract,
    wire::{
        answer::Answer,
        call::{Arrival, Call},
        dialect::Dialect,
        door::{BodyMax, Door, Fault, Fit, Found, Operation, Resource},
        doors::Doors,
        json::Json,
        sharing,
    },
};
use crate::{files::desk::Seat, types::served};

/// Every dialect.
static DOORS: [&Door; 5] = [
    &card_bank::door::DOOR,
    &fintract::door::DOOR,
    &financelime::door::DOOR,
    &accounts::door::DOOR,
    &ewallet::door::DOOR,
];

/// The documented path that a request was for; an answer carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route(pub &'static str);

/// Where a path leads.
struct Place {
    door: &'static Door,
    prefix: &'static str,
    path: String,
    /// None where the dialect has no such path.
    found: Option<Found>,
}

/// The doors of all dialects that have paths.
pub fn doors() -> impl Iterator<Item = &'static Door> {
    DOORS.into_iter()
}

/// The door of a dialect.
fn door_of(dialect: Dialect) -> Option<&'static Door> {
    DOORS.into_iter().find(|door| door.dialect == dialect)
}

/// The dialect below whose own prefix an unknown path stands.
fn owner_of_unknown(path: &str) -> Option<Dialect> {
    let first = path.split('/').nth(1).unwrap_or_default();
    match first {
        "v1" | "u" | "p" => Some(Dialect::Financelime),
        "token" => Some(Dialect::Ewallet),
        "auth" if path.ends_with('/') => Some(Dialect::Fintract),
        _ => None,
    }
}

/// The best place for a path at the root.
fn place_at_root(path: &str) -> Option<Place> {
    let mut best: Option<(&'static Door, Found)> = None;
    for door in DOORS {
        if let Some(found) = door.find(path) {
            let better = best.as_ref().is_none_or(|(_, best)| found.fit > best.fit);
            if better {
                best = Some((door, found));
            }
        }
    }
    let at_root = |door, found| Place { door, prefix: "", path: path.to_owned(), found };
    match best {
        Some((door, found)) => Some(at_root(door, Some(found))),
        None => Some(at_root(door_of(owner_of_unknown(path)?)?, None)),
    }
}

fn place(path: &str) -> Option<Place> {
    let Some(below) = path.strip_prefix("/compat/") else {
        return place_at_root(path);
    };
    let name = below.split('/').next().unwrap_or_default();
    let door = door_of(Dialect::named(name)?)?;
    let path = &below[name.len()..];
    let path = if path.is_empty() { "/" } else { path };
    let (prefix, found) = (door.dialect.prefix(), door.find(path));
    Some(Place { door, prefix, path: path.to_owned(), found })
}

/// A path that is nobody's.
fn nowhere() -> Answer {
    let told = Json::object([("detail", Json::text("Not Found"))]);
    Answer::json(StatusCode::NOT_FOUND, &told)
}

/// Answers whatever no other route of the server does.
pub async fn serve(doors: &Doors, arrival: Arrival, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let head = parts.method == Method::HEAD;
    let open = |place: &Place| doors.settings.open.contains(&place.door.dialect);
    let Some(place) = place(parts.uri.path()).filter(open) else {
        return nowhere().send(head);
    };
    let call = Call {
        method: parts.method,
        path: place.path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: Bytes::new(),
        acts: false,
        captures: Vec::new(),
        prefix: place.prefix,
        arrival,
    };
    let route = place.found.as_ref().map(|found| Route(found.resource.path));
    let answer = if let Some(found) = place.found {
        Box::pin(at_path(doors, place.door, found, call, body)).await
    } else {
        let answer = (place.door.refuse)(&call.method, Fault::UnknownPath);
        finish(doors, place.door, None, &call, answer)
    };
    let mut response = answer.send(head);
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// What every answer of a dialect carries.
fn finish(
    doors: &Doors,
    door: &Door,
    found: Option<&Found>,
    call: &Call,
    answer: Answer,
) -> Answer {
    let answer = (door.finish)(found.map(|found| found.resource), answer);
    let since = format!("@{}", doors.settings.deprecated_at);
    let since = HeaderValue::from_str(&since).expect("a number is plain text");
    let link = HeaderValue::from_static("</docs>; rel=\"deprecation\"");
    let answer =
        answer.with(HeaderName::from_static("deprecation"), since).with(header::LINK, link);
    sharing::share(door.dialect, call, answer)
}

/// Reads a body of at most so many bytes within the time of a call.
async fn read(body: Body, max: usize, time: Duration) -> Result<Bytes, Fault> {
    match tokio::time::timeout(time, to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error);
            let too_large = source.is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
            // Whoever broke off sees no answer, so any will do.
            Err(if too_large { Fault::TooLarge } else { Fault::TooSlow })
        }
        Err(_) => Err(Fault::TooSlow),
    }
}

/// Where a body says that it is larger than may be, it is not read.
fn says_too_much(headers: &HeaderMap, max: usize) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > max as u64)
}

/// Reads the body of a call. A large one is read only of whom the dialect lets in, who has a
/// place of few for it until the call is answered.
async fn receive(
    doors: &Doors,
    door: &Door,
    resource: &Resource,
    call: &mut Call,
    body: Body,
) -> Result<Option<Seat>, Answer> {
    let refuse = |call: &Call, fault| (door.refuse)(&call.method, fault);
    let time = doors.settings.time;
    let (max, admit) = match resource.body_max {
        BodyMax::Usual => (doors.settings.body_max, None),
        BodyMax::File { bytes, admit } => (bytes, Some(admit)),
    };
    if says_too_much(&call.headers, max) {
        return Err(refuse(call, Fault::TooLarge));
    }
    let seat = match admit {
        None => None,
        Some(admit) => match tokio::time::timeout(time, admit(doors, call)).await {
            Ok(admitted) => Some(admitted?),
            Err(_) => return Err(refuse(call, Fault::TooSlow)),
        },
    };
    call.body = read(body, max, time).await.map_err(|fault| refuse(call, fault))?;
    Ok(seat)
}

/// Runs an operation in a task of its own, so that a panic ends this call and nothing else,
/// and a client that goes away does not stop it half-way.
async fn run(
    doors: &Doors,
    door: &Door,
    operation: &'static Operation,
    call: &Arc<Call>,
    seat: Option<Seat>,
) -> Answer {
    let (doors, asked) = (doors.clone(), Arc::clone(call));
    let running = async move {
        let answer = (operation.run)(&doors, &asked);
        let ran = tokio::time::timeout(doors.settings.time, answer).await;
        drop(seat);
        ran
    };
    let task = tokio::spawn(served::carried(running));
    let refuse = |fault| (door.refuse)(&call.method, fault);
    match task.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) if !call.acts => refuse(Fault::TooSlow),
        // What the ledger has taken it does, even if nobody waits for it any more.
        Ok(Err(_)) => refuse(Fault::OutcomeUnknown),
        Err(error) => {
            let (request_id, path) = (&call.visitor().request_id, call.path_without_captures());
            tracing::error!(%error, request_id, path, "a legacy call panicked");
            refuse(Fault::Broken)
        }
    }
}

async fn at_path(
    doors: &Doors,
    door: &'static Door,
    found: Found,
    mut call: Call,
    body: Body,
) -> Answer {
    let resource = found.resource;
    let refused = |call: &Call, fault| {
        finish(doors, door, Some(&found), call, (door.refuse)(&call.method, fault))
    };
    if let Some(answer) = sharing::preflight(door.dialect, &call, resource) {
        return finish(doors, door, Some(&found), &call, answer);
    }
    let mut operation = resource.operation(&call.method);
    if call.method == Method::HEAD && operation.is_none() && resource.allows("HEAD") {
        operation = resource.operation(&Method::GET);
    }
    let Some(operation) = operation else {
        if call.method == Method::OPTIONS && resource.allows("OPTIONS") {
            let allow = HeaderValue::from_static(resource.allow);
            let answer = Answer::empty(StatusCode::OK).with(header::ALLOW, allow);
            return finish(doors, door, Some(&found), &call, answer);
        }
        return refused(&call, Fault::WrongMethod(resource));
    };
    call.captures.clone_from(&found.captures);
    let seat = match receive(doors, door, resource, &mut call, body).await {
        Ok(seat) => seat,
        Err(answer) => return finish(doors, door, Some(&found), &call, answer),
    };
    let (door, found, operation) = match means_another(doors, door, &found, &call) {
        Some(meant) => meant,
        None => (door, found, operation),
    };
    let client = call.visitor().user_agent.as_deref();
    doors.usage.count(door.dialect, operation.method, found.resource.path, client);
    call.acts = operation.acts;
    let call = Arc::new(call);
    let answer = run(doors, door, operation, &call, seat).await;
    finish(doors, door, Some(&found), &call, answer)
}

/// A client of card-bank that relied on its server's redirect asks fintract's way to
/// register, which differs from card-bank's by one slash: it is known by its body.
fn means_another(
    doors: &Doors,
    door: &Door,
    found: &Found,
    call: &Call,
) -> Option<(&'static Door, Found, &'static Operation)> {
    let is_register = door.dialect == Dialect::Fintract
        && found.resource.path == "/auth/register/"
        && found.fit == Fit::Exact
        && call.prefix.is_empty()
        && call.method == Method::POST
        && doors.settings.open.contains(&Dialect::CardBank);
    if !is_register {
        return None;
    }
    let body = Json::read(&call.body).ok()?;
    if body.get("social_security").is_none() || body.get("username").is_some() {
        return None;
    }
    let other = door_of(Dialect::CardBank)?;
    let found = other.find(&call.path)?;
    let operation = found.resource.operation(&Method::POST)?;
    Some((other, found, operation))
}
