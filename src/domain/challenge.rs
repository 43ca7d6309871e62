//! Questions for a second factor: how long they live and how often one may guess.

use chrono::Duration;

use crate::types::{clock::Instant, id::ChallengeId};

/// Wrong codes that a challenge or registration takes before it is void.
pub const GUESSES_MAX: i64 = 5;
/// How long a code for a login or a step-up is good.
pub const CODE_LIFE: Duration = Duration::minutes(10);
/// How many digits a mailed code has.
pub const CODE_DIGITS: usize = 6;

/// What a challenge was asked for; its code opens nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    /// The second step of a login.
    Login,
    /// A risky step within a session.
    StepUp,
}

/// How a person can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactorKind {
    /// A code in a letter.
    Email,
}

/// What a client may know of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Names the challenge.
    pub challenge_id: ChallengeId,
    /// How it can be answered.
    pub methods: Vec<SecondFactorKind>,
    /// Where the code went, mostly hidden.
    pub sent_to: String,
    /// When the code stops being good.
    pub expires_at: Instant,
}

/// What became of one guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// The code fits.
    Right,
    /// It does not; further guesses are left.
    Wrong,
    /// All guesses were used up before this one.
    UsedUp,
    /// The code was good once.
    Expired,
}

/// Judges a guess that has already been counted; `guesses` includes it.
pub fn judge(guesses: i64, expires_at: Instant, now: Instant, fits: bool) -> Guess {
    if guesses > GUESSES_MAX {
        Guess::UsedUp
    } else if now >= expires_at {
        Guess::Expired
    } else if fits {
        Guess::Right
    } else {
        Guess::Wrong
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{CODE_LIFE, GUESSES_MAX, Guess, judge};
    use crate::types::clock::Instant;

    #[test]
    fn the_right_code_counts_only_in_time_and_within_five_guesses() {
        let made: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let ends = made + CODE_LIFE;
        let last = ends - Duration::microseconds(1);
        assert_eq!(judge(GUESSES_MAX, ends, last, true), Guess::Right);
        assert_eq!(judge(1, ends, last, false), Guess::Wrong);
        assert_eq!(judge(1, ends, ends, true), Guess::Expired);
        assert_eq!(judge(GUESSES_MAX + 1, ends, made, true), Guess::UsedUp);
    }
}
