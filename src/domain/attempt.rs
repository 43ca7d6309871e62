//! How often something may be tried before whoever tries has to wait.

use std::str::FromStr;

use chrono::Duration;

use crate::types::clock::Instant;

/// The longest time for which tries are counted.
const WINDOW_MAX: Duration = Duration::days(7);

/// So many tries, and then a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many tries there are.
    pub tries: i64,
    /// How long they count from the first of them, and how long the pause is after the last.
    pub window: Duration,
}

impl FromStr for Allowance {
    type Err = String;

    /// Reads `10/15m`: so many tries, and the seconds, minutes, hours or days that they count.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write tries and their time, such as 10/15m (s, m, h or d)".to_owned();
        let (tries, window) = text.trim().split_once('/').ok_or_else(wrong)?;
        let tries: i64 = tries.trim().parse().map_err(|_| wrong())?;
        let window = window.trim();
        let unit = window.chars().last().ok_or_else(wrong)?;
        let number: i64 = window.trim_end_matches(unit).trim_end().parse().map_err(|_| wrong())?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let window = number.checked_mul(seconds).and_then(Duration::try_seconds);
        let window = window.filter(|window| *window >= Duration::seconds(1)).ok_or_else(wrong)?;
        if window > WINDOW_MAX {
            return Err("the time may be seven days at most".to_owned());
        }
        if !(1..=1_000_000_000).contains(&tries) {
            return Err("the tries must be a number from 1 to 1000000000".to_owned());
        }
        Ok(Self { tries, window })
    }
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// A password.
    Login,
    /// To be sent a code, behind a password or in a session.
    Code,
    /// To be sent what one needs to become a customer.
    Registration,
    /// To be sent what resets a password.
    Reset,
    /// A code or a token that was sent; each of them has guesses of its own as well.
    Confirm,
    /// A card's number that turned out to be nobody's.
    CardNumber,
}

impl Attempt {
    /// What the counters of an account are called; they never change.
    pub const fn of_account(self) -> &'static str {
        match self {
            Self::Login => "attempts.login.account",
            Self::Code => "attempts.code.account",
            Self::Registration => "attempts.registration.account",
            Self::Reset => "attempts.reset.account",
            Self::Confirm => "attempts.confirm.account",
            Self::CardNumber => "attempts.card_number.account",
        }
    }

    /// What the counters of an address are called; they never change.
    pub const fn of_address(self) -> &'static str {
        match self {
            Self::Login => "attempts.login.address",
            Self::Code => "attempts.code.address",
            Self::Registration => "attempts.registration.address",
            Self::Reset => "attempts.reset.address",
            Self::Confirm => "attempts.confirm.address",
            Self::CardNumber => "attempts.card_number.address",
        }
    }
}

/// How often everything may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowances {
    /// Passwords for one account; the right one begins anew.
    pub login: Allowance,
    /// Passwords from one address.
    pub login_address: Allowance,
    /// Codes that one account is sent.
    pub code: Allowance,
    /// Codes that one address asks for.
    pub code_address: Allowance,
    /// Registrations of one email address, and codes sent again for them.
    pub registration: Allowance,
    /// The same from one address.
    pub registration_address: Allowance,
    /// Resets that are asked for one account.
    pub reset: Allowance,
    /// Resets that one address asks for.
    pub reset_address: Allowance,
    /// Codes and tokens that one address sends back, right and wrong.
    pub confirm_address: Allowance,
    /// Card numbers that are nobody's, paid to by one person.
    pub card_number: Allowance,
    /// The same from one address.
    pub card_number_address: Allowance,
}

/// How many codes of four digits a person is sent, whatever the settings: so few that even
/// all guesses of all of them are a small chance.
pub const SHORT_CODES: [(&str, Allowance); 2] =
    [("attempts.short_code.hour", a(3, 60)), ("attempts.short_code.day", a(5, 24 * 60))];

const fn a(tries: i64, minutes: i64) -> Allowance {
    Allowance { tries, window: Duration::minutes(minutes) }
}

impl Allowances {
    /// Those of production.
    pub const PRODUCTION: Self = Self {
        login: a(10, 15),
        login_address: a(100, 15),
        code: a(10, 15),
        code_address: a(100, 15),
        registration: a(5, 60),
        registration_address: a(50, 60),
        reset: a(3, 60),
        reset_address: a(30, 60),
        confirm_address: a(100, 15),
        card_number: a(10, 60),
        card_number_address: a(100, 60),
    };

    /// Those of the sandbox: a load from one machine passes, but no more passwords are
    /// guessed than in production.
    pub const SANDBOX: Self = Self {
        login: a(10, 15),
        login_address: a(1_000_000, 15),
        code: a(100, 15),
        code_address: a(1_000_000, 15),
        registration: a(10, 15),
        registration_address: a(1_000_000, 15),
        reset: a(10, 15),
        reset_address: a(1_000_000, 15),
        confirm_address: a(1_000_000, 15),
        card_number: a(100, 15),
        card_number_address: a(1_000_000, 15),
    };

    /// What an account is allowed; codes that come back have their own guesses instead.
    pub const fn of_account(&self, attempt: Attempt) -> Option<Allowance> {
        match attempt {
            Attempt::Login => Some(self.login),
            Attempt::Code => Some(self.code),
            Attempt::Registration => Some(self.registration),
            Attempt::Reset => Some(self.reset),
            Attempt::Confirm => None,
            Attempt::CardNumber => Some(self.card_number),
        }
    }

    /// What an address is allowed.
    pub const fn of_address(&self, attempt: Attempt) -> Allowance {
        match attempt {
            Attempt::Login => self.login_address,
            Attempt::Code => self.code_address,
            Attempt::Registration => self.registration_address,
            Attempt::Reset => self.reset_address,
            Attempt::Confirm => self.confirm_address,
            Attempt::CardNumber => self.card_number_address,
        }
    }
}

/// Tries as they were counted, this one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Tried {
    /// How many; one more than allowed means that this one was refused.
    pub tries: i64,
    /// Until when they count.
    pub ends_at: Instant,
}

/// Whether the try that was counted last may go on, or in how many seconds the next may.
pub fn judge(allowance: Allowance, tried: Tried, now: Instant) -> Result<(), u32> {
    if tried.tries <= allowance.tries {
        return Ok(());
    }
    let left = (tried.ends_at - now).num_milliseconds().max(1);
    Err(u32::try_from((left + 999) / 1_000).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::{Allowance, Allowances, Tried, judge};
    use crate::types::clock::Instant;

    #[test]
    fn an_allowance_is_written_as_tries_and_time() {
        let read = |text: &str| text.parse::<Allowance>();
        let fifteen = Allowance { tries: 10, window: Duration::minutes(15) };
        assert_eq!(read("10/15m"), Ok(fifteen));
        assert_eq!(read(" 10 / 900s "), Ok(fifteen));
        assert_eq!(read("3/1h").unwrap().window, Duration::hours(1));
        assert_eq!(read("1/7d").unwrap().window, Duration::days(7));
        for text in [
            "",
            "10",
            "10/",
            "10/m",
            "10/15",
            "0/1m",
            "-1/1m",
            "1/0s",
            "1/8d",
            "x/1m",
            "1/9223372036854775807d",
            "1/-1m",
            "10/15é",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_try_after_the_last_waits_for_the_end_and_never_for_ever() {
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let allowance = Allowances::PRODUCTION.login;
        let ends_at = now + Duration::milliseconds(1_500);
        assert_eq!(judge(allowance, Tried { tries: 10, ends_at }, now), Ok(()));
        assert_eq!(judge(allowance, Tried { tries: 11, ends_at }, now), Err(2));
        assert_eq!(judge(allowance, Tried { tries: 11, ends_at: now }, now), Err(1));
    }

    #[test]
    fn the_sandbox_lets_nobody_guess_more_passwords() {
        assert_eq!(Allowances::SANDBOX.login, Allowances::PRODUCTION.login);
        let Allowances { login, .. } = Allowances::SANDBOX;
        assert!((1..=10).contains(&login.tries));
    }
}
