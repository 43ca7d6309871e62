//! What an account is, and what its state lets happen.

use crate::types::{
    id::AccountId,
    money::{Currency, Minor, Money},
};

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountKind {
    /// A person's card.
    Card,
    /// A person's savings goal.
    Savings,
    /// A person's e-wallet.
    Wallet,
    /// The bank's own: where topped-up money comes from.
    CashClearing,
    /// The bank's own: where opening credits come from.
    OpeningCredits,
    /// The bank's own: where merchants are paid from.
    CardSettlement,
    /// The bank's own: where bills are paid from.
    BillsPayable,
}

impl AccountKind {
    /// The bank's own accounts, one for each currency.
    pub const OF_THE_BANK: [Self; 4] =
        [Self::CashClearing, Self::OpeningCredits, Self::CardSettlement, Self::BillsPayable];

    /// How a counterparty sees an account of this kind that has no number.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Card => "Card",
            Self::Savings => "Savings goal",
            Self::Wallet => "E-wallet",
            Self::CashClearing => "Cash",
            Self::OpeningCredits => "Opening credit",
            Self::CardSettlement => "Card payment",
            Self::BillsPayable => "Bill",
        }
    }
}

/// An account as a client names it: the name says what kind it is, and must be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRef {
    /// What it is said to be.
    pub kind: AccountKind,
    /// The account.
    pub id: AccountId,
}

/// What may happen with a customer's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountStatus {
    /// Everything.
    Active,
    /// Money may come in, none may go out.
    Frozen,
    /// Nothing any more.
    Closed,
}

/// The money of a customer's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Everything that has been posted.
    pub posted: Minor,
    /// Reserved by open holds.
    pub held: Minor,
    /// How far below zero the account may go.
    pub overdraft_limit: Minor,
    /// Grows by one with every posting.
    pub version: i64,
    /// What all of it is counted in.
    pub currency: Currency,
}

impl Balance {
    /// What can be spent: posted less held, plus the overdraft limit.
    ///
    /// The floor keeps posted less held from going far below zero, so only an
    /// absurd overdraft limit could leave the range; it is cut there.
    pub fn available(&self) -> Minor {
        let free = self.posted.0.saturating_sub(self.held.0);
        Minor(free.saturating_add(self.overdraft_limit.0))
    }

    /// An amount in the account's currency.
    pub fn money(&self, minor: Minor) -> Money {
        Money::new(minor, self.currency)
    }
}
