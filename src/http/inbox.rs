//! `/dev/inbox`: the sandbox's captured letters, as JSON and as a page.

use askama::Template as _;
use axum::{
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    bank::{context::Bank, inbox, inbox::Captured},
    mail::letter::Letter,
    types::clock,
};

/// What is asked of the inbox.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// The address; everybody's letters where it is missing or empty.
    to: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "inbox.html")]
struct Page<'p> {
    to: &'p str,
    letters: &'p [Shown],
}

struct Shown {
    letter: Letter,
    sent_at: String,
}

/// `GET /dev/inbox?to=ADDRESS`, oldest first; a page where `Accept` names `text/html`.
pub async fn get(
    State(bank): State<Bank>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response<Body> {
    let to = asked.to.as_deref().map(str::trim).filter(|to| !to.is_empty());
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let as_page = accept.is_some_and(|accept| accept.contains("text/html"));
    let (status, content_type, body) = match inbox::list(&bank, to).await {
        Ok(letters) if as_page => page(to.unwrap_or_default(), letters),
        Ok(letters) => {
            let letters: Vec<Value> = letters.into_iter().map(show).collect();
            (StatusCode::OK, "application/json", Value::from(letters).to_string())
        }
        Err(failure) => {
            tracing::error!(%failure, "the inbox could not be read");
            let body = json!({ "error": "The inbox could not be read." }).to_string();
            (StatusCode::INTERNAL_SERVER_ERROR, "application/json", body)
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn page(to: &str, letters: Vec<Captured>) -> (StatusCode, &'static str, String) {
    let shown = |captured: Captured| Shown {
        letter: captured.letter,
        sent_at: clock::show(captured.sent_at),
    };
    // People look for the newest letter, programs for the order in which they came.
    let letters: Vec<Shown> = letters.into_iter().rev().map(shown).collect();
    let page = Page { to, letters: &letters }.render();
    let page = page.expect("a page of plain texts is always rendered");
    (StatusCode::OK, "text/html; charset=utf-8", page)
}

fn show(captured: Captured) -> Value {
    json!({
        "id": captured.letter_id.to_wire(),
        "to": captured.letter.to,
        "subject": captured.letter.subject,
        "text": captured.letter.text,
        "html": captured.letter.html,
        "sentAt": clock::show(captured.sent_at),
    })
}
