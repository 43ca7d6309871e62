//! How long a sign-in lasts and what it may do.

use chrono::Duration;

use super::user::UserStatus;
use crate::types::clock::Instant;

/// How long a session lasts when nobody refreshes it.
pub const IDLE_LIFE: Duration = Duration::days(30);
/// How long a session lasts whatever happens.
pub const ABSOLUTE_LIFE: Duration = Duration::days(90);
/// How long a confirmed second factor opens risky steps.
pub const STEP_UP_LIFE: Duration = Duration::minutes(5);
/// How long a spent refresh token gets the same successor again: a client whose answer was
/// lost, and the tabs of a browser that ask at once.
pub const REFRESH_GRACE: Duration = Duration::seconds(30);
/// How much later a session must be used for it to be noted, so that reads stay reads.
pub const ACTIVITY_STEP: Duration = Duration::minutes(5);
/// Open sessions of one person; the oldest goes.
pub const SESSIONS_MAX: i64 = 50;

/// The door that a session came in by; its tokens open no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Facade {
    /// The GraphQL API.
    Graphql,
    /// The legacy dialect card-bank.
    CardBank,
    /// The legacy dialect fintract.
    Fintract,
    /// The legacy dialect financelime.
    Financelime,
    /// The legacy dialect accounts.
    Accounts,
    /// The legacy dialect ewallet.
    Ewallet,
}

impl Facade {
    /// All doors.
    pub const ALL: [Self; 6] = [
        Self::Graphql,
        Self::CardBank,
        Self::Fintract,
        Self::Financelime,
        Self::Accounts,
        Self::Ewallet,
    ];

    /// The audience that its tokens name.
    pub const fn audience(self) -> &'static str {
        match self {
            Self::Graphql => "graphql",
            Self::CardBank => "card-bank",
            Self::Fintract => "fintract",
            Self::Financelime => "financelime",
            Self::Accounts => "accounts",
            Self::Ewallet => "ewallet",
        }
    }

    /// How long its access tokens open anything.
    pub const fn access_life(self) -> Duration {
        match self {
            Self::Graphql => Duration::minutes(10),
            Self::CardBank => Duration::minutes(45),
            Self::Fintract => Duration::minutes(60),
            Self::Accounts => Duration::hours(24),
            Self::Financelime | Self::Ewallet => Duration::minutes(15),
        }
    }

    /// Its clients can renew their access; where they cannot, a session lasts as long as
    /// its one access token.
    pub const fn refreshes(self) -> bool {
        match self {
            Self::Graphql | Self::Financelime | Self::Ewallet => true,
            Self::CardBank | Self::Fintract | Self::Accounts => false,
        }
    }

    /// How long its sessions last when nobody refreshes them.
    pub const fn idle_life(self) -> Duration {
        if self.refreshes() { IDLE_LIFE } else { self.access_life() }
    }

    /// How long its sessions last whatever happens.
    pub const fn absolute_life(self) -> Duration {
        if self.refreshes() { ABSOLUTE_LIFE } else { self.access_life() }
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
    /// When it was last refreshed, where it ever was.
    pub refreshed_at: Option<Instant>,
    /// When a second factor was last confirmed in it.
    pub second_factor_at: Instant,
    /// Where its person stands.
    pub status: UserStatus,
    /// A code or a link that was mailed to its person came back.
    pub email_verified: bool,
    /// Staff let its person move money, or never had to.
    pub approved: bool,
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

/// What becomes of a refresh token that somebody shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It is the latest: its successor takes its place.
    Rotate,
    /// It was spent a moment ago, and its successor is unused: it gets the same again.
    Repeat,
    /// It was spent, and two have it: the session ends.
    Reused,
    /// It was never given out.
    Unknown,
}

/// Judges the generation of a refresh token by the one that its session is at, and since when.
///
/// A moment counts both ways, because the clocks of two processes differ a little.
pub fn renew(shown: i64, latest: i64, since: Option<Instant>, now: Instant) -> Renewal {
    let lately = since.is_some_and(|since| (now - since).abs() <= REFRESH_GRACE);
    if shown == latest {
        Renewal::Rotate
    } else if shown > latest || shown < 0 {
        Renewal::Unknown
    } else if shown + 1 == latest && lately {
        Renewal::Repeat
    } else {
        Renewal::Reused
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{
        ABSOLUTE_LIFE, Facade, Facts, IDLE_LIFE, REFRESH_GRACE, Renewal, STEP_UP_LIFE, renew,
    };
    use crate::{domain::user::UserStatus, types::clock::Instant};

    fn facts() -> (Instant, Facts) {
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let facts = Facts {
            ended_at: None,
            expires_at: now + ABSOLUTE_LIFE,
            refresh_expires_at: now + IDLE_LIFE,
            refreshed_at: None,
            second_factor_at: now,
            status: UserStatus::Active,
            email_verified: true,
            approved: true,
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
    fn each_door_has_tokens_and_a_time_of_its_own() {
        let mut audiences = Facade::ALL.map(Facade::audience);
        audiences.sort_unstable();
        assert!(audiences.windows(2).all(|two| two[0] != two[1]), "{audiences:?}");
        let minutes = Facade::ALL.map(|facade| facade.access_life().num_minutes());
        assert_eq!(minutes, [10, 45, 60, 15, 24 * 60, 15]);
        for facade in Facade::ALL {
            let days = if facade.refreshes() { 30 } else { 1 };
            assert!(facade.idle_life() <= Duration::days(days), "{facade:?}");
            assert!(facade.access_life() <= facade.idle_life(), "{facade:?}");
            assert!(facade.idle_life() <= facade.absolute_life(), "{facade:?}");
        }
    }

    #[test]
    fn a_second_factor_is_fresh_for_five_minutes() {
        let (now, facts) = facts();
        assert!(facts.is_stepped_up(now + STEP_UP_LIFE));
        assert!(!facts.is_stepped_up(now + STEP_UP_LIFE + Duration::microseconds(1)));
        assert!(!facts.is_stepped_up(now - Duration::hours(1)));
    }

    #[test]
    fn a_spent_token_gets_its_successor_again_for_a_moment_only() {
        let (now, _) = facts();
        let late = now + REFRESH_GRACE + Duration::microseconds(1);
        for (shown, latest, at, expected) in [
            (3, 3, late, Renewal::Rotate),
            (2, 3, now, Renewal::Repeat),
            (2, 3, now + REFRESH_GRACE, Renewal::Repeat),
            (2, 3, now - Duration::seconds(1), Renewal::Repeat),
            (2, 3, late, Renewal::Reused),
            (1, 3, now, Renewal::Reused),
            (0, 3, late, Renewal::Reused),
            (4, 3, now, Renewal::Unknown),
            (-1, 0, now, Renewal::Unknown),
        ] {
            assert_eq!(renew(shown, latest, Some(now), at), expected, "{shown} of {latest}");
        }
        assert_eq!(renew(0, 0, None, now), Renewal::Rotate);
    }
}
