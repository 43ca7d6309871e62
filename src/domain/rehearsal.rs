//! Amounts that provoke a refusal, so that a client can be tried against each.
//!
//! They are far beyond what a person may move in a day, so that nobody who means money
//! names one by chance.

use super::limit::{Limit, LimitKind};
use super::refusal::Refusal;
use crate::types::{
    clock::Instant,
    money::{Currency, DecimalText, Minor, Money},
};

/// What stands before the point in each of them.
const WHOLE: &str = "9000000.";

/// What an amount provokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provoked {
    /// A business "no", as data.
    Refusal(&'static str),
    /// A second factor is asked for; the challenge is a real one.
    StepUp,
    /// The server says that it is busy.
    Overloaded,
    /// The server takes too long.
    Timeout,
    /// The server is broken.
    Internal,
}

/// One of the amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Magic {
    /// The amount.
    pub amount: &'static str,
    /// The code that it provokes.
    pub code: &'static str,
    /// What it does.
    pub provoked: Provoked,
}

const fn refusal(amount: &'static str, code: &'static str) -> Magic {
    Magic { amount, code, provoked: Provoked::Refusal(code) }
}

/// All of them.
pub const ALL: [Magic; 25] = [
    refusal("9000000.01", "INVALID_INPUT"),
    refusal("9000000.02", "NOT_FOUND"),
    refusal("9000000.03", "CONFLICT"),
    refusal("9000000.04", "ALREADY_EXISTS"),
    refusal("9000000.05", "BAD_CREDENTIALS"),
    refusal("9000000.06", "BAD_CODE"),
    refusal("9000000.07", "CODE_EXPIRED"),
    refusal("9000000.08", "TOO_MANY_ATTEMPTS"),
    refusal("9000000.09", "RATE_LIMITED"),
    Magic { amount: "9000000.10", code: "STEP_UP_REQUIRED", provoked: Provoked::StepUp },
    refusal("9000000.11", "FORBIDDEN"),
    refusal("9000000.12", "INSUFFICIENT_FUNDS"),
    refusal("9000000.13", "LIMIT_EXCEEDED"),
    refusal("9000000.14", "ACCOUNT_FROZEN"),
    refusal("9000000.15", "ACCOUNT_CLOSED"),
    refusal("9000000.16", "ACCOUNT_NOT_EMPTY"),
    refusal("9000000.17", "CURRENCY_MISMATCH"),
    refusal("9000000.18", "SAME_ACCOUNT"),
    refusal("9000000.19", "BILL_NOT_PAYABLE"),
    refusal("9000000.20", "ALREADY_REVERSED"),
    refusal("9000000.21", "IDEMPOTENCY_CONFLICT"),
    refusal("9000000.22", "TOO_MANY"),
    Magic { amount: "9000000.23", code: "OVERLOADED", provoked: Provoked::Overloaded },
    Magic { amount: "9000000.24", code: "TIMEOUT", provoked: Provoked::Timeout },
    Magic { amount: "9000000.25", code: "INTERNAL", provoked: Provoked::Internal },
];

/// What an amount provokes; none for one that means money.
pub fn of(amount: &DecimalText) -> Option<Magic> {
    let text = amount.as_str();
    let text = text.trim_start_matches('0');
    let cents = text.strip_prefix(WHOLE)?;
    ALL.into_iter().find(|magic| {
        let wanted = &magic.amount[WHOLE.len()..];
        cents == wanted || wanted.strip_suffix('0').is_some_and(|short| cents == short)
    })
}

/// The refusal with a code, with facts that are made up.
pub fn refuse(code: &str, now: Instant, currency: Currency) -> Option<Refusal> {
    let money = |units: i64| Money::new(Minor(units * 10_i64.pow(currency.digits())), currency);
    Some(match code {
        "INVALID_INPUT" => Refusal::invalid("amount", "is one that provokes this refusal"),
        "NOT_FOUND" => Refusal::NotFound { field: "fromAccountId", noun: "account" },
        "CONFLICT" => Refusal::Conflict { reason: "The amount provokes a conflict." },
        "ALREADY_EXISTS" => Refusal::AlreadyExists { field: "note", noun: "note" },
        "BAD_CREDENTIALS" => Refusal::BadCredentials,
        "BAD_CODE" => Refusal::BadCode,
        "CODE_EXPIRED" => Refusal::CodeExpired,
        "TOO_MANY_ATTEMPTS" => Refusal::TooManyAttempts,
        "RATE_LIMITED" => Refusal::RateLimited { retry_after_seconds: 30 },
        "FORBIDDEN" => Refusal::Forbidden { reason: "The amount provokes this refusal." },
        "INSUFFICIENT_FUNDS" => {
            Refusal::InsufficientFunds { available: money(12), short_by: money(30) }
        }
        "LIMIT_EXCEEDED" => Refusal::LimitExceeded(Limit {
            kind: LimitKind::Transfer,
            limit: money(1_000),
            remaining: money(1),
            resets_at: now + chrono::Duration::hours(1),
        }),
        "ACCOUNT_FROZEN" => Refusal::AccountFrozen,
        "ACCOUNT_CLOSED" => Refusal::AccountClosed,
        "ACCOUNT_NOT_EMPTY" => Refusal::AccountNotEmpty,
        "CURRENCY_MISMATCH" => Refusal::CurrencyMismatch,
        "SAME_ACCOUNT" => Refusal::SameAccount,
        "BILL_NOT_PAYABLE" => {
            Refusal::BillNotPayable { reason: "The amount provokes this refusal." }
        }
        "ALREADY_REVERSED" => Refusal::AlreadyReversed { remaining: money(1) },
        "IDEMPOTENCY_CONFLICT" => Refusal::IdempotencyConflict,
        "TOO_MANY" => Refusal::TooMany { noun: "transfers", limit: 1 },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{ALL, Provoked, of, refuse};
    use crate::types::{
        clock::{Clock as _, SystemClock},
        money::{Currency, DecimalText},
    };

    #[test]
    fn each_amount_provokes_the_refusal_of_its_code_and_no_other_amount_does() {
        let currency = Currency::parse("USD").unwrap();
        for magic in ALL {
            assert_eq!(of(&DecimalText::parse(magic.amount).unwrap()), Some(magic));
            if let Provoked::Refusal(code) = magic.provoked {
                assert_eq!(refuse(code, SystemClock.now(), currency).unwrap().code(), code);
            }
        }
        assert_eq!(
            of(&DecimalText::parse("09000000.1").unwrap()).unwrap().code,
            "STEP_UP_REQUIRED"
        );
        for money in ["9000000", "9000000.00", "9000000.001", "9000000.26", "19000000.01", "0.01"] {
            assert_eq!(of(&DecimalText::parse(money).unwrap()), None, "{money}");
        }
    }
}
