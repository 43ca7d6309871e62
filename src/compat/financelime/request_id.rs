//! What a client calls its request: every call below `/v1` must have a name.

use axum::http::{Method, StatusCode};

use super::errors::common;
use crate::compat::wire::{answer::Answer, call::Call};

/// How many characters a name has: `K7800-H7625-Z5852-N1693-K1972`.
const LENGTH: usize = 29;

/// Refuses a call without a name. One that only reads may say it in the query, as a link
/// can carry it; a header that is there counts alone.
pub fn require(call: &Call) -> Result<(), Answer> {
    let named = match call.headers.get("request-id") {
        Some(_) => call.header("request-id").map(str::to_owned),
        None if call.method == Method::GET => call.parameter("rid"),
        None => None,
    };
    let fits = named.is_some_and(|name| name.chars().count() == LENGTH);
    if fits { Ok(()) } else { Err(common(StatusCode::BAD_REQUEST)) }
}
