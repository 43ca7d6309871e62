//! The rows that a batch of postings writes, and the columns that they become.

use uuid::Uuid;

use super::audit::NewAudit;
use crate::{
    db::rows::{Column, Rows},
    domain::{
        account::Balance,
        event::EventKind,
        limit::{CounterKey, Used},
        posting::TransactionKind,
    },
    types::{
        clock::Instant,
        id::{AccountId, BillId, HoldId, SessionId, TransactionId, UserId},
        money::Minor,
    },
};

/// What one side of a movement is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The account of that side.
    pub account_id: AccountId,
    /// How the other side sees it.
    pub label: String,
    /// The last four digits, for a card.
    pub last4: Option<String>,
    /// The person's name as it is; none for the bank.
    pub party: Option<String>,
}

/// Which side of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    /// Where the money leaves.
    From,
    /// Where it arrives.
    To,
}

impl Side {
    const fn code(self) -> &'static str {
        match self {
            Self::From => "FROM",
            Self::To => "TO",
        }
    }
}

/// An entry that is about to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its transaction.
    pub transaction_id: TransactionId,
    /// Its account.
    pub account_id: AccountId,
    /// What comes in, or, negative, goes out.
    pub amount: Minor,
    /// The balance after it with its version; none for the bank's own accounts.
    pub after: Option<Balance>,
    /// When it happens.
    pub posted_at: Instant,
    /// Hides the balance behind the hash of its line.
    pub salt: [u8; 16],
}

/// A transaction that is about to close its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransaction {
    /// Names it.
    pub transaction_id: TransactionId,
    /// What it is.
    pub kind: TransactionKind,
    /// What it takes back.
    pub reverses: Option<TransactionId>,
    /// When it happens.
    pub posted_at: Instant,
}

/// What one side is called, about to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewText {
    /// Its transaction.
    pub transaction_id: TransactionId,
    /// Which side.
    pub side: Side,
    /// What it is called.
    pub text: Text,
    /// What was noted.
    pub note: Option<String>,
    /// The payer named it by its card's number.
    pub named: bool,
}

/// A balance as the batch leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBalance {
    /// The account.
    pub account_id: AccountId,
    /// What it has.
    pub balance: Balance,
    /// When its last posting was.
    pub last_posted_at: Instant,
}

/// A hold that became a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// The hold.
    pub hold_id: HoldId,
    /// How much of it.
    pub captured: Minor,
    /// The purchase.
    pub transaction_id: TransactionId,
}

/// A bill that was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidBill {
    /// The bill.
    pub bill_id: BillId,
    /// The movement that paid it.
    pub transaction_id: TransactionId,
    /// When.
    pub paid_at: Instant,
}

/// Something to be told in a person's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Whose stream.
    pub owner_id: UserId,
    /// How many more are told to the same person after it, in the same transaction.
    pub back: i64,
    /// What happened.
    pub kind: EventKind,
    /// What there is to say, as JSON.
    pub body: String,
    /// When.
    pub occurred_at: Instant,
}

/// What a client said of itself when it moved money; nobody has checked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Where it says that it is, as an address of the network.
    pub ip_address: String,
    /// Where it says that it is, in its own words.
    pub location: String,
    /// The program.
    pub user_agent: Option<String>,
}

/// Everything that a batch writes.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// Entries, in the order of their postings.
    pub entries: Vec<NewEntry>,
    /// Balances as they stand at the end.
    pub balances: Vec<NewBalance>,
    /// Limits as they stand at the end.
    pub limits: Vec<(CounterKey, Used)>,
    /// Transactions.
    pub transactions: Vec<NewTransaction>,
    /// What the sides are called.
    pub texts: Vec<NewText>,
    /// Who did what.
    pub audit: Vec<NewAudit>,
    /// Bills that were paid.
    pub bills: Vec<PaidBill>,
    /// Holds that became purchases.
    pub captures: Vec<Capture>,
    /// What is told.
    pub events: Vec<NewEvent>,
    /// What clients said of themselves.
    pub claims: Vec<(TransactionId, Claim)>,
}

pub(super) fn uuids<T>(rows: &[T], cell: impl Fn(&T) -> Option<Uuid>) -> Column {
    Column::Uuid(rows.iter().map(cell).collect())
}

pub(super) fn texts<T>(rows: &[T], cell: impl Fn(&T) -> Option<String>) -> Column {
    Column::Text(rows.iter().map(cell).collect())
}

pub(super) fn codes<T>(rows: &[T], cell: impl Fn(&T) -> &'static str) -> Column {
    Column::Code(rows.iter().map(cell).collect())
}

pub(super) fn ints<T>(rows: &[T], cell: impl Fn(&T) -> Option<i64>) -> Column {
    Column::Int(rows.iter().map(cell).collect())
}

pub(super) fn instants<T>(rows: &[T], cell: impl Fn(&T) -> Instant) -> Column {
    Column::Instant(rows.iter().map(cell).collect())
}

pub(super) fn entry_rows(rows: &[NewEntry]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.transaction_id.uuid())),
        uuids(rows, |row| Some(row.account_id.uuid())),
        Column::Bool(rows.iter().map(|row| row.after.is_some()).collect()),
        ints(rows, |row| Some(row.amount.0)),
        ints(rows, |row| row.after.map(|after| after.posted.0)),
        ints(rows, |row| row.after.map(|after| after.version)),
        instants(rows, |row| row.posted_at),
        Column::Bytes(rows.iter().map(|row| row.salt.to_vec()).collect()),
    ])
}

pub(super) fn balance_rows(rows: &[NewBalance]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.account_id.uuid())),
        ints(rows, |row| Some(row.balance.posted.0)),
        ints(rows, |row| Some(row.balance.held.0)),
        ints(rows, |row| Some(row.balance.version)),
        instants(rows, |row| row.last_posted_at),
    ])
}

pub(super) fn limit_rows(rows: &[(CounterKey, Used)]) -> Rows {
    Rows::new(vec![
        uuids(rows, |(key, _)| Some(key.0)),
        codes(rows, |(key, _)| key.1.code()),
        texts(rows, |(key, _)| Some(key.2.code().to_owned())),
        Column::Day(rows.iter().map(|(_, used)| used.window_start).collect()),
        ints(rows, |(_, used)| Some(used.used.0)),
    ])
}

pub(super) fn transaction_rows(rows: &[NewTransaction]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.transaction_id.uuid())),
        codes(rows, |row| row.kind.code()),
        uuids(rows, |row| row.reverses.map(TransactionId::uuid)),
        instants(rows, |row| row.posted_at),
    ])
}

pub(super) fn text_rows(rows: &[NewText]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.transaction_id.uuid())),
        codes(rows, |row| row.side.code()),
        uuids(rows, |row| Some(row.text.account_id.uuid())),
        texts(rows, |row| Some(row.text.label.clone())),
        texts(rows, |row| row.text.last4.clone()),
        texts(rows, |row| row.text.party.clone()),
        texts(rows, |row| row.note.clone()),
        Column::Bool(rows.iter().map(|row| row.named).collect()),
    ])
}

pub(super) fn audit_rows(rows: &[NewAudit]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.audit_id.uuid())),
        uuids(rows, |row| row.act.actor_id.map(UserId::uuid)),
        uuids(rows, |row| row.act.session_id.map(SessionId::uuid)),
        codes(rows, |row| row.act.action),
        codes(rows, |row| row.result),
        uuids(rows, |row| row.subject_id),
        texts(rows, |row| row.act.ip_address.clone()),
        texts(rows, |row| row.act.request_id.clone()),
        instants(rows, |row| row.at),
    ])
}

pub(super) fn unsealed_rows(written: &Written) -> Rows {
    let transactions =
        written.transactions.iter().map(|row| (row.transaction_id.uuid(), "TRANSACTION"));
    let audit = written.audit.iter().map(|row| (row.audit_id.uuid(), "AUDIT"));
    let rows: Vec<(Uuid, &'static str)> = transactions.chain(audit).collect();
    Rows::new(vec![uuids(&rows, |row| Some(row.0)), codes(&rows, |row| row.1)])
}

pub(super) fn bill_rows(rows: &[PaidBill]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.bill_id.uuid())),
        uuids(rows, |row| Some(row.transaction_id.uuid())),
        instants(rows, |row| row.paid_at),
    ])
}

pub(super) fn capture_rows(rows: &[Capture]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.hold_id.uuid())),
        ints(rows, |row| Some(row.captured.0)),
        uuids(rows, |row| Some(row.transaction_id.uuid())),
    ])
}

pub(super) fn event_rows(rows: &[NewEvent]) -> Rows {
    Rows::new(vec![
        uuids(rows, |row| Some(row.owner_id.uuid())),
        ints(rows, |row| Some(row.back)),
        codes(rows, |row| row.kind.code()),
        texts(rows, |row| Some(row.body.clone())),
        instants(rows, |row| row.occurred_at),
    ])
}
