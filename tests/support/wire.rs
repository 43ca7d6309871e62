//! What a client of a legacy dialect sends, and every byte that it must get back.
//!
//! A body or a header may have parts that differ each time; they are written as
//! placeholders and handed back in their order: `{{jwt}}`, `{{uuid}}`, `{{alnum:32}}`,
//! `{{hex:64}}`, `{{digits:4}}`, `{{int}}`, `{{time}}`, `{{text}}`, and `{{all}}` for whatever it
//! is.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Method, header},
};
use regex::Regex;

use super::bank::{Answer, TestBank};

/// A call with what must come of it.
#[derive(Debug, Clone)]
pub struct Check {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
    expected_headers: Vec<(&'static str, Option<String>)>,
}

/// What a call answered, and what stood in the places of the placeholders, the body's first.
#[derive(Debug)]
pub struct Got {
    /// The answer.
    pub answer: Answer,
    /// What stood in their places.
    pub parts: Vec<String>,
}

impl Got {
    /// What stood in the place of a placeholder.
    pub fn part(&self, place: usize) -> &str {
        &self.parts[place]
    }

    /// The value of a cookie that the answer sets.
    pub fn cookie(&self, name: &str) -> String {
        let lines = self.answer.headers.get_all(header::SET_COOKIE).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        let pair = lines.filter_map(|line| line.split(';').next()?.split_once('='));
        let mut found = pair.filter(|(known, _)| *known == name).map(|(_, value)| value);
        found.next().unwrap_or_else(|| panic!("no cookie {name}")).to_owned()
    }
}

impl Check {
    /// A call without a body.
    pub fn new(method: &str, path: &str) -> Self {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let (headers, body, expected_headers) = (Vec::new(), Vec::new(), Vec::new());
        Self { method, path: path.to_owned(), headers, body, expected_headers }
    }

    /// The same with a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    /// The same with a body of some type.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// The same with a body of JSON, as it stands.
    pub fn json(self, body: &str) -> Self {
        self.body("application/json", body)
    }

    /// The answer must have this header, with placeholders.
    pub fn gets(mut self, name: &'static str, value: &str) -> Self {
        self.expected_headers.push((name, Some(value.to_owned())));
        self
    }

    /// The answer must not have this header.
    pub fn gets_no(mut self, name: &'static str) -> Self {
        self.expected_headers.push((name, None));
        self
    }

    /// Sends the call, whatever comes of it.
    pub async fn expect_any(self, bank: &TestBank) -> Answer {
        let mut request = TestBank::request(self.method, &self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        bank.send(request.body(Body::from(self.body)).expect("a request")).await
    }

    /// Sends the call; its answer must have this status and, to the byte, this body.
    pub async fn expect(self, bank: &TestBank, status: u16, body: &str) -> Got {
        let sent = String::from_utf8_lossy(&self.body).into_owned();
        let answer = self.clone().expect_any(bank).await;
        let about = format!("{}: {} {} {sent}", bank.database, self.method, self.path);
        assert_eq!(answer.status.as_u16(), status, "{about}\n{}", answer.text());
        let mut parts = match_all(body, &answer.text(), &about);
        for (name, expected) in &self.expected_headers {
            let all: Vec<String> = answer
                .headers
                .get_all(*name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect();
            match expected {
                None => assert!(all.is_empty(), "{about}: {name}: {all:?}"),
                Some(expected) => {
                    let about = format!("{about}: the header {name}");
                    parts.extend(match_all(expected, &all.join(" | "), &about));
                }
            }
        }
        Got { answer, parts }
    }
}

/// What stands in the places of a pattern's placeholders; the rest must be equal.
fn match_all(pattern: &str, text: &str, about: &str) -> Vec<String> {
    let placeholder = Regex::new(r"\{\{([a-z]+)(?::(\d+))?\}\}").expect("a pattern");
    let (mut expression, mut at) = (String::from(r"\A"), 0);
    for found in placeholder.captures_iter(pattern) {
        let whole = found.get(0).expect("a match");
        expression.push_str(&regex::escape(&pattern[at..whole.start()]));
        let count =
            found.get(2).map_or(String::from("+"), |count| format!("{{{}}}", count.as_str()));
        let class = match &found[1] {
            "jwt" => r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+".to_owned(),
            "uuid" => {
                r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}".to_owned()
            }
            "alnum" => format!("[0-9A-Za-z]{count}"),
            "hex" => format!("[0-9a-f]{count}"),
            "digits" => format!("[0-9]{count}"),
            "int" => "0|[1-9][0-9]*".to_owned(),
            "time" => r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?".to_owned(),
            "text" => r"[^\x22]*".to_owned(),
            "all" => "(?s:.)*".to_owned(),
            other => panic!("no placeholder {other}"),
        };
        expression.extend(["(", class.as_str(), ")"]);
        at = whole.end();
    }
    expression.push_str(&regex::escape(&pattern[at..]));
    expression.push_str(r"\z");
    let expression = Regex::new(&expression).expect("a pattern");
    let found = expression.captures(text);
    let found = found.unwrap_or_else(|| panic!("{about}\n  expected {pattern}\n  got      {text}"));
    found.iter().skip(1).flatten().map(|part| part.as_str().to_owned()).collect()
}
