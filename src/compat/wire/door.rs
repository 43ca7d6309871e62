//! The door of a dialect: its table of paths, and how it answers where no operation runs.

use std::pin::Pin;

use axum::http::Method;

use super::{answer::Answer, call::Call, dialect::Dialect, doors::Doors, percent};
use crate::files::desk::Seat;

/// Does one operation; what is refused is an answer as well.
pub type Run = for<'c> fn(&'c Doors, &'c Call) -> Pin<Box<dyn Future<Output = Answer> + Send + 'c>>;

/// Asks who calls before anything of a large body is read, and takes a place for what they
/// bring; what is refused is an answer as well.
pub type Admit = for<'c> fn(
    &'c Doors,
    &'c Call,
) -> Pin<Box<dyn Future<Output = Result<Seat, Answer>> + Send + 'c>>;

/// One method of a path.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// The method.
    pub method: &'static str,
    /// It does something, whatever its method says.
    pub acts: bool,
    /// What it does.
    pub run: Run,
}

/// The largest body that a path takes.
#[derive(Debug, Clone, Copy)]
pub enum BodyMax {
    /// That of the settings.
    Usual,
    /// It takes a file.
    File {
        /// So many bytes.
        bytes: usize,
        /// Of whom.
        admit: Admit,
    },
}

/// Whether a method by itself says that something is done.
pub const fn acts(method: &str) -> bool {
    !matches!(method.as_bytes(), b"GET" | b"HEAD")
}

/// One documented path.
#[derive(Debug, Clone, Copy)]
pub struct Resource {
    /// The path as it is documented; a segment in braces stands for any one.
    pub path: &'static str,
    /// The methods as the `Allow` header names them.
    pub allow: &'static str,
    /// The largest body.
    pub body_max: BodyMax,
    /// What can be done there.
    pub operations: &'static [Operation],
}

/// Why there is no answer of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no such path.
    UnknownPath,
    /// The path takes other methods.
    WrongMethod(&'static Resource),
    /// The body is larger than may be.
    TooLarge,
    /// It took too long until the body was there, or until what was only asked for was found:
    /// nothing was done.
    TooSlow,
    /// It took too long until the operation was done, or the database went away before it said
    /// so. It may or may not be done all the same,
    /// so nobody is told to ask again.
    OutcomeUnknown,
    /// Something broke inside.
    Broken,
}

/// What is told of an outcome that is unknown, where a dialect has no words of its own.
pub const OUTCOME_UNKNOWN: &str = "It took too long: it may or may not have been done.";
/// The same where money moves.
pub const ASK_BY_KEY: &str = "It took too long: it may or may not have been done. Sent again with \
    the same Idempotency-Key, it is done once.";

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Resource {}

/// A dialect, to the router.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Which it is.
    pub dialect: Dialect,
    /// Its paths.
    pub resources: &'static [Resource],
    /// How it says why there is no answer of an operation.
    pub refuse: fn(&Method, Fault) -> Answer,
    /// What every answer of it carries; the path where it was one of its own.
    pub finish: fn(Option<&'static Resource>, Answer) -> Answer,
}

/// How well a path fits a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// But for the slash at its end.
    Twin,
    /// Wholly.
    Exact,
}

/// A path with what stands in the braces of its pattern.
#[derive(Debug, Clone)]
pub struct Found {
    /// The path.
    pub resource: &'static Resource,
    /// How well it fits.
    pub fit: Fit,
    /// What stands in the braces.
    pub captures: Vec<String>,
}

/// What stands in the braces of a pattern; `None` where the path does not fit it.
fn captures(pattern: &str, path: &str) -> Option<Vec<String>> {
    let pattern = pattern.strip_suffix('/').unwrap_or(pattern);
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut wanted, mut shown) = (pattern.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), shown.next()) {
            (None, None) => return Some(found),
            (Some(pattern), Some(segment)) => {
                let segment = percent::decode(segment)?;
                if pattern.starts_with('{') {
                    if segment.is_empty() {
                        return None;
                    }
                    found.push(segment);
                } else if segment != pattern {
                    return None;
                }
            }
            _ => return None,
        }
    }
}

impl Door {
    /// The path that fits best; of two that fit alike the one that stands first.
    pub fn find(&'static self, path: &str) -> Option<Found> {
        let mut best: Option<Found> = None;
        for resource in self.resources {
            let Some(captures) = captures(resource.path, path) else {
                continue;
            };
            // The root has one spelling.
            let same_end = resource.path.ends_with('/') == path.ends_with('/');
            let fit = if same_end { Fit::Exact } else { Fit::Twin };
            if best.as_ref().is_none_or(|best| fit > best.fit) {
                best = Some(Found { resource, fit, captures });
            }
        }
        best
    }
}

impl Resource {
    /// What a method does there.
    pub fn operation(&self, method: &Method) -> Option<&'static Operation> {
        self.operations.iter().find(|operation| operation.method == method.as_str())
    }

    /// The `Allow` header names the method.
    pub fn allows(&self, method: &str) -> bool {
        self.allow.split(", ").any(|allowed| allowed == method)
    }
}
