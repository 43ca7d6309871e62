//! Who asks, as the lines of requests tell it: by a hash that the log alone leads nowhere from.

use tracing::{Level, Span};

use super::context::Bank;
use crate::{crypto::mac, types::id::UserId};

/// What the hash is made for.
const COLUMN: &str = "log.person";
/// Bytes of the hash that are shown.
const SHOWN: usize = 8;

/// Notes in the span of a request who asks, where anybody reads it.
pub fn mark(bank: &Bank, person: UserId) {
    if tracing::enabled!(target: "request", Level::INFO) {
        let hash = mac::index(&bank.ring, COLUMN, &person.to_wire());
        Span::current().record("person", hex::encode(&hash[..SHOWN]));
    }
}
