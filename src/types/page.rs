//! Pages of a list: what a client asked for, and what it gets.
//!
//! Lists that can grow are read by keyset: a cursor holds the sort key of one
//! row, and a page is the rows beyond it. So a page costs the same wherever in
//! the list it lies, and rows that arrive meanwhile move nothing.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// How many rows a page has where nothing is said.
pub const PAGE_DEFAULT: usize = 25;
/// How many rows a page has at most.
pub const PAGE_MAX: usize = 100;

/// An opaque position in a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// Takes a text that claims to be a cursor; [`Cursor::open`] finds out.
    pub fn from_wire(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Wraps the bytes of a sort key; `list` tells whose list it is.
    pub fn seal(list: u8, key: &[u8]) -> Self {
        let mut bytes = vec![list];
        bytes.extend_from_slice(key);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The bytes of the sort key; `None` where the cursor is of another list or no cursor.
    pub fn open(&self, list: u8) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).ok()?;
        let (&first, key) = bytes.split_first()?;
        (first == list).then(|| key.to_vec())
    }

    /// The text that clients see.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which way a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reading {
    /// From the list's head on.
    Forward,
    /// From the list's tail back.
    Backward,
}

/// The part of a list that a client asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows to give.
    pub size: usize,
    /// From which end they are counted.
    pub reading: Reading,
    /// Only rows behind this one.
    pub after: Option<Cursor>,
    /// Only rows ahead of this one.
    pub before: Option<Cursor>,
}

/// Why the four arguments of a list do not go together: the argument and a sentence's rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{argument} {reason}")]
pub struct WindowError {
    /// The argument to mend.
    pub argument: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Window {
    /// Reads Relay's four arguments.
    pub fn parse(
        first: Option<i32>,
        after: Option<Cursor>,
        last: Option<i32>,
        before: Option<Cursor>,
    ) -> Result<Self, WindowError> {
        let size = |argument, count: i32| match usize::try_from(count) {
            Ok(size) if size <= PAGE_MAX => Ok(size),
            Ok(_) => Err(WindowError { argument, reason: "must be at most 100" }),
            Err(_) => Err(WindowError { argument, reason: "must not be negative" }),
        };
        let (size, reading) = match (first, last) {
            (Some(_), Some(_)) => {
                let reason = "must not stand beside first: ask for one end of the list";
                return Err(WindowError { argument: "last", reason });
            }
            (Some(count), None) => (size("first", count)?, Reading::Forward),
            (None, Some(count)) => (size("last", count)?, Reading::Backward),
            (None, None) => (PAGE_DEFAULT, Reading::Forward),
        };
        Ok(Self { size, reading, after, before })
    }
}

/// A part of a list, in the list's order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Rows follow behind the last one.
    pub has_next: bool,
    /// Rows stand ahead of the first one.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// Makes a page of rows that were read in the window's direction, one more than its size.
    pub fn from_read(mut rows: Vec<T>, window: &Window) -> Self {
        let more = rows.len() > window.size;
        rows.truncate(window.size);
        match window.reading {
            Reading::Forward => Self { rows, has_next: more, has_previous: window.after.is_some() },
            Reading::Backward => {
                rows.reverse();
                Self { rows, has_next: window.before.is_some(), has_previous: more }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, PAGE_DEFAULT, Page, Reading, Window};

    #[test]
    fn a_cursor_opens_only_the_list_it_was_made_for() {
        let cursor = Cursor::seal(1, b"key");
        assert_eq!(cursor.open(1).as_deref(), Some(&b"key"[..]));
        assert_eq!(cursor.open(2), None);
        assert_eq!(Cursor::from_wire("no cursor!").open(1), None);
        assert_eq!(Cursor::from_wire("").open(1), None);
    }

    #[test]
    fn a_window_is_one_end_of_the_list() {
        let window = Window::parse(None, None, None, None).unwrap();
        assert_eq!((window.size, window.reading), (PAGE_DEFAULT, Reading::Forward));
        assert!(Window::parse(Some(101), None, None, None).is_err());
        assert!(Window::parse(None, None, Some(-1), None).is_err());
        assert!(Window::parse(Some(1), None, Some(1), None).is_err());
    }

    #[test]
    fn a_page_read_backward_comes_in_the_order_of_the_list() {
        let window = Window::parse(None, None, Some(2), None).unwrap();
        let page = Page::from_read(vec![9, 8, 7], &window);
        assert_eq!((page.rows, page.has_previous, page.has_next), (vec![8, 9], true, false));
    }
}
