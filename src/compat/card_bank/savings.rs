//! Savings: begun, shown, filled, emptied, deleted.

use axum::http::StatusCode;

use super::{
    body::{Amount, Input},
    errors::{NO_CARD, NO_SAVINGS, SAVINGS_NOT_EMPTY, forbidden, not_acceptable},
    number,
    number::Id,
    person::{caller, key, with_wallet},
    registration::message,
};
use crate::{
    bank::{
        context::Bank,
        error::Failure,
        permit::Permit,
        plastic, savings,
        savings::{SavingsView, Wish},
        transfer,
        transfer::Aside,
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    domain::refusal::Refusal,
    store::account::Account,
    types::money::{Currency, Minor},
};

/// `Saving_Account_creation`.
fn wish(call: &Call, currency: Currency) -> Result<Wish, No> {
    let mut input = Input::read(call)?;
    let (name, goal) = (input.text("name"), input.amount("goal", currency));
    let (name, goal) = input.done(name.zip(goal))?;
    Ok(Wish { name, goal: goal.decimal(), currency: None, key: None })
}

/// `POST /savings/create`
pub async fn create(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    let wish = wish(call, doors.bank.rules.default_currency())?;
    with_wallet(doors, &permit).await?;
    let SavingsView { account, savings } =
        savings::create(&doors.bank, &permit, &wish).await?.thing;
    let currency = account.balance.currency;
    let told = Json::object([
        ("id", Json::int(savings.legacy_id)),
        ("name", Json::text(savings.name)),
        ("goal", number::money(savings.goal, currency)),
        ("balance", number::money(account.balance.posted, currency)),
    ]);
    Ok(Answer::json(StatusCode::OK, &told))
}

/// `Saving_Account_out`.
fn listed(view: &SavingsView) -> Json {
    let (goal, balance) = (view.savings.goal, &view.account.balance);
    let remain = goal.minus(balance.posted).unwrap_or(Minor::ZERO);
    let money = |minor| number::money(minor, balance.currency);
    Json::object([
        ("id", Json::int(view.savings.legacy_id)),
        ("name", Json::text(view.savings.name.as_str())),
        ("balance", money(balance.posted)),
        ("goal", money(goal)),
        ("remain", money(remain)),
    ])
}

/// The caller's open savings accounts, in the order of their making.
async fn all(bank: &Bank, permit: &Permit) -> Result<Vec<SavingsView>, Failure> {
    let mut all = savings::list(bank, permit).await?;
    all.retain(|view| plastic::is_own(bank, permit, &view.account));
    Ok(all)
}

/// `GET /savings`
pub async fn list(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    with_wallet(doors, &permit).await?;
    let all = all(&doors.bank, &permit).await?;
    Ok(Answer::json(StatusCode::OK, &Json::List(all.iter().map(listed).collect())))
}

/// `Saving_Account_TopUp`.
struct Move {
    amount: Amount,
    savings: Id,
    card: Id,
}

fn read_move(call: &Call, currency: Currency) -> Result<Move, No> {
    let mut input = Input::read(call)?;
    let amount = input.amount("amount", currency);
    let (savings, card) = (input.id("saving_account_id"), input.id("card_id"));
    let ((amount, savings), card) = input.done(amount.zip(savings).zip(card))?;
    Ok(Move { amount, savings, card })
}

/// The caller's own savings account with this number, closed or not.
async fn named(bank: &Bank, permit: &Permit, id: Id) -> Result<Option<SavingsView>, Failure> {
    let Some(id) = id else {
        return Ok(None);
    };
    let found = savings::by_legacy_id(bank, permit, id).await?;
    Ok(found.filter(|view| plastic::is_own(bank, permit, &view.account)))
}

/// What a way to move money says where one of its ends is not there.
struct Missing {
    card: fn() -> Answer,
    savings: fn() -> Answer,
}

/// Both ends of a movement. Ends that were closed since still stand here, as a request that
/// is sent again is answered as it was.
async fn ends(
    bank: &Bank,
    permit: &Permit,
    asked: &Move,
    missing: &Missing,
) -> Result<(Account, SavingsView), No> {
    let card = plastic::own_by_legacy_id(bank, permit, asked.card).await?;
    let card = card.ok_or_else(missing.card)?;
    match named(bank, permit, asked.savings).await? {
        Some(savings) => Ok((card, savings)),
        // Such a request was never done, so a closed card is as unknown as any other.
        None if !plastic::is_open(&card) => Err((missing.card)().into()),
        None => Err((missing.savings)().into()),
    }
}

type Moving<'m> = (&'m Account, &'m SavingsView, &'m Missing);

/// What the ledger says of a movement, in the words of this dialect.
fn settled<T>(moved: Result<T, Failure>, (card, savings, missing): Moving<'_>) -> Result<T, No> {
    let refusal = match moved {
        Err(Failure::Refused(refusal)) => refusal,
        other => return Ok(other?),
    };
    match refusal {
        Refusal::IdempotencyConflict | Refusal::Overloaded { .. } => {
            Err(Failure::Refused(refusal).into())
        }
        _ if !plastic::is_open(card) => Err((missing.card)().into()),
        _ if !plastic::is_open(&savings.account) => Err((missing.savings)().into()),
        // One of them was closed meanwhile.
        Refusal::AccountClosed => Err((missing.card)().into()),
        other => Err(Failure::Refused(other).into()),
    }
}

fn aside(asked: &Move, key: Option<String>, card: &Account, savings: &SavingsView) -> Aside {
    Aside {
        key,
        savings: Some(savings.account.account_id),
        card: Some(card.account_id),
        amount: asked.amount.decimal(),
    }
}

const TOP_UP: Missing =
    Missing { card: || not_acceptable(NO_CARD), savings: || forbidden(NO_SAVINGS) };
const DECREASE: Missing =
    Missing { card: || forbidden(NO_CARD), savings: || not_acceptable(NO_SAVINGS) };

/// `POST /savings/topUp`
pub async fn top_up(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let bank = &doors.bank;
    let permit = caller(doors, call).await?;
    let asked = read_move(call, bank.rules.default_currency())?;
    let key = key(call)?;
    match fill(bank, &permit, &asked, key).await {
        // Who has none at all is told otherwise than who names another.
        Err(No::Said(said))
            if said.status == StatusCode::FORBIDDEN && all(bank, &permit).await?.is_empty() =>
        {
            Err(not_acceptable(NO_SAVINGS).into())
        }
        Err(no) => Err(no),
        Ok(()) => Ok(message(&format!("Top up for {}", asked.amount.told()))),
    }
}

async fn fill(bank: &Bank, permit: &Permit, asked: &Move, key: Option<String>) -> Result<(), No> {
    let (card, savings) = ends(bank, permit, asked, &TOP_UP).await?;
    let aside = aside(asked, key, &card, &savings);
    let moved = transfer::top_up_savings(bank, permit, &aside).await;
    settled(moved, (&card, &savings, &TOP_UP))?;
    Ok(())
}

/// `POST /savings/decrease`
pub async fn decrease(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let bank = &doors.bank;
    let permit = caller(doors, call).await?;
    let asked = read_move(call, bank.rules.default_currency())?;
    let key = key(call)?;
    let (card, savings) = ends(bank, &permit, &asked, &DECREASE).await?;
    let aside = aside(&asked, key, &card, &savings);
    let moved = transfer::withdraw_savings(bank, &permit, &aside).await;
    settled(moved, (&card, &savings, &DECREASE))?;
    Ok(message(&format!("Decreased by {}", asked.amount.told())))
}

/// `DELETE /savings/delete`
pub async fn delete(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    let mut input = Input::read(call)?;
    let id = input.id("saving_account_id");
    let id = input.done(id)?;
    let found = named(&doors.bank, &permit, id).await?;
    let found = found.filter(|view| plastic::is_open(&view.account));
    let found = found.ok_or_else(|| forbidden(NO_SAVINGS))?;
    match savings::close(&doors.bank, &permit, Some(found.account.account_id)).await {
        Err(Failure::Refused(Refusal::AccountNotEmpty)) => {
            return Err(forbidden(SAVINGS_NOT_EMPTY).into());
        }
        Err(Failure::Refused(Refusal::AccountClosed)) => {
            return Err(forbidden(NO_SAVINGS).into());
        }
        other => other?,
    };
    let told = Json::object([
        ("status", Json::text("deleted")),
        ("saving_account_id", Json::int(found.savings.legacy_id)),
    ]);
    Ok(Answer::json(StatusCode::OK, &told))
}
