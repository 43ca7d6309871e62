//! How the bank's "no" is said in GraphQL: the one mapping of this face.
//!
//! In a mutation a refusal is data: a `UserError` in the payload. Only what is
//! wrong with the request itself, and what is wrong with us, is a top-level
//! error, with one of the codes below.

use async_graphql::{
    Context, Enum, Error, ErrorExtensions as _, ID, Interface, Result, SimpleObject,
};

use super::{limit::Limit, money::Money, request, scalars::DateTime};
use crate::{
    bank::error::Failure,
    domain::{challenge, challenge::Asked, refusal::Refusal},
};

/// The document is not GraphQL.
pub const GRAPHQL_PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// The document does not fit the schema.
pub const GRAPHQL_VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
/// An input has the wrong shape, or a query's argument a value that is not taken.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The document asks for more than one request may.
pub const COST_EXCEEDED: &str = "COST_EXCEEDED";
/// The hash or the name of a document is not known: send its text.
pub const PERSISTED_QUERY_NOT_FOUND: &str = "PERSISTED_QUERY_NOT_FOUND";
/// Only an allow-list of documents runs here.
pub const NOT_TRUSTED_DOCUMENT: &str = "NOT_TRUSTED_DOCUMENT";
/// The field needs a signed-in person, or the credential opens nothing.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// Too much is waiting; the same request may succeed a little later.
pub const OVERLOADED: &str = "OVERLOADED";
/// The request took too long.
pub const TIMEOUT: &str = "TIMEOUT";
/// What is said where the database went away before it said whether something was done.
pub const OUTCOME_UNKNOWN: &str =
    "It may or may not have been done: send it again with the same idempotency key.";
/// Something is wrong with us; the log knows the request's id.
pub const INTERNAL: &str = "INTERNAL";

/// What a refusal is about, in a word that programs can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ErrorCode {
    /// A value is not taken; the message says what would be.
    InvalidInput,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// The thing is not in a state for this.
    Conflict,
    /// Another customer has it already.
    AlreadyExists,
    /// The email address, the password or the refresh token is wrong.
    BadCredentials,
    /// The code is wrong.
    BadCode,
    /// The code was good once.
    CodeExpired,
    /// All guesses of the code are used up.
    TooManyAttempts,
    /// Too much was tried or asked for; come again later.
    RateLimited,
    /// A second factor must be confirmed first.
    StepUpRequired,
    /// The caller may not do this.
    Forbidden,
    /// There is not enough money.
    InsufficientFunds,
    /// What may be moved in a day is used up.
    LimitExceeded,
    /// The account is frozen: nothing may leave it.
    AccountFrozen,
    /// The account is closed.
    AccountClosed,
    /// The account has money, owes some, or some of it is reserved.
    AccountNotEmpty,
    /// The two accounts have different currencies.
    CurrencyMismatch,
    /// Both ends are the same account.
    SameAccount,
    /// The bill was paid or cancelled before.
    BillNotPayable,
    /// Nothing of the transaction is left to be reversed, or less than was asked for.
    AlreadyReversed,
    /// The idempotency key was used with another request.
    IdempotencyConflict,
    /// The person has as many as are allowed.
    TooMany,
}

/// How a second factor is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SecondFactorKind {
    /// A code in a letter.
    Email,
    /// A code of an authenticator.
    Totp,
    /// One of the codes for who has lost the authenticator.
    RecoveryCode,
}

impl From<challenge::SecondFactorKind> for SecondFactorKind {
    fn from(kind: challenge::SecondFactorKind) -> Self {
        match kind {
            challenge::SecondFactorKind::Email => Self::Email,
            challenge::SecondFactorKind::Totp => Self::Totp,
            challenge::SecondFactorKind::RecoveryCode => Self::RecoveryCode,
        }
    }
}

impl From<SecondFactorKind> for challenge::SecondFactorKind {
    fn from(kind: SecondFactorKind) -> Self {
        match kind {
            SecondFactorKind::Email => Self::Email,
            SecondFactorKind::Totp => Self::Totp,
            SecondFactorKind::RecoveryCode => Self::RecoveryCode,
        }
    }
}

/// A question for a second factor.
#[derive(Debug, Clone, SimpleObject)]
pub struct Challenge {
    /// Names the challenge.
    id: ID,
    /// How it can be answered.
    methods: Vec<SecondFactorKind>,
    /// Where the code went, mostly hidden; null where an authenticator answers.
    sent_to: Option<String>,
    /// When the code stops being good.
    expires_at: DateTime,
}

impl From<Asked> for Challenge {
    fn from(asked: Asked) -> Self {
        Self {
            id: asked.challenge_id.to_wire().into(),
            methods: asked.methods.into_iter().map(Into::into).collect(),
            sent_to: asked.sent_to,
            expires_at: DateTime(asked.expires_at),
        }
    }
}

/// A refusal that the person can act on. Every mutation lists them; none throws for a business reason. Where errors are listed, the result beside them is null, false or 0.
#[derive(Debug, Clone, Interface)]
#[graphql(
    field(name = "code", ty = "&ErrorCode", desc = "What it is about, for programs."),
    field(name = "message", ty = "&String", desc = "What it is about, as a sentence."),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "The field of the input that it is about, from the argument down."
    )
)]
pub enum UserError {
    /// A value that is not taken.
    InvalidInput(InvalidInput),
    /// A refusal with nothing to add.
    Refused(Refused),
    /// Not enough money.
    InsufficientFunds(InsufficientFunds),
    /// A limit is used up.
    LimitExceeded(LimitExceeded),
    /// Too much was tried.
    RateLimited(RateLimited),
    /// A second factor is needed first.
    StepUpRequired(StepUpRequired),
}

/// A field has a value that is not taken.
#[derive(Debug, Clone, SimpleObject)]
pub struct InvalidInput {
    /// What it is about, for programs.
    code: ErrorCode,
    /// What it is about, as a sentence.
    message: String,
    /// The field of the input that it is about, from the argument down.
    path: Option<Vec<String>>,
}

/// A refusal with nothing to add to its sentence.
#[derive(Debug, Clone, SimpleObject)]
pub struct Refused {
    /// What it is about, for programs.
    code: ErrorCode,
    /// What it is about, as a sentence.
    message: String,
    /// The field of the input that it is about, from the argument down.
    path: Option<Vec<String>>,
}

/// There is not enough money.
#[derive(Debug, Clone, SimpleObject)]
pub struct InsufficientFunds {
    /// What it is about, for programs.
    code: ErrorCode,
    /// What it is about, as a sentence.
    message: String,
    /// The field of the input that it is about, from the argument down.
    path: Option<Vec<String>>,
    /// What could be spent.
    available: Money,
    /// What is missing.
    short_by: Money,
}

/// What may be moved in a day is used up.
#[derive(Debug, Clone, SimpleObject)]
pub struct LimitExceeded {
    /// What it is about, for programs.
    code: ErrorCode,
    /// What it is about, as a sentence.
    message: String,
    /// The field of the input that it is about, from the argument down.
    path: Option<Vec<String>>,
    /// The limit, with what is left of it.
    limit: Limit,
}

/// Too much was tried or asked for, from this address or for this account.
#[derive(Debug, Clone, SimpleObject)]
pub struct RateLimited {
    /// What it is about, for programs.
    code: ErrorCode,
    /// What it is about, as a sentence.
    message: String,
    /// The field of the input that it is about, from the argument down.
    path: Option<Vec<String>>,
    /// When to come again, in seconds; the Retry-After header says the same.
    retry_after_seconds: i32,
}

/// A second factor must be confirmed first.
#[derive(Debug, Clone, SimpleObject)]
pub struct StepUpRequired {
    /// What it is about, for programs.
    code: ErrorCode,
    /// What it is about, as a sentence.
    message: String,
    /// The field of the input that it is about, from the argument down.
    path: Option<Vec<String>>,
    /// The question to answer; its code was mailed, or is one of the authenticator.
    challenge: Challenge,
}

/// The path of an input's field: `to.cardNumber` is `["input", "to", "cardNumber"]`.
fn path(field: &str) -> Vec<String> {
    std::iter::once("input").chain(field.split('.')).map(str::to_owned).collect()
}

/// A top-level error with its code.
pub fn top_level(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// What is wrong with us is logged once, with the id that the answer shows.
fn internal(ctx: &Context<'_>, broken: &crate::bank::error::Broken) -> Error {
    tracing::error!(request_id = request::id(ctx), error = %broken, "a request failed");
    if broken.is_unsure() {
        return top_level(TIMEOUT, OUTCOME_UNKNOWN);
    }
    top_level(INTERNAL, "Something went wrong on our side. Tell us the request id.")
}

/// How a refusal is said: as data, or as a top-level error where no payload could say it.
enum Said {
    Data(Vec<UserError>),
    TopLevel(Error),
}

fn plain(code: ErrorCode, refusal: &Refusal, field: Option<&str>) -> Said {
    let path = field.map(path);
    Said::Data(vec![UserError::Refused(Refused { code, message: refusal.sentence(), path })])
}

fn rate_limited(message: String, retry_after_seconds: u32) -> Said {
    let retry_after_seconds = i32::try_from(retry_after_seconds).unwrap_or(i32::MAX);
    let code = ErrorCode::RateLimited;
    let error = RateLimited { code, message, path: None, retry_after_seconds };
    Said::Data(vec![UserError::RateLimited(error)])
}

/// One field with a value that is not taken.
fn faulty(fault: crate::domain::fault::Fault) -> UserError {
    UserError::InvalidInput(InvalidInput {
        code: ErrorCode::InvalidInput,
        message: format!("{} {}.", fault.field, fault.reason),
        path: Some(path(fault.field)),
    })
}

/// The one mapping of refusals to GraphQL.
fn say(refusal: Refusal) -> Said {
    let code = refusal.code();
    metrics::counter!("teller_refusals_total", "face" => "graphql", "code" => code).increment(1);
    let message = refusal.sentence();
    match refusal {
        Refusal::Invalid(faults) => Said::Data(faults.into_iter().map(faulty).collect()),
        Refusal::NotFound { field, .. } => plain(ErrorCode::NotFound, &refusal, Some(field)),
        Refusal::AlreadyExists { field, .. } => {
            plain(ErrorCode::AlreadyExists, &refusal, Some(field))
        }
        Refusal::BadCredentials => plain(ErrorCode::BadCredentials, &refusal, None),
        Refusal::BadRefreshToken { .. } => {
            plain(ErrorCode::BadCredentials, &refusal, Some("refreshToken"))
        }
        Refusal::BadCode => plain(ErrorCode::BadCode, &refusal, Some("code")),
        Refusal::CodeExpired => plain(ErrorCode::CodeExpired, &refusal, Some("code")),
        Refusal::TooManyAttempts => plain(ErrorCode::TooManyAttempts, &refusal, Some("code")),
        Refusal::BadToken => plain(ErrorCode::BadCode, &refusal, Some("token")),
        Refusal::TokenExpired => plain(ErrorCode::CodeExpired, &refusal, Some("token")),
        Refusal::StepUpRequired(asked) => {
            let (code, challenge) = (ErrorCode::StepUpRequired, asked.into());
            let error = StepUpRequired { code, message, path: None, challenge };
            Said::Data(vec![UserError::StepUpRequired(error)])
        }
        Refusal::Forbidden { .. } => plain(ErrorCode::Forbidden, &refusal, None),
        Refusal::InsufficientFunds { available, short_by } => {
            Said::Data(vec![UserError::InsufficientFunds(InsufficientFunds {
                code: ErrorCode::InsufficientFunds,
                message,
                path: Some(path("amount")),
                available: available.into(),
                short_by: short_by.into(),
            })])
        }
        Refusal::LimitExceeded(limit) => {
            Said::Data(vec![UserError::LimitExceeded(LimitExceeded {
                code: ErrorCode::LimitExceeded,
                message,
                path: Some(path("amount")),
                limit: limit.into(),
            })])
        }
        Refusal::BillNotPayable { .. } => {
            plain(ErrorCode::BillNotPayable, &refusal, Some("billId"))
        }
        Refusal::AlreadyReversed { .. } => {
            plain(ErrorCode::AlreadyReversed, &refusal, Some("amount"))
        }
        Refusal::Conflict { .. } => plain(ErrorCode::Conflict, &refusal, None),
        Refusal::AccountFrozen => plain(ErrorCode::AccountFrozen, &refusal, None),
        Refusal::AccountClosed => plain(ErrorCode::AccountClosed, &refusal, None),
        Refusal::AccountNotEmpty => plain(ErrorCode::AccountNotEmpty, &refusal, None),
        Refusal::CurrencyMismatch => plain(ErrorCode::CurrencyMismatch, &refusal, None),
        Refusal::SameAccount => plain(ErrorCode::SameAccount, &refusal, None),
        Refusal::IdempotencyConflict => {
            plain(ErrorCode::IdempotencyConflict, &refusal, Some("idempotencyKey"))
        }
        Refusal::TooMany { .. } => plain(ErrorCode::TooMany, &refusal, None),
        Refusal::RateLimited { retry_after_seconds } => rate_limited(message, retry_after_seconds),
        // Only the door of files takes files, and says these by itself.
        Refusal::FileTooLarge(_) | Refusal::FileNotTaken { .. } | Refusal::FilesFull { .. } => {
            Said::TopLevel(top_level(BAD_USER_INPUT, message))
        }
        Refusal::SessionEnded => Said::TopLevel(top_level(UNAUTHENTICATED, message)),
        Refusal::Overloaded { retry_after_seconds } => {
            let error = top_level(OVERLOADED, message);
            let error = error.extend_with(|_, e| e.set("retryAfterSeconds", retry_after_seconds));
            Said::TopLevel(error)
        }
    }
}

/// A mutation's failure: the errors of its payload, or a top-level error.
pub fn payload(ctx: &Context<'_>, failure: Failure) -> Result<Vec<UserError>> {
    match failure {
        Failure::Refused(refusal) => match say(refusal) {
            Said::Data(errors) => {
                for error in &errors {
                    if let UserError::RateLimited(limited) = error {
                        request::come_again(ctx, limited.retry_after_seconds.unsigned_abs());
                    }
                }
                Ok(errors)
            }
            Said::TopLevel(error) => Err(error),
        },
        Failure::Broken(broken) => Err(internal(ctx, &broken)),
    }
}

/// A query's failure, which has no payload to say it: a top-level error.
pub fn query(ctx: &Context<'_>, failure: Failure) -> Error {
    match failure {
        Failure::Refused(Refusal::Invalid(faults)) => {
            let (message, field) = match faults.first() {
                Some(fault) => (format!("{} {}.", fault.field, fault.reason), fault.field),
                None => ("The input is not taken.".to_owned(), ""),
            };
            let path: Vec<String> = field.split('.').map(str::to_owned).collect();
            top_level(BAD_USER_INPUT, message).extend_with(|_, e| e.set("inputPath", path))
        }
        Failure::Refused(refusal) => {
            let message = refusal.sentence();
            match say(refusal) {
                Said::TopLevel(error) => error,
                Said::Data(_) => top_level(BAD_USER_INPUT, message),
            }
        }
        Failure::Broken(broken) => internal(ctx, &broken),
    }
}

/// One field of a mutation that this face itself does not take.
pub fn invalid(field: &str, reason: &str) -> Vec<UserError> {
    let message = format!("{field} {reason}.");
    let code = ErrorCode::InvalidInput;
    vec![UserError::InvalidInput(InvalidInput { code, message, path: Some(path(field)) })]
}

/// The same refusals where the input has no amount of its own: this field is what can be mended.
pub fn instead_of_amount(field: &str, mut errors: Vec<UserError>) -> Vec<UserError> {
    for error in &mut errors {
        match error {
            UserError::InsufficientFunds(error) => error.path = Some(path(field)),
            UserError::LimitExceeded(error) => error.path = Some(path(field)),
            UserError::InvalidInput(_)
            | UserError::Refused(_)
            | UserError::RateLimited(_)
            | UserError::StepUpRequired(_) => {}
        }
    }
    errors
}

/// One argument of a query has a value that is not taken.
pub fn argument(name: &'static str, reason: &str) -> Error {
    let path = vec![name.to_owned()];
    top_level(BAD_USER_INPUT, format!("{name} {reason}."))
        .extend_with(|_, extensions| extensions.set("inputPath", path))
}

/// Something that must be there is not.
pub fn lost(what: &'static str) -> Error {
    tracing::error!(what, "the books are incomplete");
    top_level(INTERNAL, "Something went wrong on our side. Tell us the request id.")
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, Value};
    use uuid::Uuid;

    use super::{Said, UserError, say};
    use crate::{
        domain::{
            challenge::{Asked, SecondFactorKind},
            file::FileLimit,
            limit::{Limit, LimitKind},
            refusal::Refusal,
        },
        types::{
            clock::Instant,
            id::ChallengeId,
            money::{Currency, Minor, Money},
        },
    };

    /// Every refusal with what a client sees of it: as data, or, with a star before it, as
    /// a top-level error. A refusal without a row does not compile.
    macro_rules! table {
        ($($pattern:pat => $example:expr, $seen:literal;)+) => {
            fn seen(refusal: &Refusal) -> &'static str {
                match refusal { $($pattern => $seen,)+ }
            }
            fn examples() -> Vec<Refusal> {
                vec![$($example),+]
            }
        };
    }

    table! {
        Refusal::Invalid(_) => Refusal::invalid("name", "is missing"), "INVALID_INPUT";
        Refusal::NotFound { .. } => Refusal::NotFound { field: "id", noun: "card" }, "NOT_FOUND";
        Refusal::AlreadyExists { .. } =>
            Refusal::AlreadyExists { field: "email", noun: "address" }, "ALREADY_EXISTS";
        Refusal::BadCredentials => Refusal::BadCredentials, "BAD_CREDENTIALS";
        Refusal::BadRefreshToken { .. } =>
            Refusal::BadRefreshToken { ended: true }, "BAD_CREDENTIALS";
        Refusal::BadCode => Refusal::BadCode, "BAD_CODE";
        Refusal::CodeExpired => Refusal::CodeExpired, "CODE_EXPIRED";
        Refusal::BadToken => Refusal::BadToken, "BAD_CODE";
        Refusal::TokenExpired => Refusal::TokenExpired, "CODE_EXPIRED";
        Refusal::TooManyAttempts => Refusal::TooManyAttempts, "TOO_MANY_ATTEMPTS";
        Refusal::StepUpRequired(_) => Refusal::StepUpRequired(asked()), "STEP_UP_REQUIRED";
        Refusal::Forbidden { .. } => Refusal::Forbidden { reason: "No." }, "FORBIDDEN";
        Refusal::InsufficientFunds { .. } =>
            Refusal::InsufficientFunds { available: money(), short_by: money() },
            "INSUFFICIENT_FUNDS";
        Refusal::LimitExceeded(_) => Refusal::LimitExceeded(limit()), "LIMIT_EXCEEDED";
        Refusal::AccountFrozen => Refusal::AccountFrozen, "ACCOUNT_FROZEN";
        Refusal::AccountClosed => Refusal::AccountClosed, "ACCOUNT_CLOSED";
        Refusal::AccountNotEmpty => Refusal::AccountNotEmpty, "ACCOUNT_NOT_EMPTY";
        Refusal::BillNotPayable { .. } =>
            Refusal::BillNotPayable { reason: "No." }, "BILL_NOT_PAYABLE";
        Refusal::CurrencyMismatch => Refusal::CurrencyMismatch, "CURRENCY_MISMATCH";
        Refusal::SameAccount => Refusal::SameAccount, "SAME_ACCOUNT";
        Refusal::AlreadyReversed { .. } =>
            Refusal::AlreadyReversed { remaining: money() }, "ALREADY_REVERSED";
        Refusal::Conflict { .. } => Refusal::Conflict { reason: "No." }, "CONFLICT";
        Refusal::IdempotencyConflict => Refusal::IdempotencyConflict, "IDEMPOTENCY_CONFLICT";
        Refusal::TooMany { .. } => Refusal::TooMany { noun: "cards", limit: 1 }, "TOO_MANY";
        Refusal::RateLimited { .. } =>
            Refusal::RateLimited { retry_after_seconds: 1 }, "RATE_LIMITED";
        Refusal::FileTooLarge(_) =>
            Refusal::FileTooLarge(FileLimit::Bytes(1)), "*BAD_USER_INPUT";
        Refusal::FileNotTaken { .. } =>
            Refusal::FileNotTaken { reason: "is a program" }, "*BAD_USER_INPUT";
        Refusal::FilesFull { .. } => Refusal::FilesFull { quota: 1 }, "*BAD_USER_INPUT";
        Refusal::SessionEnded => Refusal::SessionEnded, "*UNAUTHENTICATED";
        Refusal::Overloaded { .. } =>
            Refusal::Overloaded { retry_after_seconds: 1 }, "*OVERLOADED";
    }

    fn money() -> Money {
        Money::new(Minor(1), Currency::parse("USD").expect("a currency"))
    }

    fn limit() -> Limit {
        let resets_at = Instant::UNIX_EPOCH;
        Limit { kind: LimitKind::Transfer, limit: money(), remaining: money(), resets_at }
    }

    fn asked() -> Asked {
        Asked {
            challenge_id: ChallengeId::from_uuid(Uuid::nil()),
            methods: vec![SecondFactorKind::Email],
            sent_to: Some("a***@example.org".to_owned()),
            expires_at: Instant::UNIX_EPOCH,
        }
    }

    fn shown(refusal: Refusal) -> Vec<String> {
        let code = |error: UserError| {
            let code = match error {
                UserError::InvalidInput(one) => one.code,
                UserError::Refused(one) => one.code,
                UserError::InsufficientFunds(one) => one.code,
                UserError::LimitExceeded(one) => one.code,
                UserError::RateLimited(one) => one.code,
                UserError::StepUpRequired(one) => one.code,
            };
            match Value::from(code) {
                Value::Enum(name) => Name::to_string(&name),
                other => panic!("no code: {other}"),
            }
        };
        match say(refusal) {
            Said::Data(errors) => errors.into_iter().map(code).collect(),
            Said::TopLevel(error) => {
                let extensions = error.extensions.expect("a top-level error has a code");
                match extensions.get("code") {
                    Some(Value::String(code)) => vec![format!("*{code}")],
                    other => panic!("no code: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn every_refusal_is_seen_by_a_client_under_its_own_code() {
        for refusal in examples() {
            let (expected, logged) = (seen(&refusal), refusal.code());
            assert!(refusal.sentence().ends_with('.'), "{logged}: {}", refusal.sentence());
            if !expected.starts_with('*') {
                assert_eq!(logged, expected, "the audit log and the client say the same");
            }
            assert_eq!(shown(refusal), [expected]);
        }
    }
}
