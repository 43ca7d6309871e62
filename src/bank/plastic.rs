//! Cards as they are printed, for clients that know them by their numbers and show all
//! that stands on them.
//!
//! Such clients know no second factor within a session; a sign-in there needed one. What
//! is shown is noted in the audit log each time, and a frozen card shows neither its
//! number nor its CVV. They count in the bank's first currency alone.

use super::{act, card, card::CardView, context::Bank, error::Failure, permit::Permit, session};
use crate::{
    db::session::Session,
    domain::{
        account::AccountStatus,
        card::{expiration_date, require_shown},
    },
    store::{account, account::Account, card as cards, posting},
    types::{id::AccountId, text::CardNumber},
};

const SHOW: &str = "revealCard";

/// Which of the caller's open cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// This one.
    One(AccountId),
    /// The newest whose number ends in these four digits.
    Last4(String),
}

/// A card with what stands on it.
#[derive(Debug, Clone)]
pub struct Printed {
    /// The card.
    pub view: CardView,
    /// Until when it is good: `11/31`.
    pub expiration_date: String,
    /// Its number and the three digits on its back; nothing of a frozen card.
    pub secrets: Option<(CardNumber, String)>,
}

/// Shows some of the caller's open cards in the bank's first currency, in the order of
/// their making.
pub async fn print(bank: &Bank, permit: &Permit, which: &Which) -> Result<Vec<Printed>, Failure> {
    let shown = bank.db.write_retrying(|s| Box::pin(read(bank, s, permit, which))).await;
    let (views, sealed) = act::audited(bank, permit.act(SHOW), shown).await?;
    let print = |view: CardView| {
        let id = view.account.account_id;
        let expiration_date = expiration_date(view.card.expires_on);
        let number = sealed.iter().find(|(of, _)| *of == id);
        let number = number.filter(|_| require_shown(view.account.status).is_ok());
        let number = number.map(|(_, sealed)| card::open_number(bank, id, sealed)).transpose()?;
        let secrets = number.map(|number| {
            let cvv = card::cvv(bank, &number, &expiration_date);
            (number, cvv)
        });
        Ok(Printed { view, expiration_date, secrets })
    };
    views.into_iter().map(print).collect()
}

type Sealed = Vec<(AccountId, Vec<u8>)>;

async fn read(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    which: &Which,
) -> Result<(Vec<CardView>, Sealed), Failure> {
    session::require_alive(bank, s, permit).await?;
    let currency = bank.rules.default_currency();
    let open = cards::open_of_owner(s, permit.user_id).await?;
    let views = open.into_iter().map(|(account, card)| CardView { account, card });
    let mut views: Vec<CardView> =
        views.filter(|view| view.account.balance.currency == currency).collect();
    match which {
        Which::All => {}
        Which::One(id) => views.retain(|view| view.account.account_id == *id),
        Which::Last4(last4) => {
            views.retain(|view| view.card.last4 == *last4);
            views = views.pop().into_iter().collect();
        }
    }
    let ids: Vec<AccountId> = views.iter().map(|view| view.account.account_id).collect();
    let [first, ..] = ids.as_slice() else {
        return Ok((views, Sealed::new()));
    };
    let sealed = cards::numbers(s, &ids).await?;
    let subject = if ids.len() == 1 { first.uuid() } else { permit.user_id.uuid() };
    act::done(bank, s, permit.act(SHOW), Some(subject), None).await?;
    Ok((views, sealed))
}

async fn by_number(bank: &Bank, number: &str) -> Result<Option<Account>, Failure> {
    let Ok(number) = CardNumber::parse(number) else {
        return Ok(None);
    };
    let mut s = bank.db.read().await?;
    let index = card::number_index(bank, &number);
    let Some((_, id)) = posting::by_number(&mut s, &[&index]).await?.pop() else {
        return Ok(None);
    };
    Ok(account::lookup(&mut s, id).await?)
}

/// The caller's own card with this number, closed or not.
pub async fn own_by_number(
    bank: &Bank,
    permit: &Permit,
    number: &str,
) -> Result<Option<Account>, Failure> {
    let found = by_number(bank, number).await?;
    Ok(found.filter(|account| is_own(bank, permit, account)))
}

/// The caller's own card with this integer for an id, closed or not.
pub async fn own_by_legacy_id(
    bank: &Bank,
    permit: &Permit,
    legacy_id: Option<i64>,
) -> Result<Option<Account>, Failure> {
    let Some(legacy_id) = legacy_id else {
        return Ok(None);
    };
    let mut s = bank.db.read().await?;
    let Some(id) = cards::by_legacy_id(&mut s, legacy_id).await? else {
        return Ok(None);
    };
    let found = account::lookup(&mut s, id).await?;
    Ok(found.filter(|account| is_own(bank, permit, account)))
}

/// The caller's own, in the currency in which such clients count.
pub fn is_own(bank: &Bank, permit: &Permit, account: &Account) -> bool {
    account.owner_id == permit.user_id && account.balance.currency == bank.rules.default_currency()
}

/// Something can still happen with it.
pub fn is_open(account: &Account) -> bool {
    account.status != AccountStatus::Closed
}
