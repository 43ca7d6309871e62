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
    /// Sockets and streams, which stay open.
    pub sockets: Sockets,
}

/// The limits of what stays open; the operator can set each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sockets {
    /// Operations of one socket at once.
    pub operations: usize,
    /// Sockets and streams of one person.
    pub person: usize,
    /// Sockets and streams from one address.
    pub address: usize,
    /// From the handshake to the client's first message.
    pub init: Duration,
    /// From one sign of life to the next: a client that gives none for twice as long is gone.
    pub ping: Duration,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            operations: 50,
            person: 20,
            address: 100,
            init: Duration::from_secs(10),
            ping: Duration::from_secs(15),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document: DocumentLimits::default(),
            body: 256 * 1024,
            time: Duration::from_secs(10),
            sockets: Sockets::default(),
        }
    }
}
