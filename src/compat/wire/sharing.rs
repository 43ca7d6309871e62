//! Which pages of other origins may read what a dialect answers.

use axum::http::{HeaderValue, Method, StatusCode, header};

use super::{
    answer::Answer,
    call::{Call, Origin},
    dialect::Dialect,
    door::Resource,
};

/// What a page of an allowed origin may send beside what browsers let everybody send.
const HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, authorization, content-type, idempotency-key, request-id, x-csrf-token",
);
/// What such a page may read beside what browsers let everybody read.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("deprecation, link, retry-after, x-request-id");
/// What a page may do that comes with cookies.
const ANY_METHOD: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
/// How long a browser may remember what it was allowed, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Who may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// Pages of no other origin.
    Nobody,
    /// Pages of the allowed origins, without cookies.
    Plain,
    /// The same with cookies.
    WithCookies,
}

const fn sharing(dialect: Dialect) -> Sharing {
    match dialect {
        Dialect::CardBank => Sharing::WithCookies,
        Dialect::Fintract | Dialect::Financelime | Dialect::Accounts => Sharing::Plain,
        // Its cookies are for pages of its own origin.
        Dialect::Ewallet => Sharing::Nobody,
    }
}

/// Lets the page that sent a call read its answer, where it may.
pub fn share(dialect: Dialect, call: &Call, answer: Answer) -> Answer {
    let sharing = sharing(dialect);
    // Nothing is kept by caches, so only a page that names itself is told what it depends on;
    // clients with cookies are told always, as they always were.
    let told = call.arrival.origin != Origin::Absent || sharing == Sharing::WithCookies;
    if sharing == Sharing::Nobody || !told {
        return answer;
    }
    let answer = answer.and(header::VARY, HeaderValue::from_static("Origin"));
    let Origin::Allowed(origin) = &call.arrival.origin else {
        return answer;
    };
    let answer = answer
        .with(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone())
        .with(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    if sharing == Sharing::WithCookies {
        let yes = HeaderValue::from_static("true");
        return answer.with(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    answer
}

/// Whatever a page of an allowed origin asks for, it may send: what it may do is asked of
/// each call itself. Another page is told so.
fn preflight_with_cookies(call: &Call) -> Answer {
    const TEXT: &str = "text/plain; charset=utf-8";
    if call.arrival.origin == Origin::Foreign {
        return Answer::text(StatusCode::BAD_REQUEST, TEXT, "Disallowed CORS origin");
    }
    let answer = Answer::text(StatusCode::OK, TEXT, "OK")
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, ANY_METHOD)
        .with(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    match call.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        Some(asked) => answer.with(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()),
        None => answer,
    }
}

/// The answer to a browser that asks what a page may send; `None` where it asks nothing.
pub fn preflight(dialect: Dialect, call: &Call, resource: &Resource) -> Option<Answer> {
    let asks = call.method == Method::OPTIONS
        && call.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && call.arrival.origin != Origin::Absent;
    match sharing(dialect) {
        _ if !asks => return None,
        Sharing::Nobody => return None,
        Sharing::WithCookies => return Some(preflight_with_cookies(call)),
        Sharing::Plain => {}
    }
    let answer = Answer::empty(StatusCode::OK);
    if call.arrival.origin == Origin::Foreign {
        return Some(answer);
    }
    let methods = resource.operations.iter().map(|operation| operation.method);
    let methods = methods.collect::<Vec<_>>().join(", ");
    let methods = HeaderValue::from_str(&methods).expect("methods are plain text");
    Some(
        answer
            .with(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
            .with(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS)
            .with(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    )
}
