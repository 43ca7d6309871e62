//! What this process knows of sessions, for a second at most.

use std::time::Duration;

use moka::{ops::compute::Op, sync::Cache};
use tokio::time::Instant;

use crate::{
    domain::session::Facts,
    types::id::{SessionId, UserId},
};

/// How long what is known of a session is trusted without asking again.
const LIFE: Duration = Duration::from_secs(1);
/// Sessions that are remembered at once.
const CAPACITY: u64 = 100_000;

#[derive(Debug, Clone, Copy)]
struct Known {
    /// None where it was forgotten: whoever asked before must not bring it back.
    facts: Option<Facts>,
    asked_at: Instant,
}

/// What is known of sessions.
///
/// The second counts from before the database was asked, so that what it said is
/// never older, however long the answer took.
#[derive(Debug, Clone)]
pub struct SessionCache(Cache<(SessionId, UserId), Known>);

impl SessionCache {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build())
    }

    /// What is known of a session, where it is fresh.
    pub fn get(&self, key: &(SessionId, UserId)) -> Option<Facts> {
        self.get_at(key, Instant::now())
    }

    fn get_at(&self, key: &(SessionId, UserId), now: Instant) -> Option<Facts> {
        self.0.get(key).filter(|known| now.duration_since(known.asked_at) < LIFE)?.facts
    }

    /// Notes what the database said when it was asked at an instant; nothing where it has
    /// been asked later, or the session was forgotten since.
    pub fn remember(&self, key: (SessionId, UserId), facts: Facts, asked_at: Instant) {
        self.put(key, Known { facts: Some(facts), asked_at });
    }

    /// Forgets a session that has changed; called after the commit.
    pub fn invalidate(&self, key: &(SessionId, UserId)) {
        self.put(*key, Known { facts: None, asked_at: Instant::now() });
    }

    fn put(&self, key: (SessionId, UserId), known: Known) {
        self.0.entry(key).and_compute_with(|before| match before {
            Some(before) if before.value().asked_at > known.asked_at => Op::Nop,
            _ => Op::Put(known),
        });
    }
}

impl Default for SessionCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{LIFE, SessionCache};
    use crate::{
        domain::{session::Facts, user::UserStatus},
        types::{
            clock::{Clock as _, SystemClock},
            entropy::SystemEntropy,
            id::{SessionId, UserId},
        },
    };

    #[test]
    fn what_was_asked_before_a_session_ended_is_not_remembered() {
        let cache = SessionCache::new();
        let now = SystemClock.now();
        let key = (
            SessionId::generate(&SystemClock, &SystemEntropy),
            UserId::generate(&SystemClock, &SystemEntropy),
        );
        let facts = Facts {
            ended_at: None,
            expires_at: now,
            refresh_expires_at: now,
            refreshed_at: None,
            second_factor_at: now,
            status: UserStatus::Active,
            email_verified: true,
            approved: true,
        };
        let before = Instant::now();
        cache.invalidate(&key);
        cache.remember(key, facts, before);
        assert_eq!(cache.get(&key), None, "it was asked before");
        let after = Instant::now();
        cache.remember(key, facts, after);
        assert_eq!(cache.get_at(&key, after + LIFE * 7 / 8), Some(facts), "it was asked after");
        assert_eq!(cache.get_at(&key, after + LIFE), None, "a second is over");
    }
}
