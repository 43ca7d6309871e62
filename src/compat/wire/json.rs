//! JSON as the old clients meet it: keys keep their order, numbers their digits, and what is
//! wrong is told as Python tells it.
//!
//! Two of the dialects show to their clients where and why a body is not JSON, in the words
//! of the library that they were written with; and an amount must be read from the digits
//! that were sent. No general reader keeps both.

use std::fmt::{self, Write as _};

/// How deep lists and objects may stand in each other.
const DEPTH_MAX: usize = 64;

/// A value of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, by its digits.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// Names and values, in their order; of a name that came twice the later value.
    Object(Vec<(String, Json)>),
}

/// A text that is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson {
    /// Why, as Python says it.
    pub reason: &'static str,
    /// How many characters stand before the fault.
    pub offset: usize,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its column, counted from 1.
    pub column: usize,
}

impl fmt::Display for NotJson {
    /// `Expecting value: line 1 column 1 (char 0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, offset, line, column } = self;
        write!(f, "{reason}: line {line} column {column} (char {offset})")
    }
}

/// A value is missing where one must stand; also said of every fault that has no word of its own.
const VALUE: &str = "Expecting value";
const NAME: &str = "Expecting property name enclosed in double quotes";
const COMMA: &str = "Expecting ',' delimiter";
const COLON: &str = "Expecting ':' delimiter";
const UNTERMINATED: &str = "Unterminated string starting at";
const EXTRA: &str = "Extra data";

/// A fault at a byte.
type Fault = (&'static str, usize);

impl Json {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number.
    pub fn int(number: i64) -> Self {
        Self::Number(number.to_string())
    }

    /// An object of these members.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// The member of this name; none where there is no such, or this is no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Reads a whole body.
    pub fn read(body: &[u8]) -> Result<Self, NotJson> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let read = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default();
            place(read, (VALUE, read.len()))
        })?;
        let mut reader = Reader { text, at: 0 };
        reader.document().map_err(|fault| place(text, fault))
    }

    /// Writes the value without spaces.
    pub fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quote(text, out),
            Self::List(values) => {
                out.push('[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    value.write_to(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (place, (name, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    quote(name, out);
                    out.push(':');
                    value.write_to(out);
                }
                out.push('}');
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).expect("a string takes all"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Where a fault is, in characters.
fn place(text: &str, (reason, at): Fault) -> NotJson {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    NotJson { reason, offset: before.chars().count(), line, column }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Json, Fault> {
        self.skip_spaces();
        let value = self.value(0)?;
        self.skip_spaces();
        if self.at < self.text.len() { Err((EXTRA, self.at)) } else { Ok(value) }
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes past a byte, where it is the next one.
    fn takes(&mut self, wanted: u8) -> bool {
        let is = self.next() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    fn value(&mut self, depth: usize) -> Result<Json, Fault> {
        let begins = self.at;
        match self.next() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => Err((VALUE, begins)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let words = [
                    ("null", Json::Null),
                    ("true", Json::Bool(true)),
                    ("false", Json::Bool(false)),
                ];
                for (word, value) in words {
                    if self.text[begins..].starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err((VALUE, begins))
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut members: Vec<(String, Json)> = Vec::new();
        self.skip_spaces();
        if self.takes(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            if self.next() != Some(b'"') {
                return Err((NAME, self.at));
            }
            let name = self.string()?;
            self.skip_spaces();
            if !self.takes(b':') {
                return Err((COLON, self.at));
            }
            self.skip_spaces();
            let value = self.value(depth + 1)?;
            members.push((name, value));
            self.skip_spaces();
            if self.takes(b'}') {
                return Ok(Json::Object(last_of_each(members)));
            }
            if !self.takes(b',') {
                return Err((COMMA, self.at));
            }
            self.skip_spaces();
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, Fault> {
        self.at += 1;
        let mut values = Vec::new();
        self.skip_spaces();
        if self.takes(b']') {
            return Ok(Json::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.skip_spaces();
            if self.takes(b']') {
                return Ok(Json::List(values));
            }
            if !self.takes(b',') {
                return Err((COMMA, self.at));
            }
            self.skip_spaces();
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let begins = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else {
                return Err((UNTERMINATED, begins));
            };
            let here = self.at;
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escaped(begins)?),
                c if c < ' ' => return Err((VALUE, here)),
                c => out.push(c),
            }
        }
    }

    fn escaped(&mut self, begins: usize) -> Result<char, Fault> {
        let here = self.at - 1;
        let kind = self.next().ok_or((UNTERMINATED, begins))?;
        if kind >= 0x80 {
            return Err((VALUE, here));
        }
        self.at += 1;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hexadecimal(here)?;
                if let Some(c) = char::from_u32(first) {
                    return Ok(c);
                }
                // Half of a pair: a text of ours cannot hold it without the other.
                let paired =
                    (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u");
                if !paired {
                    return Err((VALUE, here));
                }
                self.at += 2;
                let second = self.hexadecimal(here)?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400);
                let low = low.ok_or((VALUE, here))?;
                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low).ok_or((VALUE, here))?
            }
            _ => return Err((VALUE, here)),
        })
    }

    fn hexadecimal(&mut self, here: usize) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4).ok_or((VALUE, here))?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err((VALUE, here));
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| (VALUE, here))
    }

    fn digits(&mut self) -> bool {
        let begins = self.at;
        while matches!(self.next(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > begins
    }

    /// A number goes as far as it is one: what follows it is found by whoever expects a comma.
    fn number(&mut self) -> Result<Json, Fault> {
        let begins = self.at;
        self.takes(b'-');
        if !self.takes(b'0') && !self.digits() {
            return Err((VALUE, begins));
        }
        let whole = self.at;
        if !(self.takes(b'.') && self.digits()) {
            self.at = whole;
        }
        let exact = self.at;
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            if !self.digits() {
                self.at = exact;
            }
        }
        Ok(Json::Number(self.text[begins..self.at].to_owned()))
    }
}

/// Of a name that came twice, the later value in the place of the first.
fn last_of_each(members: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut places = std::collections::HashMap::with_capacity(members.len());
    let mut kept: Vec<(String, Json)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        let place = *places.entry(name.clone()).or_insert(kept.len());
        if place == kept.len() {
            kept.push((name, value));
        } else {
            kept[place].1 = value;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn what_is_wrong_is_told_as_python_tells_it() {
        for (text, told) in [
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{a", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("{\"a\":}", "Expecting value: line 1 column 6 (char 5)"),
            ("{\"a\":1 \"b\":2}", "Expecting ',' delimiter: line 1 column 8 (char 7)"),
            (
                "{\"a\":1,}",
                "Expecting property name enclosed in double quotes: line 1 column 8 (char 7)",
            ),
            ("[1,]", "Expecting value: line 1 column 4 (char 3)"),
            ("{\"a\":\"b", "Unterminated string starting at: line 1 column 6 (char 5)"),
            ("{} x", "Extra data: line 1 column 4 (char 3)"),
            ("{\n \"\u{e9}\": x}", "Expecting value: line 2 column 7 (char 8)"),
            ("{\"a\": NaN}", "Expecting value: line 1 column 7 (char 6)"),
            ("[01]", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
            ("\"\\x\"", "Expecting value: line 1 column 2 (char 1)"),
            ("\"\\ud800\"", "Expecting value: line 1 column 2 (char 1)"),
            ("\"a\nb\"", "Expecting value: line 1 column 3 (char 2)"),
        ] {
            assert_eq!(Json::read(text.as_bytes()).unwrap_err().to_string(), told, "{text}");
        }
        assert!(Json::read(b"\"\xff\"").is_err());
        assert!(Json::read("[".repeat(100_000).as_bytes()).is_err());
        for cut in ["\"\\", "\"\\u12", "\"\\u\u{e9}\u{e9}", "\"\\\u{e9}", "-", "\"\\ud800\\u"] {
            assert!(Json::read(cut.as_bytes()).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        for text in [
            "{\"b\":1,\"a\":[null,true,false,\"\u{e9}\\n\\u0001\\\"\"],\"c\":{}}",
            "[0,-1,1.50,1e2,0.1E-7,12345678901234567890123]",
            "\"\"",
        ] {
            assert_eq!(Json::read(text.as_bytes()).unwrap().write(), text);
        }
        let read = |text: &str| Json::read(text.as_bytes()).unwrap().write();
        assert_eq!(read(" { \"a\" : 1 , \"b\":2, \"a\" : 3 } "), "{\"a\":3,\"b\":2}");
        assert_eq!(read("\"\\ud83e\\udd80\\/\""), "\"\u{1f980}/\"");
    }
}
