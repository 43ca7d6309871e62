//! How deep a document nests, counted before it is parsed.
//!
//! The parser recurses with every bracket, and a few kilobytes of brackets would
//! run it off its stack and end the process. So brackets are counted first, on
//! the text itself, outside strings and comments.

/// The deepest nesting of brackets that is parsed; a schema of depth 12 needs far less.
const DEPTH_MAX: usize = 64;

/// Brackets never nest deeper than is safe to parse.
pub fn is_safe(document: &str) -> bool {
    let mut rest = document.as_bytes();
    let mut depth = 0_usize;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match byte {
            b'"' => after_string(rest),
            b'#' => {
                let end = rest.iter().position(|&b| b == b'\n' || b == b'\r');
                &rest[end.unwrap_or(rest.len())..]
            }
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return false;
                }
                tail
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                tail
            }
            _ => tail,
        };
    }
    true
}

/// What follows a string that begins here; an open end is for the parser to refuse.
fn after_string(text: &[u8]) -> &[u8] {
    let (quote, escape): (&[u8], &[u8]) =
        if text.starts_with(b"\"\"\"") { (b"\"\"\"", b"\\\"\"\"") } else { (b"\"", b"\\") };
    let mut rest = &text[quote.len()..];
    loop {
        if rest.is_empty() || rest.starts_with(quote) {
            return rest.get(quote.len()..).unwrap_or_default();
        }
        if rest.starts_with(escape) {
            // In a plain string a backslash takes whatever follows with it.
            let skipped = if escape.len() == 1 { 2 } else { escape.len() };
            rest = rest.get(skipped..).unwrap_or_default();
        } else if quote.len() == 1 && (rest[0] == b'\n' || rest[0] == b'\r') {
            // A plain string ends with its line, whatever the parser makes of it.
            return rest;
        } else {
            rest = &rest[1..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, is_safe};

    #[test]
    fn deep_brackets_of_any_kind_are_refused() {
        assert!(is_safe(&"{".repeat(DEPTH_MAX)));
        for bracket in ["{", "[", "(", "{a(b:[", "{a:{b:"] {
            assert!(!is_safe(&bracket.repeat(DEPTH_MAX + 1)), "{bracket}");
        }
        assert!(is_safe(&"{}".repeat(10_000)), "many, but not deep");
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let deep = "{".repeat(1_000);
        assert!(is_safe(&format!("{{ a(b: \"{deep}\") }}")));
        assert!(is_safe(&format!("{{ a(b: \"\"\"{deep}\\\"\"\" {deep}\"\"\") }}")));
        assert!(is_safe(&format!("# {deep}\n{{ a }}")));
    }

    #[test]
    fn a_string_hides_nothing_that_follows_it() {
        let deep = "{".repeat(1_000);
        for hidden in [
            format!("\"\" {deep}"),
            format!("\"\\\"\" {deep}"),
            format!("\"\\\\\" {deep}"),
            format!("\"open\n{deep}"),
            format!("\"\"\"x\"\"\" {deep}"),
            format!("# \"\n{deep}"),
            format!("#\r{deep}"),
        ] {
            assert!(!is_safe(&hidden), "{}", &hidden[..12]);
        }
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for text in ["", "\"", "\"\\", "\"\"\"", "\"\"\"\\", "\"\"\"\\\"\"", "#", "é\"é"] {
            assert!(is_safe(text), "{text:?}");
        }
    }
}
