//! What is known of this process: whether its writes succeed, and what waits.
//!
//! Nobody who asks waits for the database: `pulse` does, and notes here what it finds out.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{db::error::DbError, types::clock};

/// For how long a write that went well is good.
const GOOD: Duration = Duration::from_millis(3_500);

/// Where `Unasked` stands among all.
const UNASKED: u64 = 1;

/// What is found of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heart {
    /// It took a write lately.
    Beats,
    /// It has not been asked yet.
    Unasked,
    /// It says nothing, or takes too long.
    Silent,
    /// It is a standby, which takes no writes.
    Standby,
    /// It cannot be reached.
    Unreachable,
    /// It refuses to write.
    Refuses,
}

impl Heart {
    const ALL: [Self; 6] =
        [Self::Beats, Self::Unasked, Self::Silent, Self::Standby, Self::Unreachable, Self::Refuses];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Beats => "ok",
            Self::Unasked => "unasked",
            Self::Silent => "silent",
            Self::Standby => "standby",
            Self::Unreachable => "unreachable",
            Self::Refuses => "refuses",
        }
    }

    /// What an error tells of it.
    pub(super) fn of(error: &DbError) -> Self {
        match error {
            DbError::Silent => Self::Silent,
            error if error.is_of_a_standby() => Self::Standby,
            error if error.is_unavailable() => Self::Unreachable,
            _ => Self::Refuses,
        }
    }
}

/// How the process is. A clone tells of the same.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    /// When it last went well, in milliseconds after the beginning; 0 for never.
    beaten: AtomicU64,
    /// Which of [`Heart::ALL`] was found last.
    found: AtomicU64,
    draining: AtomicBool,
    backlog: Mutex<Backlog>,
}

/// What waits in the database, as it was a few seconds ago.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Letters that wait.
    pub letters: i64,
    /// Since when the oldest of them has.
    pub letter: Option<clock::Instant>,
    /// Since when the oldest has that is not sealed yet.
    pub unsealed: Option<clock::Instant>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            beaten: AtomicU64::new(0),
            found: AtomicU64::new(UNASKED),
            draining: AtomicBool::new(false),
            backlog: Mutex::default(),
        }))
    }
}

impl Pulse {
    /// What is known of the database now.
    pub fn heart(&self) -> Heart {
        self.heart_at(self.0.elapsed())
    }

    fn heart_at(&self, elapsed: u64) -> Heart {
        let beaten = self.0.beaten.load(Ordering::SeqCst);
        let since = elapsed.saturating_sub(beaten);
        let lately = beaten > 0 && u128::from(since) < GOOD.as_millis();
        let found = usize::try_from(self.0.found.load(Ordering::SeqCst)).unwrap_or(usize::MAX);
        match Heart::ALL.get(found).copied().unwrap_or(Heart::Silent) {
            // One refusal between two writes that go well is no reason to send everybody away.
            Heart::Silent | Heart::Unreachable | Heart::Refuses if lately => Heart::Beats,
            Heart::Beats if !lately => Heart::Silent,
            found => found,
        }
    }

    /// The process was told to stop: nobody should send it anything new.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    /// It was told to stop.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Notes what waits in the database.
    pub(super) fn note_backlog(&self, backlog: Backlog) {
        *self.0.backlog.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
    }

    /// What waits in the database.
    pub fn backlog(&self) -> Backlog {
        *self.0.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what was found of the database.
    pub(super) fn note(&self, heart: Heart) {
        if heart == Heart::Beats {
            self.0.beaten.store(self.0.elapsed().max(1), Ordering::SeqCst);
        }
        let place = Heart::ALL.iter().position(|one| *one == heart).unwrap_or(1);
        let place = u64::try_from(place).unwrap_or(1);
        let before = self.0.found.swap(place, Ordering::SeqCst);
        if before != place {
            if heart == Heart::Beats {
                // The first time is no news.
                if before != UNASKED {
                    tracing::info!("the database takes writes");
                }
            } else {
                tracing::warn!(found = heart.word(), "the database takes no writes");
            }
        }
    }
}

impl Inner {
    fn elapsed(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::{GOOD, Heart, Pulse};

    #[test]
    fn a_beat_is_good_for_a_while_and_one_failure_is_no_reason_to_leave() {
        let pulse = Pulse::default();
        let later = || pulse.0.elapsed() + u64::try_from(GOOD.as_millis()).unwrap() + 1;
        assert_eq!(pulse.heart(), Heart::Unasked);
        pulse.note(Heart::Beats);
        assert_eq!(pulse.heart(), Heart::Beats);
        assert_eq!(pulse.heart_at(later()), Heart::Silent, "a worker that is stuck is found out");
        pulse.note(Heart::Unreachable);
        assert_eq!(pulse.heart(), Heart::Beats);
        assert_eq!(pulse.heart_at(later()), Heart::Unreachable);
        pulse.note(Heart::Standby);
        assert_eq!(pulse.heart(), Heart::Standby, "a standby takes nothing at all");
        assert!(!pulse.is_draining());
        pulse.clone().drain();
        assert!(pulse.is_draining());
    }
}
