//! The bank on a day of the past: the same database under a clock that is set.
//!
//! What is done there goes through the use cases and the ledger as everything does, and is
//! dated by that clock.

use std::sync::Arc;

use chrono::Duration;
use tokio::sync::Notify;

use crate::{
    bank::context::{Annexes, Bank, PostOffice, Rules},
    domain::attempt::Allowances,
    ledger::engine::Capacity,
    types::clock::{Clock as _, Instant, SettableClock},
};

/// How far back the past begins: twelve months of thirty days, and a few days.
const DAYS: i64 = 365;
/// Whole units that a demo person may move in a day, whatever the operator has set.
const LIMIT: i64 = 1_000_000;

/// The bank as it was, from a year ago up to now.
#[derive(Debug)]
pub struct Calendar {
    /// The bank under this calendar's clock.
    pub bank: Bank,
    clock: Arc<SettableClock>,
    begins: Instant,
    now: Instant,
}

impl Calendar {
    /// The calendar of a bank, open a year ago. Its letters are captured and never sent, as
    /// the addresses are examples, and its people are held up by no limit.
    pub fn open(bank: &Bank) -> Self {
        let now = bank.now();
        let begins = now - Duration::days(DAYS);
        let clock = Arc::new(SettableClock::new(begins));
        let post_office = PostOffice {
            captures: true,
            smtp: None,
            frontend_url: None,
            wake: Arc::new(Notify::new()),
        };
        let rules = Rules {
            funding_open: true,
            transfer_limit: LIMIT,
            top_up_limit: LIMIT,
            allowances: Allowances::SANDBOX,
            ..bank.rules.clone()
        };
        let past = Bank::new(
            bank.db.clone(),
            Arc::clone(&clock) as _,
            Arc::clone(&bank.entropy),
            bank.ring.clone(),
            Annexes { post_office, files: bank.files.clone() },
            rules,
            Capacity::default(),
        );
        Self { bank: past, clock, begins, now }
    }

    /// Goes on to an hour of a day, counted from the first; never back, and never beyond now.
    pub fn go_to(&self, day: i64, hour: i64, minute: i64) {
        let wanted = self.begins + Duration::days(day) + Duration::minutes(60 * hour + minute);
        let wanted = wanted.min(self.now);
        let step = wanted - self.clock.now();
        if step > Duration::zero() {
            self.clock.advance(step);
        }
    }
}
