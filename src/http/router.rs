//! All routes on one page.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Response, header},
    middleware,
    routing::get,
};

use super::{graphql, graphql::Graphql, host, inbox};
use crate::{
    bank::context::Bank,
    graphql::{completion::executor::Executor, schema, shape::check::Shapes},
};

/// The whole server.
///
/// It must be served with the peer's address (`ConnectInfo<SocketAddr>`), which
/// stands in sessions and limits.
pub fn router(bank: Bank) -> Router {
    let sandbox = bank.rules.sandbox;
    let shapes = Shapes::from_sdl(&schema::sdl()).expect("our own schema is read back");
    let transport = Graphql {
        schema: Executor::new(schema::build(bank.clone())),
        shapes: Arc::new(shapes),
        bank: bank.clone(),
    };
    // Front ends and everybody who speaks GraphQL.
    let mut router = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .with_state(transport);
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
