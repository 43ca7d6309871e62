//! What the owner of a card changes of it: frozen or not, how much a day, closed.

use chrono::NaiveTime;

use super::{
    act,
    act::Told,
    card::{CardView, lock},
    context::Bank,
    error::Failure,
    permit::Permit,
};
use crate::{
    db::session::Session,
    domain::{
        amount,
        card::{self, Change},
        event::{self, EventKind},
        limit::{LimitKind, Used},
    },
    store::{account, account::Account, limit},
    types::{id::AccountId, money::DecimalText},
};

/// Lets nothing leave a card any more; a card that is frozen stays so.
pub async fn freeze(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<CardView, Failure> {
    set_status(bank, permit, id, "freezeCard", Change::Freeze).await
}

/// Lets a frozen card be used again; a card that is not frozen stays so.
pub async fn unfreeze(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<CardView, Failure> {
    set_status(bank, permit, id, "unfreezeCard", Change::Unfreeze).await
}

/// Closes a card for good; it must be empty and not frozen.
pub async fn close(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<CardView, Failure> {
    set_status(bank, permit, id, "closeCard", Change::Close).await
}

fn told(account: &Account) -> Told {
    let body = event::account_changed(account.account_id, None);
    Told { owner_id: account.owner_id, kind: EventKind::AccountChanged, body }
}

async fn set_status(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
    action: &'static str,
    change: Change,
) -> Result<CardView, Failure> {
    let outcome = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let mut view = lock(bank, s, permit, id).await?;
                let before = view.account.status;
                let after = card::change(before, &view.account.balance, change)?;
                let id = view.account.account_id;
                // Nobody is told of what is as it was.
                let mut changed = None;
                if after != before {
                    account::set_status(s, id, after).await?;
                    view.account.status = after;
                    changed = Some(told(&view.account));
                }
                act::done(bank, s, permit.act(action), Some(id.uuid()), changed).await?;
                Ok::<_, Failure>(view)
            })
        })
        .await;
    act::audited(bank, permit.act(action), outcome).await
}

/// Sets what may be spent from a card in a day, or that it may be all that it has.
///
/// What was spent on the day so far counts, whether there was a limit or not.
pub async fn set_limit(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
    amount: Option<&DecimalText>,
) -> Result<CardView, Failure> {
    let outcome =
        bank.db.write_retrying(|s| Box::pin(set_limit_of(bank, s, permit, id, amount))).await;
    act::audited(bank, permit.act(SET_LIMIT), outcome).await
}

const SET_LIMIT: &str = "setCardLimit";

async fn set_limit_of(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    id: Option<AccountId>,
    amount: Option<&DecimalText>,
) -> Result<CardView, Failure> {
    let mut view = lock(bank, s, permit, id).await?;
    let account = &mut view.account;
    card::change(account.status, &account.balance, Change::Settings)?;
    let (id, currency) = (account.account_id, account.balance.currency);
    let amount = amount.map(|amount| amount::positive("amount", amount, currency)).transpose()?;
    account.spending_limit = amount;
    account::set_spending_limit(s, id, amount).await?;
    if amount.is_some() {
        let today = bank.now().date_naive();
        let since = today.and_time(NaiveTime::MIN).and_utc();
        let used = limit::spent(s, id, account.owner_id, since).await?;
        let key = (id.uuid(), LimitKind::CardSpending, currency);
        limit::set(s, &key, Used { window_start: today, used }).await?;
    }
    let changed = Some(told(account));
    act::done(bank, s, permit.act(SET_LIMIT), Some(id.uuid()), changed).await?;
    Ok(view)
}
