//! What the ledger is asked, and what it answers. Data only.

use crate::{
    db::error::DbError,
    domain::{
        account::AccountKind,
        posting::{Leg, Line, TransactionKind},
        refusal::Refusal,
    },
    store::{
        card::NewCard,
        operation::{NewOperation, Operation},
        posting::Text,
    },
    types::{
        clock::Instant,
        id::{AccountId, SessionId, TransactionId, UserId},
        money::{Currency, Minor},
    },
};

/// One thing to be done in the books, whole or not at all.
#[derive(Debug, Clone)]
pub struct Posting {
    /// The client's idempotency key, where there is one.
    pub key: Option<NewOperation>,
    /// The session that asks must be alive when it is done.
    pub session: Option<(SessionId, UserId)>,
    /// An account to be opened with it.
    pub opens: Option<Opening>,
    /// The money to be moved; an account can be opened without any.
    pub movement: Option<Movement>,
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
    /// How many of this kind a person may have open.
    pub limit: i64,
    /// What there would be too many of: "cards".
    pub noun: &'static str,
}

/// One end of a movement.
#[derive(Debug, Clone)]
pub struct End {
    /// The account.
    pub account_id: AccountId,
    /// It is a customer's, with a balance and a floor.
    pub customer: bool,
    /// What it is called.
    pub text: Text,
}

/// Money that moves from one account to another.
#[derive(Debug, Clone)]
pub struct Movement {
    /// Names the transaction.
    pub transaction_id: TransactionId,
    /// What it is.
    pub kind: TransactionKind,
    /// Where the money leaves.
    pub from: End,
    /// Where it arrives.
    pub to: End,
    /// How much; more than zero.
    pub amount: Minor,
    /// Of what.
    pub currency: Currency,
    /// What is noted.
    pub note: Option<String>,
}

impl Movement {
    /// The two legs, which sum to zero; a refusal where they would be none.
    pub fn legs(&self) -> Result<[Leg; 2], Refusal> {
        if self.from.account_id == self.to.account_id {
            return Err(Refusal::SameAccount);
        }
        let out = match self.amount.negated() {
            Some(out) if self.amount.is_positive() => out,
            _ => return Err(Refusal::invalid("amount", "must be more than zero")),
        };
        let leg = |end: &End, amount| Leg {
            account_id: end.account_id,
            customer: end.customer,
            currency: self.currency,
            amount,
        };
        Ok([leg(&self.from, out), leg(&self.to, self.amount)])
    }
}

/// A movement as it stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Names the transaction.
    pub transaction_id: TransactionId,
    /// When it happened.
    pub posted_at: Instant,
    /// Its lines, with the balances after it.
    pub lines: Vec<Line>,
}

/// What became of a posting.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It is in the books, for good.
    Done(Option<Moved>),
    /// The key had done it before; this is what it made.
    Replayed(Operation),
    /// It is not in the books, and nothing of it is.
    Refused(Refusal),
}

/// The ledger could not answer; where it says so, nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}
