//! Chance, passed in wherever it is needed, so that a test can seed it.

use std::fmt::Debug;

/// A source of random bytes.
pub trait Entropy: Send + Sync + Debug {
    /// Fills `bytes` with bytes that nobody can foretell.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's own source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("a kernel without randomness cannot run a bank");
    }
}

/// An array of `N` random bytes.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut out = [0_u8; N];
    entropy.fill(&mut out);
    out
}

/// A number from 0 up to, and without, `bound`; every one is equally likely.
///
/// `bound` must not be 0.
pub fn below(entropy: &dyn Entropy, bound: u64) -> u64 {
    // The tail that would make the low numbers likelier is drawn again.
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = u64::from_be_bytes(bytes(entropy));
        if drawn < limit {
            return drawn % bound;
        }
    }
}

/// `count` random decimal digits.
pub fn digits(entropy: &dyn Entropy, count: usize) -> String {
    (0..count)
        .map(|_| char::from(b'0' + u8::try_from(below(entropy, 10)).expect("a digit is below 10")))
        .collect()
}

/// Four capital letters and four digits, in any order.
pub fn mixed(entropy: &dyn Entropy) -> String {
    let below = |bound: usize| {
        let drawn = below(entropy, u64::try_from(bound).expect("a few bits"));
        usize::try_from(drawn).expect("it is below a few")
    };
    let one = |first: u8, bound| char::from(first + u8::try_from(below(bound)).expect("a few"));
    let mut drawn: Vec<char> = (0..4).flat_map(|_| [one(b'A', 26), one(b'0', 10)]).collect();
    for last in (1..drawn.len()).rev() {
        drawn.swap(last, below(last + 1));
    }
    drawn.into_iter().collect()
}

/// `count` random letters and digits, none of which is read as another.
pub fn letters(entropy: &dyn Entropy, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let one = |_| usize::try_from(below(entropy, 32)).expect("five bits fit");
    (0..count).map(one).map(|place| char::from(ALPHABET[place])).collect()
}

/// `count` random letters of both cases and digits.
pub fn alphanumerics(entropy: &dyn Entropy, count: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let one = |_| usize::try_from(below(entropy, 62)).expect("six bits fit");
    (0..count).map(one).map(|place| char::from(ALPHABET[place])).collect()
}

/// `count` random characters of an alphabet, each as likely as the others.
///
/// The alphabet must be ASCII and not empty.
pub fn characters(entropy: &dyn Entropy, alphabet: &str, count: usize) -> String {
    let letters = alphabet.as_bytes();
    let one = |_| usize::try_from(below(entropy, letters.len() as u64)).expect("a place in it");
    (0..count).map(one).map(|place| char::from(letters[place])).collect()
}

#[cfg(test)]
mod tests {
    use super::{SystemEntropy, below, characters, digits, mixed};

    #[test]
    fn characters_are_of_their_alphabet_and_reach_all_of_it() {
        let text = characters(&SystemEntropy, "xyz", 300);
        assert_eq!(text.len(), 300);
        assert!(["x", "y", "z"].iter().all(|one| text.contains(one)));
        assert!(text.bytes().all(|byte| b"xyz".contains(&byte)));
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_them() {
        let mut seen = [false; 10];
        for _ in 0..1_000 {
            seen[usize::try_from(below(&SystemEntropy, 10)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 10]);
    }

    #[test]
    fn a_mixed_code_has_four_letters_and_four_digits_anywhere() {
        let mut firsts = [false; 2];
        for _ in 0..200 {
            let text = mixed(&SystemEntropy);
            let count = |is: fn(&u8) -> bool| text.bytes().filter(is).count();
            assert_eq!(text.len(), 8);
            assert_eq!(count(u8::is_ascii_uppercase), 4, "{text}");
            assert_eq!(count(u8::is_ascii_digit), 4, "{text}");
            firsts[usize::from(text.as_bytes()[0].is_ascii_digit())] = true;
        }
        assert_eq!(firsts, [true; 2]);
    }

    #[test]
    fn digits_are_digits() {
        let text = digits(&SystemEntropy, 16);
        assert_eq!(text.len(), 16);
        assert!(text.bytes().all(|b| b.is_ascii_digit()));
    }
}
