//! Codes that invite people to become customers.

/// The shortest code, in characters.
const LENGTH_MIN: usize = 3;
/// The longest code, in characters.
const LENGTH_MAX: usize = 16;

/// Why a code is none: the rest of a sentence that begins with its name.
pub fn check(code: &str) -> Result<(), &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (LENGTH_MIN..=LENGTH_MAX).contains(&code.len()) && code.bytes().all(fits) {
        Ok(())
    } else {
        Err("must be 3 to 16 letters, digits, _ and -")
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_code_is_short_and_plain() {
        for code in ["abc", "testInviteCode", "A_b-9", "0123456789abcdef"] {
            assert!(check(code).is_ok(), "{code}");
        }
        for code in ["", "ab", "0123456789abcdefg", "a b c", "caf\u{e9}", "abc\n"] {
            assert!(check(code).is_err(), "{code}");
        }
    }
}
