//! `/dev/clock` and `/dev/amounts`: what a sandbox has so that everything can be tried.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::negotiation;
use crate::{
    bank::{clock as hands, context::Bank, error::Failure},
    domain::rehearsal,
    types::clock,
};

/// How far the clock is to be moved.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    seconds: i64,
}

fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn refuse(status: StatusCode, why: &str) -> Response<Body> {
    answer(status, &json!({ "error": why }))
}

fn shown(bank: &Bank) -> Response<Body> {
    let ahead = bank.clock.lead().map_or(0, |lead| lead.get().num_seconds());
    answer(StatusCode::OK, &json!({ "now": clock::show(bank.now()), "aheadSeconds": ahead }))
}

/// `GET /dev/clock`: what the bank's clock shows.
pub async fn show_clock(State(bank): State<Bank>) -> Response<Body> {
    shown(&bank)
}

/// `POST /dev/clock` with `{"seconds": 900}` moves the clock forward. JSON alone is taken,
/// which no form of a foreign page can send.
pub async fn move_clock(
    State(bank): State<Bank>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if !negotiation::is_json(&headers) {
        let why = "Send {\"seconds\": 900} with Content-Type: application/json.";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    }
    let Ok(Move { seconds }) = serde_json::from_slice(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "Send {\"seconds\": 900}: a whole number.");
    };
    match hands::forward(&bank, seconds).await {
        Ok(()) => shown(&bank),
        Err(Failure::Refused(refusal)) => refuse(StatusCode::BAD_REQUEST, &refusal.sentence()),
        Err(Failure::Broken(broken)) => {
            tracing::error!(error = %broken, "the clock could not be moved");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "The clock could not be moved.")
        }
    }
}

/// `GET /dev/amounts`: the amounts that provoke an error in `transfer` and `topUp`.
pub async fn amounts() -> Response<Body> {
    let all = rehearsal::ALL.map(|magic| json!({ "amount": magic.amount, "code": magic.code }));
    answer(StatusCode::OK, &Value::from(all.to_vec()))
}
