//! How the bank's "no" is said in accounts: the one mapping of this dialect.

use axum::http::{Method, StatusCode};

use crate::{
    bank::error::Failure,
    compat::wire::{
        answer::Answer,
        call::Call,
        door::{Fault, OUTCOME_UNKNOWN},
        drf::{self, Style},
        json::Json,
        outcome::{self, No},
    },
    domain::{fault::Fault as FieldFault, refusal::Refusal},
};

/// How this dialect writes the shapes of its framework.
pub const STYLE: Style = Style {
    non_field_errors: "nonFieldErrors",
    schemes: &["JWT", "Bearer"],
    token_names: ["tokenClass", "tokenType"],
};

/// The address is a customer's already.
pub const EMAIL_TAKEN: &str = "user with this email already exists.";
/// No token of a session that goes on.
pub const TOKEN_OVER: &str = "Token is invalid or expired";

/// The answer of an operation, whatever became of it.
pub fn settle(call: &Call, outcome: Result<Answer, No>) -> Answer {
    outcome::settle(call, outcome, refused, |fault| refuse(&call.method, fault))
}

/// Something broke inside.
fn broken() -> Answer {
    drf::detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// `{"detail":["…"]}` with status 400: how the routes that change something say it.
pub fn in_detail(text: &str) -> Answer {
    drf::field("detail", text)
}

/// A password that the bank does not take, as a sentence.
pub fn password_sentence(reason: &str) -> String {
    format!("The password {reason}.")
}

/// The reason of a refusal of one field, where it is one.
pub fn reason_of(failure: &Failure) -> Option<&str> {
    match failure {
        Failure::Refused(Refusal::Invalid(faults)) => {
            faults.first().map(|fault| fault.reason.as_str())
        }
        _ => None,
    }
}

fn fields(faults: &[FieldFault]) -> Answer {
    let member = |fault: &FieldFault| {
        let name = if fault.field == "newPassword" { "newPassword" } else { fault.field };
        let text = match name {
            "password" | "newPassword" => password_sentence(&fault.reason),
            "email" => "Enter a valid email address.".to_owned(),
            _ => fault.reason.clone(),
        };
        (name.to_owned(), Json::List(vec![Json::text(text)]))
    };
    let members = faults.iter().map(member).collect();
    Answer::json(StatusCode::BAD_REQUEST, &Json::Object(members))
}

fn refused(refusal: &Refusal) -> Answer {
    let forbidden = |text: &str| drf::detail(StatusCode::FORBIDDEN, text);
    match refusal {
        Refusal::Invalid(faults) => fields(faults),
        Refusal::NotFound { .. } => drf::detail(StatusCode::NOT_FOUND, "Not found."),
        Refusal::AlreadyExists { field, .. } => drf::field(field, EMAIL_TAKEN),
        Refusal::BadCredentials => drf::no_account(),
        Refusal::BadCode | Refusal::CodeExpired | Refusal::TooManyAttempts => {
            drf::field("code", "Code has expired or it is incorrect.")
        }
        Refusal::BadToken | Refusal::TokenExpired => {
            drf::field("sessionToken", "Session token has expired or it is incorrect.")
        }
        Refusal::SessionEnded | Refusal::BadRefreshToken { .. } => STYLE.bad_token(TOKEN_OVER),
        Refusal::RateLimited { retry_after_seconds } => {
            drf::detail(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.")
                .retry_after(*retry_after_seconds)
        }
        Refusal::Overloaded { retry_after_seconds } => {
            drf::detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                .retry_after(*retry_after_seconds)
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
        | Refusal::TooMany { .. }
        | Refusal::FileTooLarge(_)
        | Refusal::FileNotTaken { .. }
        | Refusal::FilesFull { .. } => forbidden(&refusal.sentence()),
    }
}

/// How it is said why there is no answer of an operation.
pub fn refuse(method: &Method, fault: Fault) -> Answer {
    match fault {
        Fault::UnknownPath => drf::detail(StatusCode::NOT_FOUND, "Not found."),
        Fault::WrongMethod(_) => drf::wrong_method(method),
        Fault::TooLarge => drf::detail(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large"),
        Fault::TooSlow => {
            drf::detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").retry_after(2)
        }
        Fault::OutcomeUnknown => drf::detail(StatusCode::GATEWAY_TIMEOUT, OUTCOME_UNKNOWN),
        Fault::Broken => broken(),
    }
}
