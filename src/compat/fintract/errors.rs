//! How the bank's "no" is said in fintract: the one mapping of this dialect.

use axum::http::{HeaderValue, Method, StatusCode, header};

use crate::{
    compat::wire::{
        answer::Answer,
        call::Call,
        door::{Fault, OUTCOME_UNKNOWN},
        drf::{self, Style},
        json::Json,
        outcome::{self, No},
    },
    domain::{fault::Fault as FieldFault, file::FileLimit, refusal::Refusal},
};

/// How this dialect writes the shapes of its framework.
pub const STYLE: Style = Style {
    non_field_errors: "non_field_errors",
    schemes: &["Bearer"],
    token_names: ["token_class", "token_type"],
};

/// The address is a customer's already.
pub const EMAIL_TAKEN: &str = "user with this email already exists.";
/// The name is a customer's already.
pub const USERNAME_TAKEN: &str = "A user with that username already exists.";
/// The customer number is a customer's already.
pub const CUSTOMER_ID_TAKEN: &str = "user with this customer id already exists.";

/// The answer of an operation, whatever became of it.
pub fn settle(call: &Call, outcome: Result<Answer, No>) -> Answer {
    outcome::settle(call, outcome, refused, |fault| refuse(&call.method, fault))
}

/// Something broke inside.
fn broken() -> Answer {
    drf::detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// Whoever calls may not do this.
pub fn forbidden() -> Answer {
    let told = "You do not have permission to perform this action.";
    drf::detail(StatusCode::FORBIDDEN, told)
}

/// There is no such thing.
pub fn not_found() -> Answer {
    drf::detail(StatusCode::NOT_FOUND, "Not found.")
}

fn fields(faults: &[FieldFault]) -> Answer {
    let member = |fault: &FieldFault| {
        let text = match fault.field {
            "password" => format!("The password {}.", fault.reason),
            "email" => "Enter a valid email address.".to_owned(),
            "file" if fault.reason.ends_with("empty") => "The submitted file is empty.".to_owned(),
            "file" => "File type is not supported.".to_owned(),
            _ => fault.reason.clone(),
        };
        (fault.field.to_owned(), Json::List(vec![Json::text(text)]))
    };
    let members = faults.iter().map(member).collect();
    Answer::json(StatusCode::BAD_REQUEST, &Json::Object(members))
}

fn exists(field: &str) -> Answer {
    match field {
        "username" => drf::field("username", USERNAME_TAKEN),
        "customerId" => drf::field("customer_id", CUSTOMER_ID_TAKEN),
        other => drf::field(other, EMAIL_TAKEN),
    }
}

fn refused(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::Invalid(faults) => fields(faults),
        Refusal::NotFound { .. } => not_found(),
        Refusal::AlreadyExists { field, .. } => exists(field),
        Refusal::BadCredentials => drf::no_account(),
        Refusal::BadCode
        | Refusal::CodeExpired
        | Refusal::TooManyAttempts
        | Refusal::BadToken
        | Refusal::TokenExpired => invalid_otp(),
        Refusal::Forbidden { .. } | Refusal::StepUpRequired(_) => forbidden(),
        Refusal::SessionEnded | Refusal::BadRefreshToken { .. } => {
            STYLE.bad_token("Token is invalid or expired")
        }
        Refusal::FileTooLarge(FileLimit::Bytes(_) | FileLimit::Pixels(_))
        | Refusal::FilesFull { .. } => drf::field("file", "File is too large."),
        Refusal::FileNotTaken { .. } => drf::field("file", "File type is not supported."),
        Refusal::RateLimited { retry_after_seconds } => {
            drf::detail(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.")
                .retry_after(*retry_after_seconds)
        }
        Refusal::Overloaded { retry_after_seconds } => {
            drf::detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                .retry_after(*retry_after_seconds)
        }
        Refusal::InsufficientFunds { .. }
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
        | Refusal::TooMany { .. } => drf::detail(StatusCode::BAD_REQUEST, &refusal.sentence()),
    }
}

/// The code opens nothing; why is not told.
pub fn invalid_otp() -> Answer {
    let told = Json::object([("message", Json::text("Invalid OTP"))]);
    Answer::json(StatusCode::BAD_REQUEST, &told)
}

/// How it is said why there is no answer of an operation.
pub fn refuse(method: &Method, fault: Fault) -> Answer {
    match fault {
        Fault::UnknownPath => not_found(),
        Fault::WrongMethod(resource) => {
            let allow = HeaderValue::from_static(resource.allow);
            drf::wrong_method(method).with(header::ALLOW, allow)
        }
        Fault::TooLarge => drf::detail(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large"),
        Fault::TooSlow => {
            drf::detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").retry_after(2)
        }
        Fault::OutcomeUnknown => drf::detail(StatusCode::GATEWAY_TIMEOUT, OUTCOME_UNKNOWN),
        Fault::Broken => broken(),
    }
}
