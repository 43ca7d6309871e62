//! One-time secrets: what they are made for, how long they live, and how often one may
//! guess.

use chrono::Duration;

use super::session::Facade;
use crate::types::{clock::Instant, id::ChallengeId};

/// Wrong codes that a challenge or registration takes before it is void.
pub const GUESSES_MAX: i64 = 5;
/// Of these, how many codes it takes that do not come from where it was asked for, where
/// everybody can name it: so few that strangers cannot make it void.
pub const GUESSES_ELSEWHERE_MAX: i64 = 2;
/// How long a code for a login or a step-up is good.
pub const CODE_LIFE: Duration = Duration::minutes(10);
/// How long a token for a new password, or a code for a new address, is good.
pub const CHANGE_LIFE: Duration = Duration::minutes(30);
/// How long a login waits for its code at most, however often a fresh one is sent.
pub const LOGIN_LIFE: Duration = Duration::minutes(30);
/// How long a link that proves an address is good.
pub const LINK_LIFE: Duration = Duration::hours(24);
/// How long the short code of accounts is good.
pub const SHORT_CODE_LIFE: Duration = Duration::seconds(120);
/// How long the token is good that such a code is exchanged for.
pub const RESET_SESSION_LIFE: Duration = Duration::seconds(600);
/// How long the link of financelime for a new password is good.
pub const RESET_LINK_LIFE: Duration = Duration::minutes(15);
/// How long the link of card-bank for a new password is good.
pub const CARD_BANK_LINK_LIFE: Duration = Duration::hours(1);
/// How many digits a mailed code has.
pub const CODE_DIGITS: usize = 6;
/// How many digits the short code of accounts has.
pub const SHORT_CODE_DIGITS: usize = 4;

/// What a challenge was asked for; its code opens nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Purpose {
    /// The second step of a login.
    Login,
    /// A risky step within a session.
    StepUp,
    /// Another address of the person's, to which the code was mailed.
    EmailChange,
    /// A new password for who has lost the old one.
    PasswordReset,
    /// The same by a code so short that it is exchanged for a token first.
    ResetCode,
    /// That token.
    ResetSession,
    /// A new password by a mailed link, which the bank makes and mails.
    ResetLink,
    /// An address that a link was mailed to, of who is a customer already.
    EmailProof,
}

impl Purpose {
    /// How long what was mailed for it is good.
    pub const fn life(self) -> Duration {
        match self {
            Self::Login | Self::StepUp => CODE_LIFE,
            Self::EmailChange | Self::PasswordReset => CHANGE_LIFE,
            Self::ResetCode => SHORT_CODE_LIFE,
            Self::ResetSession => RESET_SESSION_LIFE,
            Self::EmailProof => LINK_LIFE,
            Self::ResetLink => RESET_LINK_LIFE,
        }
    }
}

/// How long what was mailed for a purpose at a door is good.
pub const fn life(facade: Facade, purpose: Purpose) -> Duration {
    match (facade, purpose) {
        (Facade::CardBank, Purpose::PasswordReset) => CARD_BANK_LINK_LIFE,
        (_, purpose) => purpose.life(),
    }
}

/// What a one-time secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// So many decimal digits, to be typed.
    Digits(usize),
    /// Four capital letters and four digits in any order, to be typed.
    Mixed,
    /// 256 random bits as text, to be carried by a link.
    Token,
    /// A short key that stands in the path of a link.
    LinkKey,
}

/// What a door's secrets for a purpose look like.
pub const fn form(facade: Facade, purpose: Purpose) -> Form {
    match (facade, purpose) {
        (_, Purpose::PasswordReset | Purpose::ResetSession | Purpose::EmailProof)
        | (Facade::Fintract, Purpose::EmailChange) => Form::Token,
        (_, Purpose::ResetLink) => Form::LinkKey,
        (_, Purpose::ResetCode) => Form::Digits(SHORT_CODE_DIGITS),
        (Facade::CardBank, Purpose::Login) => Form::Mixed,
        (_, Purpose::Login | Purpose::StepUp | Purpose::EmailChange) => Form::Digits(CODE_DIGITS),
    }
}

/// How a person can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactorKind {
    /// A code in a letter.
    Email,
    /// A code of the person's authenticator.
    Totp,
    /// One of the codes for who has lost the authenticator.
    RecoveryCode,
}

/// How a person can answer: by a letter, until there is an authenticator. From then on a
/// letter opens nothing, or whoever reads the person's mail would pass it by.
pub const fn methods(has_totp: bool) -> &'static [SecondFactorKind] {
    if has_totp {
        &[SecondFactorKind::Totp, SecondFactorKind::RecoveryCode]
    } else {
        &[SecondFactorKind::Email]
    }
}

/// Which method a code is meant for: the one that is named, else the one that it looks like.
///
/// `None` where the person cannot answer by what was named.
pub fn method(
    has_totp: bool,
    named: Option<SecondFactorKind>,
    code: &str,
) -> Option<SecondFactorKind> {
    let digits = code.len() == CODE_DIGITS && code.bytes().all(|b| b.is_ascii_digit());
    let meant = named.unwrap_or(match (has_totp, digits) {
        (false, _) => SecondFactorKind::Email,
        (true, true) => SecondFactorKind::Totp,
        (true, false) => SecondFactorKind::RecoveryCode,
    });
    methods(has_totp).contains(&meant).then_some(meant)
}

/// Until when a fresh code is good, for a challenge that was made at `created_at`.
pub fn resent_until(created_at: Instant, now: Instant) -> Instant {
    (now + CODE_LIFE).min(created_at + LOGIN_LIFE)
}

/// What a client may know of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Names the challenge.
    pub challenge_id: ChallengeId,
    /// How it can be answered.
    pub methods: Vec<SecondFactorKind>,
    /// Where the code went, mostly hidden; none where an authenticator answers.
    pub sent_to: Option<String>,
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

/// How far the clocks of two machines of ours may be apart.
const CLOCKS_APART: Duration = Duration::seconds(5);

/// Judges a guess that has already been counted; `guesses` includes it.
///
/// What was made in the time to come was made before the clock was set back: how old it is
/// nobody knows, so it is too old.
pub fn judge(
    guesses: i64,
    (made_at, expires_at): (Instant, Instant),
    now: Instant,
    fits: bool,
) -> Guess {
    if guesses > GUESSES_MAX {
        Guess::UsedUp
    } else if now >= expires_at || made_at > now + CLOCKS_APART {
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

    use super::{
        CODE_LIFE, GUESSES_MAX, Guess, LOGIN_LIFE, SecondFactorKind, judge, method, resent_until,
    };
    use crate::types::clock::Instant;

    #[test]
    fn a_letter_never_stands_in_for_an_authenticator() {
        use SecondFactorKind::{Email, RecoveryCode, Totp};
        assert_eq!(method(false, None, "abc"), Some(Email));
        assert_eq!(method(false, Some(Totp), "123456"), None);
        assert_eq!(method(true, None, "123456"), Some(Totp));
        assert_eq!(method(true, None, "abcdef-ghjkmn"), Some(RecoveryCode));
        assert_eq!(method(true, Some(RecoveryCode), "123456"), Some(RecoveryCode));
        assert_eq!(method(true, Some(Email), "123456"), None);
    }

    #[test]
    fn a_fresh_code_does_not_make_a_login_wait_for_ever() {
        let made: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let later = made + Duration::minutes(5);
        assert_eq!(resent_until(made, later), later + CODE_LIFE);
        assert_eq!(resent_until(made, made + Duration::minutes(25)), made + LOGIN_LIFE);
    }

    #[test]
    fn the_right_code_counts_only_in_time_and_within_five_guesses() {
        let made: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let ends = made + CODE_LIFE;
        let last = ends - Duration::microseconds(1);
        let life = (made, ends);
        assert_eq!(judge(GUESSES_MAX, life, last, true), Guess::Right);
        assert_eq!(judge(1, life, last, false), Guess::Wrong);
        assert_eq!(judge(1, life, ends, true), Guess::Expired);
        assert_eq!(judge(GUESSES_MAX + 1, life, made, true), Guess::UsedUp);
        assert_eq!(judge(1, life, made - Duration::seconds(5), true), Guess::Right);
        assert_eq!(judge(1, life, made - Duration::seconds(6), true), Guess::Expired);
    }
}
