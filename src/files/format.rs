//! What a file is: told by its content, never by what its sender says of it.

/// What is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FileFormat {
    /// A JPEG image.
    Jpeg,
    /// A PNG image.
    Png,
    /// A WebP image.
    Webp,
    /// A PDF document.
    Pdf,
    /// Plain text with values between commas.
    Csv,
    /// Plain text.
    Text,
}

/// A file was not taken: the rest of a sentence that begins with its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(pub &'static str);

const UNKNOWN: NotTaken =
    NotTaken("must be a JPEG, PNG or WebP image, a PDF document, or plain text (CSV or TXT)");
const LYING: NotTaken = NotTaken("says that it is something else than what its content is");
const WITH_PATH: NotTaken = NotTaken("must have a plain name, without a path");

/// How much of a text is searched for what a browser would run.
const SEARCHED: usize = 4096;
/// What begins a page or an image with a script in it.
const RUNNABLE: [&str; 9] =
    ["<!doctype", "<html", "<head", "<body", "<script", "<svg", "<iframe", "<img", "<?xml"];

impl FileFormat {
    /// What stands behind the dot of its name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
            Self::Csv => "csv",
            Self::Text => "txt",
        }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// It is made of pixels.
    pub const fn is_image(self) -> bool {
        match self {
            Self::Jpeg | Self::Png | Self::Webp => true,
            Self::Pdf | Self::Csv | Self::Text => false,
        }
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Text)
    }

    fn named(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            "pdf" => Some(Self::Pdf),
            "csv" => Some(Self::Csv),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }

    fn called(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "image/jpeg" | "image/jpg" => Some(Self::Jpeg),
            "image/png" => Some(Self::Png),
            "image/webp" => Some(Self::Webp),
            "application/pdf" => Some(Self::Pdf),
            "text/csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// What the content is, by the bytes that it begins with.
    fn of_content(content: &[u8]) -> Result<Self, NotTaken> {
        match content {
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Self::Webp),
            [b'%', b'P', b'D', b'F', b'-', ..] => Ok(Self::Pdf),
            _ if is_plain_text(content) => Ok(Self::Text),
            _ => Err(UNKNOWN),
        }
    }
}

/// Text without control characters, and without what a browser would take for a page.
fn is_plain_text(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else {
        return false;
    };
    if text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c')) {
        return false;
    }
    let begin = &content[..content.len().min(SEARCHED)];
    let begin = String::from_utf8_lossy(begin).to_ascii_lowercase();
    !RUNNABLE.iter().any(|tag| begin.contains(tag))
}

/// Tells what a file is, and refuses one whose name or type says otherwise.
///
/// The sender's name and type decide one thing alone: whether a text is called CSV.
pub fn recognise(
    content: &[u8],
    file_name: Option<&str>,
    content_type: Option<&str>,
) -> Result<FileFormat, NotTaken> {
    let name = file_name.unwrap_or_default();
    let is_path = |c: char| c == '/' || c == '\\' || c.is_control();
    if name.contains(is_path) || name == "." || name == ".." {
        return Err(WITH_PATH);
    }
    let found = FileFormat::of_content(content)?;
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let claims = [extension.and_then(FileFormat::named), content_type.and_then(FileFormat::called)];
    for claim in claims.into_iter().flatten() {
        if claim != found && !(claim.is_text() && found.is_text()) {
            return Err(LYING);
        }
    }
    let is_csv = found.is_text() && claims.contains(&Some(FileFormat::Csv));
    Ok(if is_csv { FileFormat::Csv } else { found })
}

#[cfg(test)]
mod tests {
    use super::{FileFormat, LYING, UNKNOWN, WITH_PATH, recognise};

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";

    #[test]
    fn the_content_decides() {
        let of = |content: &[u8]| recognise(content, None, None);
        assert_eq!(of(PNG), Ok(FileFormat::Png));
        assert_eq!(of(b"\xff\xd8\xff\xe0"), Ok(FileFormat::Jpeg));
        assert_eq!(of(b"RIFF\0\0\0\0WEBPVP8 "), Ok(FileFormat::Webp));
        assert_eq!(of(b"%PDF-1.7\n\xff\xff"), Ok(FileFormat::Pdf));
        assert_eq!(of("größer, kleiner\r\n".as_bytes()), Ok(FileFormat::Text));
        for content in
            [&b"GIF89a\x01\0"[..], b"PK\x03\x04", b"\x7fELF\x02", b"a\0b", b"\xfe\xff\0a"]
        {
            assert_eq!(of(content), Err(UNKNOWN), "{content:?}");
        }
    }

    #[test]
    fn what_a_browser_would_run_is_no_text() {
        for content in [
            "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "\u{feff} \n<?xml version='1.0'?><svg/>",
            "hello <SCRIPT>alert(1)</SCRIPT>",
            "<!DOCTYPE html><p>hello",
        ] {
            assert_eq!(recognise(content.as_bytes(), None, None), Err(UNKNOWN), "{content}");
        }
    }

    #[test]
    fn a_name_or_a_type_that_lies_is_refused() {
        assert_eq!(recognise(PNG, Some("me.PNG"), Some("image/png")), Ok(FileFormat::Png));
        assert_eq!(
            recognise(PNG, Some("me"), Some("application/octet-stream")),
            Ok(FileFormat::Png)
        );
        assert_eq!(recognise(PNG, Some("me.jpg"), None), Err(LYING));
        assert_eq!(recognise(PNG, Some("me.png"), Some("application/pdf")), Err(LYING));
        assert_eq!(recognise(b"hello", Some("me.png"), None), Err(LYING));
    }

    #[test]
    fn a_text_is_called_csv_where_its_sender_calls_it_so() {
        assert_eq!(recognise(b"a,b", Some("a.csv"), None), Ok(FileFormat::Csv));
        assert_eq!(recognise(b"a,b", None, Some("text/csv; charset=utf-8")), Ok(FileFormat::Csv));
        assert_eq!(recognise(b"a,b", Some("a.csv"), Some("text/plain")), Ok(FileFormat::Csv));
        assert_eq!(recognise(b"a,b", Some("a.txt"), None), Ok(FileFormat::Text));
    }

    #[test]
    fn a_name_that_is_a_path_is_refused() {
        for name in ["../../etc/passwd.png", "..", "a/b.png", "C:\\a.png", "a\0.png", "a\r\n.png"] {
            assert_eq!(recognise(PNG, Some(name), None), Err(WITH_PATH), "{name}");
        }
    }
}
