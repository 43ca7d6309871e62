//! Percent-encoded text in paths.

/// Decodes a segment of a path; `None` where it is no text.
pub fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_is_no_text_is_no_segment() {
        assert_eq!(decode("a%2Fb%C3%A9").as_deref(), Some("a/b\u{e9}"));
        for broken in ["%", "%1", "%zz", "%+1", "%ff", "%\u{e9}"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
