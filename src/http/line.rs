//! The line of a request in the log.
//!
//! Each line has a target of its own, so that an operator switches them on and off apart
//! from everything else: `TELLER_LOG=warn,teller=info,request=info`. It has the request's
//! id, method, route and status, how long it took, and who asked, by a hash; never a path
//! as it came, a body or a header, where a secret could stand.

use std::time::Duration;

use axum::http::Method;

use crate::types::served::Served;

/// Said where a client went away before its answer, as proxies say it.
pub const GONE: u16 = 499;

/// Writes the line.
pub fn write(served: &Served, method: &Method, route: &str, status: u16, taken: Duration) {
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    served.say(|| {
        tracing::info!(target: "request", %method, route, status, micros, "answered");
    });
}
