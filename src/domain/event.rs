//! What a person's stream tells: each change that a client may care about.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::Balance;
use crate::types::id::{AccountId, BillId, SessionId, TransactionId};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EventKind {
    /// Money came or went.
    EntryPosted,
    /// An account was opened, or something of it changed that is not an entry.
    AccountChanged,
    /// Somebody signed in as the person.
    SessionStarted,
    /// A session of the person's was ended; those that end by age are not told.
    SessionEnded,
    /// A bill was made, paid or cancelled.
    BillChanged,
}

impl EventKind {
    /// The kind as it is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::EntryPosted => "ENTRY_POSTED",
            Self::AccountChanged => "ACCOUNT_CHANGED",
            Self::SessionStarted => "SESSION_STARTED",
            Self::SessionEnded => "SESSION_ENDED",
            Self::BillChanged => "BILL_CHANGED",
        }
    }
}

/// The body of `ENTRY_POSTED`: the entry, and the balance that it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPosted {
    /// The transaction.
    pub transaction: Uuid,
    /// The account.
    pub account: Uuid,
    /// Everything that has been posted, in minor units.
    pub posted: i64,
    /// Reserved by holds, in minor units.
    pub held: i64,
    /// How far below zero the account may go, in minor units.
    pub overdraft_limit: i64,
    /// The account's version.
    pub version: i64,
}

/// The body of `ACCOUNT_CHANGED`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChanged {
    /// The account.
    pub account: Uuid,
}

/// The body of `SESSION_STARTED` and of `SESSION_ENDED`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionNamed {
    /// The session.
    pub session: Uuid,
}

/// The body of `BILL_CHANGED`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillChanged {
    /// The bill.
    pub bill: Uuid,
}

/// The body of an entry's event.
pub fn entry_posted(transaction: TransactionId, account: AccountId, after: &Balance) -> String {
    let body = EntryPosted {
        transaction: transaction.uuid(),
        account: account.uuid(),
        posted: after.posted.0,
        held: after.held.0,
        overdraft_limit: after.overdraft_limit.0,
        version: after.version,
    };
    serde_json::to_string(&body).expect("numbers and identifiers are written as JSON")
}

/// The body of the event of an account that changed.
pub fn account_changed(account: AccountId) -> String {
    let body = AccountChanged { account: account.uuid() };
    serde_json::to_string(&body).expect("an identifier is written as JSON")
}

/// The body of the event of a session that began or was ended.
pub fn session_named(session: SessionId) -> String {
    let body = SessionNamed { session: session.uuid() };
    serde_json::to_string(&body).expect("an identifier is written as JSON")
}

/// The body of the event of a bill that changed.
pub fn bill_changed(bill: BillId) -> String {
    let body = BillChanged { bill: bill.uuid() };
    serde_json::to_string(&body).expect("an identifier is written as JSON")
}
