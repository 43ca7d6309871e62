//! Money and balances as they are shown.

use async_graphql::SimpleObject;

use super::scalars::{BigInt, CurrencyCode, Decimal};
use crate::{
    domain::account,
    types::{money, money::DecimalText},
};

/// An amount is never negative, but for a balance that an overdraft allows; a direction carries the sign.
#[derive(Debug, Clone, SimpleObject)]
pub struct Money {
    /// The exact amount, with all digits of its currency.
    amount: Decimal,
    /// What it is counted in.
    currency: CurrencyCode,
    /// The same amount as a whole number of the currency's smallest unit.
    minor_units: BigInt,
}

impl From<money::Money> for Money {
    fn from(money: money::Money) -> Self {
        let text = money.decimal();
        let amount = DecimalText::parse(&text).expect("an amount is shown as a plain decimal");
        Self {
            amount: Decimal(amount),
            currency: money.currency.into(),
            minor_units: BigInt(money.minor.0),
        }
    }
}

/// The money of an account.
#[derive(Debug, Clone, SimpleObject)]
pub struct Balance {
    /// Everything that has been posted.
    posted: Money,
    /// Reserved by open holds.
    held: Money,
    /// What can be spent: posted less held, plus the overdraft limit.
    available: Money,
    /// Grows by one with every posting to the account: a client drops what is older than it has.
    version: BigInt,
}

impl From<&account::Balance> for Balance {
    fn from(balance: &account::Balance) -> Self {
        Self {
            posted: balance.money(balance.posted).into(),
            held: balance.money(balance.held).into(),
            available: balance.money(balance.available()).into(),
            version: BigInt(balance.version),
        }
    }
}
