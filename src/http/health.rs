//! Whether the process lives, and whether it can serve: for whoever starts it, and for the
//! proxies in front of it.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Response, StatusCode, header},
    routing::get,
};
use serde_json::{Value, json};

use crate::bank::heart::{Heart, Pulse};

/// `/healthz` and `/readyz`, which ask nobody: what they tell is known.
pub fn routes(pulse: Pulse) -> Router {
    Router::new()
        // Whoever starts the process, and starts it again where it says nothing.
        .route("/healthz", get(live))
        // Proxies, which send requests where they are served.
        .route("/readyz", get(ready))
        .with_state(pulse)
}

fn answer(status: StatusCode, told: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{told}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /healthz`: the process answers.
async fn live() -> Response<Body> {
    answer(StatusCode::OK, &json!({ "live": true }))
}

/// `GET /readyz`: writes succeeded lately, and nobody has told the process to stop.
async fn ready(State(pulse): State<Pulse>) -> Response<Body> {
    let (heart, draining) = (pulse.heart(), pulse.is_draining());
    let ready = heart == Heart::Beats && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let server = if draining { "draining" } else { "ok" };
    let parts = json!({ "database": heart.word(), "server": server });
    answer(status, &json!({ "ready": ready, "parts": parts }))
}
