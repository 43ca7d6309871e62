//! What must be known of a document before it is parsed, read from its text.
//!
//! The parser recurses with every bracket, and a few kilobytes of brackets would
//! run it off its stack and end the process. So brackets are counted first,
//! outside strings and comments. A string that never closes is refused here: the
//! parser would go back, read its first quotes as an empty string, and find
//! brackets that this count had taken for text.
//!
//! A document of too many tokens is refused here as well, before it costs anything.
//!
//! The parser also keeps only one of two values that an input gives to the same
//! field. Which of two amounts was meant cannot be known, so they are found here,
//! where both can still be seen.

use std::collections::HashSet;

use async_graphql::Pos;

/// The deepest nesting of brackets that is parsed; a schema of depth 12 needs far less.
const DEPTH_MAX: usize = 64;

/// What was found, with the place where it stands.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<'d> {
    /// Nothing: the document may be parsed.
    Fine,
    /// Its brackets nest too deeply to be parsed.
    TooDeep(Pos),
    /// It has too many tokens.
    TooLong(Pos),
    /// A string begins here and never ends.
    OpenString(Pos),
    /// A field stands twice in one input object.
    Repeated(&'d str, Pos),
}

/// An open bracket.
struct Bracket<'d> {
    byte: u8,
    /// It is an input object: a brace within parentheses, where no selection can stand.
    is_input: bool,
    fields: HashSet<&'d str>,
}

/// Reads a document once; the time and the memory grow with its length only.
pub fn read(document: &str, tokens_max: usize) -> Verdict<'_> {
    let bytes = document.as_bytes();
    let (mut at, mut parentheses, mut tokens) = (0, 0_usize, 0);
    let mut open: Vec<Bracket<'_>> = Vec::new();
    let mut name: Option<(&str, usize)> = None;
    while let Some(&byte) = bytes.get(at) {
        let mut next = at + 1;
        tokens += usize::from(byte.is_ascii_graphic() && byte != b',' && byte != b'#');
        if tokens > tokens_max {
            return Verdict::TooLong(position(document, at));
        }
        match byte {
            b'"' => match string_length(&bytes[at..]) {
                Some(length) => next = at + length,
                None => return Verdict::OpenString(position(document, at)),
            },
            b'#' => next = at + length_until(&bytes[at..], |b| b == b'\n' || b == b'\r'),
            b'{' | b'[' | b'(' => {
                parentheses += usize::from(byte == b'(');
                let is_input = byte == b'{' && parentheses > 0;
                open.push(Bracket { byte, is_input, fields: HashSet::new() });
                if open.len() > DEPTH_MAX {
                    return Verdict::TooDeep(position(document, at));
                }
            }
            // Brackets that do not match are for the parser to refuse: it stops there.
            b'}' | b']' | b')' => {
                let closed = open.pop();
                parentheses -= usize::from(closed.is_some_and(|bracket| bracket.byte == b'('));
            }
            b':' => {
                let input = open.last_mut().filter(|bracket| bracket.is_input);
                if let (Some(input), Some((field, begin))) = (input, name.take())
                    && !input.fields.insert(field)
                {
                    return Verdict::Repeated(field, position(document, begin));
                }
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let is_part = |b: u8| b == b'_' || b.is_ascii_alphanumeric();
                next = at + length_until(&bytes[at..], |b| !is_part(b));
                name = Some((&document[at..next], at));
            }
            b'.' | b'-' | b'0'..=b'9' => {
                let is_part = |b: u8| b == b'.' || b == b'-' || b.is_ascii_digit();
                next = at + length_until(&bytes[at..], |b| !is_part(b));
            }
            // What stands between a name and its colon can only be blank, so the
            // last name before a colon is its own.
            _ => {}
        }
        at = next;
    }
    Verdict::Fine
}

/// How many bytes come before the first that ends; all where none does.
pub(super) fn length_until(text: &[u8], ends: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|&byte| ends(byte)).unwrap_or(text.len())
}

/// The length of a string that begins here, with its quotes; none where it never closes.
pub(super) fn string_length(text: &[u8]) -> Option<usize> {
    let (quote, escape): (&[u8], &[u8]) =
        if text.starts_with(b"\"\"\"") { (b"\"\"\"", b"\\\"\"\"") } else { (b"\"", b"\\") };
    let is_plain = quote.len() == 1;
    let mut at = quote.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(quote) {
            return Some(at + quote.len());
        } else if rest.starts_with(escape) {
            // In a plain string a backslash takes whatever follows with it; what it
            // may not take is for the parser to refuse, which stops there.
            at += if is_plain { 2 } else { escape.len() };
        } else if is_plain && (rest[0] == b'\n' || rest[0] == b'\r') {
            return None;
        } else {
            at += 1;
        }
    }
    None
}

/// Line and column of a byte, both from one on.
fn position(document: &str, at: usize) -> Pos {
    let before = document.get(..at).unwrap_or_default();
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Pos { line, column }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::{DEPTH_MAX, Pos, Verdict};

    const TOKENS_MAX: usize = 5_000;

    fn read(text: &str) -> Verdict<'_> {
        super::read(text, TOKENS_MAX)
    }

    fn is_deep(text: &str) -> bool {
        matches!(read(text), Verdict::TooDeep(_))
    }

    #[test]
    fn deep_brackets_of_any_kind_are_refused() {
        assert_eq!(read(&"{".repeat(DEPTH_MAX)), Verdict::Fine);
        for bracket in ["{", "[", "(", "{a(b:[", "{a:{b:"] {
            assert!(is_deep(&bracket.repeat(DEPTH_MAX + 1)), "{bracket}");
        }
        assert_eq!(read(&"{}".repeat(2_500)), Verdict::Fine, "many, but not deep");
    }

    #[test]
    fn tokens_are_counted_and_what_stands_between_them_is_not() {
        let most = TOKENS_MAX / 5;
        for five in
            ["a: -12.5 {}", "... on Card @d\n", "[\"a b c\" $x ]", "!={# a b c\r,\u{feff}}|"]
        {
            assert_eq!(read(&five.repeat(most)), Verdict::Fine, "{five}");
            assert!(matches!(read(&(five.repeat(most) + "a")), Verdict::TooLong(_)), "{five}");
        }
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let deep = "{".repeat(1_000);
        assert_eq!(read(&format!("{{ a(b: \"{deep}\") }}")), Verdict::Fine);
        let block = format!("{{ a(b: \"\"\"{deep}\\\"\"\" {deep}\"\"\") }}");
        assert_eq!(read(&block), Verdict::Fine);
        assert_eq!(read(&format!("# {deep}\n{{ a }}")), Verdict::Fine);
    }

    #[test]
    fn a_string_hides_nothing_that_follows_it() {
        let deep = "{".repeat(1_000);
        for hidden in [
            format!("\"\" {deep}"),
            format!("\"\\\"\" {deep}"),
            format!("\"\\\\\" {deep}"),
            format!("\"\"\"x\"\"\" {deep}"),
            format!("\"\"\"\"\"\" {deep}"),
            format!("# \"\n{deep}"),
            format!("#\r{deep}"),
        ] {
            assert!(is_deep(&hidden), "{}", &hidden[..12]);
        }
    }

    #[test]
    fn a_string_that_never_closes_is_refused() {
        for text in ["\"", "\"\\", "\"\"\"", "\"\"\"\\", "\"\"\"\\\"\"", "\"\"\"x\"", "\"a\nb\""] {
            assert!(matches!(read(text), Verdict::OpenString(_)), "{text:?}");
            assert!(matches!(read(&format!("{{ a(b: {text}")), Verdict::OpenString(_)), "{text:?}");
        }
        let position = Pos { line: 2, column: 6 };
        assert_eq!(read("{ é\n  a: \"\"\" [["), Verdict::OpenString(position));
        for text in ["", "#", "é\"é\"", "\"\"", "\"\"\"\"\"\""] {
            assert_eq!(read(text), Verdict::Fine, "{text:?}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_in_one_input_is_found() {
        for (text, field) in [
            ("{ a(i: { amount: \"1\", amount: \"2\" }) }", "amount"),
            ("{ a(i: { to: { x: 1 y: $v x: E } }) }", "x"),
            ("{ a(i: [{ x: 1 }, { x: 1 x # :\n\u{feff}: 2 }]) }", "x"),
            ("query ($v: I = { x: { y: 1 }, x: null }) { a }", "x"),
            ("{ a @d(i: { x: {}, x: [] }) }", "x"),
        ] {
            assert!(parse_query(text).is_ok(), "the parser itself says nothing: {text}");
            assert!(matches!(read(text), Verdict::Repeated(found, _) if found == field), "{text}");
        }
        let found = read("{ a(i: {\n x: 1, x: 2 }) }");
        assert_eq!(found, Verdict::Repeated("x", Pos { line: 2, column: 8 }));
    }

    #[test]
    fn a_field_may_stand_in_several_inputs_and_selections() {
        for text in [
            "{ a(i: { x: { x: 1 } }, j: { x: { x: x } }) }",
            "{ a(i: [{ x: 1 }, { x: 1 }]) }",
            "{ a { x: y x: y } a { x: y } }",
            "query ($x: I = { x: 1 }, $y: I = { x: \"x: 1, x: 2\" }) { a(x: 1) { x: x x: x } }",
            "{ a(i: { x: x # x:\n y: $x z: x }) }",
        ] {
            assert_eq!(read(text), Verdict::Fine, "{text}");
        }
    }
}
