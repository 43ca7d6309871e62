//! What a person's stream tells: each change that a client may care about.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::Balance;
use crate::types::{
    id::{AccountId, BillId, SessionId, TransactionId},
    money::{Currency, Minor},
};

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

/// An account's money as an event left it; what it is counted in never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Everything that has been posted, in minor units.
    pub posted: i64,
    /// Reserved by holds, in minor units.
    pub held: i64,
    /// How far below zero the account may go, in minor units.
    pub overdraft_limit: i64,
    /// The account's version.
    pub version: i64,
}

impl Left {
    fn of(balance: &Balance) -> Self {
        Self {
            posted: balance.posted.0,
            held: balance.held.0,
            overdraft_limit: balance.overdraft_limit.0,
            version: balance.version,
        }
    }

    /// The balance of an account that is counted in this.
    pub fn balance(&self, currency: Currency) -> Balance {
        Balance {
            posted: Minor(self.posted),
            held: Minor(self.held),
            overdraft_limit: Minor(self.overdraft_limit),
            version: self.version,
            currency,
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
    /// Its money after it.
    #[serde(flatten)]
    pub left: Left,
}

/// The body of `ACCOUNT_CHANGED`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChanged {
    /// The account.
    pub account: Uuid,
    /// Its money after it, where that has changed without an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
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
        left: Left::of(after),
    };
    serde_json::to_string(&body).expect("numbers and identifiers are written as JSON")
}

/// The body of the event of an account that changed; `after` is its money where that
/// changed with it.
pub fn account_changed(account: AccountId, after: Option<&Balance>) -> String {
    let body = AccountChanged { account: account.uuid(), left: after.map(Left::of) };
    serde_json::to_string(&body).expect("numbers and identifiers are written as JSON")
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

/// What an event says, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Money came or went.
    EntryPosted(EntryPosted),
    /// An account was opened, or something of it changed that is not an entry.
    AccountChanged(AccountChanged),
    /// A bill was made, paid or cancelled.
    BillChanged(BillId),
    /// Somebody signed in as the person.
    SessionStarted(SessionId),
    /// A session of the person's was ended.
    SessionEnded(SessionId),
    /// What this program does not know: a newer one, on the same database, wrote it.
    Unknown,
}

impl Body {
    /// Reads what is stored of an event.
    pub fn read(kind: &str, body: &str) -> Self {
        let session = |body: &str| {
            let named: Result<SessionNamed, _> = serde_json::from_str(body);
            named.map(|named| SessionId::from_uuid(named.session))
        };
        let read = match kind {
            "ENTRY_POSTED" => serde_json::from_str(body).map(Self::EntryPosted),
            "ACCOUNT_CHANGED" => serde_json::from_str(body).map(Self::AccountChanged),
            "BILL_CHANGED" => serde_json::from_str(body)
                .map(|changed: BillChanged| Self::BillChanged(BillId::from_uuid(changed.bill))),
            "SESSION_STARTED" => session(body).map(Self::SessionStarted),
            "SESSION_ENDED" => session(body).map(Self::SessionEnded),
            _ => Ok(Self::Unknown),
        };
        read.unwrap_or(Self::Unknown)
    }
}

/// What is left of a stream: events are swept from its front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The number of the last event; 0 where there never was one.
    pub last: i64,
    /// The number of the first one that is kept.
    pub first: Option<i64>,
}

impl Extent {
    /// All that came after this number is still there.
    pub fn reaches_back_to(&self, number: i64) -> bool {
        let complete = self.first.is_some_and(|first| first <= number.saturating_add(1));
        number >= 0 && (number == self.last || (number < self.last && complete))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{
        AccountChanged, Body, EntryPosted, EventKind, Extent, Left, account_changed, bill_changed,
        entry_posted, session_named,
    };
    use crate::types::{
        id::{AccountId, BillId, SessionId, TransactionId},
        money::Currency,
    };

    #[test]
    fn an_event_is_read_back_as_it_was_written() {
        let uuid = Uuid::from_u128(7);
        let left = Left { posted: -5, held: 3, overdraft_limit: 9, version: 2 };
        let balance = left.balance(Currency::parse("USD").unwrap());
        let account = AccountId::from_uuid(uuid);
        let read = |kind: EventKind, body: String| Body::read(kind.code(), &body);
        let entry = entry_posted(TransactionId::from_uuid(uuid), account, &balance);
        let posted = EntryPosted { transaction: uuid, account: uuid, left };
        assert_eq!(read(EventKind::EntryPosted, entry), Body::EntryPosted(posted));
        for left in [None, Some(left)] {
            let balance = left.map(|_| &balance);
            let changed = AccountChanged { account: uuid, left };
            let read = read(EventKind::AccountChanged, account_changed(account, balance));
            assert_eq!(read, Body::AccountChanged(changed));
        }
        let bill = BillId::from_uuid(uuid);
        assert_eq!(read(EventKind::BillChanged, bill_changed(bill)), Body::BillChanged(bill));
        let session = SessionId::from_uuid(uuid);
        let named = || session_named(session);
        assert_eq!(read(EventKind::SessionStarted, named()), Body::SessionStarted(session));
        assert_eq!(read(EventKind::SessionEnded, named()), Body::SessionEnded(session));
        for (kind, body) in [("ENTRY_POSTED", "{}"), ("LOAN_OFFERED", "{}"), ("BILL_CHANGED", "")] {
            assert_eq!(Body::read(kind, body), Body::Unknown, "{kind}");
        }
    }

    #[test]
    fn a_cursor_is_too_old_once_something_after_it_was_swept() {
        let some = Extent { last: 9, first: Some(4) };
        for (number, fine) in
            [(9, true), (3, true), (4, true), (2, false), (10, false), (-1, false)]
        {
            assert_eq!(some.reaches_back_to(number), fine, "{number}");
        }
        let swept = Extent { last: 9, first: None };
        assert!(swept.reaches_back_to(9) && !swept.reaches_back_to(8));
        let fresh = Extent { last: 0, first: None };
        assert!(fresh.reaches_back_to(0) && !fresh.reaches_back_to(1));
        let whole = Extent { last: 2, first: Some(1) };
        assert!(whole.reaches_back_to(0));
    }
}
