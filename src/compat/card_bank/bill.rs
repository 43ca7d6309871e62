//! Bills: noted, shown, paid.

use axum::http::StatusCode;

use super::{
    body::Input,
    card::reference,
    errors::{NO_USER, not_acceptable},
    moment, number,
    person::{caller, key, with_wallet},
};
use crate::{
    bank::{
        bill,
        bill::{Charge, Payment},
        entry,
        error::{Broken, Failure, read_back},
        permit::Permit,
        plastic,
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    domain::{
        bill::{Bill, BillState},
        refusal::Refusal,
    },
    store::account::Account,
    types::money::Currency,
};

/// `BillOut`.
fn shown(bill: &Bill) -> Json {
    Json::object([
        ("id", Json::int(bill.legacy_id)),
        ("name", Json::text(bill.name.as_str())),
        ("amount", number::money(bill.amount, bill.currency)),
        ("due_date", Json::text(moment::show(bill.due_at))),
        ("paid", Json::Bool(bill.status == BillState::Paid)),
    ])
}

/// `BillCreate`; the time on the wall stands for itself, wherever the wall is.
fn charge(call: &Call, currency: Currency) -> Result<Charge, No> {
    let mut input = Input::read(call)?;
    let (name, amount) = (input.text("name"), input.amount("amount", currency));
    let due = input.date_time("due_date");
    let ((name, amount), due) = input.done(name.zip(amount).zip(due))?;
    Ok(Charge { name, amount: amount.decimal(), due_at: due.and_utc(), currency: None, key: None })
}

/// `POST /bills/create`
pub async fn create(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    let charge = charge(call, doors.bank.rules.default_currency())?;
    with_wallet(doors, &permit).await?;
    let made = bill::create(&doors.bank, &permit, &charge).await?;
    Ok(Answer::json(StatusCode::OK, &shown(&made.thing)))
}

/// `GET /bills`
pub async fn list(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    with_wallet(doors, &permit).await?;
    let bills = bill::in_order(&doors.bank, &permit).await?;
    Ok(Answer::json(StatusCode::OK, &Json::List(bills.iter().map(shown).collect())))
}

/// What the card had once the bill was paid, whatever has happened since.
async fn remaining(
    doors: &Doors,
    permit: &Permit,
    paid: &Payment,
    card: &Account,
) -> Result<Json, Failure> {
    let id = paid.moved.transaction_id;
    let entry = read_back(entry::own_entry(&doors.bank, permit, id, card.account_id).await)?;
    let entry = entry.ok_or(Broken::Inconsistent("a payment has no entry"))?;
    Ok(number::money(entry.balance_after, entry.currency))
}

/// `POST /bills/pay`
pub async fn pay(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let bank = &doors.bank;
    let permit = caller(doors, call).await?;
    let mut input = Input::read(call)?;
    let (id, number) = (input.id("bill_id"), input.text("card_number"));
    let (id, number) = input.done(id.zip(number))?;
    let key = key(call)?;
    let missing = || No::from(not_acceptable(NO_USER));
    let bill = match id {
        Some(id) => bill::by_legacy_id(bank, &permit, id).await?,
        None => None,
    };
    let of_ours = |bill: &Bill| {
        bill.currency == bank.rules.default_currency() && bill.status != BillState::Cancelled
    };
    let bill = bill.filter(of_ours).ok_or_else(missing)?;
    let card = plastic::own_by_number(bank, &permit, &number).await?.ok_or_else(missing)?;
    let from = Some(reference(&card));
    let paid = match bill::pay(bank, &permit, key.as_deref(), Some(bill.bill_id), from).await {
        Err(Failure::Refused(Refusal::AccountClosed | Refusal::NotFound { .. })) => {
            return Err(missing());
        }
        // A card that was closed since is as unknown as any other, but for a request that is
        // sent again.
        Err(Failure::Refused(
            refusal @ (Refusal::IdempotencyConflict | Refusal::Overloaded { .. }),
        )) => return Err(Failure::Refused(refusal).into()),
        Err(Failure::Refused(_)) if !plastic::is_open(&card) => return Err(missing()),
        other => other?,
    };
    let told = Json::object([
        ("status", Json::text("paid")),
        ("bill_id", Json::int(bill.legacy_id)),
        ("remaining_card_balance", remaining(doors, &permit, &paid, &card).await?),
    ]);
    Ok(Answer::json(StatusCode::OK, &told))
}
