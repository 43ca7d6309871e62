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
    /// The bank's own: what is owed to BNI for its customers.
    OutsideBni,
    /// The bank's own: what is owed to BRI for its customers.
    OutsideBri,
    /// The bank's own: what is owed to Mandiri for its customers.
    OutsideMandiri,
}

impl AccountKind {
    /// The bank's own accounts, one for each currency.
    pub const OF_THE_BANK: [Self; 7] = [
        Self::CashClearing,
        Self::OpeningCredits,
        Self::CardSettlement,
        Self::BillsPayable,
        Self::OutsideBni,
        Self::OutsideBri,
        Self::OutsideMandiri,
    ];

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
            Self::OutsideBni => "Bank BNI",
            Self::OutsideBri => "Bank BRI",
            Self::OutsideMandiri => "Bank Mandiri",
        }
    }
}

/// A bank outside to which money of a wallet can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutsideBank {
    /// BNI.
    Bni,
    /// BRI.
    Bri,
    /// Mandiri.
    Mandiri,
}

impl OutsideBank {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bni, Self::Bri, Self::Mandiri];

    /// What it is called by.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bni => "bni",
            Self::Bri => "bri",
            Self::Mandiri => "mandiri",
        }
    }

    /// The bank's own account for what is owed to it.
    pub const fn account(self) -> AccountKind {
        match self {
            Self::Bni => AccountKind::OutsideBni,
            Self::Bri => AccountKind::OutsideBri,
            Self::Mandiri => AccountKind::OutsideMandiri,
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
