//! How the bank's "no" is said in financelime: the one mapping of this dialect.

use axum::http::{HeaderValue, Method, StatusCode, header};

use crate::{
    compat::wire::{
        answer::Answer,
        call::Call,
        door::Fault,
        json::Json,
        outcome::{self, No},
    },
    domain::refusal::Refusal,
};

/// The content type of this dialect, to the byte.
pub const JSON: &str = "application/json;charset=utf-8";
/// That of its pages.
pub const PLAIN: &str = "text/plain;charset=utf-8";

const USER_NOT_FOUND: &str = "USER_NOT_FOUND";

/// An answer of JSON.
pub fn json(status: StatusCode, value: &Json) -> Answer {
    Answer::text(status, JSON, value.write())
}

/// `{"code":…,"message":"…"}`.
fn failure(status: StatusCode, message: &str) -> Answer {
    let code = Json::int(i64::from(status.as_u16()));
    json(status, &Json::object([("code", code), ("message", Json::text(message))]))
}

/// The failure that has no name but its status.
pub fn common(status: StatusCode) -> Answer {
    let words = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        _ => status.canonical_reason().unwrap_or_default(),
    };
    failure(status, &format!("{} {words}", status.as_u16()))
}

/// Something that was sent is not what the document asks for.
pub fn bad_parameters() -> Answer {
    failure(StatusCode::BAD_REQUEST, "BAD_PARAMETERS")
}

/// What was sent is no refresh token that is good.
pub fn bad_refresh_token() -> Answer {
    failure(StatusCode::BAD_REQUEST, "BAD_REFRESH_TOKEN")
}

/// There is no such person, or no such session of one.
pub fn user_not_found() -> Answer {
    failure(StatusCode::NOT_FOUND, USER_NOT_FOUND)
}

/// The answer of an operation, whatever became of it.
pub fn settle(call: &Call, outcome: Result<Answer, No>) -> Answer {
    outcome::settle(call, outcome, refused, |fault| refuse(&call.method, fault))
}

fn refused(refusal: &Refusal) -> Answer {
    let conflict = |message: &str| failure(StatusCode::CONFLICT, message);
    match refusal {
        Refusal::Invalid(_) => bad_parameters(),
        Refusal::NotFound { field: "inviteCode", .. } => conflict("INVITE_NOT_FOUND"),
        Refusal::NotFound { .. }
        | Refusal::BadCredentials
        | Refusal::BadRefreshToken { ended: true } => user_not_found(),
        Refusal::TooMany { .. } => conflict("INVITE_HAS_ENDED"),
        Refusal::AlreadyExists { .. } => conflict("USER_ALREADY_EXIST"),
        Refusal::BadRefreshToken { ended: false } => bad_refresh_token(),
        Refusal::BadToken
        | Refusal::TokenExpired
        | Refusal::BadCode
        | Refusal::CodeExpired
        | Refusal::TooManyAttempts => common(StatusCode::NOT_FOUND),
        Refusal::SessionEnded => common(StatusCode::UNAUTHORIZED),
        Refusal::RateLimited { retry_after_seconds } => {
            common(StatusCode::TOO_MANY_REQUESTS).retry_after(*retry_after_seconds)
        }
        Refusal::Overloaded { retry_after_seconds } => {
            common(StatusCode::SERVICE_UNAVAILABLE).retry_after(*retry_after_seconds)
        }
        Refusal::Forbidden { .. }
        | Refusal::StepUpRequired(_)
        | Refusal::InsufficientFunds { .. }
        | Refusal::LimitExceeded(_)
        | Refusal::AccountFrozen
        | Refusal::AccountClosed
        | Refusal::AccountNotEmpty
        | Refusal::CurrencyMismatch
        | Refusal::SameAccount
        | Refusal::BillNotPayable { .. }
        | Refusal::AlreadyReversed { .. }
        | Refusal::Conflict { .. }
        | Refusal::IdempotencyConflict
        | Refusal::FileTooLarge(_)
        | Refusal::FileNotTaken { .. }
        | Refusal::FilesFull { .. } => common(StatusCode::FORBIDDEN),
    }
}

/// How it is said why there is no answer of an operation.
pub fn refuse(_: &Method, fault: Fault) -> Answer {
    match fault {
        Fault::UnknownPath => common(StatusCode::NOT_FOUND),
        Fault::WrongMethod(resource) => {
            let allow = HeaderValue::from_static(resource.allow);
            Answer::empty(StatusCode::METHOD_NOT_ALLOWED).with(header::ALLOW, allow)
        }
        Fault::TooLarge => common(StatusCode::PAYLOAD_TOO_LARGE),
        Fault::TooSlow => common(StatusCode::SERVICE_UNAVAILABLE).retry_after(2),
        Fault::OutcomeUnknown => common(StatusCode::GATEWAY_TIMEOUT),
        Fault::Broken => common(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
