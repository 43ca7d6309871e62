//! The strings of a document, as the parser reads them.
//!
//! The parser does not know all that the specification of September 2025 says of strings:
//! it refuses a character that is written as `\u{1F355}` or as two surrogates, and of a
//! block string it keeps the backslash that stands before three quotes. Such a string is
//! written anew before the parser sees it, in as much room as it had, so that an error
//! still tells the right place.
//!
//! A string that is wrong stays as it is: the parser refuses it.

use std::borrow::Cow;

use super::nesting::{length_until, string_length};

/// A document whose strings the parser reads as they are meant; the time and the memory
/// grow with its length only.
pub fn readable(document: &str) -> Cow<'_, str> {
    let bytes = document.as_bytes();
    let (mut at, mut copied) = (0, 0);
    let mut anew = String::new();
    while let Some(&byte) = bytes.get(at) {
        let next = match byte {
            // One that never closes was refused before.
            b'"' => at + string_length(&bytes[at..]).unwrap_or(bytes.len() - at),
            b'#' => at + length_until(&bytes[at..], |b| b == b'\n' || b == b'\r'),
            _ => at + 1,
        };
        if byte == b'"'
            && let Some(token) = document.get(at..next)
            && let Some(written) = written_anew(token)
        {
            anew.push_str(&document[copied..at]);
            fill(&mut anew, token, &written);
            copied = next;
        }
        at = next;
    }
    if copied == 0 {
        return Cow::Borrowed(document);
    }
    anew.push_str(&document[copied..]);
    Cow::Owned(anew)
}

/// A string that the parser would not read as it is meant, as a plain string that it reads.
fn written_anew(token: &str) -> Option<String> {
    let content = if let Some(block) = token.strip_prefix("\"\"\"") {
        let raw = block.strip_suffix("\"\"\"")?;
        if !raw.contains("\\\"\"\"") {
            return None;
        }
        let mut content = String::with_capacity(raw.len());
        for c in without_indent(&raw.replace("\\\"\"\"", "\"\"\"")).chars() {
            push(&mut content, c);
        }
        content
    } else {
        let raw = token.strip_prefix('"')?.strip_suffix('"')?;
        if !raw.contains("\\u") {
            return None;
        }
        with_characters(raw)?
    };
    Some(format!("\"{content}\""))
}

/// Puts a character into a plain string, escaped where it must be.
fn push(content: &mut String, c: char) {
    match c {
        '"' => content.push_str("\\\""),
        '\\' => content.push_str("\\\\"),
        '\n' => content.push_str("\\n"),
        '\r' => content.push_str("\\r"),
        other => content.push(other),
    }
}

/// The content of a plain string with the characters in place of their numbers; none where
/// a number is no character.
fn with_characters(raw: &str) -> Option<String> {
    let mut content = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(escape) = rest.find('\\') {
        content.push_str(&rest[..escape]);
        let escaped = &rest[escape + 1..];
        if let Some(number) = escaped.strip_prefix('u') {
            let (character, behind) = character(number)?;
            push(&mut content, character);
            rest = behind;
        } else {
            let length = escaped.chars().next()?.len_utf8();
            content.push_str(&rest[escape..=escape + length]);
            rest = &escaped[length..];
        }
    }
    content.push_str(rest);
    Some(content)
}

/// The character whose number stands here, and what stands behind it.
fn character(text: &str) -> Option<(char, &str)> {
    if let Some(open) = text.strip_prefix('{') {
        let (digits, behind) = open.split_once('}')?;
        return Some((char::from_u32(hexadecimal(digits)?)?, behind));
    }
    let (high, behind) = (hexadecimal(text.get(..4)?)?, text.get(4..)?);
    if !(0xd800..0xdc00).contains(&high) {
        return Some((char::from_u32(high)?, behind));
    }
    let low = behind.strip_prefix("\\u")?;
    let (low, behind) = (hexadecimal(low.get(..4)?)?, low.get(4..)?);
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?, behind))
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// What a block string means: without the indent that its lines have in common, and
/// without blank lines before and after them (`BlockStringValue` of the specification).
fn without_indent(raw: &str) -> String {
    let breaks = raw.replace("\r\n", "\n");
    let mut lines: Vec<&str> = breaks.split(['\n', '\r']).collect();
    let indent_of = |line: &str| line.find(|c| c != ' ' && c != '\t');
    let indent = lines.iter().skip(1).filter_map(|line| indent_of(line)).min().unwrap_or(0);
    for line in lines.iter_mut().skip(1) {
        *line = line.get(indent..).unwrap_or_default();
    }
    let is_blank = |line: &&&str| indent_of(line).is_none();
    let before = lines.iter().take_while(is_blank).count();
    let after = lines[before..].iter().rev().take_while(is_blank).count();
    lines[before..lines.len() - after].join("\n")
}

/// Writes a string into the room that another one had: its lines, and its last column.
fn fill(anew: &mut String, token: &str, written: &str) {
    anew.push_str(written);
    let is_break = |c: char| c == '\n' || c == '\r';
    let last = token.rsplit(is_break).next().unwrap_or_default().chars().count();
    let breaks = anew.len();
    anew.extend(token.chars().filter(|c| is_break(*c)));
    let used = if anew.len() == breaks { written.chars().count() } else { 0 };
    anew.extend(std::iter::repeat_n(' ', last.saturating_sub(used)));
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use async_graphql::parser::{
        parse_query,
        types::{DocumentOperations, Selection},
    };
    use async_graphql_value::Value;

    use super::readable;

    /// What the parser reads of a string that stands in a document.
    fn read(string: &str) -> Option<String> {
        let text = format!("{{ a(b: {string}) }}");
        let document = parse_query(readable(&text)).ok()?;
        let DocumentOperations::Single(operation) = document.operations else { return None };
        let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else {
            return None;
        };
        match &field.node.get_argument("b")?.node {
            Value::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    #[test]
    fn a_character_may_be_written_by_its_number() {
        for (written, meant) in [
            (r#""\uD83C\uDF55""#, "🍕"),
            (r#""\ud83c\udf55\uD83C\uDF55 \u0041""#, "🍕🍕 A"),
            (r#""\u{1F355}""#, "🍕"),
            (r#""a\u{41}\u{00000000042}\u{10ffff}\u{d7ff}""#, "aAB\u{10ffff}\u{d7ff}"),
            (r#""\u{22}\u{5C}\u{A}\u{d}\u{0}\u0022\u005cn""#, "\"\\\n\r\0\"\\n"),
            (r#""\\u{1F355} \\\u{1F355} \" \/\b\f\n\r\t""#, "\\u{1F355} \\🍕 \" /\u{8}\u{c}\n\r\t"),
            (r#""ü🍕\u00fc""#, "ü🍕ü"),
        ] {
            assert_eq!(read(written).as_deref(), Some(meant), "{written}");
        }
    }

    #[test]
    fn what_is_no_character_is_left_to_the_parser_to_refuse() {
        for wrong in [
            r#""\uD83C""#,
            r#""\uDF55""#,
            r#""\uDF55\uD83C""#,
            r#""\uD83C\u0041""#,
            r#""\uD83C\u{DF55}""#,
            r#""\uD83C \uDF55""#,
            r#""\u{D83C}""#,
            r#""\u{110000}""#,
            r#""\u{FFFFFFFFFFFFFFFF}""#,
            r#""\u{}""#,
            r#""\u{1F355""#,
            r#""\u{+41}""#,
            r#""\u{1F355} \u12""#,
            r#""\u12ü4""#,
            r#""\u{1F355} \x""#,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn three_quotes_in_a_block_string_lose_their_backslash() {
        for (written, meant) in [
            (r#""""a \""" b""""#, r#"a """ b"#),
            (r#""""\"""""""#, r#"""""#),
            (r#""""\"""\"""\\ \u{41} \n""""#, r#"""""""\\ \u{41} \n"#),
            ("\"\"\"\r\n  a\r\n\r\n    \\\"\"\"\r  b\n \n\"\"\"", "a\n\n  \"\"\"\nb"),
            ("\"\"\"x\n\t\ty \\\"\"\"\n\t\t\tz\"\"\"", "x\ny \"\"\"\n\tz"),
        ] {
            assert_eq!(read(written).as_deref(), Some(meant), "{written}");
        }
    }

    #[test]
    fn a_block_string_means_the_same_with_and_without_three_quotes() {
        for text in
            ["a", "\n  a\n    b\n  c\n", " \n\n\t\n", "a\n\n   b", "\n\n  a\r\n b\r\r c \n "]
        {
            let plain = read(&format!("\"\"\"{text}x\"\"\"")).unwrap();
            let quoted = read(&format!("\"\"\"{text}x\\\"\"\"\"\"\"")).unwrap();
            assert_eq!(quoted, format!("{plain}\"\"\""), "{text:?}");
        }
    }

    #[test]
    fn what_the_parser_reads_anyway_stays_as_it_is() {
        for text in [
            "{ a }",
            "{ a(b: \"\\n \\\" \\\\ ü\", c: \"\"\"\\u{41} \\n\"\"\") }",
            "{ a } # \"\\u{41}\" \"\"\" \\\"\"\"",
            "{ a(b: \"\", c: \"\\uD83C\") }",
        ] {
            assert!(matches!(readable(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn what_follows_a_string_keeps_its_place() {
        for string in [
            r#""\uD83C\uDF55 \u{22}""#,
            r#""""\""" a""""#,
            "\"\"\"\n  ü\\\"\"\"\n  b \\\"\"\"\n \"\"\"",
            "\"\"\"\r\nü\\\"\"\"\r\nü\"\"\"",
        ] {
            let text = format!("{{ a(b: {string}, c: D) {{ e }} \n f(g: H) }}");
            let read = readable(&text);
            assert_ne!(read, text.as_str());
            let place = |text: &str, what: &str| {
                let before = &text[..text.find(what).unwrap()];
                let lines = before.matches('\n').count();
                (lines, before.rsplit('\n').next().unwrap().chars().count())
            };
            for what in ["c: D", "e }", "f(g"] {
                assert_eq!(place(&read, what), place(&text, what), "{string}: {what}");
            }
        }
    }

    #[test]
    fn a_long_document_is_written_anew_in_a_moment() {
        let text = format!("{{ a(b: [{}]) }}", r#""\u{1F355}" """\"""""" "#.repeat(10_000));
        let begun = std::time::Instant::now();
        assert!(readable(&text).len() >= 10_000 * 8);
        assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    }
}
