//! Every business "no" of the bank, said once.

use super::{
    challenge::Asked,
    fault::Fault,
    file::{FileLimit, show_size},
    limit::Limit,
};
use crate::types::{clock::show, money::Money};

/// A "no" that is not a breakdown: the person can act on it.
///
/// Each face maps it in exactly one file, by an exhaustive `match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Fields have values that the bank does not take.
    Invalid(Vec<Fault>),
    /// There is no such thing, or it is not the caller's.
    NotFound {
        /// The field that named it.
        field: &'static str,
        /// What it would have been: "card".
        noun: &'static str,
    },
    /// Another customer has it already.
    AlreadyExists {
        /// The field whose value is taken.
        field: &'static str,
        /// What it is: "phone number".
        noun: &'static str,
    },
    /// The email or the password is wrong; which of them is not told.
    BadCredentials,
    /// The refresh token opens nothing.
    BadRefreshToken {
        /// It was one of ours, and its session has been ended.
        ended: bool,
    },
    /// The code does not fit.
    BadCode,
    /// The code was good once.
    CodeExpired,
    /// All guesses of this code are used up.
    TooManyAttempts,
    /// The token for a new password is none, or was used.
    BadToken,
    /// The token for a new password was good once.
    TokenExpired,
    /// A second factor must be confirmed first.
    StepUpRequired(Asked),
    /// The caller may not do this.
    Forbidden {
        /// Why, as a sentence.
        reason: &'static str,
    },
    /// There is not enough money.
    InsufficientFunds {
        /// What could be spent.
        available: Money,
        /// What is missing.
        short_by: Money,
    },
    /// What may be moved in a day is used up.
    LimitExceeded(Limit),
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
    BillNotPayable {
        /// Why, as a sentence.
        reason: &'static str,
    },
    /// Nothing of the transaction is left to be reversed, or less than was asked for.
    AlreadyReversed {
        /// What may still be reversed.
        remaining: Money,
    },
    /// The thing is not in a state for this.
    Conflict {
        /// Why, as a sentence.
        reason: &'static str,
    },
    /// The key was used with another request.
    IdempotencyConflict,
    /// The person has as many as are allowed.
    TooMany {
        /// What there are too many of: "cards".
        noun: &'static str,
        /// How many are allowed.
        limit: i64,
    },
    /// A file has more than is taken.
    FileTooLarge(FileLimit),
    /// A file is of no kind that is taken, or not of the kind that it says.
    FileNotTaken {
        /// Why: the rest of a sentence that begins with the field.
        reason: &'static str,
    },
    /// The person keeps as many bytes as one may.
    FilesFull {
        /// How many bytes that are.
        quota: u64,
    },
    /// The session has ended meanwhile: the caller is nobody any more.
    SessionEnded,
    /// Too much was tried or asked for, from here or for this account.
    RateLimited {
        /// When to come again, in seconds.
        retry_after_seconds: u32,
    },
    /// Too much is waiting; the same request may succeed a little later.
    Overloaded {
        /// When to come again, in seconds.
        retry_after_seconds: u32,
    },
}

impl Refusal {
    /// One field that has a value the bank does not take.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { field, reason: reason.into() }])
    }

    /// The refusal in a word that never changes: what the audit log keeps.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_INPUT",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::AlreadyExists { .. } => "ALREADY_EXISTS",
            Self::BadCredentials | Self::BadRefreshToken { .. } => "BAD_CREDENTIALS",
            Self::BadCode | Self::BadToken => "BAD_CODE",
            Self::CodeExpired | Self::TokenExpired => "CODE_EXPIRED",
            Self::TooManyAttempts => "TOO_MANY_ATTEMPTS",
            Self::StepUpRequired(_) => "STEP_UP_REQUIRED",
            Self::Forbidden { .. } => "FORBIDDEN",
            Self::InsufficientFunds { .. } => "INSUFFICIENT_FUNDS",
            Self::LimitExceeded(_) => "LIMIT_EXCEEDED",
            Self::AccountFrozen => "ACCOUNT_FROZEN",
            Self::AccountClosed => "ACCOUNT_CLOSED",
            Self::AccountNotEmpty => "ACCOUNT_NOT_EMPTY",
            Self::CurrencyMismatch => "CURRENCY_MISMATCH",
            Self::SameAccount => "SAME_ACCOUNT",
            Self::BillNotPayable { .. } => "BILL_NOT_PAYABLE",
            Self::AlreadyReversed { .. } => "ALREADY_REVERSED",
            Self::Conflict { .. } => "CONFLICT",
            Self::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            Self::TooMany { .. } => "TOO_MANY",
            Self::FileTooLarge(_) => "FILE_TOO_LARGE",
            Self::FileNotTaken { .. } => "FILE_NOT_TAKEN",
            Self::FilesFull { .. } => "FILES_FULL",
            Self::SessionEnded => "SESSION_ENDED",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::Overloaded { .. } => "OVERLOADED",
        }
    }

    /// The refusal as a plain sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Invalid(faults) => {
                let told: Vec<String> = faults
                    .iter()
                    .map(|fault| format!("{} {}", fault.field, fault.reason))
                    .collect();
                format!("{}.", told.join("; "))
            }
            Self::NotFound { noun, .. } => format!("There is no such {noun}."),
            Self::AlreadyExists { noun, .. } => {
                format!("Another customer has this {noun} already.")
            }
            Self::BadCredentials => "The email address or the password is wrong.".to_owned(),
            Self::BadRefreshToken { .. } => {
                "The refresh token opens nothing: it is wrong, was used before, or its session has ended. Sign in again.".to_owned()
            }
            Self::BadCode => "The code is wrong.".to_owned(),
            Self::CodeExpired => "The code has expired. Ask for a new one.".to_owned(),
            Self::TooManyAttempts => {
                "The code was guessed too often. Ask for a new one.".to_owned()
            }
            Self::BadToken => "The token is wrong or was used. Ask for a new letter.".to_owned(),
            Self::TokenExpired => "The token has expired. Ask for a new letter.".to_owned(),
            Self::StepUpRequired(asked) if asked.sent_to.is_some() => {
                "Confirm this step with the code that was just mailed to you.".to_owned()
            }
            Self::StepUpRequired(_) => {
                "Confirm this step with a code of your authenticator, or with a recovery code."
                    .to_owned()
            }
            Self::Forbidden { reason }
            | Self::Conflict { reason }
            | Self::BillNotPayable { reason } => (*reason).to_owned(),
            Self::InsufficientFunds { available, short_by } => {
                format!("Only {available} can be spent; {short_by} is missing.")
            }
            Self::LimitExceeded(limit) => format!(
                "Only {} of {} a day are left; the day ends at {}.",
                limit.remaining,
                limit.limit,
                show(limit.resets_at)
            ),
            Self::AlreadyReversed { remaining } => {
                format!("Only {remaining} of this transaction may still be reversed.")
            }
            Self::AccountFrozen => "The account is frozen: no money may leave it.".to_owned(),
            Self::AccountClosed => "The account is closed.".to_owned(),
            Self::AccountNotEmpty => {
                "The account is not empty: it must have 0 posted and no open hold.".to_owned()
            }
            Self::CurrencyMismatch => "The two accounts have different currencies.".to_owned(),
            Self::SameAccount => "Both ends are the same account.".to_owned(),
            Self::IdempotencyConflict => {
                "This idempotency key was used with another request.".to_owned()
            }
            Self::TooMany { noun, limit } => format!("At most {limit} {noun} are allowed."),
            Self::FileTooLarge(limit) => limit.sentence(),
            Self::FileNotTaken { reason } => format!("file {reason}."),
            Self::FilesFull { quota } => {
                format!(
                    "file does not fit: one person's files may have {} together.",
                    show_size(*quota)
                )
            }
            Self::SessionEnded => "The session has ended. Sign in again.".to_owned(),
            Self::RateLimited { retry_after_seconds } => {
                format!("This was tried too often. Try again in {}.", wait(*retry_after_seconds))
            }
            Self::Overloaded { .. } => "Too much is waiting. Try again shortly.".to_owned(),
        }
    }
}

/// A time to wait, as people say it.
fn wait(seconds: u32) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
