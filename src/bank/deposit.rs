//! Deposits that the bank's staff record, and what staff set of an account.

use super::{
    act,
    act::Told,
    context::Bank,
    entry,
    entry::TransactionView,
    error::{Broken, Failure},
    operation::Keyed,
    permit::Permit,
    staff, transfer,
};
use crate::{
    domain::{
        account::{AccountKind, AccountRef, Balance},
        amount,
        event::{self, EventKind},
        posting::TransactionKind,
        refusal::Refusal,
    },
    ledger::posting::{Answer, End, Movement, Posting, Sum},
    store::{account, operation::ResultKind, posting, session},
    types::{
        id::TransactionId,
        money::{DecimalText, Minor},
        text::Line,
    },
};

const RECORD: &str = "recordDeposit";
const SET_OVERDRAFT: &str = "setOverdraftLimit";

/// What staff say of money that came in.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// The client's key.
    pub key: String,
    /// The customer's account.
    pub account: Option<AccountRef>,
    /// How much.
    pub amount: DecimalText,
    /// What the deposit is known by outside.
    pub reference: String,
}

/// A movement that staff made.
#[derive(Debug, Clone)]
pub struct StaffMoney {
    /// The movement.
    pub transaction: TransactionView,
    /// An earlier request with the same key made it.
    pub replayed: bool,
}

/// Records money that came in for a customer.
pub async fn record(bank: &Bank, permit: &Permit, asked: &Deposit) -> Result<StaffMoney, Failure> {
    let prepared = prepare(bank, permit, asked).await;
    let posting = act::audited(bank, permit.act(RECORD), prepared).await?;
    post(bank, posting).await
}

async fn prepare(bank: &Bank, permit: &Permit, asked: &Deposit) -> Result<Posting, Failure> {
    staff::require(bank, permit).await?;
    let reference = Line::parse(&asked.reference);
    let reference = reference.map_err(|error| Refusal::invalid("reference", error.0))?;
    let field = "accountId";
    let named = asked.account.ok_or(Refusal::NotFound { field, noun: "account" })?;
    let input = [
        named.id.as_bytes().as_slice(),
        transfer::plain(&asked.amount).as_bytes(),
        reference.as_str().as_bytes(),
    ];
    let keyed = Keyed::new(bank, permit.user_id, &asked.key, RECORD, &input);
    let transaction_id = TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    Ok(Posting {
        key: Some(keyed.claiming(ResultKind::Transaction, transaction_id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        movement: Some(Movement {
            transaction_id,
            kind: TransactionKind::Income,
            reverses: None,
            from: End::Bank(AccountKind::CashClearing),
            to: End::Account { named, owner: None, field, hidden_when_closed: false },
            sum: Sum::Text(asked.amount.clone()),
            note: Some(reference.as_str().to_owned()),
        }),
        ..Posting::new(permit.act(RECORD))
    })
}

/// Hands a staff's movement to the ledger.
pub(super) async fn post(bank: &Bank, posting: Posting) -> Result<StaffMoney, Failure> {
    match bank.ledger.post(posting).await? {
        Answer::Done(Some(moved)) => {
            Ok(StaffMoney { transaction: TransactionView::of(*moved), replayed: false })
        }
        Answer::Done(None) => Err(Broken::Inconsistent("a movement moved nothing").into()),
        Answer::Replayed(before) => {
            let id = TransactionId::from_uuid(before.result_id);
            let found = entry::of_staff(bank, &[id]).await?.pop();
            let transaction = found.ok_or(Broken::Inconsistent("a key's movement"))?;
            Ok(StaffMoney { transaction, replayed: true })
        }
        Answer::Refused(refusal) => Err(refusal.into()),
    }
}

/// Sets how far below zero a customer's account may go; gives its balance.
pub async fn set_overdraft_limit(
    bank: &Bank,
    permit: &Permit,
    account: Option<AccountRef>,
    limit: &DecimalText,
) -> Result<Balance, Failure> {
    let outcome = set_unaudited(bank, permit, account, limit).await;
    act::audited(bank, permit.act(SET_OVERDRAFT), outcome).await
}

async fn set_unaudited(
    bank: &Bank,
    permit: &Permit,
    account: Option<AccountRef>,
    limit: &DecimalText,
) -> Result<Balance, Failure> {
    staff::require(bank, permit).await?;
    let missing = || Refusal::NotFound { field: "accountId", noun: "account" };
    let named = account.ok_or_else(missing)?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = posting::lock_accounts(s, &[named.id]).await?.pop();
                let found = found.filter(|found| found.account.kind == named.kind);
                let account = found.ok_or_else(missing)?.account;
                let facts = session::facts(s, permit.session_id, permit.user_id).await?;
                if !facts.is_some_and(|facts| facts.is_alive(bank.now())) {
                    return Err(Refusal::SessionEnded.into());
                }
                let limit = amount::not_negative("limit", limit, account.balance.currency)?;
                let balance = Balance { overdraft_limit: limit, ..account.balance };
                if balance.available() < Minor::ZERO {
                    let reason = "The account is further below zero than this limit allows.";
                    return Err(Refusal::Conflict { reason }.into());
                }
                account::set_overdraft_limit(s, named.id, limit).await?;
                let body = event::account_changed(named.id, Some(&balance));
                let owner_id = account.owner_id;
                let told = Told { owner_id, kind: EventKind::AccountChanged, body };
                let act = permit.act(SET_OVERDRAFT);
                act::done(bank, s, act, Some(named.id.uuid()), Some(told)).await?;
                Ok::<_, Failure>(balance)
            })
        })
        .await
}
