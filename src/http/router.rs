//! All routes on one page.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Response, header},
    middleware,
    routing::{get, post},
};

use super::{document_cache, file, graphql, graphql::Graphql, host, inbox};
use crate::bank::context::Bank;

/// The whole server.
///
/// It must be served with the peer's address (`ConnectInfo<SocketAddr>`), which
/// stands in sessions and limits.
pub fn router(bank: Bank) -> Router {
    with_transport(Graphql::new(bank, document_cache::BYTES_MAX))
}

/// The whole server over a transport whose figures the caller wants to read.
pub fn with_transport(transport: Graphql) -> Router {
    let bank = transport.bank.clone();
    let sandbox = bank.rules.sandbox;
    // Front ends and everybody who speaks GraphQL.
    let mut router = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .with_state(Arc::new(transport));
    // Front ends, which bring files and show them.
    let files = Router::new()
        .route("/files", post(file::post))
        .route("/files/{name}", get(file::get))
        .with_state(bank.clone());
    router = router.merge(files);
    if sandbox {
        // Developers, who read the letters of their own sandbox.
        router = router.merge(Router::new().route("/dev/inbox", get(inbox::get)).with_state(bank));
        router = router.layer(middleware::from_fn(host::require_loopback));
    }
    router.layer(middleware::map_response(guard))
}

/// What every answer carries.
async fn guard(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
