//! How the bank's "no" is said in card-bank: the one mapping of this dialect.

use axum::http::{HeaderValue, Method, StatusCode, header};

use super::{
    fault,
    fault::{Echo, Fault, Place},
};
use crate::{
    compat::wire::{
        answer::Answer,
        call::Call,
        door,
        json::Json,
        outcome::{self, No},
    },
    domain::{fault::Fault as FieldFault, refusal::Refusal},
};

/// `{"detail":"…"}`
pub fn detail(status: StatusCode, told: &str) -> Answer {
    Answer::json(status, &Json::object([("detail", Json::text(told))]))
}

/// Nobody is signed in, or not any more.
pub fn unauthorized(told: &str) -> Answer {
    detail(StatusCode::UNAUTHORIZED, told)
}

/// The credentials or the token open nothing.
pub fn no_credentials() -> Answer {
    unauthorized("Could not validate credentials")
}

/// The link of the letter opens nothing.
pub fn bad_reset_token() -> Answer {
    unauthorized("Reset token is not valid")
}

/// It is there, but may not be done.
pub fn forbidden(told: &str) -> Answer {
    detail(StatusCode::FORBIDDEN, told)
}

/// What is named is not there.
pub fn not_acceptable(told: &str) -> Answer {
    detail(StatusCode::NOT_ACCEPTABLE, told)
}

/// There is no such card.
pub const NO_CARD: &str = "Card not found";
/// There is no such savings account.
pub const NO_SAVINGS: &str = "Saving account not found";
/// There is no such person, no wallet, or nothing of what is named.
pub const NO_USER: &str = "User not found";
/// A card has money.
pub const CARD_NOT_EMPTY: &str = "Cannot delete card with non-zero balance";
/// A savings account has money.
pub const SAVINGS_NOT_EMPTY: &str = "Cannot delete saving account with non-zero balance";

/// The answer of an operation, whatever became of it.
pub fn settle(call: &Call, outcome: Result<Answer, No>) -> Answer {
    let fault = |fault| refuse(&call.method, fault);
    outcome::settle(call, outcome, |refusal| refused(call, refusal), fault)
}

/// Something broke inside.
fn broken() -> Answer {
    detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// What a field of the bank is called here, and in a sentence.
fn name_of(field: &'static str) -> (&'static str, String) {
    let name = match field {
        "phoneNumber" => "phone_number",
        "socialSecurity" => "social_security",
        "firstName" => "first_name",
        "lastName" => "last_name",
        "dateOfBirth" => "date_of_birth",
        "address.line" => "address",
        "address.city" => "city",
        "address.state" => "state",
        "address.postCode" => "post_code",
        "newPassword" => "new_password",
        "dueAt" => "due_date",
        other => other,
    };
    let spoken = if name == "new_password" { "password" } else { name };
    (name, format!("The {}", spoken.replace('_', " ")))
}

/// What the bank does not take of a body, with what was sent.
fn invalid(call: &Call, faults: &[FieldFault]) -> Answer {
    let body = Json::read(&call.body).unwrap_or(Json::Null);
    let mut echo = Echo::default();
    let element = |fault: &FieldFault| {
        let (name, spoken) = name_of(fault.field);
        let input = body.get(name).map_or(Json::Null, |value| echo.of(value));
        let told = format!("Value error, {spoken} {}.", fault.reason);
        let nothing = Json::Object(Vec::new());
        Fault::new("value_error", told, input).with("error", nothing).at(Place::Member(name))
    };
    fault::refuse(faults.iter().map(element).collect())
}

fn missing(noun: &str) -> Answer {
    not_acceptable(match noun {
        "card" | "account" => NO_CARD,
        "savings goal" => NO_SAVINGS,
        _ => NO_USER,
    })
}

fn refused(call: &Call, refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::Invalid(faults) => invalid(call, faults),
        Refusal::NotFound { noun, .. } => missing(noun),
        Refusal::AlreadyExists { .. } => detail(StatusCode::CONFLICT, "User already exists"),
        Refusal::BadCredentials | Refusal::SessionEnded | Refusal::BadRefreshToken { .. } => {
            no_credentials()
        }
        Refusal::BadCode | Refusal::CodeExpired | Refusal::TooManyAttempts => {
            not_acceptable("Wrong code")
        }
        Refusal::BadToken | Refusal::TokenExpired => bad_reset_token(),
        // A way to confirm it is not among what clients of this dialect know.
        Refusal::StepUpRequired(_) => {
            forbidden("This step needs a second factor, which cannot be given here.")
        }
        Refusal::InsufficientFunds { .. } => forbidden("Not enough funds"),
        Refusal::AccountNotEmpty => forbidden(CARD_NOT_EMPTY),
        Refusal::AccountClosed => not_acceptable(NO_CARD),
        Refusal::SameAccount => detail(StatusCode::BAD_REQUEST, "Cannot transfer to the same card"),
        Refusal::BillNotPayable { .. } => forbidden("Bill already paid"),
        Refusal::IdempotencyConflict => {
            detail(StatusCode::CONFLICT, "Idempotency key was used with another request")
        }
        Refusal::RateLimited { retry_after_seconds } => {
            detail(StatusCode::TOO_MANY_REQUESTS, "Request was throttled.")
                .retry_after(*retry_after_seconds)
        }
        Refusal::Overloaded { retry_after_seconds } => {
            detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                .retry_after(*retry_after_seconds)
        }
        Refusal::Forbidden { .. }
        | Refusal::LimitExceeded(_)
        | Refusal::AccountFrozen
        | Refusal::CurrencyMismatch
        | Refusal::AlreadyReversed { .. }
        | Refusal::Conflict { .. }
        | Refusal::TooMany { .. }
        | Refusal::FileTooLarge(_)
        | Refusal::FileNotTaken { .. }
        | Refusal::FilesFull { .. } => forbidden(&refusal.sentence()),
    }
}

/// How it is said why there is no answer of an operation.
pub fn refuse(_: &Method, fault: door::Fault) -> Answer {
    match fault {
        door::Fault::UnknownPath => detail(StatusCode::NOT_FOUND, "Not Found"),
        door::Fault::WrongMethod(resource) => {
            let allow = HeaderValue::from_static(resource.allow);
            detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").with(header::ALLOW, allow)
        }
        door::Fault::TooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "Content Too Large"),
        door::Fault::TooSlow => {
            detail(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").retry_after(2)
        }
        door::Fault::OutcomeUnknown => detail(StatusCode::GATEWAY_TIMEOUT, door::ASK_BY_KEY),
        door::Fault::Broken => broken(),
    }
}
