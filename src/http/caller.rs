//! Who sends a request: address, program, and the credential that they show.

use std::net::SocketAddr;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::answer::Rejection;
use crate::{
    bank::{
        context::Bank,
        error::Failure,
        permit::{Permit, Visitor},
        session,
    },
    domain::{refusal::Refusal, session::Facade},
    graphql::errors::{INTERNAL, OVERLOADED, UNAUTHENTICATED},
};

/// Whoever sends a request. The address is the socket's: no header can forge it.
pub fn visitor(headers: &HeaderMap, peer: SocketAddr, request_id: &str) -> Visitor {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Visitor {
        ip_address: peer.ip().to_canonical().to_string(),
        user_agent: user_agent.map(str::to_owned),
        request_id: request_id.to_owned(),
    }
}

/// The signed-in person; `None` where no credential was shown. One that opens
/// nothing is refused, so that a client learns that its session is over.
pub async fn permit(
    bank: &Bank,
    headers: &HeaderMap,
    visitor: &Visitor,
) -> Result<Option<Permit>, Rejection> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let bad = || {
        let message =
            "The access token opens nothing: it is wrong, has expired, or its session has ended.";
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        Rejection::request(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, message)
            .with_header(header::WWW_AUTHENTICATE, challenge)
    };
    let (scheme, token) = value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or_else(bad)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(bad());
    }
    match session::authenticate(bank, Facade::Graphql, token.trim(), visitor).await {
        Ok(permit) => Ok(Some(permit)),
        Err(Failure::Refused(Refusal::Overloaded { retry_after_seconds })) => {
            Err(overloaded(retry_after_seconds))
        }
        Err(Failure::Refused(_)) => Err(bad()),
        Err(Failure::Broken(broken)) => {
            tracing::error!(error = %broken, "a credential could not be checked");
            let message = "Something went wrong on our side. Tell us the request id.";
            Err(Rejection::request(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message))
        }
    }
}

/// Too much is waiting.
pub fn overloaded(retry_after_seconds: u32) -> Rejection {
    let message = "Too much is waiting. Try again shortly.";
    Rejection::request(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED, message)
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
}
