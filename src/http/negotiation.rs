//! Which media type an answer has, and whether a body has the one that is taken.

use axum::http::{HeaderMap, header};

/// The media types of GraphQL over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `application/graphql-response+json`: the status tells what became of the request.
    GraphqlResponse,
    /// `application/json`: a document that fails is answered with 200.
    Json,
}

impl MediaType {
    /// The value of the answer's `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// One range of an `Accept` header: its type, its weight in thousandths, how exact it is.
struct Range<'a> {
    name: &'a str,
    weight: u32,
}

fn ranges(accept: &str) -> impl Iterator<Item = Range<'_>> {
    accept.split(',').filter_map(|part| {
        let mut pieces = part.split(';');
        let name = pieces.next()?.trim();
        let q = pieces.find_map(|piece| piece.trim().strip_prefix("q="));
        let weight = q.map_or(Some(1_000), thousandths)?;
        (!name.is_empty()).then_some(Range { name, weight })
    })
}

/// A weight such as `0.8`; a malformed one counts for nothing.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match (whole, digits) {
        ("1", true) if fraction.bytes().all(|b| b == b'0') => Some(1_000),
        ("0", true) => format!("{fraction:0<3}").parse().ok(),
        _ => None,
    }
}

/// Chooses what the client likes best; `None` where it takes neither type.
///
/// Without a header, and where only a wildcard fits, it is `application/json`,
/// because that is what clients that do not know better expect.
pub fn choose(headers: &HeaderMap) -> Option<MediaType> {
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return Some(MediaType::Json);
    }
    let mut best: Option<(u32, bool, MediaType)> = None;
    for value in values {
        for range in ranges(value.to_str().unwrap_or_default()) {
            let (media_type, exact) = match range.name.to_ascii_lowercase().as_str() {
                "application/graphql-response+json" => (MediaType::GraphqlResponse, true),
                "application/json" => (MediaType::Json, true),
                "*/*" | "application/*" => (MediaType::Json, false),
                _ => continue,
            };
            // Of equal weights an exact name beats a wildcard, and then the first one counts.
            let better = best.is_none_or(|(weight, was_exact, _)| {
                range.weight > weight || (range.weight == weight && exact && !was_exact)
            });
            if range.weight > 0 && better {
                best = Some((range.weight, exact, media_type));
            }
        }
    }
    best.map(|(_, _, media_type)| media_type)
}

/// The body is JSON in UTF-8, by its own word.
///
/// Nothing that a form on another site can send is taken, so that a browser's
/// cookies alone never move money.
pub fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut pieces = value.unwrap_or_default().split(';').map(str::trim);
    let name = pieces.next().unwrap_or_default().to_ascii_lowercase();
    let utf8 = pieces.filter(|piece| !piece.is_empty()).all(|piece| {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        !key.eq_ignore_ascii_case("charset")
            || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    });
    utf8 && matches!(name.as_str(), "application/json" | "application/graphql-response+json")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{MediaType, choose, is_json};

    fn accept(value: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        choose(&headers)
    }

    #[test]
    fn the_client_gets_what_it_likes_best() {
        let new = Some(MediaType::GraphqlResponse);
        let old = Some(MediaType::Json);
        assert_eq!(choose(&HeaderMap::new()), old);
        assert_eq!(accept("*/*"), old);
        assert_eq!(accept("application/json"), old);
        assert_eq!(accept("application/graphql-response+json"), new);
        assert_eq!(accept("application/graphql-response+json, application/json;q=0.9"), new);
        assert_eq!(accept("application/graphql-response+json;q=0.5, application/json"), old);
        assert_eq!(accept("application/json, application/graphql-response+json"), old);
        assert_eq!(accept("*/*, application/graphql-response+json"), new);
        assert_eq!(accept("APPLICATION/JSON; charset=utf-8"), old);
        assert_eq!(accept("text/html, */*;q=0.1"), old);
    }

    #[test]
    fn a_client_that_takes_neither_gets_neither() {
        for value in ["text/html", "application/json;q=0", "image/*", "application/json;q=x"] {
            assert_eq!(accept(value), None, "{value}");
        }
    }

    #[test]
    fn only_json_in_utf8_is_taken() {
        let takes = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
            is_json(&headers)
        };
        assert!(takes("application/json"));
        assert!(takes("Application/JSON; charset=\"UTF-8\""));
        assert!(takes("application/graphql-response+json"));
        for value in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/jsonp",
            "",
        ] {
            assert!(!takes(value), "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
