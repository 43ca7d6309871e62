//! What happened on a card.

use axum::http::StatusCode;

use super::{
    card::{masked, named},
    moment, number,
    person::caller,
};
use crate::{
    bank::{
        card_history,
        card_history::{Line, Number, Side},
    },
    compat::wire::{answer::Answer, call::Call, doors::Doors, json::Json, outcome::No},
    domain::{account::AccountKind, posting::TransactionKind},
};

/// What a movement is called.
const fn transfer_type(kind: TransactionKind) -> &'static str {
    match kind {
        TransactionKind::Transfer | TransactionKind::BankTransfer => "TRANSFER",
        TransactionKind::TopUp
        | TransactionKind::Income
        | TransactionKind::Reversal
        | TransactionKind::OpeningCredit => "INCOME",
        TransactionKind::Purchase => "PURCHASE",
        TransactionKind::BillPayment => "BILL",
        TransactionKind::SavingsTopUp => "SAVINGS_TOPUP",
        TransactionKind::SavingsWithdrawal => "SAVINGS_WITHDRAW",
    }
}

/// Who a side of a movement was.
fn name(side: &Side) -> String {
    let label = side.label.as_str();
    match side.kind {
        AccountKind::Savings if side.own => format!("Saving Account - {label}"),
        AccountKind::BillsPayable => format!("Bill - {label}"),
        AccountKind::Card
        | AccountKind::Savings
        | AccountKind::Wallet
        | AccountKind::CashClearing
        | AccountKind::OpeningCredits
        | AccountKind::CardSettlement
        | AccountKind::OutsideBni
        | AccountKind::OutsideBri
        | AccountKind::OutsideMandiri => side.party.as_deref().unwrap_or(label).to_owned(),
    }
}

fn card_number(side: &Side) -> Json {
    match &side.number {
        Some(Number::Whole(number)) => Json::text(number.expose()),
        Some(Number::Last4(last4)) => Json::text(masked(last4)),
        None => Json::Null,
    }
}

fn shown(line: &Line) -> Json {
    Json::object([
        ("direction", Json::text(if line.incoming { "in" } else { "out" })),
        ("from", Json::text(name(&line.from))),
        ("from_card_number", card_number(&line.from)),
        ("to", Json::text(name(&line.to))),
        ("to_card_number", card_number(&line.to)),
        ("transfer_type", Json::text(transfer_type(line.kind))),
        ("amount", Json::Number(number::float(line.amount))),
        ("time", Json::text(moment::show(line.posted_at))),
    ])
}

/// `POST /card/history`
pub async fn of_card(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = caller(doors, call).await?;
    let (_, card) = named(doors, call, &permit).await?;
    let lines = card_history::of_card(&doors.bank, &permit, card.account_id).await?;
    let told = Json::object([("history", Json::List(lines.iter().map(shown).collect()))]);
    Ok(Answer::json(StatusCode::OK, &told))
}
