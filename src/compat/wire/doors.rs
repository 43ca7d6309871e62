//! What every dialect works with: the bank, and what an operator has set.

use std::time::Duration;

use super::{dialect::Dialect, usage::Usage};
use crate::bank::context::Bank;

/// The instant from which on the dialects are called old, in seconds of Unix: that of the
/// release, 2026-11-26.
pub const DEPRECATED_AT: i64 = 1_795_651_200;

/// What an operator has set of the dialects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The dialects that answer.
    pub open: Vec<Dialect>,
    /// Since when they are called old, in seconds of Unix.
    pub deprecated_at: i64,
    /// The largest body but for files, in bytes.
    pub body_max: usize,
    /// How long one call may take.
    pub time: Duration,
    /// Clients reach this server by https.
    pub secure: bool,
    /// Nobody signs up at financelime without a code that invites.
    pub invite_required: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            open: Dialect::ALL.to_vec(),
            deprecated_at: DEPRECATED_AT,
            body_max: 256 * 1024,
            time: Duration::from_secs(10),
            secure: false,
            invite_required: true,
        }
    }
}

/// All doors of one bank. A clone has the same counters.
#[derive(Debug, Clone)]
pub struct Doors {
    /// The bank.
    pub bank: Bank,
    /// What an operator has set.
    pub settings: Settings,
    /// Who uses what.
    pub usage: Usage,
}

impl Doors {
    /// The doors of a bank.
    pub fn new(bank: Bank, settings: Settings) -> Self {
        Self { bank, settings, usage: Usage::default() }
    }
}
