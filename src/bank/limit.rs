//! What a person may still move today, and what may still be spent from their cards.

use chrono::NaiveDate;

use super::{
    context::Bank,
    error::{Broken, Failure},
    permit::Permit,
};
use crate::{
    domain::{
        account::{AccountKind, AccountStatus},
        limit::{Limit, LimitKind, Used},
    },
    ledger::posting::Allowance,
    store::{account, limit},
    types::money::{Currency, Minor, Money},
};

/// All limits of the caller: of the person in each currency, then of each open card that has
/// one, in the order of their making.
///
/// A limit of top-ups is told only where people may top up.
pub async fn of_person(bank: &Bank, permit: &Permit) -> Result<Vec<Limit>, Failure> {
    let mut s = bank.db.read().await?;
    let accounts = account::of_owner(&mut s, permit.user_id).await?;
    let cards = accounts.iter().filter(|account| {
        account.kind == AccountKind::Card && account.status != AccountStatus::Closed
    });
    let mut asked = Vec::new();
    let rules = &bank.rules;
    let kinds = [
        (LimitKind::Transfer, rules.transfer_limit, true),
        (LimitKind::TopUp, rules.top_up_limit, rules.funding_open),
    ];
    for (kind, units, open) in kinds {
        let allowance = Allowance { subject: permit.user_id, kind, units };
        for &currency in rules.currencies.iter().filter(|_| open) {
            asked.push(((permit.user_id.uuid(), kind, currency), allowance.minor(currency)));
        }
    }
    for card in cards {
        let key = (card.account_id.uuid(), LimitKind::CardSpending, card.balance.currency);
        asked.extend(card.spending_limit.map(|limit| (key, limit)));
    }
    let mut subjects: Vec<_> = asked.iter().map(|((subject, ..), _)| *subject).collect();
    subjects.dedup();
    let used = limit::of(&mut s, &subjects).await?;
    let now = bank.now();
    let nothing = Used { window_start: NaiveDate::MIN, used: Minor::ZERO };
    let standing = |(key, limit): &(_, _)| {
        let used = used.iter().find(|(known, _)| known == key).map_or(nothing, |&(_, used)| used);
        let &(_, kind, currency): &(_, LimitKind, Currency) = key;
        used.standing(kind, *limit, currency, now)
    };
    Ok(asked.iter().map(standing).collect())
}

/// The posted balances of all accounts of the caller, summed for each currency, in the order
/// in which the person came to have them.
pub async fn net_worth(bank: &Bank, permit: &Permit) -> Result<Vec<Money>, Failure> {
    let mut s = bank.db.read().await?;
    let mut sums: Vec<Money> = Vec::new();
    for account in account::of_owner(&mut s, permit.user_id).await? {
        let (posted, currency) = (account.balance.posted, account.balance.currency);
        match sums.iter_mut().find(|sum| sum.currency == currency) {
            Some(sum) => {
                let more = sum.minor.plus(posted);
                sum.minor = more.ok_or(Broken::Inconsistent("more money than there can be"))?;
            }
            None => sums.push(Money::new(posted, currency)),
        }
    }
    Ok(sums)
}
