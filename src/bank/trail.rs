//! Who asks, as the lines of requests tell it: by a hash that the log alone leads nowhere from.

use tracing::Level;

use super::context::Bank;
use crate::{
    crypto::mac,
    types::{id::UserId, served},
};

/// What the hash is made for.
const COLUMN: &str = "log.person";
/// Bytes of the hash that are shown.
const SHOWN: usize = 8;

/// Notes with the request that is served who asks, where anybody reads it.
pub fn mark(bank: &Bank, person: UserId) {
    if tracing::enabled!(target: "request", Level::INFO) {
        let hash = mac::index(&bank.ring, COLUMN, &person.to_wire());
        served::mark(hex::encode(&hash[..SHOWN]));
    }
}
