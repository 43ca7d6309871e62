//! How the bank's "no" is said in ewallet: the one mapping of this dialect.

use axum::http::{HeaderValue, Method, StatusCode, header};

use crate::{
    compat::wire::{
        answer::{Answer, JSON},
        call::Call,
        door::{ASK_BY_KEY, Fault},
        json::Json,
        outcome::{self, No},
    },
    domain::refusal::Refusal,
};

/// What an operation says whatever is wrong with it.
#[derive(Debug, Clone, Copy)]
pub struct Usual {
    /// The status.
    pub status: StatusCode,
    /// The words.
    pub words: &'static str,
}

/// How a sign-in fails.
pub const LOGIN: Usual = Usual { status: StatusCode::BAD_REQUEST, words: "login failed." };
/// How a refresh fails.
pub const REFRESH: Usual = Usual {
    status: StatusCode::UNAUTHORIZED,
    words: "whether csrf token refresh or refresh token invalid",
};
/// How a movement fails.
pub const MOVEMENT: Usual = Usual { status: StatusCode::BAD_REQUEST, words: "transaction failed." };

/// What a page is told that is not the bank's own.
pub const NOT_OURS: &str = "CSRF double submit tokens do not match";

/// `{"msg":"…"}` and a line's end.
pub fn msg(status: StatusCode, words: &str) -> Answer {
    let mut text = Json::object([("msg", Json::text(words))]).write();
    text.push('\n');
    Answer::text(status, JSON, text)
}

impl From<Usual> for Answer {
    fn from(usual: Usual) -> Self {
        msg(usual.status, usual.words)
    }
}

/// The answer of an operation, whatever became of it.
pub fn settle(call: &Call, usual: Usual, outcome: Result<Answer, No>) -> Answer {
    let fault = |fault| refuse(&call.method, fault);
    outcome::settle(call, outcome, |refusal| refused(refusal, usual), fault)
}

/// Something broke inside.
fn broken() -> Answer {
    msg(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// A page of another origin asks, or one that does not repeat what its token carries.
pub fn not_ours() -> Answer {
    msg(StatusCode::UNAUTHORIZED, NOT_OURS)
}

fn refused(refusal: &Refusal, usual: Usual) -> Answer {
    match refusal {
        Refusal::RateLimited { retry_after_seconds } => {
            let words = "Too many requests.";
            msg(StatusCode::TOO_MANY_REQUESTS, words).retry_after(*retry_after_seconds)
        }
        Refusal::Overloaded { retry_after_seconds } => {
            let words = "Service Unavailable";
            msg(StatusCode::SERVICE_UNAVAILABLE, words).retry_after(*retry_after_seconds)
        }
        Refusal::Invalid(_)
        | Refusal::NotFound { .. }
        | Refusal::AlreadyExists { .. }
        | Refusal::BadCredentials
        | Refusal::BadCode
        | Refusal::CodeExpired
        | Refusal::TooManyAttempts
        | Refusal::BadToken
        | Refusal::TokenExpired
        | Refusal::StepUpRequired(_)
        | Refusal::Forbidden { .. }
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
        | Refusal::TooMany { .. }
        | Refusal::FileTooLarge(_)
        | Refusal::FileNotTaken { .. }
        | Refusal::FilesFull { .. }
        | Refusal::BadRefreshToken { .. }
        | Refusal::SessionEnded => usual.into(),
    }
}

fn page(status: StatusCode, words: &str) -> Answer {
    let title = status.canonical_reason().unwrap_or_default();
    let text = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<title>{} {title}</title>\n\
        <h1>{title}</h1>\n<p>{words}</p>\n",
        status.as_u16()
    );
    Answer::text(status, "text/html; charset=utf-8", text)
}

/// How it is said why there is no answer of an operation.
pub fn refuse(_: &Method, fault: Fault) -> Answer {
    match fault {
        Fault::UnknownPath => {
            let words = "The requested URL was not found on the server. If you entered the URL \
                manually please check your spelling and try again.";
            page(StatusCode::NOT_FOUND, words)
        }
        Fault::WrongMethod(resource) => {
            let words = "The method is not allowed for the requested URL.";
            let allow = HeaderValue::from_static(resource.allow);
            page(StatusCode::METHOD_NOT_ALLOWED, words).with(header::ALLOW, allow)
        }
        Fault::TooLarge => msg(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large"),
        Fault::TooSlow => {
            msg(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").retry_after(2)
        }
        Fault::OutcomeUnknown => msg(StatusCode::GATEWAY_TIMEOUT, ASK_BY_KEY),
        Fault::Broken => broken(),
    }
}
