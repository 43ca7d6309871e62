//! Cookies, where a dialect keeps its tokens in them.

use axum::http::{HeaderMap, header};

/// The value of a request's cookie; of several of that name the first, as browsers send
/// the one of the longest path before the others.
pub fn find<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.trim(), value.trim())).find_map(|(name, value)| {
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        (name == wanted).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::find;

    #[test]
    fn a_cookie_is_found_by_its_very_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; ab=\"2\";b"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=x=y; a=3"));
        assert_eq!(find(&headers, "a"), Some("1"));
        assert_eq!(find(&headers, "ab"), Some("2"));
        assert_eq!(find(&headers, "c"), Some("x=y"));
        assert_eq!(find(&headers, "b"), None);
        assert_eq!(find(&headers, "A"), None);
    }
}
