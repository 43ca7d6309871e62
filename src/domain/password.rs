//! Which passwords the bank takes.

use std::{collections::HashSet, sync::LazyLock};

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

/// Why a password is not taken: the rest of a sentence that begins with the field's name.
///
/// `context` are words that an attacker knows: the email, its local part, names.
/// There are no rules of composition, and nothing is ever cut or folded.
pub fn check(password: &str, context: &[&str]) -> Result<(), &'static str> {
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
    if bare == BANK_NAME || context.iter().any(|word| letters_and_digits(word) == bare) {
        return Err("must not be your name, your email address or the bank's name");
    }
    Ok(())
}

fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn length_is_counted_in_characters() {
        assert!(check("1234567", &[]).is_err());
        assert!(check(&"🦀".repeat(64), &[]).is_ok());
        assert!(check(&"x1".repeat(64), &[]).is_ok());
        assert!(check(&"x1".repeat(65), &[]).is_err());
    }

    #[test]
    fn what_everybody_tries_is_refused() {
        for password in ["password123", "PassWord123", "qwertyuiop", "Te-l-l-er!"] {
            assert!(check(password, &[]).is_err(), "{password}");
        }
        let context = ["ann.lee@example.org", "ann.lee", "Annabel", "Leeward"];
        for password in ["Ann.Lee@Example.org", "annabel!!", "LEEWARD."] {
            assert!(check(password, &context).is_err(), "{password}");
        }
        assert!(check("annabel likes cranes", &context).is_ok());
    }
}
