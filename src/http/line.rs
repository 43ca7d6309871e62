//! The line of a request in the log, and the span around all that is done for it.
//!
//! Each line has a target of its own, so that an operator switches them on and off apart
//! from everything else: `TELLER_LOG=warn,teller=info,request=info`. It has the request's
//! id, method, route and status, how long it took, and who asked, by a hash; never a path
//! as it came, a body or a header, where a secret could stand.

use std::time::Duration;

use axum::http::Method;
use tracing::{Span, field::Empty};

/// Said where a client went away before its answer, as proxies say it.
pub const GONE: u16 = 499;

/// A span for a request; its fields are filled in once they are known.
pub fn span() -> Span {
    tracing::error_span!(target: "request", "request", id = Empty, person = Empty)
}

/// A span for something that a client asks on an open socket.
pub fn span_named(request_id: &str) -> Span {
    tracing::error_span!(target: "request", "request", id = request_id, person = Empty)
}

/// Gives the request in whose span this is called its id.
pub fn name(request_id: &str) {
    Span::current().record("id", request_id);
}

/// Writes the line.
pub fn write(span: &Span, method: &Method, route: &str, status: u16, taken: Duration) {
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| {
        tracing::info!(target: "request", %method, route, status, micros, "answered");
    });
}
