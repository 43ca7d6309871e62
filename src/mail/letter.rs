//! A letter to one person.

use serde::{Deserialize, Serialize};

/// A letter, ready to be carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// The subject, on one line.
    pub subject: String,
    /// The letter as plain text.
    pub text: String,
    /// The letter as a page; empty where there is none.
    pub html: String,
}
