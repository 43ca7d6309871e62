//! What a client asks of a dialect.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, Method},
};
use url::form_urlencoded;

use super::percent;
use crate::bank::{error::Broken, permit::Visitor};

/// Where the page that sends a request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing is said: no browser, or a page of ours that only reads.
    Absent,
    /// An allowed one.
    Allowed(HeaderValue),
    /// Any other, `null` among them.
    Foreign,
}

/// Who sends a request, as the floor above knows it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Whoever sends it.
    pub visitor: Visitor,
    /// Where the page came from.
    pub origin: Origin,
}

/// A request that was read whole.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path below the prefix, as it came.
    pub path: String,
    /// What stands behind the `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// It does something: where its answer is lost nobody may be told that it is safe to send
    /// it again.
    pub acts: bool,
    /// What stands in the braces of the path's pattern, in order.
    pub captures: Vec<String>,
    /// Where the dialect stands: nothing at the root, `/compat/NAME` below its prefix.
    pub prefix: &'static str,
    /// Who sends it, and from where.
    pub arrival: Arrival,
}

impl Call {
    /// Whoever sends it.
    pub fn visitor(&self) -> &Visitor {
        &self.arrival.visitor
    }

    /// Notes what broke inside under the id that the client is told; what stands in the
    /// braces of the path's pattern may be the key of a letter, and is left out.
    pub fn log(&self, broken: &Broken) {
        let (request_id, path) = (&self.visitor().request_id, self.path_without_captures());
        tracing::error!(error = %broken, request_id, path, "a legacy call broke");
    }

    /// The path as it may be logged.
    pub fn path_without_captures(&self) -> String {
        let segments = self.path.split('/').map(|segment| {
            let shown = percent::decode(segment);
            let captured = shown.is_some_and(|shown| self.captures.contains(&shown));
            if captured { "…" } else { segment }
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// A header as text; none where it is missing or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the query; of several the last.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let all = form_urlencoded::parse(self.query.as_bytes());
        all.filter(|(known, _)| known == name).last().map(|(_, value)| value.into_owned())
    }

    /// The content type without its parameters, in lower case; empty where none is said.
    pub fn media_type(&self) -> String {
        let said = self.header("content-type").unwrap_or_default();
        said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        body::Bytes,
        http::{HeaderMap, Method},
    };

    use super::{Arrival, Call, Origin};
    use crate::bank::permit::Visitor;

    #[test]
    fn the_key_of_a_letter_is_in_no_log() {
        let visitor = Visitor {
            ip_address: "127.0.0.1".to_owned(),
            user_agent: None,
            request_id: "one".to_owned(),
        };
        let call = Call {
            method: Method::GET,
            path: "/u/abcefghijkmnopq%32".to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            acts: true,
            captures: vec!["abcefghijkmnopq2".to_owned()],
            prefix: "",
            arrival: Arrival { visitor, origin: Origin::Absent },
        };
        assert_eq!(call.path_without_captures(), "/u/…");
        let other = Call { path: "/v1/version".to_owned(), captures: Vec::new(), ..call };
        assert_eq!(other.path_without_captures(), "/v1/version");
    }
}
