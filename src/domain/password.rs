//! Which passwords the bank takes.

use std::{collections::HashSet, sync::LazyLock};

use super::user::full_name;
use crate::types::text::Email;

/// The shortest password, in characters.
pub const LENGTH_MIN: usize = 8;
/// The longest password, in characters.
pub const LENGTH_MAX: usize = 128;

/// The bank's own name is the first thing that people try.
const BANK_NAME: &str = "teller";

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("common_passwords.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

/// What everybody knows of whoever chooses a password.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// Their address.
    pub email: Option<&'k Email>,
    /// Their first name.
    pub first_name: Option<&'k str>,
    /// Their last name.
    pub last_name: Option<&'k str>,
    /// The name they chose.
    pub username: Option<&'k str>,
}

impl Known<'_> {
    /// The words that an attacker tries first.
    fn words(&self) -> [String; 6] {
        let text = |word: Option<&str>| word.unwrap_or_default().to_owned();
        [
            text(self.email.map(Email::as_str)),
            text(self.email.map(Email::local_part)),
            text(self.first_name),
            text(self.last_name),
            full_name(self.first_name, self.last_name),
            text(self.username),
        ]
    }
}

/// Why a password is not taken: the rest of a sentence that begins with the field's name.
///
/// There are no rules of composition, and nothing is ever cut or folded.
pub fn check(password: &str, known: &Known<'_>) -> Result<(), &'static str> {
    let length = password.chars().count();
    if length < LENGTH_MIN {
        return Err("must have at least 8 characters");
    }
    if length > LENGTH_MAX {
        return Err("must have at most 128 characters");
    }
    if COMMON.contains(password.to_lowercase().as_str()) {
        return Err("must not be one of the most common passwords");
    }
    let bare = letters_and_digits(password);
    // What has neither letters nor digits is no word, and not equal to a name that is not there.
    let is_word = |word: &String| !bare.is_empty() && letters_and_digits(word) == bare;
    if bare == BANK_NAME || known.words().iter().any(is_word) {
        return Err("must not be your name, your email address or the bank's name");
    }
    Ok(())
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{Known, check};
    use crate::types::text::Email;

    #[test]
    fn length_is_counted_in_characters() {
        assert!(check("1234567", &Known::default()).is_err());
        assert!(check(&"🦀".repeat(64), &Known::default()).is_ok());
        assert!(check(&"x1".repeat(64), &Known::default()).is_ok());
        assert!(check(&"x1".repeat(65), &Known::default()).is_err());
    }

    #[test]
    fn what_everybody_tries_is_refused() {
        for password in ["password123", "PassWord123", "qwertyuiop", "Te-l-l-er!"] {
            assert!(check(password, &Known::default()).is_err(), "{password}");
        }
        let email = Email::parse("ann.b.lee@example.org").unwrap();
        let known = Known {
            email: Some(&email),
            first_name: Some("Annabel"),
            last_name: Some("Leeward"),
            username: Some("the_crane"),
        };
        for password in [
            "Ann.B.Lee@Example.org",
            "annb--lee",
            "annabel!!",
            "LEEWARD.",
            "Annabel Leeward",
            "TheCrane",
        ] {
            assert!(check(password, &known).is_err(), "{password}");
        }
        assert!(check("annabel likes cranes", &known).is_ok());
    }
}
