//! Whether money may move, decided on facts that are locked while it is decided.

use super::{
    account::{AccountStatus, Balance},
    refusal::Refusal,
};
use crate::types::{
    clock::Instant,
    id::AccountId,
    money::{Currency, Minor},
};

/// What a movement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionKind {
    /// From one account to another, of the same person or not.
    Transfer,
    /// Money from outside.
    TopUp,
    /// A deposit that the bank's staff recorded.
    Income,
    /// A merchant captured a hold.
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
    /// What the bank gives to a new account in the sandbox.
    OpeningCredit,
}

impl TransactionKind {
    /// The kind as it is stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transfer => "TRANSFER",
            Self::TopUp => "TOP_UP",
            Self::Income => "INCOME",
            Self::Purchase => "PURCHASE",
            Self::BillPayment => "BILL_PAYMENT",
            Self::SavingsTopUp => "SAVINGS_TOP_UP",
            Self::SavingsWithdrawal => "SAVINGS_WITHDRAWAL",
            Self::BankTransfer => "BANK_TRANSFER",
            Self::Reversal => "REVERSAL",
            Self::OpeningCredit => "OPENING_CREDIT",
        }
    }

    /// It spends, where it leaves a card for somebody else's account: the card's own limit
    /// counts it. A purchase was counted when its hold was placed.
    pub const fn is_spending(self) -> bool {
        match self {
            Self::Transfer | Self::BillPayment | Self::BankTransfer => true,
            Self::TopUp
            | Self::Income
            | Self::Purchase
            | Self::SavingsTopUp
            | Self::SavingsWithdrawal
            | Self::Reversal
            | Self::OpeningCredit => false,
        }
    }

    /// It brings money in from outside.
    pub const fn is_funding(self) -> bool {
        match self {
            Self::TopUp | Self::Income => true,
            Self::Transfer
            | Self::Purchase
            | Self::BillPayment
            | Self::SavingsTopUp
            | Self::SavingsWithdrawal
            | Self::BankTransfer
            | Self::Reversal
            | Self::OpeningCredit => false,
        }
    }
}

/// What may still be taken back of a movement of which these amounts were taken back
/// before; nothing of a reversal, which is not reversed itself.
pub fn remaining(
    kind: TransactionKind,
    amount: Minor,
    taken: impl Iterator<Item = Minor>,
) -> Minor {
    if kind == TransactionKind::Reversal {
        return Minor::ZERO;
    }
    let left = taken.fold(amount.0, |left, taken| left.saturating_sub(taken.0));
    Minor(left.max(0))
}

/// One side of a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Whose side it is.
    pub account_id: AccountId,
    /// A customer's account keeps a balance and has a floor; the bank's own do not.
    pub customer: bool,
    /// The account's currency.
    pub currency: Currency,
    /// Positive comes in, negative goes out; never zero.
    pub amount: Minor,
    /// What it frees of the money that holds reserve: what a hold had reserved
    /// can leave even a frozen account.
    pub frees: Minor,
}

/// A customer's account as it stands under its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What may happen with it.
    pub status: AccountStatus,
    /// Its money before the movement.
    pub balance: Balance,
    /// When its last posting was; `None` before the first.
    pub last_posted_at: Option<Instant>,
}

/// A leg as it will stand in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The side.
    pub leg: Leg,
    /// For a customer's account: the balance after, with its new version.
    pub after: Option<Balance>,
}

/// A movement that may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its lines, in the order of the legs.
    pub lines: Vec<Line>,
    /// When it happens: never before the last posting of an account it touches.
    pub posted_at: Instant,
}

/// Decides a movement; `standing` tells how a customer's account stands under its lock.
pub fn decide(
    legs: &[Leg],
    standing: impl Fn(AccountId) -> Option<Standing>,
    now: Instant,
) -> Result<Decision, Refusal> {
    let mut posted_at = now;
    let mut lines = Vec::with_capacity(legs.len());
    for leg in legs {
        if !leg.customer {
            lines.push(Line { leg: *leg, after: None });
            continue;
        }
        let missing = Refusal::NotFound { field: "accountId", noun: "account" };
        let standing = standing(leg.account_id).ok_or(missing)?;
        let after = move_one(leg, &standing)?;
        posted_at = posted_at.max(standing.last_posted_at.unwrap_or(now));
        lines.push(Line { leg: *leg, after: Some(after) });
    }
    Ok(Decision { lines, posted_at })
}

fn move_one(leg: &Leg, standing: &Standing) -> Result<Balance, Refusal> {
    let balance = standing.balance;
    if balance.currency != leg.currency {
        return Err(Refusal::CurrencyMismatch);
    }
    let debit = leg.amount < Minor::ZERO;
    match standing.status {
        AccountStatus::Closed => return Err(Refusal::AccountClosed),
        AccountStatus::Frozen if debit && leg.frees == Minor::ZERO => {
            return Err(Refusal::AccountFrozen);
        }
        AccountStatus::Frozen | AccountStatus::Active => {}
    }
    let too_large = || Refusal::invalid("amount", "is too large");
    let held = balance.held.minus(leg.frees).ok_or_else(too_large)?;
    if debit {
        let wanted = leg.amount.negated().ok_or_else(too_large)?;
        let available = Balance { held, ..balance }.available();
        if available < wanted {
            let missing = wanted.minus(available).ok_or_else(too_large)?;
            return Err(Refusal::InsufficientFunds {
                available: balance.money(available),
                short_by: balance.money(missing),
            });
        }
    }
    let posted = balance.posted.plus(leg.amount).ok_or_else(too_large)?;
    let version = balance.version.checked_add(1).ok_or_else(too_large)?;
    Ok(Balance { posted, held, version, ..balance })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::Duration;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use uuid::Uuid;

    use super::{Leg, Standing, decide};
    use crate::{
        domain::{
            account::{AccountStatus, Balance},
            refusal::Refusal,
        },
        types::{
            clock::Instant,
            id::AccountId,
            money::{Currency, Minor, Money},
        },
    };

    const ANN: AccountId = AccountId::from_uuid(Uuid::from_u128(1));
    const BOB: AccountId = AccountId::from_uuid(Uuid::from_u128(2));

    fn usd() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn standing(posted: i64, status: AccountStatus) -> Standing {
        let balance = Balance {
            posted: Minor(posted),
            held: Minor(10),
            overdraft_limit: Minor(5),
            version: 7,
            currency: usd(),
        };
        Standing { status, balance, last_posted_at: None }
    }

    fn pay(from: Standing, to: Standing, amount: i64) -> Result<super::Decision, Refusal> {
        let leg = |account_id, amount| Leg {
            account_id,
            customer: true,
            currency: usd(),
            amount: Minor(amount),
            frees: Minor::ZERO,
        };
        let legs = [leg(ANN, -amount), leg(BOB, amount)];
        let standings = BTreeMap::from([(ANN, from), (BOB, to)]);
        decide(&legs, |id| standings.get(&id).copied(), "2026-11-21T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_is_posted_less_held_plus_overdraft_may_leave_and_no_cent_more() {
        let active = |posted| standing(posted, AccountStatus::Active);
        let decision = pay(active(100), active(0), 95).unwrap();
        let after: Vec<_> = decision.lines.iter().map(|line| line.after.unwrap()).collect();
        assert_eq!((after[0].posted, after[0].version), (Minor(5), 8));
        assert_eq!((after[1].posted, after[1].version), (Minor(95), 8));
        let money = |minor| Money::new(Minor(minor), usd());
        assert_eq!(
            pay(active(100), active(0), 96),
            Err(Refusal::InsufficientFunds { available: money(95), short_by: money(1) }),
        );
    }

    #[test]
    fn a_frozen_account_takes_money_and_gives_none() {
        let frozen = standing(100, AccountStatus::Frozen);
        let active = standing(100, AccountStatus::Active);
        assert_eq!(pay(frozen, active, 1), Err(Refusal::AccountFrozen));
        assert!(pay(active, frozen, 1).is_ok());
    }

    #[test]
    fn a_closed_account_takes_nothing() {
        let closed = standing(0, AccountStatus::Closed);
        let active = standing(100, AccountStatus::Active);
        assert_eq!(pay(active, closed, 1), Err(Refusal::AccountClosed));
    }

    #[test]
    fn no_balance_leaves_the_range() {
        let active = |posted| standing(posted, AccountStatus::Active);
        let told = pay(active(100), active(i64::MAX), 1).unwrap_err().sentence();
        assert_eq!(told, "amount is too large.");
    }

    #[test]
    fn a_posting_is_never_earlier_than_the_last_one_of_its_accounts() {
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let ahead = now + Duration::hours(1);
        let mut to = standing(0, AccountStatus::Active);
        to.last_posted_at = Some(ahead);
        let decision = pay(standing(100, AccountStatus::Active), to, 1).unwrap();
        assert_eq!(decision.posted_at, ahead);
    }

    proptest! {
        #[test]
        fn whatever_is_paid_makes_no_money_and_stops_at_the_floor(
            (from, to) in any::<(i64, i64)>(),
            (held, overdraft) in (0_i64..=i64::MAX, 0_i64..=i64::MAX),
            amount in 1_i64..=i64::MAX,
        ) {
            let with = |posted| {
                let mut one = standing(posted, AccountStatus::Active);
                one.balance.held = Minor(held);
                one.balance.overdraft_limit = Minor(overdraft);
                one
            };
            let left = i128::from(from) - i128::from(held) + i128::from(overdraft)
                - i128::from(amount);
            match pay(with(from), with(to), amount) {
                Ok(decision) => {
                    let all: Vec<_> = decision.lines.iter().map(|l| l.after.unwrap()).collect();
                    let before = i128::from(from) + i128::from(to);
                    let posted = |place: usize| i128::from(all[place].posted.0);
                    prop_assert_eq!(posted(0) + posted(1), before);
                    prop_assert_eq!(posted(1) - i128::from(to), i128::from(amount));
                    prop_assert_eq!([all[0].version, all[1].version], [8, 8]);
                    prop_assert!(left >= 0, "{} below the floor", -left);
                }
                Err(Refusal::InsufficientFunds { .. }) => prop_assert!(left < 0),
                // At the edge of the range nothing moves at all.
                Err(refusal) => prop_assert_eq!(refusal.sentence(), "amount is too large."),
            }
        }

        #[test]
        fn a_small_payment_is_refused_for_lack_of_funds_alone(
            (from, to, amount) in (0_i64..10_000, 0_i64..10_000, 1_i64..10_000),
        ) {
            let active = |posted| standing(posted, AccountStatus::Active);
            // Ten are held, and the overdraft is five.
            prop_assert_eq!(pay(active(from), active(to), amount).is_ok(), from - 5 >= amount);
        }
    }
}
