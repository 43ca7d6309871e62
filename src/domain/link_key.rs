//! Keys that stand in the path of a mailed link: short, so that mail programs do not break
//! the line, and of characters that are not read as another.

/// The characters of a key: 28, so that a key has 76 bits.
pub const ALPHABET: &str = "abcefghijkmnopqrtuvwxyz23479";
/// How many characters a key has.
pub const LENGTH: usize = 16;

/// A text has the form of a key.
pub fn is_key(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.as_bytes().contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::is_key;

    #[test]
    fn a_key_is_sixteen_characters_of_its_alphabet() {
        assert!(is_key("abcefghijkmnopq2"));
        for text in
            ["", "abcefghijkmnopq", "abcefghijkmnopq22", "abcdefghijkmnop2", "ABCEFGHIJKMNOPQ2"]
        {
            assert!(!is_key(text), "{text}");
        }
    }
}
