//! Bodies that forms send, where a dialect takes them beside JSON.

use memchr::memmem;
use url::form_urlencoded;

/// The most fields that a form may have.
const FIELDS_MAX: usize = 100;

/// A body is no such form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoForm;

/// Fields in their order.
pub type Fields = Vec<(String, String)>;

/// Reads `application/x-www-form-urlencoded`.
pub fn urlencoded(body: &[u8]) -> Result<Fields, NoForm> {
    let fields: Fields = form_urlencoded::parse(body)
        .take(FIELDS_MAX + 1)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    if fields.len() > FIELDS_MAX { Err(NoForm) } else { Ok(fields) }
}

/// A parameter of a header: `name="value"` or `name=value`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut parameters = header.split(';').skip(1).filter_map(|part| part.split_once('='));
    let value = |(name, value): (&str, &str)| {
        let is = name.trim().eq_ignore_ascii_case(wanted);
        is.then(|| value.trim().trim_matches('"').to_owned())
    };
    parameters.find_map(value)
}

fn find(within: &[u8], wanted: &[u8]) -> Option<usize> {
    memmem::find(within, wanted)
}

/// Reads the texts of `multipart/form-data`; what is a file is passed by.
pub fn multipart(content_type: &str, body: &[u8]) -> Result<Fields, NoForm> {
    let boundary = parameter(content_type, "boundary").ok_or(NoForm)?;
    if boundary.is_empty() || boundary.len() > 70 {
        return Err(NoForm);
    }
    let delimiter = format!("--{boundary}").into_bytes();
    let between = [b"\r\n", delimiter.as_slice()].concat();
    let mut rest = body.strip_prefix(delimiter.as_slice()).ok_or(NoForm)?;
    let mut fields = Fields::new();
    for _ in 0..=FIELDS_MAX {
        if rest.starts_with(b"--") {
            return Ok(fields);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or(NoForm)?;
        let head_end = find(rest, b"\r\n\r\n").ok_or(NoForm)?;
        let head = std::str::from_utf8(&rest[..head_end]).map_err(|_| NoForm)?;
        let content = &rest[head_end + 4..];
        let content_end = find(content, &between).ok_or(NoForm)?;
        let is_disposition = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default();
            name.eq_ignore_ascii_case("content-disposition")
        };
        let disposition = head.split("\r\n").find(is_disposition).ok_or(NoForm)?;
        let name = parameter(disposition, "name").ok_or(NoForm)?;
        if parameter(disposition, "filename").is_none() {
            let value = std::str::from_utf8(&content[..content_end]).map_err(|_| NoForm)?;
            fields.push((name, value.to_owned()));
        }
        rest = &content[content_end + between.len()..];
    }
    Err(NoForm)
}

#[cfg(test)]
mod tests {
    use super::{FIELDS_MAX, NoForm, multipart, urlencoded};

    #[test]
    fn the_texts_of_a_form_are_read() {
        let fields = urlencoded(b"email=ann%40example.org&name=A+B&x").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(fields, [pair("email", "ann@example.org"), pair("name", "A B"), pair("x", "")]);
        let body = "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na@b.org\r\n\
            --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n\u{1}\r\n--b--\r\n";
        let read = multipart("multipart/form-data; boundary=b", body.as_bytes()).unwrap();
        assert_eq!(read, [pair("email", "a@b.org")]);
    }

    #[test]
    fn a_form_that_is_broken_or_endless_is_none() {
        assert_eq!(urlencoded("a&".repeat(FIELDS_MAX + 1).as_bytes()), Err(NoForm));
        let typed = "multipart/form-data; boundary=b";
        for body in
            ["", "--b", "--b\r\n", "--b\r\n\r\n\r\n--b--", "--b\r\nX: y\r\n\r\n--b--", "x--b--"]
        {
            assert_eq!(multipart(typed, body.as_bytes()), Err(NoForm), "{body}");
        }
        assert_eq!(multipart("multipart/form-data", b"--b--"), Err(NoForm));
        let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
        let body = part.repeat(FIELDS_MAX + 1) + "--b--";
        assert_eq!(multipart(typed, body.as_bytes()), Err(NoForm));
    }
}
