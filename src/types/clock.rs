//! Time, passed in wherever it is needed, cut to the precision that both
//! databases keep.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, Duration, SecondsFormat, SubsecRound as _, Utc};

/// An instant in UTC with whole microseconds.
pub type Instant = DateTime<Utc>;

/// A source of the current instant.
pub trait Clock: Send + Sync + Debug {
    /// The current instant, in whole microseconds.
    fn now(&self) -> Instant;

    /// What moves the clock forward; none for one that only time moves.
    fn lead(&self) -> Option<&Lead> {
        None
    }
}

/// How far a clock stands ahead of where time alone would have brought it.
#[derive(Debug, Default)]
pub struct Lead {
    seconds: AtomicI64,
}

impl Lead {
    /// How far that is.
    pub fn get(&self) -> Duration {
        Duration::seconds(self.seconds.load(Ordering::SeqCst))
    }

    /// Moves the clock until it stands so many seconds ahead; it never goes back.
    pub fn reach(&self, seconds: i64) {
        self.seconds.fetch_max(seconds, Ordering::SeqCst);
    }
}

/// The machine's clock.
///
/// PostgreSQL keeps microseconds while SQLite's text would keep nanoseconds, so
/// an instant that is not cut would come back changed from one and not from the
/// other.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Instant {
        Utc::now().trunc_subsecs(6)
    }
}

/// The machine's clock with a lead: that of a sandbox, where bills fall due and codes
/// expire as soon as somebody wants to see it.
#[derive(Debug, Default)]
pub struct LeadingClock {
    lead: Lead,
}

impl Clock for LeadingClock {
    fn now(&self) -> Instant {
        SystemClock.now() + self.lead.get()
    }

    fn lead(&self) -> Option<&Lead> {
        Some(&self.lead)
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct SettableClock {
    micros: AtomicI64,
    lead: Lead,
}

impl SettableClock {
    /// A clock that shows `at`.
    pub fn new(at: Instant) -> Self {
        Self { micros: AtomicI64::new(at.timestamp_micros()), lead: Lead::default() }
    }

    /// Moves the clock; a negative duration moves it back.
    pub fn advance(&self, by: Duration) {
        let micros = by.num_microseconds().expect("a test moves by less than 292,000 years");
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Instant {
        let micros = self.micros.load(Ordering::SeqCst);
        let set = DateTime::from_timestamp_micros(micros);
        set.expect("the clock was set from a real instant") + self.lead.get()
    }

    fn lead(&self) -> Option<&Lead> {
        Some(&self.lead)
    }
}

/// RFC 3339 in UTC with whole microseconds, such as `2026-11-21T19:27:01.680936Z`.
pub fn show(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{Clock as _, LeadingClock, SettableClock, SystemClock, show};

    #[test]
    fn the_clock_shows_whole_microseconds() {
        assert_eq!(SystemClock.now().timestamp_subsec_nanos() % 1_000, 0);
    }

    #[test]
    fn a_leading_clock_goes_forward_and_never_back() {
        let clock = LeadingClock::default();
        let before = clock.now();
        clock.lead().unwrap().reach(3_600);
        clock.lead().unwrap().reach(60);
        let moved = clock.now() - before;
        assert!(moved >= Duration::hours(1) && moved < Duration::hours(2), "{moved}");
        assert!(SystemClock.lead().is_none(), "only time moves the machine's");
    }

    #[test]
    fn a_settable_clock_moves_only_when_told() {
        let clock = SettableClock::new("2026-11-21T19:27:01.680936Z".parse().unwrap());
        assert_eq!(clock.now(), clock.now());
        clock.advance(Duration::seconds(61));
        assert_eq!(show(clock.now()), "2026-11-21T19:28:02.680936Z");
    }
}
