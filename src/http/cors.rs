//! Which pages of other origins may read what this server answers.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer};

use super::{cookies::CSRF_HEADER, web::Web};

/// What says in a request for a stream where to go on.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// How long a browser may remember what it was allowed.
const MAX_AGE: Duration = Duration::from_mins(10);

/// Allows the origins of the settings and no other: an origin that is not among them is
/// never named in an answer, and neither `*` nor `null` ever is.
pub fn layer(web: &Web) -> CorsLayer {
    let (origins, credentials) = (web.clone(), web.clone());
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin: &HeaderValue, _| origins.allows(origin)))
        .allow_credentials(AllowCredentials::predicate(move |origin: &HeaderValue, _| {
            credentials.allows(origin)
        }))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static(CSRF_HEADER),
            HeaderName::from_static(LAST_EVENT_ID),
        ])
        .expose_headers([HeaderName::from_static("x-request-id"), header::RETRY_AFTER])
        .max_age(MAX_AGE)
        .vary([header::ORIGIN])
}
