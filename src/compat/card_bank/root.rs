//! What this dialect says of itself at the root. Whoever wants a page there is given one
//! before a dialect is asked.

use axum::http::StatusCode;

use crate::compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No};

/// `GET /`
pub async fn read(_: &Doors, _: &Call) -> Result<Answer, No> {
    let told = Json::object([("Status", Json::text("Server up and running"))]);
    Ok(Answer::json(StatusCode::OK, &told))
}
