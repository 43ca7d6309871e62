//! What is asked of a history: which entries, and which page of them.

use async_graphql::{Enum, InputObject, Result};

use super::{
    errors,
    scalars::{Cursor, DateTime, Decimal},
};
use crate::{
    domain::{history, history::Filter, posting},
    types::page::Window,
};

/// What a movement was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum TransactionKind {
    /// From one account to another.
    Transfer,
    /// Money from outside.
    TopUp,
    /// A deposit that the bank's staff recorded.
    Income,
    /// A merchant was paid by card.
    Purchase,
    /// A bill was paid.
    BillPayment,
    /// From a card to a savings goal of the same person.
    SavingsTopUp,
    /// From a savings goal to a card of the same person.
    SavingsWithdrawal,
    /// To an account at another bank.
    BankTransfer,
    /// Takes another transaction back, in whole or in part.
    Reversal,
    /// What the bank gave to a new account in the sandbox.
    OpeningCredit,
}

impl From<posting::TransactionKind> for TransactionKind {
    fn from(kind: posting::TransactionKind) -> Self {
        match kind {
            posting::TransactionKind::Transfer => Self::Transfer,
            posting::TransactionKind::TopUp => Self::TopUp,
            posting::TransactionKind::Income => Self::Income,
            posting::TransactionKind::Purchase => Self::Purchase,
            posting::TransactionKind::BillPayment => Self::BillPayment,
            posting::TransactionKind::SavingsTopUp => Self::SavingsTopUp,
            posting::TransactionKind::SavingsWithdrawal => Self::SavingsWithdrawal,
            posting::TransactionKind::BankTransfer => Self::BankTransfer,
            posting::TransactionKind::Reversal => Self::Reversal,
            posting::TransactionKind::OpeningCredit => Self::OpeningCredit,
        }
    }
}

impl From<TransactionKind> for posting::TransactionKind {
    fn from(kind: TransactionKind) -> Self {
        match kind {
            TransactionKind::Transfer => Self::Transfer,
            TransactionKind::TopUp => Self::TopUp,
            TransactionKind::Income => Self::Income,
            TransactionKind::Purchase => Self::Purchase,
            TransactionKind::BillPayment => Self::BillPayment,
            TransactionKind::SavingsTopUp => Self::SavingsTopUp,
            TransactionKind::SavingsWithdrawal => Self::SavingsWithdrawal,
            TransactionKind::BankTransfer => Self::BankTransfer,
            TransactionKind::Reversal => Self::Reversal,
            TransactionKind::OpeningCredit => Self::OpeningCredit,
        }
    }
}

/// Which way money went, seen from an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Direction {
    /// It came in.
    In,
    /// It went out.
    Out,
}

impl From<Direction> for history::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::In => Self::In,
            Direction::Out => Self::Out,
        }
    }
}

/// Which entries of a history. text searches notes and counterparties within the newest 10,000 entries that the rest of the filter leaves.
#[derive(Debug, Clone, Default, InputObject)]
pub struct HistoryFilter {
    /// What the movements were; one kind at least.
    kinds: Option<Vec<TransactionKind>>,
    /// Which way the money went.
    direction: Option<Direction>,
    /// Posted then or later.
    posted_from: Option<DateTime>,
    /// Posted earlier.
    posted_before: Option<DateTime>,
    /// At least this much, in the account's currency.
    min_amount: Option<Decimal>,
    /// At most this much, in the account's currency.
    max_amount: Option<Decimal>,
    /// What stands in the note or in the counterparty's label, in whatever case; 1 to 100 characters.
    text: Option<String>,
}

impl From<HistoryFilter> for Filter {
    fn from(filter: HistoryFilter) -> Self {
        let kinds = |kinds: Vec<TransactionKind>| kinds.into_iter().map(Into::into).collect();
        Self {
            kinds: filter.kinds.map(kinds),
            direction: filter.direction.map(Into::into),
            posted_from: filter.posted_from.map(|at| at.0),
            posted_before: filter.posted_before.map(|at| at.0),
            min_amount: filter.min_amount.map(|amount| amount.0),
            max_amount: filter.max_amount.map(|amount| amount.0),
            text: filter.text,
        }
    }
}

/// The arguments of a history.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which entries.
    pub filter: Option<HistoryFilter>,
    /// How many from the newest on.
    pub first: Option<i32>,
    /// Only older ones.
    pub after: Option<Cursor>,
    /// How many from the oldest back.
    pub last: Option<i32>,
    /// Only newer ones.
    pub before: Option<Cursor>,
}

impl Asked {
    /// The page and the filter that are meant.
    pub fn read(self) -> Result<(Window, Filter)> {
        let cursor = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.0);
        let (after, before) = (cursor(self.after), cursor(self.before));
        let window = Window::parse(self.first, after, self.last, before);
        let window = window.map_err(|error| errors::argument(error.argument, error.reason))?;
        Ok((window, self.filter.unwrap_or_default().into()))
    }
}
