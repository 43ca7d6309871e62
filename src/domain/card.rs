//! Cards: their numbers, how long they last, and what their owner may change of them.

use chrono::{Datelike as _, Days, NaiveDate};

use super::{
    account::{AccountStatus, Balance},
    refusal::Refusal,
};
use crate::types::{entropy, entropy::Entropy, money::Minor, text::CardNumber};

/// Cards that one person may have open.
pub const CARDS_MAX: i64 = 20;
/// The range that all our cards start with: a test range that no network routes.
pub const NUMBER_RANGE: &str = "99991";
/// How long a card lasts, in days: five years without their leap days.
const LIFE_DAYS: u64 = 5 * 365;

/// What the owner of a card does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing may leave it any more.
    Freeze,
    /// Everything may happen again.
    Unfreeze,
    /// Nothing may ever happen again.
    Close,
    /// Something else that does not touch its money.
    Settings,
}

/// What a card becomes by a change: money is never locked up in a closed one.
pub fn change(
    status: AccountStatus,
    balance: &Balance,
    change: Change,
) -> Result<AccountStatus, Refusal> {
    let empty = balance.posted == Minor::ZERO && balance.held == Minor::ZERO;
    match (status, change) {
        (AccountStatus::Closed, _) => Err(Refusal::AccountClosed),
        (_, Change::Freeze) => Ok(AccountStatus::Frozen),
        (_, Change::Unfreeze) => Ok(AccountStatus::Active),
        (_, Change::Settings) => Ok(status),
        (AccountStatus::Frozen, Change::Close) => Err(Refusal::AccountFrozen),
        (AccountStatus::Active, Change::Close) if !empty => Err(Refusal::AccountNotEmpty),
        (AccountStatus::Active, Change::Close) => Ok(AccountStatus::Closed),
    }
}

/// What stands on a card may be shown.
pub fn require_shown(status: AccountStatus) -> Result<(), Refusal> {
    match status {
        AccountStatus::Active => Ok(()),
        AccountStatus::Frozen => Err(Refusal::AccountFrozen),
        AccountStatus::Closed => Err(Refusal::AccountClosed),
    }
}

/// A number of our range that nobody can foretell; whether it is free is for the store to say.
pub fn number(entropy: &dyn Entropy) -> CardNumber {
    let rest = entropy::digits(entropy, 15 - NUMBER_RANGE.len());
    CardNumber::complete(&format!("{NUMBER_RANGE}{rest}")).expect("fifteen digits were made")
}

/// The last day of the month in which a card made today ends.
pub fn expires_on(today: NaiveDate) -> NaiveDate {
    let day = today.checked_add_days(Days::new(LIFE_DAYS)).unwrap_or(NaiveDate::MAX);
    let (year, month) = match day.month() {
        12 => (day.year() + 1, 1),
        month => (day.year(), month + 1),
    };
    NaiveDate::from_ymd_opt(year, month, 1).and_then(|first| first.pred_opt()).unwrap_or(day)
}

/// What stands on the card: `11/31`.
pub fn expiration_date(expires_on: NaiveDate) -> String {
    expires_on.format("%m/%y").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{NUMBER_RANGE, expiration_date, expires_on, number};
    use crate::types::{entropy::SystemEntropy, text::CardNumber};

    #[test]
    fn a_number_is_of_our_range_and_passes_luhn() {
        let made = number(&SystemEntropy);
        assert!(made.expose().starts_with(NUMBER_RANGE));
        assert_eq!(CardNumber::parse(made.expose()), Ok(made));
    }

    #[test]
    fn a_card_lasts_until_the_end_of_a_month() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(expires_on(day("2026-11-21")), day("2031-11-30"));
        assert_eq!(expires_on(day("2026-12-31")), day("2031-12-31"));
        assert_eq!(expiration_date(day("2031-11-30")), "11/31");
    }
}
