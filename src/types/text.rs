//! Texts with a form, parsed once where they enter and trusted after.
//!
//! Each refusal is the rest of a sentence that begins with the field's name:
//! "must be an email address such as ann@example.org".

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// Why a text has not the form that its field asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub &'static str);

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+};
}

texts! {
    /// An email address as its owner wrote it.
    Email;
    /// A phone number: an optional `+` and 7 to 15 digits.
    Phone;
    /// A part of a person's name.
    PersonName;
    /// One line of text with something in it.
    Line;
    /// The name that a person chose for themselves.
    Username;
}

impl Email {
    /// Reads an address of the form `local@domain.tld`, at most 254 characters.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        let error = TextError("must be an email address such as ann@example.org");
        let (local, domain) = text.rsplit_once('@').ok_or(error)?;
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b);
        let local_fits = local.len() <= 64
            && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
        let label = |part: &str| {
            !part.is_empty()
                && part.len() <= 63
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let domain_fits = domain.contains('.') && domain.split('.').all(label);
        if text.len() <= 254 && local_fits && domain_fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(error)
        }
    }

    /// What two spellings of one address have in common: its lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The address with most of its local part hidden: `a••@example.org`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        format!("{}•••@{domain}", local.chars().next().unwrap_or('•'))
    }
}

impl Phone {
    /// Reads a number; spaces, hyphens, dots and brackets between digits are dropped.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let error = TextError("must be a phone number of 7 to 15 digits, such as +12025550123");
        let bare: String = text.trim().chars().filter(|c| !" -.()".contains(*c)).collect();
        let digits = bare.strip_prefix('+').unwrap_or(&bare);
        let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if fits { Ok(Self(bare)) } else { Err(error) }
    }
}

/// Control characters would forge lines in logs and letters.
fn printable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c))
}

impl PersonName {
    /// Reads 1 to 100 characters on one line, with at least one letter.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text: String = text.trim().nfc().collect();
        let fits = text.chars().count() <= 100
            && text.chars().any(char::is_alphabetic)
            && printable(&text);
        let error = TextError("must be a name of 1 to 100 characters on one line");
        if fits { Ok(Self(text)) } else { Err(error) }
    }
}

impl Username {
    /// Reads 3 to 64 letters of ASCII, digits, dots, hyphens and underscores.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        let taken = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        let fits = (3..=64).contains(&text.len()) && text.bytes().all(taken);
        let error = TextError("must be 3 to 64 letters, digits, dots, hyphens and underscores");
        if fits { Ok(Self(text.to_owned())) } else { Err(error) }
    }

    /// What two spellings of one name have in common: its lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl Line {
    /// Reads 1 to 255 characters on one line.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text: String = text.trim().nfc().collect();
        let fits = !text.is_empty() && text.chars().count() <= 255 && printable(&text);
        let error = TextError("must be 1 to 255 characters on one line");
        if fits { Ok(Self(text)) } else { Err(error) }
    }

    /// Reads a line that may be missing; a blank one is none.
    pub fn parse_optional(text: Option<&str>) -> Result<Option<Self>, TextError> {
        match text.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => Self::parse(text).map(Some),
        }
    }
}

/// A social security number, which only a sealed column may keep.
#[derive(Clone, PartialEq, Eq)]
pub struct SocialSecurity(String);

impl SocialSecurity {
    /// Reads 4 to 20 letters and digits; spaces, hyphens and dots are dropped.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let bare: String = text.trim().chars().filter(|c| !" -.".contains(*c)).collect::<String>();
        let fits =
            (4..=20).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_alphanumeric());
        let error = TextError("must be a social security number of 4 to 20 letters and digits");
        if fits { Ok(Self(bare.to_ascii_uppercase())) } else { Err(error) }
    }

    /// The number itself, without separators.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SocialSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocialSecurity(…)")
    }
}

/// A card's number: 16 digits, the last of which is Luhn's.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNumber(String);

impl CardNumber {
    /// Reads 16 digits whose last one fits; spaces and hyphens are dropped.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let bare: String = text.trim().chars().filter(|c| !" -".contains(*c)).collect();
        let error = TextError("must be a card number of 16 digits");
        let digits = bare.len() == 16 && bare.bytes().all(|b| b.is_ascii_digit());
        if digits && luhn_sum(&bare).is_multiple_of(10) { Ok(Self(bare)) } else { Err(error) }
    }

    /// The number that begins with 15 digits: the last one is computed.
    ///
    /// `None` where the text is not 15 digits.
    pub fn complete(fifteen: &str) -> Option<Self> {
        if fifteen.len() != 15 || !fifteen.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let check = (10 - luhn_sum(&format!("{fifteen}0")) % 10) % 10;
        Some(Self(format!("{fifteen}{check}")))
    }

    /// All 16 digits.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four digits, which are shown to whoever may see the card.
    pub fn last4(&self) -> &str {
        &self.0[12..]
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardNumber(…{})", self.last4())
    }
}

/// The number with all but its last four digits hidden.
pub fn masked_card_number(last4: &str) -> String {
    format!("•••• •••• •••• {last4}")
}

fn luhn_sum(digits: &str) -> u32 {
    let doubled = |value: u32| if value > 4 { value * 2 - 9 } else { value * 2 };
    let values = digits.bytes().rev().map(|b| u32::from(b - b'0'));
    values.enumerate().map(|(place, v)| if place % 2 == 1 { doubled(v) } else { v }).sum()
}

#[cfg(test)]
mod tests {
    use super::{CardNumber, Email, Line, PersonName, Phone, SocialSecurity};

    #[test]
    fn an_address_keeps_its_spelling_and_has_one_key() {
        let email = Email::parse(" Ann.Lee+bank@Example.ORG ").unwrap();
        assert_eq!(email.as_str(), "Ann.Lee+bank@Example.ORG");
        assert_eq!(email.key(), "ann.lee+bank@example.org");
        assert_eq!(email.masked(), "A•••@Example.ORG");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ann",
            "ann@",
            "@example.org",
            "ann@localhost",
            "a b@example.org",
            "ann@exa mple.org",
            "ann@-x.org",
            "ann@@example.org",
            ".ann@example.org",
            "ann@example.org\r\nBcc: eve@example.org",
            "ann@ex\u{e4}mple.org",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@example.org", "a".repeat(65))).is_err());
    }

    #[test]
    fn a_card_number_passes_luhn() {
        assert!(CardNumber::parse("4111 1111 1111 1111").is_ok());
        assert!(CardNumber::parse("4111111111111112").is_err());
        let made = CardNumber::complete("411111111111111").unwrap();
        assert_eq!((made.expose(), made.last4()), ("4111111111111111", "1111"));
        assert_eq!(format!("{made:?}"), "CardNumber(…1111)");
    }

    #[test]
    fn phones_and_numbers_lose_their_separators() {
        assert_eq!(Phone::parse("+1 (202) 555-0123").unwrap().as_str(), "+12025550123");
        assert!(Phone::parse("12345").is_err());
        assert!(Phone::parse("+1202555012x").is_err());
        assert_eq!(SocialSecurity::parse("078-05-1120").unwrap().expose(), "078051120");
        assert!(SocialSecurity::parse("no!").is_err());
    }

    #[test]
    fn names_and_lines_stay_on_one_line() {
        assert_eq!(PersonName::parse(" Zoe\u{308} ").unwrap().as_str(), "Zo\u{eb}");
        for text in ["", "  ", "42", "Ann\r\nBcc: x", "Ann\u{202e}"] {
            assert!(PersonName::parse(text).is_err(), "{text:?}");
        }
        assert!(Line::parse("rent\nmore").is_err());
        assert!(Line::parse(&"x".repeat(256)).is_err());
        assert_eq!(Line::parse_optional(Some("  ")), Ok(None));
    }
}
