//! Which media type an answer has, and whether a body has the one that is taken.

use axum::http::{HeaderMap, HeaderName, header};

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

/// A weight such as `0.8` in thousandths; a malformed one counts for nothing.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match (whole, digits) {
        ("1", true) if fraction.bytes().all(|b| b == b'0') => 1_000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// The ranges of an `Accept` header with their weights, in the order of the header.
fn ranges(accept: &str) -> impl Iterator<Item = (String, u32)> {
    accept.split(',').filter_map(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let name = pieces.next()?.to_ascii_lowercase();
        let q = pieces.find_map(|piece| {
            let (key, value) = piece.split_once('=')?;
            key.trim().eq_ignore_ascii_case("q").then(|| value.trim())
        });
        (!name.is_empty()).then(|| (name, q.map_or(1_000, thousandths)))
    })
}

/// What a header says of one media type: its weight, how exact the range is that
/// says it, and where it stands. The most exact range counts, whatever its weight.
fn liking(ranges: &[(String, u32)], name: &str) -> Option<(u32, bool, usize)> {
    let said = |wanted: &str| ranges.iter().position(|(range, _)| range == wanted);
    let exact = said(name);
    let place = exact.or_else(|| said("application/*")).or_else(|| said("*/*"))?;
    let weight = ranges[place].1;
    (weight > 0).then_some((weight, exact.is_some(), place))
}

/// Chooses what the client likes best; `None` where it takes neither type.
///
/// Without a header, and where only a wildcard fits, it is `application/json`,
/// because that is what clients that do not know better expect.
pub fn choose(headers: &HeaderMap) -> Option<MediaType> {
    let values = headers.get_all(header::ACCEPT).iter();
    let all: Vec<_> = values.flat_map(|v| ranges(v.to_str().unwrap_or_default())).collect();
    if all.is_empty() {
        return Some(MediaType::Json);
    }
    let new = liking(&all, "application/graphql-response+json");
    let old = liking(&all, "application/json");
    let (Some(new), Some(old)) = (new, old) else {
        return new.map(|_| MediaType::GraphqlResponse).or(old.map(|_| MediaType::Json));
    };
    // Of equal weights an exact name beats a wildcard, and then the first one counts.
    let prefers_new = (new.0, new.1) > (old.0, old.1)
        || ((new.0, new.1) == (old.0, old.1) && new.1 && new.2 < old.2);
    Some(if prefers_new { MediaType::GraphqlResponse } else { MediaType::Json })
}

/// A header of ranges names this one, with a weight.
fn names(headers: &HeaderMap, header: HeaderName, name: &str) -> bool {
    let values = headers.get_all(header).iter();
    let mut all = values.flat_map(|v| ranges(v.to_str().unwrap_or_default()));
    all.any(|(range, weight)| range == name && weight > 0)
}

/// Whoever sent this takes bodies in a coding by its own word.
pub fn takes_encoding(headers: &HeaderMap, coding: &str) -> bool {
    names(headers, header::ACCEPT_ENCODING, coding)
}

/// Whoever sent this reads pages: its `Accept` names `text/html`.
pub fn reads_pages(headers: &HeaderMap) -> bool {
    names(headers, header::ACCEPT, "text/html")
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

    use super::{MediaType, choose, is_json, reads_pages};

    fn accept(value: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(value).unwrap());
        choose(&headers)
    }

    #[test]
    fn only_an_accept_that_names_html_reads_pages() {
        let reads = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            reads_pages(&headers)
        };
        assert!(!reads_pages(&HeaderMap::new()));
        for accept in ["text/html", "application/xml;q=0.9, Text/HTML;q=0.8", "text/html,*/*"] {
            assert!(reads(accept), "{accept}");
        }
        for accept in ["*/*", "text/*", "application/json", "text/html;q=0", "text/html5", ""] {
            assert!(!reads(accept), "{accept}");
        }
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
        assert_eq!(accept("*/*, application/json;q=0"), new);
        assert_eq!(accept("application/*;q=0.5, application/json;Q=0.4"), new);
        assert_eq!(accept(""), old);
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
