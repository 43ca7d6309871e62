//! How long a sign-in lasts and what it may do.

use chrono::Duration;

use super::user::UserStatus;
use crate::types::clock::Instant;

/// How long an access token opens anything.
pub const ACCESS_LIFE: Duration = Duration::minutes(10);
/// How long a session lasts when nobody refreshes it.
pub const IDLE_LIFE: Duration = Duration::days(30);
/// How long a session lasts whatever happens.
pub const ABSOLUTE_LIFE: Duration = Duration::days(90);
/// How long a confirmed second factor opens risky steps.
pub const STEP_UP_LIFE: Duration = Duration::minutes(5);
/// Open sessions of one person; the oldest goes.
pub const SESSIONS_MAX: i64 = 50;

/// The door that a session came in by; its tokens open no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Facade {
    /// The GraphQL API.
    Graphql,
}

impl Facade {
    /// The audience that its tokens name.
    pub const fn audience(self) -> &'static str {
        match self {
            Self::Graphql => "graphql",
        }
    }
}

/// What is known of a session and its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// When it was ended, where it was.
    pub ended_at: Option<Instant>,
    /// When it ends whatever happens.
    pub expires_at: Instant,
    /// When it ends without a refresh.
    pub refresh_expires_at: Instant,
    /// When a second factor was last confirmed in it.
    pub second_factor_at: Instant,
    /// Where its person stands.
    pub status: UserStatus,
}

impl Facts {
    /// The session may act.
    pub fn is_alive(&self, now: Instant) -> bool {
        self.ended_at.is_none()
            && now < self.expires_at
            && now < self.refresh_expires_at
            && self.status != UserStatus::Deactivated
    }

    /// A second factor was confirmed within the last five minutes.
    ///
    /// A confirmation that lies ahead of the clock is none: a clock that was set
    /// back must not keep a door open.
    pub fn is_stepped_up(&self, now: Instant) -> bool {
        let age = now - self.second_factor_at;
        age >= Duration::zero() && age <= STEP_UP_LIFE
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{ABSOLUTE_LIFE, Facts, IDLE_LIFE, STEP_UP_LIFE};
    use crate::{domain::user::UserStatus, types::clock::Instant};

    fn facts() -> (Instant, Facts) {
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let facts = Facts {
            ended_at: None,
            expires_at: now + ABSOLUTE_LIFE,
            refresh_expires_at: now + IDLE_LIFE,
            second_factor_at: now,
            status: UserStatus::Active,
        };
        (now, facts)
    }

    #[test]
    fn a_session_ends_by_hand_by_idleness_by_age_and_with_its_person() {
        let (now, facts) = facts();
        assert!(facts.is_alive(now));
        assert!(!facts.is_alive(now + IDLE_LIFE));
        assert!(!Facts { expires_at: now, ..facts }.is_alive(now));
        assert!(!Facts { ended_at: Some(now), ..facts }.is_alive(now));
        assert!(!Facts { status: UserStatus::Deactivated, ..facts }.is_alive(now));
    }

    #[test]
    fn a_second_factor_is_fresh_for_five_minutes() {
        let (now, facts) = facts();
        assert!(facts.is_stepped_up(now + STEP_UP_LIFE));
        assert!(!facts.is_stepped_up(now + STEP_UP_LIFE + Duration::microseconds(1)));
        assert!(!facts.is_stepped_up(now - Duration::hours(1)));
    }
}
