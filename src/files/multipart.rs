//! The body of a form with a file in it (`multipart/form-data`, RFC 7578).
//!
//! The body was read whole before, up to a limit, so it is gone through once, in time
//! that grows with its length alone.

use bytes::Bytes;
use memchr::memmem;

/// The longest head of a part, in bytes.
const HEAD_MAX: usize = 8 * 1024;
/// The most parts that a body may have.
const PARTS_MAX: usize = 16;
/// The longest boundary, by RFC 2046.
const BOUNDARY_MAX: usize = 70;

/// What a form's framing may take beside its file, in bytes.
pub const FRAMING_MAX: usize = 64 * 1024;

/// A body is not such a form: a whole sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoForm(pub &'static str);

const BROKEN: NoForm = NoForm("The body is no complete multipart/form-data.");
const CROWDED: NoForm = NoForm("The body has too many parts: send the field file alone.");
const TWICE: NoForm = NoForm("The field file stands twice in the body: send one file at a time.");

/// A file as its sender sent it.
#[derive(Debug, Clone)]
pub struct Part {
    /// What is in it.
    pub content: Bytes,
    /// What its sender calls it.
    pub file_name: Option<String>,
    /// What its sender says it is.
    pub content_type: Option<String>,
}

/// The value of a parameter of a header, `name="value"` or `name=value`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            quoted_string(quoted)?
        } else {
            let end = after.find(';').unwrap_or(after.len());
            (after[..end].trim_end().to_owned(), &after[end..])
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = next.trim_start().strip_prefix(';')?;
    }
}

/// What stands up to the closing quote, and what follows it. Only a quote is escaped:
/// a backslash before anything else is one of a path.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if matches!(chars.peek(), Some((_, '"'))) => {
                value.push('"');
                chars.next();
            }
            other => value.push(other),
        }
    }
    None
}

/// What separates the parts of a body with this content type; none where it is no form.
pub fn boundary(content_type: &str) -> Option<String> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameter(content_type, "boundary")
        .filter(|boundary| !boundary.is_empty() && boundary.len() <= BOUNDARY_MAX)
}

/// The headers of a part.
struct Head {
    field: String,
    file_name: Option<String>,
    content_type: Option<String>,
}

fn head(bytes: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (mut disposition, mut content_type) = (None, None);
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-disposition") {
            disposition = Some(value.trim());
        } else if name.eq_ignore_ascii_case("content-type") {
            content_type = Some(value.trim().to_owned());
        }
    }
    let disposition = disposition?;
    let field = parameter(disposition, "name")?;
    Some(Head { field, file_name: parameter(disposition, "filename"), content_type })
}

/// Finds the file in the field `wanted`; none where the form has no such field.
pub fn find(body: &Bytes, boundary: &str, wanted: &str) -> Result<Option<Part>, NoForm> {
    let delimiter = format!("\r\n--{boundary}");
    let delimiter = memmem::Finder::new(delimiter.as_bytes());
    // The first delimiter has no line before it.
    let mut at = 2 + boundary.len();
    if !(body.starts_with(b"--") && body[2..].starts_with(boundary.as_bytes())) {
        return Err(BROKEN);
    }
    let mut found = None;
    for _ in 0..=PARTS_MAX {
        if body[at..].starts_with(b"--") {
            return Ok(found);
        }
        let start = at + 2;
        if !body[at..].starts_with(b"\r\n") {
            return Err(BROKEN);
        }
        let reach = &body[start..body.len().min(start + HEAD_MAX)];
        let head_end = start + memmem::find(reach, b"\r\n\r\n").ok_or(BROKEN)?;
        let content = head_end + 4;
        let end = content + delimiter.find(&body[content..]).ok_or(BROKEN)?;
        let head = head(&body[start..head_end]).ok_or(BROKEN)?;
        if head.field == wanted {
            let Head { file_name, content_type, .. } = head;
            let part = Part { content: body.slice(content..end), file_name, content_type };
            if found.replace(part).is_some() {
                return Err(TWICE);
            }
        }
        at = end + 4 + boundary.len();
    }
    Err(CROWDED)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{BROKEN, CROWDED, TWICE, boundary, find};

    fn part(head: &str, content: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn the_file_is_found_among_other_fields() {
        let file = "name=\"file\"; filename=\"a \\\"b\\\".png\"\r\ncontent-type: image/png";
        let (other, file) = (part("name=\"note\"", "hello"), part(file, "a\r\n--y\r\nb"));
        let body = Bytes::from(format!("{other}{file}--x--\r\n"));
        let found = find(&body, "x", "file").unwrap().unwrap();
        assert_eq!(&found.content[..], b"a\r\n--y\r\nb");
        assert_eq!(found.file_name.as_deref(), Some("a \"b\".png"));
        assert_eq!(found.content_type.as_deref(), Some("image/png"));
        assert!(find(&body, "x", "avatar").unwrap().is_none());
    }

    #[test]
    fn what_is_no_form_is_refused_whatever_is_cut_off() {
        let body = format!("{}--x--\r\n", part("name=\"file\"; filename=a.png", "abc"));
        for length in 0..body.len() - 4 {
            let cut = Bytes::from(body[..length].to_owned());
            assert_eq!(find(&cut, "x", "file").unwrap_err(), BROKEN, "{length}");
        }
        let two = format!("{0}{0}--x--", part("name=file", "abc"));
        assert_eq!(find(&Bytes::from(two), "x", "file").unwrap_err(), TWICE);
        let many = format!("{}--x--", part("name=a", "b").repeat(100));
        assert_eq!(find(&Bytes::from(many), "x", "file").unwrap_err(), CROWDED);
    }

    #[test]
    fn the_boundary_stands_in_the_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        let quoted = "Multipart/Form-Data; charset=utf-8; Boundary=\"a b;c\"";
        assert_eq!(boundary(quoted).as_deref(), Some("a b;c"));
        for other in ["application/json", "multipart/form-data", "multipart/mixed; boundary=abc"] {
            assert_eq!(boundary(other), None, "{other}");
        }
    }
}
