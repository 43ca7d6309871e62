//! What the ledger is asked, and what it answers. Data only.

use crate::{
    db::error::DbError,
    domain::{
        account::{AccountKind, AccountRef},
        limit::LimitKind,
        posting::TransactionKind,
        refusal::Refusal,
    },
    store::{
        audit::Act,
        card::NewCard,
        operation::{NewOperation, Operation},
        posting::Customer,
        posting_rows::{Claim, Text},
        savings::NewSavings,
    },
    types::{
        clock::Instant,
        id::{AccountId, BillId, HoldId, SessionId, TransactionId, UserId},
        money::{Currency, DecimalText, Minor, Money},
    },
};

/// One thing to be done in the books, whole or not at all, with its conditions as data.
#[derive(Debug, Clone)]
pub struct Posting {
    /// Who asks for what: a row of the audit log, whatever comes of it.
    pub act: Act,
    /// The client's idempotency key, where there is one.
    pub key: Option<NewOperation>,
    /// The session that asks must be alive when it is done, and its person be one for whom
    /// money moves.
    pub session: Option<(SessionId, UserId)>,
    /// Money was known to move for that person a second ago or later: a lone transfer need
    /// not ask.
    pub trusted: bool,
    /// An account to be opened with it.
    pub opens: Option<Opening>,
    /// A bill that must wait to be paid, and is paid: the movement takes its amount.
    pub pays: Option<Due>,
    /// A hold that must be open and becomes a purchase: the movement takes from its card.
    pub captures: Option<HoldId>,
    /// A day's limit that must leave room for it.
    pub allowance: Option<Allowance>,
    /// What the client said of itself, kept beside the movement.
    pub claim: Option<Claim>,
    /// The money to be moved; an account can be opened without any.
    pub movement: Option<Movement>,
}

impl Posting {
    /// A posting that does nothing yet and has no condition.
    pub fn new(act: Act) -> Self {
        Self {
            act,
            key: None,
            session: None,
            trusted: false,
            opens: None,
            pays: None,
            captures: None,
            allowance: None,
            claim: None,
            movement: None,
        }
    }
}

/// A bill to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The bill.
    pub bill_id: BillId,
    /// Whose it must be.
    pub owner_id: UserId,
}

/// An account to be opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Names the account.
    pub account_id: AccountId,
    /// Whose it will be.
    pub owner_id: UserId,
    /// What it will be for.
    pub kind: AccountKind,
    /// What it will be counted in.
    pub currency: Currency,
    /// What a card has beyond its money.
    pub card: Option<NewCard>,
    /// What a savings goal has beyond its money.
    pub savings: Option<NewSavings>,
    /// How many of this kind a person may have open.
    pub limit: i64,
    /// What there would be too many of: "cards".
    pub noun: &'static str,
    /// How the other side of its first movement sees it.
    pub text: Text,
}

/// What a person may move in a day; a move between two accounts of theirs is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Whose limit.
    pub subject: UserId,
    /// What is limited.
    pub kind: LimitKind,
    /// How many whole units a day, in each currency.
    pub units: i64,
}

impl Allowance {
    /// The day's limit in minor units of a currency.
    pub fn minor(&self, currency: Currency) -> Minor {
        Minor(self.units.saturating_mul(10_i64.pow(currency.digits())))
    }
}

/// One end of a movement.
#[derive(Debug, Clone)]
pub enum End {
    /// A customer's account.
    Account {
        /// The account; it must be what it is said to be.
        named: AccountRef,
        /// Whose it must be; `None` for any customer's.
        owner: Option<UserId>,
        /// The field that names it.
        field: &'static str,
        /// Once closed it is as unknown as one that never was.
        hidden_when_closed: bool,
    },
    /// A card by its number's keyed index, whoever's it is.
    Number {
        /// What finds it.
        index: Vec<u8>,
        /// The field that names it.
        field: &'static str,
    },
    /// The account that the posting opens.
    Opened,
    /// The bank's own account of a kind, in the currency of the other end.
    Bank(AccountKind),
    /// The bank's account from which merchants are paid, under this merchant's name.
    Merchant(String),
    /// The bank's account from which bills are paid, under the name of the bill that the
    /// posting pays.
    Bill,
}

/// How much moves.
#[derive(Debug, Clone)]
pub enum Sum {
    /// What a person wrote, in the currency of the customer's end.
    Text(DecimalText),
    /// Minor units.
    Minor(Minor),
    /// All of the hold or of the bill, or all that remains to be reversed.
    Rest,
}

/// Money that moves from one account to another.
#[derive(Debug, Clone)]
pub struct Movement {
    /// Names the transaction.
    pub transaction_id: TransactionId,
    /// What it is.
    pub kind: TransactionKind,
    /// A transaction that it takes back, at most what remains of it.
    pub reverses: Option<TransactionId>,
    /// Where the money leaves.
    pub from: End,
    /// Where it arrives.
    pub to: End,
    /// How much.
    pub sum: Sum,
    /// What is noted.
    pub note: Option<String>,
}

/// One end of a movement as it stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedEnd {
    /// What it is called.
    pub text: Text,
    /// A customer's account as it stands after the movement.
    pub customer: Option<Customer>,
}

/// A movement as it stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Names the transaction.
    pub transaction_id: TransactionId,
    /// What it is.
    pub kind: TransactionKind,
    /// What it takes back.
    pub reverses: Option<TransactionId>,
    /// When it happened.
    pub posted_at: Instant,
    /// How much moved.
    pub amount: Money,
    /// What was noted.
    pub note: Option<String>,
    /// Where the money left.
    pub from: MovedEnd,
    /// Where it arrived.
    pub to: MovedEnd,
}

/// What became of a posting.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is in the books, for good.
    Done(Option<Box<Moved>>),
    /// The key had done it before; this is what it made.
    Replayed(Operation),
    /// It is not in the books, and nothing of it is.
    Refused(Refusal),
}

/// The ledger could not answer.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database failed; whether the posting was done is known by its key.
    #[error("the books could not be written: {0}")]
    Db(std::sync::Arc<DbError>),
    /// Too many postings wait; nothing was done.
    #[error("too many postings wait")]
    Overloaded,
    /// The work on it ended without a word; whether it was done is known by its key.
    #[error("a batch of postings ended without an answer")]
    Lost,
}
