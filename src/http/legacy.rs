//! The five old doors: whatever no other route answers is theirs, or nobody's.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, header},
};

use super::{caller, web, web::Web};
use crate::{
    compat::{
        router,
        wire::{
            call::{Arrival, Origin},
            doors::Doors,
        },
    },
    types::id,
};

/// Where the front ends of old clients stand while they are developed; a sandbox lets them
/// use its old doors.
pub const OF_DEVELOPERS: [&str; 2] = ["http://localhost:5173", "http://127.0.0.1:5173"];

/// The doors, and the pages that may use them.
#[derive(Debug, Clone)]
pub struct Old {
    /// The doors.
    pub doors: Doors,
    /// What an operator has set of browsers.
    pub web: Web,
}

/// Where the page that sends a request came from, as the doors know it. Where something is to
/// be done and no origin is said, the browser tells how far the page is.
fn origin(web: &Web, method: &Method, headers: &HeaderMap) -> Origin {
    let silent = || method.is_safe() || !web.is_foreign(headers);
    match (web.origin_of(headers), headers.get(header::ORIGIN)) {
        (web::Origin::Allowed, Some(origin)) => Origin::Allowed(origin.clone()),
        (web::Origin::Absent, _) if silent() => Origin::Absent,
        (web::Origin::Absent | web::Origin::Allowed | web::Origin::Foreign, _) => Origin::Foreign,
    }
}

/// Hands a request to the dialect whose path it names.
pub async fn serve(
    State(Old { doors, web }): State<Old>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let (clock, chance) = (doors.bank.clock.as_ref(), doors.bank.entropy.as_ref());
    let request_id = id::encode(id::fresh(clock, chance));
    let visitor = caller::visitor(&doors.bank, request.headers(), peer, &request_id);
    let origin = origin(&web, request.method(), request.headers());
    let arrival = Arrival { visitor, origin };
    let mut response = router::serve(&doors, arrival, request).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}
