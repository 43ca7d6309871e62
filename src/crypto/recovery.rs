//! Recovery codes: 120 random bits each, written so that a person can type them.
//!
//! They carry so much chance that a plain hash of them tells nothing, so they outlive the
//! secret key that was in use when they were made.

use super::{mac, mac::Hash};
use crate::types::{entropy, entropy::Entropy};

/// Crockford's base 32: no letter looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 24;
const GROUP: usize = 6;

/// A fresh code: `7k2m9x-4tq8vh-…`, four groups of six.
pub fn draw(entropy: &dyn Entropy) -> String {
    let mut code = String::new();
    for place in 0..LENGTH {
        if place > 0 && place % GROUP == 0 {
            code.push('-');
        }
        let drawn = usize::try_from(entropy::below(entropy, 32)).expect("it is below 32");
        code.push(char::from(ALPHABET[drawn]));
    }
    code
}

/// What is stored of a person's code, however they typed it; `None` where it is no code.
pub fn hash(person: &[u8], typed: &str) -> Option<Hash> {
    if typed.len() > 4 * LENGTH {
        return None;
    }
    let mut bare = Vec::with_capacity(LENGTH);
    for byte in typed.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'-') {
        let letter = match byte.to_ascii_lowercase() {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            other => other,
        };
        bare.push(letter);
    }
    let fits = bare.len() == LENGTH && bare.iter().all(|byte| ALPHABET.contains(byte));
    fits.then(|| mac::sha256(&[person, &bare].concat()))
}

#[cfg(test)]
mod tests {
    use super::{draw, hash};
    use crate::types::entropy::SystemEntropy;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let code = draw(&SystemEntropy);
        assert_eq!(code.len(), 27, "{code}");
        let known = hash(b"ann", &code);
        assert!(known.is_some());
        assert_eq!(hash(b"ann", &format!(" {} ", code.to_uppercase().replace('-', " "))), known);
        assert_eq!(hash(b"ann", &code.replace('0', "O").replace('1', "l")), known);
        assert_ne!(hash(b"bob", &code), known);
        assert_ne!(hash(b"ann", &draw(&SystemEntropy)), known);
    }

    #[test]
    fn what_is_no_code_has_no_hash() {
        for typed in ["", "123456", "u23456-123456-123456-123456", &"1".repeat(10_000)] {
            assert_eq!(hash(b"ann", typed), None);
        }
    }
}
