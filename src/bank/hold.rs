//! Holds: money of a card that is reserved for a merchant, captured once or given back.

use super::{
    act,
    act::Told,
    context::Bank,
    entry,
    entry::TransactionView,
    error::{Broken, Failure},
    operation::{Claimed, Keyed},
    permit::Permit,
    staff, transfer,
    transfer::Target,
};
use crate::{
    db::session::Session,
    domain::{
        account::{AccountKind, AccountRef, AccountStatus, Balance},
        amount,
        event::{self, EventKind},
        hold::{HOLDS_MAX, Hold, HoldStatus, expires_at},
        limit::{CounterKey, LimitKind, Used},
        posting::TransactionKind,
        refusal::Refusal,
    },
    ledger::posting::{Answer, End, Movement, Posting, Sum},
    store::{account, hold, limit, operation::ResultKind, posting, posting::Customer, session},
    types::{
        clock::Instant,
        id::{AccountId, HoldId, TransactionId},
        money::{Currency, DecimalText, Minor},
        text::Line,
    },
};

const PLACE: &str = "placeHold";
const CAPTURE: &str = "captureHold";
const RELEASE: &str = "releaseHold";

/// What staff say to reserve money of a card.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// The client's key.
    pub key: String,
    /// The card.
    pub card: Target,
    /// How much.
    pub amount: DecimalText,
    /// For whom.
    pub merchant: String,
    /// Until when; a week where nothing is said.
    pub expires_at: Option<Instant>,
}

/// A hold with the currency of its card.
#[derive(Debug, Clone)]
pub struct HoldView {
    /// The hold.
    pub hold: Hold,
    /// What it is counted in.
    pub currency: Currency,
}

/// A hold after something was done with it.
#[derive(Debug, Clone)]
pub struct Held {
    /// The hold.
    pub view: HoldView,
    /// The purchase that captured it.
    pub transaction: Option<TransactionView>,
    /// An earlier request with the same key did it.
    pub replayed: bool,
}

/// The open holds of accounts that must be known to be the caller's, the oldest first.
pub async fn open_of(bank: &Bank, ids: &[AccountId]) -> Result<Vec<HoldView>, Failure> {
    let mut s = bank.db.read().await?;
    let holds = hold::open_of(&mut s, ids).await?;
    let accounts = account::lookup_many(&mut s, ids).await?;
    let view = |hold: Hold| {
        let account = accounts.iter().find(|account| account.account_id == hold.account_id)?;
        Some(HoldView { hold, currency: account.balance.currency })
    };
    Ok(holds.into_iter().filter_map(view).collect())
}

/// A hold with its currency.
async fn view(bank: &Bank, id: HoldId) -> Result<Option<HoldView>, Failure> {
    let mut s = bank.db.read().await?;
    let Some(hold) = hold::lookup(&mut s, id).await? else {
        return Ok(None);
    };
    let account = account::lookup(&mut s, hold.account_id).await?;
    let account = account.ok_or(Broken::Inconsistent("a hold's account"))?;
    Ok(Some(HoldView { hold, currency: account.balance.currency }))
}

/// A hold that staff name.
pub async fn of_staff(bank: &Bank, id: Option<HoldId>) -> Result<HoldView, Failure> {
    let found = match id {
        Some(id) => view(bank, id).await?,
        None => None,
    };
    found.ok_or_else(|| Refusal::NotFound { field: "holdId", noun: "hold" }.into())
}

/// A hold of one of the caller's own cards.
pub async fn own(bank: &Bank, permit: &Permit, id: HoldId) -> Result<Option<HoldView>, Failure> {
    let Some(found) = view(bank, id).await? else {
        return Ok(None);
    };
    let mut s = bank.db.read().await?;
    let account = account::lookup(&mut s, found.hold.account_id).await?;
    let own = account.is_some_and(|account| account.owner_id == permit.user_id);
    Ok(own.then_some(found))
}

/// Reserves money of a card for a merchant.
pub async fn place(bank: &Bank, permit: &Permit, asked: &Reservation) -> Result<Held, Failure> {
    let outcome = place_unaudited(bank, permit, asked).await;
    act::audited(bank, permit.act(PLACE), outcome).await
}

async fn place_unaudited(
    bank: &Bank,
    permit: &Permit,
    asked: &Reservation,
) -> Result<Held, Failure> {
    staff::require(bank, permit).await?;
    let merchant = Line::parse(&asked.merchant);
    let merchant = merchant.map_err(|error| Refusal::invalid("merchant", error.0))?;
    let card = transfer::find(bank, &asked.card, "card").await?;
    let until = asked.expires_at.map(|at| at.timestamp_micros().to_be_bytes());
    let input = [
        card.id.as_bytes().as_slice(),
        transfer::plain(&asked.amount).as_bytes(),
        merchant.as_str().as_bytes(),
        until.as_ref().map_or(&[], |until| until.as_slice()),
    ];
    let keyed = &Keyed::new(bank, permit.user_id, &asked.key, PLACE, &input);
    let hold_id = HoldId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let merchant = merchant.as_str();
    let placed = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let claim = keyed.clone().claiming(ResultKind::Hold, hold_id.uuid());
                if let Claimed::Before(operation) = keyed.claim(bank, s, &claim).await? {
                    return Ok::<_, Failure>((HoldId::from_uuid(operation.result_id), true));
                }
                let customer = lock(s, card.id).await?;
                require_session(bank, s, permit).await?;
                let new = judge(s, &customer, asked, merchant, hold_id, bank.now()).await?;
                hold::insert(s, &new).await?;
                count(s, &customer, new.amount, bank.now()).await?;
                let held = customer.account.balance.held.plus(new.amount);
                let held = held.ok_or_else(|| Refusal::invalid("amount", "is too large"))?;
                account::hold(s, card.id, held).await?;
                let told = changed(&customer, held);
                act::done(bank, s, permit.act(PLACE), Some(hold_id.uuid()), Some(told)).await?;
                Ok((hold_id, false))
            })
        })
        .await?;
    let (hold_id, replayed) = placed;
    Ok(Held { view: of_staff(bank, Some(hold_id)).await?, transaction: None, replayed })
}

/// Locks the account of a card.
async fn lock(s: &mut Session, id: AccountId) -> Result<Customer, Failure> {
    let found = posting::lock_accounts(s, &[id]).await?.pop();
    found.ok_or_else(|| Refusal::NotFound { field: "card", noun: "card" }.into())
}

async fn require_session(bank: &Bank, s: &mut Session, permit: &Permit) -> Result<(), Failure> {
    let facts = session::facts(s, permit.session_id, permit.user_id).await?;
    let alive = facts.is_some_and(|facts| facts.is_alive(bank.now()));
    if alive { Ok(()) } else { Err(Refusal::SessionEnded.into()) }
}

/// Decides a new hold on a card that is locked.
async fn judge(
    s: &mut Session,
    customer: &Customer,
    asked: &Reservation,
    merchant: &str,
    hold_id: HoldId,
    now: Instant,
) -> Result<Hold, Failure> {
    match customer.account.status {
        AccountStatus::Active => {}
        AccountStatus::Frozen => return Err(Refusal::AccountFrozen.into()),
        AccountStatus::Closed => return Err(Refusal::AccountClosed.into()),
    }
    let balance = customer.account.balance;
    let amount = amount::positive("amount", &asked.amount, balance.currency)?;
    let until = expires_at(asked.expires_at, now)?;
    let account_id = customer.account.account_id;
    let open = hold::open_of(s, &[account_id]).await?.len();
    if i64::try_from(open).is_ok_and(|open| open >= HOLDS_MAX) {
        return Err(Refusal::TooMany { noun: "open holds", limit: HOLDS_MAX }.into());
    }
    let available = balance.available();
    if available < amount {
        let missing = amount.minus(available).unwrap_or(amount);
        return Err(Refusal::InsufficientFunds {
            available: balance.money(available),
            short_by: balance.money(missing),
        }
        .into());
    }
    Ok(Hold {
        hold_id,
        account_id,
        status: HoldStatus::Open,
        amount,
        captured: Minor::ZERO,
        merchant: merchant.to_owned(),
        transaction_id: None,
        created_at: now,
        expires_at: until,
    })
}

/// What a card's limit of the day is, with its counter, which is locked.
async fn counter(
    s: &mut Session,
    customer: &Customer,
    now: Instant,
) -> Result<Option<(CounterKey, Minor, Used)>, Failure> {
    let account = &customer.account;
    let Some(limit) = account.spending_limit else {
        return Ok(None);
    };
    let currency = account.balance.currency;
    let key = (account.account_id.uuid(), LimitKind::CardSpending, currency);
    let used = posting::lock_limits(s, &[key]).await?.pop().map(|(_, used)| used);
    let nothing = Used { window_start: now.date_naive(), used: Minor::ZERO };
    Ok(Some((key, limit, used.unwrap_or(nothing))))
}

/// Counts a new hold as spent: its capture, of which the card cannot know when it comes,
/// shall never fail for the day's limit.
async fn count(
    s: &mut Session,
    customer: &Customer,
    amount: Minor,
    now: Instant,
) -> Result<(), Failure> {
    if let Some((key, limit, used)) = counter(s, customer, now).await? {
        let used = used.spend(key.1, limit, amount, key.2, now).map_err(Refusal::LimitExceeded)?;
        limit::set(s, &key, used).await?;
    }
    Ok(())
}

/// The card's owner is told that so much of it is held now.
fn changed(customer: &Customer, held: Minor) -> Told {
    let account = &customer.account;
    let balance = Balance { held, ..account.balance };
    let body = event::account_changed(account.account_id, Some(&balance));
    Told { owner_id: account.owner_id, kind: EventKind::AccountChanged, body }
}

/// Turns a hold into a purchase, in whole or in part; the rest is given back.
pub async fn capture(
    bank: &Bank,
    permit: &Permit,
    key: &str,
    id: Option<HoldId>,
    amount: Option<&DecimalText>,
) -> Result<Held, Failure> {
    // The ledger notes what it refuses itself.
    let prepared = prepare_capture(bank, permit, key, id, amount).await;
    let (hold_id, posting) = act::audited(bank, permit.act(CAPTURE), prepared).await?;
    let (transaction, replayed) = match bank.ledger.post(posting).await? {
        Answer::Done(Some(moved)) => (Some(TransactionView::of(*moved)), false),
        Answer::Done(None) => return Err(Broken::Inconsistent("a capture moved nothing").into()),
        Answer::Replayed(before) => {
            let id = TransactionId::from_uuid(before.result_id);
            (entry::of_staff(bank, &[id]).await?.pop(), true)
        }
        Answer::Refused(refusal) => return Err(refusal.into()),
    };
    Ok(Held { view: of_staff(bank, Some(hold_id)).await?, transaction, replayed })
}

async fn prepare_capture(
    bank: &Bank,
    permit: &Permit,
    key: &str,
    id: Option<HoldId>,
    amount: Option<&DecimalText>,
) -> Result<(HoldId, Posting), Failure> {
    staff::require(bank, permit).await?;
    let hold = of_staff(bank, id).await?.hold;
    let input = [hold.hold_id.as_bytes().as_slice(), amount.map_or("", transfer::plain).as_bytes()];
    let keyed = Keyed::new(bank, permit.user_id, key, CAPTURE, &input);
    let transaction_id = TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let named = AccountRef { kind: AccountKind::Card, id: hold.account_id };
    let field = "holdId";
    let posting = Posting {
        key: Some(keyed.claiming(ResultKind::Transaction, transaction_id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        captures: Some(hold.hold_id),
        movement: Some(Movement {
            transaction_id,
            kind: TransactionKind::Purchase,
            reverses: None,
            from: End::Account { named, owner: None, field, hidden_when_closed: false },
            to: End::Merchant(hold.merchant),
            sum: amount.cloned().map_or(Sum::Rest, Sum::Text),
            note: None,
        }),
        ..Posting::new(permit.act(CAPTURE))
    };
    Ok((hold.hold_id, posting))
}

/// Gives a hold back to its card.
pub async fn release(bank: &Bank, permit: &Permit, id: Option<HoldId>) -> Result<Held, Failure> {
    let outcome = release_unaudited(bank, permit, id).await;
    act::audited(bank, permit.act(RELEASE), outcome).await
}

async fn release_unaudited(
    bank: &Bank,
    permit: &Permit,
    id: Option<HoldId>,
) -> Result<Held, Failure> {
    staff::require(bank, permit).await?;
    let known = of_staff(bank, id).await?.hold;
    let (hold_id, account_id) = (known.hold_id, known.account_id);
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let customer = lock(s, account_id).await?;
                require_session(bank, s, permit).await?;
                let hold = posting::lock_holds(s, &[hold_id]).await?.pop();
                let hold = hold.ok_or(Refusal::NotFound { field: "holdId", noun: "hold" })?;
                hold.require_open(bank.now())?;
                let rest = give_back(s, &customer, &hold, HoldStatus::Released, bank.now()).await?;
                let told = changed(&customer, rest);
                let act = permit.act(RELEASE);
                act::done(bank, s, act, Some(hold_id.uuid()), Some(told)).await?;
                Ok::<_, Failure>(())
            })
        })
        .await?;
    Ok(Held { view: of_staff(bank, Some(hold_id)).await?, transaction: None, replayed: false })
}

/// Ends a hold that is locked with its account, and tells how much is held then.
async fn give_back(
    s: &mut Session,
    customer: &Customer,
    hold: &Hold,
    status: HoldStatus,
    now: Instant,
) -> Result<Minor, Failure> {
    let before = customer.account.balance.held;
    if !hold::end(s, hold.hold_id, status).await? {
        return Ok(before);
    }
    let rest = before.minus(hold.amount);
    let rest = rest.ok_or(Broken::Inconsistent("less is held than a hold holds"))?;
    account::hold(s, hold.account_id, rest).await?;
    if let Some((key, _, used)) = counter(s, customer, now).await? {
        let used = used.give_back(hold.amount, hold.created_at.date_naive());
        limit::set(s, &key, used).await?;
    }
    Ok(rest)
}

/// Gives back what nobody captured in time, and tells how many holds that were.
pub async fn expire(bank: &Bank) -> Result<u64, Failure> {
    let mut s = bank.db.read().await?;
    let due = hold::due(&mut s, bank.now()).await?;
    drop(s);
    let mut expired = 0;
    for known in &due {
        expired += bank
            .db
            .write_retrying(|s| Box::pin(expire_one(bank, s, known)))
            .await
            .map(u64::from)?;
    }
    Ok(expired)
}

async fn expire_one(bank: &Bank, s: &mut Session, known: &Hold) -> Result<bool, Failure> {
    let customer = lock(s, known.account_id).await?;
    let hold = posting::lock_holds(s, &[known.hold_id]).await?.pop();
    let open = hold.filter(|hold| hold.status == HoldStatus::Open);
    let Some(hold) = open else {
        return Ok(false);
    };
    let rest = give_back(s, &customer, &hold, HoldStatus::Expired, bank.now()).await?;
    let (act, told) = (bank.act("expireHold"), changed(&customer, rest));
    act::done(bank, s, act, Some(hold.hold_id.uuid()), Some(told)).await?;
    Ok(true)
}
