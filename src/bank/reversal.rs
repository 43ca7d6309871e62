//! Reversals: a movement taken back by another, in whole or in part.

use super::{
    act,
    context::Bank,
    deposit,
    deposit::StaffMoney,
    error::{Broken, Failure},
    operation::Keyed,
    permit::Permit,
    staff, transfer,
};
use crate::{
    db::session::Session,
    domain::{
        account::{AccountKind, AccountRef},
        posting::TransactionKind,
        refusal::Refusal,
    },
    ledger::posting::{End, Movement, Posting, Sum},
    store::{account, entry, entry::SideText, operation::ResultKind, posting_rows::Side},
    types::{id::TransactionId, money::DecimalText, text::Line},
};

const REVERSE: &str = "reverseTransaction";

/// What staff say to take a movement back.
#[derive(Debug, Clone)]
pub struct Reverse {
    /// The client's key.
    pub key: String,
    /// The movement.
    pub transaction_id: Option<TransactionId>,
    /// How much; all that remains where nothing is said.
    pub amount: Option<DecimalText>,
    /// Why.
    pub reason: String,
}

/// Takes a movement back, at most what remains of it.
pub async fn reverse(bank: &Bank, permit: &Permit, asked: &Reverse) -> Result<StaffMoney, Failure> {
    let prepared = prepare(bank, permit, asked).await;
    let posting = act::audited(bank, permit.act(REVERSE), prepared).await?;
    deposit::post(bank, posting).await
}

async fn prepare(bank: &Bank, permit: &Permit, asked: &Reverse) -> Result<Posting, Failure> {
    staff::require(bank, permit).await?;
    let reason = Line::parse(&asked.reason);
    let reason = reason.map_err(|error| Refusal::invalid("reason", error.0))?;
    let missing = || Refusal::NotFound { field: "transactionId", noun: "transaction" };
    let id = asked.transaction_id.ok_or_else(missing)?;
    let mut s = bank.db.read().await?;
    let original = entry::transactions(&mut s, &[id]).await?.pop().ok_or_else(missing)?;
    if original.kind == TransactionKind::Reversal {
        let reason = "A reversal is not reversed: move the money again.";
        return Err(Refusal::Conflict { reason }.into());
    }
    let sides = entry::sides(&mut s, &[id]).await?;
    let end = async |s: &mut Session, side| {
        let text = sides.iter().find(|text| text.side == side);
        end(s, text.ok_or(Broken::Inconsistent("a transaction's side"))?).await
    };
    // The money goes back the way it came.
    let (from, to) = (end(&mut s, Side::To).await?, end(&mut s, Side::From).await?);
    let input = [
        id.as_bytes().as_slice(),
        asked.amount.as_ref().map_or("", transfer::plain).as_bytes(),
        reason.as_str().as_bytes(),
    ];
    let keyed = Keyed::new(bank, permit.user_id, &asked.key, REVERSE, &input);
    let transaction_id = TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    Ok(Posting {
        key: Some(keyed.claiming(ResultKind::Transaction, transaction_id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        movement: Some(Movement {
            transaction_id,
            kind: TransactionKind::Reversal,
            reverses: Some(id),
            from,
            to,
            sum: asked.amount.clone().map_or(Sum::Rest, Sum::Text),
            note: Some(reason.as_str().to_owned()),
        }),
        ..Posting::new(permit.act(REVERSE))
    })
}

/// One side of the original as an end of its reversal.
async fn end(s: &mut Session, side: &SideText) -> Result<End, Failure> {
    let id = side.account_id;
    let (field, hidden_when_closed) = ("transactionId", false);
    if let Some(account) = account::lookup(s, id).await? {
        let named = AccountRef { kind: account.kind, id };
        return Ok(End::Account { named, owner: None, field, hidden_when_closed });
    }
    let kind = account::kind_of_the_bank(s, id).await?;
    match kind.ok_or(Broken::Inconsistent("an account of a transaction"))? {
        AccountKind::CardSettlement => Ok(End::Merchant(side.label.clone())),
        kind => Ok(End::Bank(kind)),
    }
}
