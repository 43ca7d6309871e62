//! Authenticators and recovery codes: how many there are, and when an authenticator rests.

use chrono::Duration;

use super::session::Facade;
use crate::types::clock::Instant;

/// Recovery codes that a person is given at once.
pub const RECOVERY_CODES: usize = 10;
/// How long a secret waits for the first code of its authenticator.
pub const ENROLMENT_LIFE: Duration = Duration::minutes(10);

/// Wrong codes in a row after which an authenticator rests.
const MISSES_MAX: i64 = 5;
/// The first rest; each further one is twice as long.
const REST: Duration = Duration::minutes(15);
/// The longest rest, so that nobody is locked out for ever.
const REST_MAX: Duration = Duration::hours(24);

/// How long no code is taken after so many wrong ones in a row; `None` where the next
/// one may come at once.
///
/// A challenge takes five guesses, but whoever has the password can ask for as many
/// challenges as they like, and an authenticator's codes have six digits: so the
/// person's wrong codes are counted over all of them.
pub fn rest_after(misses: i64) -> Option<Duration> {
    if misses <= 0 || misses % MISSES_MAX != 0 {
        return None;
    }
    let doublings = u32::try_from((misses / MISSES_MAX - 1).min(16)).unwrap_or(16);
    Some((REST * 2_i32.pow(doublings)).min(REST_MAX))
}

/// An enrolment still takes a code, of which `misses` came before.
pub fn may_confirm(begun_at: Instant, misses: i64, now: Instant) -> bool {
    misses < MISSES_MAX && now < begun_at + ENROLMENT_LIFE
}

/// The dialects that know a password alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PasswordDialect {
    /// financelime.
    Financelime,
    /// accounts.
    Accounts,
    /// ewallet.
    Ewallet,
}

impl PasswordDialect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Financelime, Self::Accounts, Self::Ewallet];

    /// The door that its sessions come in by.
    pub const fn facade(self) -> Facade {
        match self {
            Self::Financelime => Facade::Financelime,
            Self::Accounts => Facade::Accounts,
            Self::Ewallet => Facade::Ewallet,
        }
    }

    /// What it is called in sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Financelime => "financelime",
            Self::Accounts => "accounts",
            Self::Ewallet => "ewallet",
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::rest_after;

    #[test]
    fn an_authenticator_rests_longer_each_time_and_never_for_ever() {
        assert_eq!(rest_after(4), None);
        assert_eq!(rest_after(5), Some(Duration::minutes(15)));
        assert_eq!(rest_after(6), None);
        assert_eq!(rest_after(10), Some(Duration::minutes(30)));
        assert_eq!(rest_after(5_000_000), Some(Duration::hours(24)));
    }
}
