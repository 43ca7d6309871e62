//! How much one request may bring, and how long it may take.

use std::time::Duration;

use crate::graphql::guard::limits::Limits as DocumentLimits;

/// The limits of a request; the operator can set each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its document.
    pub document: DocumentLimits,
    /// Its body, in bytes.
    pub body: usize,
    /// From its headers to its answer.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document: DocumentLimits::default(),
            body: 256 * 1024,
            time: Duration::from_secs(10),
        }
    }
}
