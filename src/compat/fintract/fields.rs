//! The fields that several routes take, and how names are split and joined.

use crate::compat::wire::drf::Field;

/// The address.
pub const EMAIL: Field<'_> = Field::required("email").max(254);
/// The name to sign in by.
pub const USERNAME: Field<'_> = Field::required("username").max(150);
/// What a name to sign in by is not.
pub const NO_USERNAME: &str = "Enter a valid username. This value may contain only letters, \
    numbers, and @/./+/-/_ characters.";

/// Letters, digits and five signs.
pub fn is_username(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || "@.+-_".contains(c))
}

/// First name and last name: the last word is the last name where there are two or more.
pub fn split(name: &str) -> (Option<String>, Option<String>) {
    let words: Vec<&str> = name.split_whitespace().collect();
    match words.as_slice() {
        [] => (None, None),
        [one] => (Some((*one).to_owned()), None),
        [first @ .., last] => (Some(first.join(" ")), Some((*last).to_owned())),
    }
}

/// What stands in links before the token.
pub const LINK: &str = "/compat/fintract/verify-email/?token=";

#[cfg(test)]
mod tests {
    use super::{is_username, split};

    #[test]
    fn the_last_word_is_the_last_name() {
        let pair = |first: &str, last: &str| (Some(first.to_owned()), Some(last.to_owned()));
        assert_eq!(split(" John  Q Doe "), pair("John Q", "Doe"));
        assert_eq!(split("John"), (Some("John".to_owned()), None));
        assert_eq!(split(" "), (None, None));
        assert!(is_username("John.Doe_+-@1") && !is_username("John Doe"));
    }
}
