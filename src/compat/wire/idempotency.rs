//! The `Idempotency-Key` header, which the old documents do not know and every route that
//! moves money takes.

use axum::http::HeaderMap;

/// The longest key, in characters.
const KEY_MAX: usize = 255;

/// The header is there and is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The key of a call; none where the client sends none, and then none is made up.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Malformed> {
    let mut all = headers.get_all("idempotency-key").iter();
    let (Some(first), rest) = (all.next(), all.next()) else {
        return Ok(None);
    };
    let bytes = first.as_bytes();
    let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    if rest.is_some() || !printable || !(1..=KEY_MAX).contains(&bytes.len()) {
        return Err(Malformed);
    }
    let key = first.to_str().map_err(|_| Malformed)?;
    Ok(Some(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{KEY_MAX, Malformed, key};

    fn read(values: &[&[u8]]) -> Result<Option<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("idempotency-key", HeaderValue::from_bytes(value).unwrap());
        }
        key(&headers)
    }

    #[test]
    fn a_key_is_one_line_of_printable_characters() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"rent 7~"]), Ok(Some("rent 7~".to_owned())));
        assert!(read(&["x".repeat(KEY_MAX).as_bytes()]).is_ok());
        let long = "x".repeat(KEY_MAX + 1);
        let two: [&[u8]; 2] = [b"a", b"a"];
        let one: [&[u8]; 4] = [b"", b"\t", b"\xe9", long.as_bytes()];
        assert_eq!(read(&two), Err(Malformed));
        for value in one {
            assert_eq!(read(&[value]), Err(Malformed));
        }
    }
}
