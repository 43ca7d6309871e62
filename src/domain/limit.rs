//! What a person may move in a day, and what may be spent from a card.

use chrono::{Days, NaiveDate, NaiveTime};
use uuid::Uuid;

use crate::types::{
    clock::Instant,
    money::{Currency, Minor, Money},
};

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LimitKind {
    /// What a person pays to others.
    Transfer,
    /// What a person brings in from outside.
    TopUp,
    /// What is spent from a card, as its owner has set it.
    CardSpending,
}

impl LimitKind {
    /// The kind as it is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transfer => "TRANSFER",
            Self::TopUp => "TOP_UP",
            Self::CardSpending => "CARD_SPENDING",
        }
    }
}

/// What names a counter: a person or a card, what is limited, and in which currency.
pub type CounterKey = (Uuid, LimitKind, Currency);

/// What was used of a limit, and in which window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// The day, in UTC, that it counts for.
    pub window_start: NaiveDate,
    /// How much.
    pub used: Minor,
}

/// A limit as a refusal tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub kind: LimitKind,
    /// How much in a day.
    pub limit: Money,
    /// What is left of today.
    pub remaining: Money,
    /// When the day ends.
    pub resets_at: Instant,
}

/// How many seconds are left of the day of an instant, in UTC; one at least.
pub fn left_of_day(now: Instant) -> u32 {
    let midnight = now.date_naive().checked_add_days(Days::new(1));
    let left = midnight.map(|day| day.and_time(NaiveTime::MIN).and_utc() - now);
    left.and_then(|left| u32::try_from(left.num_seconds()).ok()).unwrap_or(0).max(1)
}

impl Used {
    /// What was used of the day of `now`; an earlier day counts as nothing.
    ///
    /// A clock that was set back must not open a day that is over, so a later
    /// window than today's counts on.
    fn today(self, now: Instant) -> Self {
        let today = now.date_naive();
        if self.window_start < today {
            Self { window_start: today, used: Minor::ZERO }
        } else {
            self
        }
    }

    /// Uses `amount` more of `limit`, or tells what remains.
    pub fn spend(
        self,
        kind: LimitKind,
        limit: Minor,
        amount: Minor,
        currency: Currency,
        now: Instant,
    ) -> Result<Self, Limit> {
        let today = self.today(now);
        match today.used.plus(amount) {
            Some(used) if used <= limit => Ok(Self { used, ..today }),
            _ => Err(self.standing(kind, limit, currency, now)),
        }
    }

    /// What is left of `limit` in the day of `now`, and when that day ends.
    pub fn standing(
        self,
        kind: LimitKind,
        limit: Minor,
        currency: Currency,
        now: Instant,
    ) -> Limit {
        let today = self.today(now);
        let remaining = limit.0.saturating_sub(today.used.0).max(0);
        let next = today.window_start.checked_add_days(Days::new(1));
        let resets_at = next.unwrap_or(today.window_start).and_time(NaiveTime::MIN);
        Limit {
            kind,
            limit: Money::new(limit, currency),
            remaining: Money::new(Minor(remaining), currency),
            resets_at: resets_at.and_utc(),
        }
    }

    /// Takes back what was used on `day`; another day's use is over and counts no more.
    #[must_use]
    pub fn give_back(self, amount: Minor, day: NaiveDate) -> Self {
        if self.window_start == day {
            let used = self.used.minus(amount).unwrap_or(Minor::ZERO).max(Minor::ZERO);
            Self { used, ..self }
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{LimitKind, Used, left_of_day};
    use crate::types::{
        clock::Instant,
        money::{Currency, Minor, Money},
    };

    #[test]
    fn a_day_has_its_limit_and_the_next_day_begins_anew() {
        let currency = Currency::parse("USD").unwrap();
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let spend = |used: Used, amount, now| {
            used.spend(LimitKind::Transfer, Minor(100), Minor(amount), currency, now)
        };
        let before = Used { window_start: now.date_naive(), used: Minor(0) };
        let used = spend(before, 60, now).unwrap();
        let limit = spend(used, 41, now).expect_err("beyond the limit");
        assert_eq!(limit.remaining, Money::new(Minor(40), currency));
        assert_eq!(limit.resets_at, "2026-11-22T00:00:00Z".parse::<Instant>().unwrap());
        assert_eq!(spend(used, 40, now).unwrap().used, Minor(100));
        let tomorrow = spend(used, 100, now + Duration::days(1)).unwrap();
        assert_eq!(tomorrow.used, Minor(100));
        assert!(spend(tomorrow, 1, now).is_err(), "a clock that was set back");
        assert_eq!(left_of_day(now), 14 * 3_600);
        assert_eq!(left_of_day("2026-11-21T23:59:59.5Z".parse().unwrap()), 1);
        assert_eq!(used.give_back(Minor(50), now.date_naive()).used, Minor(10));
        assert_eq!(used.give_back(Minor(70), now.date_naive()).used, Minor(0));
        assert_eq!(tomorrow.give_back(Minor(50), now.date_naive()), tomorrow);
    }
}
