//! `POST /files` and `GET /files/{name}`: what people bring, and what they are shown.
//!
//! A body is read up to its limit and no further, and its sender is known before any of
//! it is read. Nothing here trusts what a sender says of a file, its name least of all.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde_json::json;
use tower_cookies::Cookies;

use super::{
    answer::{Rejection, json_response},
    caller,
    caller::Shown,
    negotiation::MediaType,
    web::Web,
};
use crate::{
    bank::{
        context::Bank,
        error::Failure,
        file::{self, FIELD, Opened, Taken, Terms},
        permit::Permit,
    },
    domain::{file::FileLimit, refusal::Refusal},
    files::{desk::Crowded, multipart, multipart::FRAMING_MAX},
    graphql::errors::{BAD_USER_INPUT, INTERNAL, OUTCOME_UNKNOWN, TIMEOUT, UNAUTHENTICATED},
    types::id,
};

/// How long a file may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a browser may show a file again without asking, where the URL's key opened it.
const SHOWN_FOR: &str = "private, max-age=300";

/// What this door works with.
#[derive(Clone)]
pub struct Counter {
    /// The bank.
    pub bank: Bank,
    /// What browsers may.
    pub web: Web,
}

/// A request beside its body.
struct Sent<'r> {
    headers: &'r HeaderMap,
    cookies: &'r Cookies,
    peer: SocketAddr,
    /// It came by POST.
    posts: bool,
}

impl Counter {
    /// The person who sends a request, where a credential that opens anything came with it.
    async fn permit(&self, sent: &Sent<'_>, request_id: &str) -> Result<Option<Permit>, Rejection> {
        let Sent { headers, cookies, peer, posts } = *sent;
        let visitor = caller::visitor(&self.bank, headers, peer, request_id);
        let shown = Shown { headers, cookies, posts, for_strangers: false };
        let (permit, _) = caller::caller(&self.bank, &self.web, &shown, &visitor).await?;
        Ok(permit)
    }
}

/// Why a body is not the form of a file.
enum Unread {
    /// The request is not well formed; nothing of the bank was asked.
    Rejected(Rejection),
    /// The bank does not take it.
    Refused(Refusal),
}

/// `POST /files`: takes the file in the field `file` of a form.
pub async fn post(
    State(counter): State<Counter>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    cookies: Cookies,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let request_id = fresh_id(&counter.bank);
    let sent = Sent { headers: &headers, cookies: &cookies, peer, posts: true };
    let taken = take(&counter, &sent, body, &request_id).await;
    let response = match taken {
        Ok(Taken { file_id, url }) => {
            let body = json!({ "id": file_id.to_wire(), "url": url });
            json_response(StatusCode::CREATED, MediaType::Json, &body)
        }
        Err(rejection) => rejection.answer(MediaType::Json, &request_id),
    };
    finish(response, &request_id)
}

async fn take(
    counter: &Counter,
    sent: &Sent<'_>,
    body: Body,
    request_id: &str,
) -> Result<Taken, Rejection> {
    let (bank, headers) = (&counter.bank, sent.headers);
    let permit = counter.permit(sent, request_id).await?.ok_or_else(nobody)?;
    let _seat = bank.files.desk.enter(permit.user_id.uuid()).map_err(crowded)?;
    let terms = Terms { bytes_max: bank.rules.file_bytes_max, images_only: false };
    let read = tokio::time::timeout(ARRIVAL_TIMEOUT, read(headers, body, terms.bytes_max));
    let part = match read.await {
        Ok(Ok(part)) => part,
        Ok(Err(Unread::Rejected(rejection))) => return Err(rejection),
        Ok(Err(Unread::Refused(refusal))) => {
            let failure = file::refuse(bank, &permit, refusal).await;
            return Err(reject(failure, request_id));
        }
        Err(_) => {
            let message = "The file took too long to arrive; it was not kept.";
            return Err(Rejection::request(StatusCode::REQUEST_TIMEOUT, TIMEOUT, message));
        }
    };
    let taken = file::upload(bank, &permit, part, terms).await;
    taken.map_err(|failure| reject(failure, request_id))
}

/// Reads a form up to what a file and its framing may have.
async fn read(headers: &HeaderMap, body: Body, bytes_max: u64) -> Result<multipart::Part, Unread> {
    let rejected = |status, message: &str| {
        Unread::Rejected(Rejection::request(status, BAD_USER_INPUT, message).about(FIELD))
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = content_type.and_then(multipart::boundary).ok_or_else(|| {
        let message = "Send the file as the field file of a multipart/form-data body.";
        rejected(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    })?;
    let too_large = || Unread::Refused(Refusal::FileTooLarge(FileLimit::Bytes(bytes_max)));
    let whole_max = usize::try_from(bytes_max).unwrap_or(usize::MAX).saturating_add(FRAMING_MAX);
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<u64>().ok());
    if length.is_some_and(|length| length > whole_max as u64) {
        return Err(too_large());
    }
    let whole = collect(body, whole_max).await.map_err(|fault| match fault {
        Fault::TooLong => too_large(),
        Fault::BrokenOff => {
            let message = "The body could not be read to its end.";
            rejected(StatusCode::BAD_REQUEST, message)
        }
    })?;
    match multipart::find(&whole, &boundary, FIELD) {
        Ok(Some(part)) => Ok(part),
        Ok(None) => {
            let message = "The form has no field file: send the file under this name.";
            Err(rejected(StatusCode::BAD_REQUEST, message))
        }
        Err(no_form) => Err(rejected(StatusCode::BAD_REQUEST, no_form.0)),
    }
}

enum Fault {
    TooLong,
    BrokenOff,
}

/// A body of at most so many bytes; what is beyond them is never read.
async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Fault::BrokenOff)?;
        if let Ok(data) = frame.into_data() {
            if whole.len() + data.len() > bytes_max {
                return Err(Fault::TooLong);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// `GET /files/{name}`: shows a file to its owner, to staff, or to whoever has its key.
pub async fn get(
    State(counter): State<Counter>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    cookies: Cookies,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let bank = &counter.bank;
    let request_id = fresh_id(bank);
    let query = query.unwrap_or_default();
    let key = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key");
    let key = key.map(|(_, key)| key.into_owned());
    let opened = async {
        let sent = Sent { headers: &headers, cookies: &cookies, peer, posts: false };
        let permit: Option<Permit> = match counter.permit(&sent, &request_id).await {
            Ok(permit) => permit,
            // Whoever has the key needs no credential, so a bad one does not matter yet.
            Err(_) if key.is_some() => None,
            Err(rejection) => return Err(rejection),
        };
        let opened = file::open(bank, permit.as_ref(), &name, key.as_deref()).await;
        opened.map_err(|failure| reject(failure, &request_id))
    };
    let response = match opened.await {
        Ok(opened) => show(opened),
        Err(rejection) => rejection.answer(MediaType::Json, &request_id),
    };
    finish(response, &request_id)
}

/// A file piece by piece, as something that no browser runs.
fn show(opened: Opened) -> Response<Body> {
    let Opened { file, by_key, content } = opened;
    let length = content.meta.size;
    let mut response = Response::new(Body::from_stream(content.into_stream()));
    let headers = response.headers_mut();
    let shown = if file.avatar { "inline" } else { "attachment" };
    let disposition = format!("{shown}; filename=\"{}\"", file.name);
    let disposition = HeaderValue::from_str(&disposition).expect("a name of ours is plain");
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    let content_type = HeaderValue::from_static(file.format.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let policy = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    if by_key {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(SHOWN_FOR));
        // A front end on another site shows it as an image.
        let anywhere = HeaderValue::from_static("cross-origin");
        headers.insert("cross-origin-resource-policy", anywhere);
    }
    response
}

fn fresh_id(bank: &Bank) -> String {
    id::encode(id::fresh(bank.clock.as_ref(), bank.entropy.as_ref()))
}

fn nobody() -> Rejection {
    let message = "Sign in first: send the header Authorization: Bearer with an access token, or \
        the cookies of a session with their X-CSRF-Token.";
    Rejection::request(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, message)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

fn crowded(crowded: Crowded) -> Rejection {
    let (status, code) = match crowded {
        Crowded::OfOne => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
        Crowded::OfAll => (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"),
    };
    Rejection::request(status, code, crowded.to_string())
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
}

/// The one mapping of the bank's "no" to the answers of this door.
fn reject(failure: Failure, request_id: &str) -> Rejection {
    let refusal = match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Broken(broken) => {
            tracing::error!(request_id, error = %broken, "a request failed");
            if broken.is_unsure() {
                let status = StatusCode::GATEWAY_TIMEOUT;
                return Rejection::request(status, TIMEOUT, OUTCOME_UNKNOWN);
            }
            let message = "Something went wrong on our side. Tell us the request id.";
            return Rejection::request(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL, message);
        }
    };
    let status = match &refusal {
        Refusal::Overloaded { retry_after_seconds } => {
            return caller::overloaded(*retry_after_seconds);
        }
        Refusal::RateLimited { retry_after_seconds } => {
            let seconds = HeaderValue::from(*retry_after_seconds);
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Rejection::request(status, refusal.code(), refusal.sentence())
                .with_header(header::RETRY_AFTER, seconds);
        }
        Refusal::SessionEnded => {
            let message = refusal.sentence();
            return Rejection::request(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, message);
        }
        Refusal::FileTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::FileNotTaken { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::FilesFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
        Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
        Refusal::Forbidden { .. } | Refusal::StepUpRequired(_) => StatusCode::FORBIDDEN,
        Refusal::AlreadyExists { .. }
        | Refusal::BadCredentials
        | Refusal::BadRefreshToken { .. }
        | Refusal::BadCode
        | Refusal::CodeExpired
        | Refusal::TooManyAttempts
        | Refusal::BadToken
        | Refusal::TokenExpired
        | Refusal::InsufficientFunds { .. }
        | Refusal::LimitExceeded(_)
        | Refusal::AccountFrozen
        | Refusal::AccountClosed
        | Refusal::AccountNotEmpty
        | Refusal::BillNotPayable { .. }
        | Refusal::CurrencyMismatch
        | Refusal::SameAccount
        | Refusal::AlreadyReversed { .. }
        | Refusal::Conflict { .. }
        | Refusal::IdempotencyConflict
        | Refusal::TooMany { .. } => StatusCode::CONFLICT,
    };
    let rejection = Rejection::request(status, refusal.code(), refusal.sentence());
    match refusal {
        Refusal::NotFound { .. } => rejection,
        _ => rejection.about(FIELD),
    }
}

/// What every answer of this door carries.
fn finish(mut response: Response<Body>, request_id: &str) -> Response<Body> {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-request-id", value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization, Cookie"));
    response
}
