//! Bills: what a person has to pay, once.

use super::refusal::Refusal;
use crate::types::{
    clock::Instant,
    id::{BillId, TransactionId, UserId},
    money::{Currency, Minor, Money},
};

/// Bills of one person that may be open: neither paid nor cancelled.
pub const OPEN_MAX: i64 = 500;
/// The first instant at which a bill may be due, in microseconds since 1970.
const DUE_FIRST: i64 = 0;
/// The last instant of the year 9999: beyond it the two databases do not agree on what
/// an instant is.
const DUE_LAST: i64 = 253_402_300_799_999_999;

/// Where a bill stands as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillState {
    /// It waits to be paid.
    Due,
    /// It was paid.
    Paid,
    /// It was given up.
    Cancelled,
}

/// Where a bill stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BillStatus {
    /// It waits to be paid, and there is time.
    Due,
    /// It waits to be paid, and its time is over.
    Overdue,
    /// It was paid.
    Paid,
    /// It was given up.
    Cancelled,
}

/// A bill.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Bill {
    /// Names the bill.
    pub bill_id: BillId,
    /// Its number for clients that know integers only.
    pub legacy_id: i64,
    /// Who has to pay it.
    pub owner_id: UserId,
    /// What it is for.
    pub name: String,
    /// How much, in minor units.
    pub amount: Minor,
    /// Of what.
    #[sqlx(try_from = "String")]
    pub currency: Currency,
    /// Until when.
    pub due_at: Instant,
    /// Where it stands.
    pub status: BillState,
    /// The movement that paid it.
    pub transaction_id: Option<TransactionId>,
    /// When it was paid.
    pub paid_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
}

impl Bill {
    /// How much is to be paid.
    pub fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }

    /// Where it stands at an instant: the clock alone makes a bill overdue.
    pub fn status(&self, now: Instant) -> BillStatus {
        match self.status {
            BillState::Due if now < self.due_at => BillStatus::Due,
            BillState::Due => BillStatus::Overdue,
            BillState::Paid => BillStatus::Paid,
            BillState::Cancelled => BillStatus::Cancelled,
        }
    }

    /// It can be paid, overdue or not.
    pub fn require_payable(&self) -> Result<(), Refusal> {
        let reason = match self.status {
            BillState::Due => return Ok(()),
            BillState::Paid => "The bill was paid before.",
            BillState::Cancelled => "The bill was cancelled.",
        };
        Err(Refusal::BillNotPayable { reason })
    }

    /// It can be given up, overdue or not.
    pub fn require_cancellable(&self) -> Result<(), Refusal> {
        let reason = match self.status {
            BillState::Due => return Ok(()),
            BillState::Paid => "The bill was paid: it cannot be cancelled any more.",
            BillState::Cancelled => "The bill was cancelled before.",
        };
        Err(Refusal::Conflict { reason })
    }

    /// The bill is paid.
    pub fn pay(&mut self, transaction_id: TransactionId, paid_at: Instant) {
        self.status = BillState::Paid;
        self.transaction_id = Some(transaction_id);
        self.paid_at = Some(paid_at);
    }
}

/// Until when a new bill is to be paid, in whole microseconds; it may be overdue already.
pub fn due_at(asked: Instant) -> Result<Instant, Refusal> {
    let micros = asked.timestamp_micros();
    let known = (DUE_FIRST..=DUE_LAST).contains(&micros);
    let at = Instant::from_timestamp_micros(micros).filter(|_| known);
    at.ok_or_else(|| Refusal::invalid("dueAt", "must lie between the years 1970 and 9999"))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use uuid::Uuid;

    use super::{Bill, BillState, BillStatus, due_at};
    use crate::{
        domain::refusal::Refusal,
        types::{
            clock::Instant,
            id::{BillId, UserId},
            money::{Currency, Minor},
        },
    };

    fn now() -> Instant {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn bill(status: BillState) -> Bill {
        Bill {
            bill_id: BillId::from_uuid(Uuid::nil()),
            legacy_id: 1,
            owner_id: UserId::from_uuid(Uuid::nil()),
            name: "Rent".to_owned(),
            amount: Minor(1),
            currency: Currency::parse("USD").unwrap(),
            due_at: now(),
            status,
            transaction_id: None,
            paid_at: None,
            created_at: now(),
        }
    }

    #[test]
    fn the_clock_alone_makes_a_bill_overdue() {
        let due = bill(BillState::Due);
        assert_eq!(due.status(now() - Duration::microseconds(1)), BillStatus::Due);
        assert_eq!(due.status(now()), BillStatus::Overdue);
        assert_eq!(bill(BillState::Paid).status(now()), BillStatus::Paid);
        assert_eq!(bill(BillState::Cancelled).status(now()), BillStatus::Cancelled);
    }

    #[test]
    fn only_a_bill_that_waits_is_paid_or_cancelled() {
        assert_eq!(bill(BillState::Due).require_payable(), Ok(()));
        assert_eq!(bill(BillState::Due).require_cancellable(), Ok(()));
        for state in [BillState::Paid, BillState::Cancelled] {
            let refused = bill(state).require_payable().unwrap_err();
            assert!(matches!(refused, Refusal::BillNotPayable { .. }));
            let refused = bill(state).require_cancellable().unwrap_err();
            assert!(matches!(refused, Refusal::Conflict { .. }));
        }
    }

    #[test]
    fn a_bill_is_due_within_the_years_that_both_databases_know() {
        let read = |text: &str| due_at(text.parse().unwrap());
        assert!(read("1969-12-31T23:59:59Z").is_err());
        assert!(read("+10000-01-01T00:00:00Z").is_err());
        let cut = read("2026-06-30T23:59:59.123456789Z").unwrap();
        assert_eq!(cut, "2026-06-30T23:59:59.123456Z".parse::<Instant>().unwrap());
        assert!(read("9999-12-31T23:59:59.999999Z").is_ok());
    }
}
