//! Cards: made, shown with all that stands on them, deleted, and paid from.

use axum::http::StatusCode;

use super::{
    body::{Amount, Input},
    errors::{NO_CARD, NO_USER, not_acceptable},
    number,
    person::{caller, key, with_wallet},
};
use crate::{
    bank::{
        card, card_state,
        error::{Failure, read_back},
        permit::Permit,
        plastic,
        plastic::{Printed, Which},
        transfer,
        transfer::{Payment, Target},
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    domain::{
        account::{AccountKind, AccountRef},
        refusal::Refusal,
    },
    store::account::Account,
    types::money::Currency,
};

/// What stands in place of a number that is not shown.
pub fn masked(last4: &str) -> String {
    format!("************{last4}")
}

/// The number and the CVV of a card, each as a value; of a frozen card neither is shown.
fn secrets(card: &Printed) -> (Json, Json) {
    match &card.secrets {
        Some((number, cvv)) => (Json::text(number.expose()), Json::text(cvv.as_str())),
        None => (Json::text(masked(&card.view.card.last4)), Json::text("***")),
    }
}

fn balance(account: &Account) -> Json {
    number::money(account.balance.posted, account.balance.currency)
}

/// A card by itself, with its keys as they always were.
fn single(printed: &Printed) -> Json {
    let (number, cvv) = secrets(printed);
    let card = &printed.view.card;
    Json::object([
        ("cardholer_name", Json::text(card.holder_first_name.as_str())),
        ("cardholer_surname", Json::text(card.holder_last_name.as_str())),
        ("number", number),
        ("expiration_date", Json::text(printed.expiration_date.as_str())),
        ("cvv", cvv),
        ("balance", balance(&printed.view.account)),
    ])
}

/// A card in the list.
fn listed(printed: &Printed) -> Json {
    let (number, cvv) = secrets(printed);
    let card = &printed.view.card;
    Json::object([
        ("card_id", Json::int(card.legacy_id)),
        ("number", number),
        ("cardholder_name", Json::text(card.holder_first_name.as_str())),
        ("cardholder_surname", Json::text(card.holder_last_name.as_str())),
        ("expiration_date", Json::text(printed.expiration_date.as_str())),
        ("cvv", cvv),
        ("balance", balance(&printed.view.account)),
    ])
}

async fn one(doors: &Doors, permit: &Permit, which: &Which) -> Result<Answer, No> {
    let found = plastic::print(&doors.bank, permit, which).await;
    let found = if matches!(which, Which::One(_)) { read_back(found) } else { found }?;
    let card = found.first().ok_or_else(|| not_acceptable(NO_CARD))?;
    Ok(Answer::json(StatusCode::OK, &single(card)))
}

/// `GET /card`
pub async fn list(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    with_wallet(doors, &permit).await?;
    let cards = plastic::print(&doors.bank, &permit, &Which::All).await?;
    if cards.is_empty() {
        return Err(not_acceptable(NO_USER).into());
    }
    let cards = cards.iter().map(listed).collect();
    Ok(Answer::json(StatusCode::OK, &Json::List(cards)))
}

/// `GET /card/{four_digits}`
pub async fn show(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    let last4 = call.captures.first().cloned().unwrap_or_default();
    one(doors, &permit, &Which::Last4(last4)).await
}

/// `POST /card/create`
pub async fn create(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    with_wallet(doors, &permit).await?;
    let made = card::create(&doors.bank, &permit, None, None).await?;
    one(doors, &permit, &Which::One(made.thing.account.account_id)).await
}

/// `CardDelete` and `CardHistoryRequest`: a card's number.
fn card_number(call: &Call) -> Result<String, No> {
    let mut input = Input::read(call)?;
    let number = input.text("card_number");
    input.done(number)
}

/// The caller's own open card that a body names by its number.
pub async fn named(doors: &Doors, call: &Call, permit: &Permit) -> Result<(String, Account), No> {
    let number = card_number(call)?;
    let found = plastic::own_by_number(&doors.bank, permit, &number).await?;
    let found = found.filter(plastic::is_open).ok_or_else(|| not_acceptable(NO_CARD))?;
    Ok((number, found))
}

/// `DELETE /card/delete`
pub async fn delete(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    let (number, card) = named(doors, call, &permit).await?;
    card_state::close(&doors.bank, &permit, Some(card.account_id)).await?;
    let told =
        Json::object([("status", Json::text("deleted")), ("card_number", Json::text(number))]);
    Ok(Answer::json(StatusCode::OK, &told))
}

/// `TransferRequest`.
struct TransferRequest {
    from: String,
    to: String,
    amount: Amount,
}

fn transfer_request(call: &Call, currency: Currency) -> Result<TransferRequest, No> {
    let mut input = Input::read(call)?;
    let (from, to) = (input.text("from_card_number"), input.text("to_card_number"));
    let amount = input.amount("amount", currency);
    let ((from, to), amount) = input.done(from.zip(to).zip(amount))?;
    Ok(TransferRequest { from, to, amount })
}

/// A card as an end of a movement.
pub fn reference(card: &Account) -> AccountRef {
    AccountRef { kind: AccountKind::Card, id: card.account_id }
}

/// What the ledger says of a transfer, in the words of this dialect. A card that was closed
/// since is as unknown as any other, but for a request that is sent again.
fn settled<T>(from: &Account, moved: Result<T, Failure>) -> Result<T, No> {
    let refusal = match moved {
        Err(Failure::Refused(refusal)) => refusal,
        other => return Ok(other?),
    };
    match refusal {
        Refusal::IdempotencyConflict | Refusal::RateLimited { .. } | Refusal::Overloaded { .. } => {
            Err(Failure::Refused(refusal).into())
        }
        _ if !plastic::is_open(from) => Err(not_acceptable(NO_CARD).into()),
        // What has not the form of a number is nobody's.
        Refusal::NotFound { field: "to.cardNumber", .. } => Err(not_acceptable(NO_USER).into()),
        Refusal::Invalid(faults) if faults.iter().any(|fault| fault.field == "to.cardNumber") => {
            Err(not_acceptable(NO_USER).into())
        }
        other => Err(Failure::Refused(other).into()),
    }
}

/// `POST /card/transfer`
pub async fn transfer(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let bank = &doors.bank;
    let permit = caller(doors, call).await?;
    let form = transfer_request(call, bank.rules.default_currency())?;
    let key = key(call)?;
    // Whoever names no card of their own learns nothing of others'.
    let from = plastic::own_by_number(bank, &permit, &form.from).await?;
    let from = from.ok_or_else(|| not_acceptable(NO_CARD))?;
    let payment = Payment {
        key,
        from: Some(reference(&from)),
        to: Target::CardNumber(form.to),
        amount: form.amount.decimal(),
        note: None,
    };
    settled(&from, transfer::pay(bank, &permit, &payment).await)?;
    let told = Json::text(format!("Transferred {}", form.amount.told()));
    Ok(Answer::json(StatusCode::OK, &Json::List(vec![told])))
}
