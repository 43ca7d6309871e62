//! Money that people move: to another account, or from outside.

use super::{
    account as accounts, card,
    context::Bank,
    error::{Broken, Failure},
    operation::Keyed,
    permit::Permit,
};
use crate::{
    db::session::Session,
    domain::{
        account::{AccountKind, AccountRef, AccountStatus},
        amount,
        posting::TransactionKind,
        refusal::Refusal,
        user::full_name,
    },
    ledger::posting::{Answer, End, Movement, Posting},
    store::{
        account,
        account::Account,
        operation::{Operation, ResultKind},
        posting::Text,
        user,
    },
    types::{
        id::{AccountId, TransactionId},
        money::DecimalText,
        text::{CardNumber, Line},
    },
};

/// What a key of a transfer stands for.
const TRANSFER: &str = "transfer";
/// What a key of a top-up stands for.
const TOP_UP: &str = "topUp";

/// An address for money.
#[derive(Debug, Clone)]
pub enum Target {
    /// A card by its number.
    CardNumber(String),
    /// An account by its id; `None` where the id names no account.
    Account(Option<AccountRef>),
}

/// What a person says to pay.
#[derive(Debug, Clone)]
pub struct Payment {
    /// The client's key.
    pub key: String,
    /// The caller's own account that pays.
    pub from: Option<AccountRef>,
    /// Where the money goes.
    pub to: Target,
    /// How much.
    pub amount: DecimalText,
    /// What is noted.
    pub note: Option<String>,
}

/// What a person says to get money from outside.
#[derive(Debug, Clone)]
pub struct TopUp {
    /// The client's key.
    pub key: String,
    /// The caller's own account that is paid into.
    pub account: Option<AccountRef>,
    /// How much.
    pub amount: DecimalText,
    /// What is noted.
    pub note: Option<String>,
}

/// A movement that stands in the books.
#[derive(Debug, Clone)]
pub struct MovedMoney {
    /// Names the transaction.
    pub transaction_id: TransactionId,
    /// The caller's account that the request named first.
    pub account_id: AccountId,
    /// The other account, where it is the caller's too.
    pub counter_id: Option<AccountId>,
    /// An earlier request with the same key moved it.
    pub replayed: bool,
}

/// An amount without the zeros that change nothing, so that 12.5 and 012.50 are one wish.
fn plain(amount: &DecimalText) -> &str {
    let text = amount.as_str().trim_start_matches('0');
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn id_bytes(account: Option<&AccountRef>) -> &[u8] {
    account.map_or(&[], |account| account.id.as_bytes())
}

/// Pays from one of the caller's accounts to any open account of a customer.
pub async fn pay(bank: &Bank, permit: &Permit, payment: &Payment) -> Result<MovedMoney, Failure> {
    let note = read_note(payment.note.as_deref())?;
    let number = match &payment.to {
        Target::CardNumber(number) => Some(
            CardNumber::parse(number)
                .map_err(|error| Refusal::invalid("to.cardNumber", error.0))?,
        ),
        Target::Account(_) => None,
    };
    let target = match (&number, &payment.to) {
        (Some(number), _) => number.expose().as_bytes(),
        (None, Target::Account(id)) => id_bytes(id.as_ref()),
        (None, Target::CardNumber(_)) => &[],
    };
    let input = [
        id_bytes(payment.from.as_ref()),
        target,
        plain(&payment.amount).as_bytes(),
        note.as_ref().map_or("", Line::as_str).as_bytes(),
    ];
    let keyed = Keyed::new(bank, permit.user_id, &payment.key, TRANSFER, &input);
    let mut s = bank.db.read().await?;
    let before = keyed.replay(&mut s).await?;
    let from = accounts::own(&mut s, permit, payment.from, "fromAccountId").await?;
    let to = find_target(bank, &mut s, &payment.to, number.as_ref(), before.is_some()).await?;
    let counter_id = Some(to.account_id).filter(|_| to.owner_id == permit.user_id);
    if let Some(before) = before {
        return replayed(&before, from.account_id, counter_id);
    }
    let currency = from.balance.currency;
    if to.balance.currency != currency {
        return Err(Refusal::CurrencyMismatch.into());
    }
    let minor = amount::positive("amount", &payment.amount, currency)?;
    let movement = Movement {
        transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        kind: TransactionKind::Transfer,
        from: end(&mut s, &from).await?,
        to: end(&mut s, &to).await?,
        amount: minor,
        currency,
        note: note.map(|note| note.as_str().to_owned()),
    };
    drop(s);
    post(bank, permit, keyed, movement, from.account_id, counter_id).await
}

/// Pays into one of the caller's accounts from outside.
pub async fn top_up(bank: &Bank, permit: &Permit, top_up: &TopUp) -> Result<MovedMoney, Failure> {
    if !bank.rules.funding_open {
        let reason = "Top-ups are not open here: the bank's staff records deposits.";
        return Err(Refusal::Forbidden { reason }.into());
    }
    let note = read_note(top_up.note.as_deref())?;
    let input = [
        id_bytes(top_up.account.as_ref()),
        plain(&top_up.amount).as_bytes(),
        note.as_ref().map_or("", Line::as_str).as_bytes(),
    ];
    let keyed = Keyed::new(bank, permit.user_id, &top_up.key, TOP_UP, &input);
    let mut s = bank.db.read().await?;
    let before = keyed.replay(&mut s).await?;
    let to = accounts::own(&mut s, permit, top_up.account, "accountId").await?;
    if let Some(before) = before {
        return replayed(&before, to.account_id, None);
    }
    let currency = to.balance.currency;
    let minor = amount::positive("amount", &top_up.amount, currency)?;
    amount::within_holding("amount", to.balance.posted, minor)?;
    let movement = Movement {
        transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        kind: TransactionKind::TopUp,
        from: accounts::bank_end(AccountKind::CashClearing, currency),
        to: end(&mut s, &to).await?,
        amount: minor,
        currency,
        note: note.map(|note| note.as_str().to_owned()),
    };
    drop(s);
    post(bank, permit, keyed, movement, to.account_id, None).await
}

fn read_note(note: Option<&str>) -> Result<Option<Line>, Failure> {
    Ok(Line::parse_optional(note).map_err(|error| Refusal::invalid("note", error.0))?)
}

/// Finds where money is to go: any customer's account that is open.
///
/// For a repeated request an account that was closed since is found too.
async fn find_target(
    bank: &Bank,
    s: &mut Session,
    target: &Target,
    number: Option<&CardNumber>,
    repeated: bool,
) -> Result<Account, Failure> {
    let (field, noun) = match target {
        Target::CardNumber(_) => ("to.cardNumber", "card"),
        Target::Account(_) => ("to.accountId", "account"),
    };
    let named = match (number, target) {
        (Some(number), _) => card::by_number(bank, s, number)
            .await?
            .map(|id| AccountRef { kind: AccountKind::Card, id }),
        (None, Target::Account(named)) => *named,
        (None, Target::CardNumber(_)) => None,
    };
    let found = match named {
        Some(named) => {
            account::lookup(s, named.id).await?.filter(|account| account.kind == named.kind)
        }
        None => None,
    };
    let open = |account: &Account| repeated || account.status != AccountStatus::Closed;
    found.filter(open).ok_or_else(|| Refusal::NotFound { field, noun }.into())
}

/// An account as an end of a movement, with what the other side may see of it.
async fn end(s: &mut Session, account: &Account) -> Result<End, Failure> {
    let account_id = account.account_id;
    if let Some(end) = card::end(s, account_id).await? {
        return Ok(end);
    }
    let owner = user::lookup(s, account.owner_id).await?;
    let party = owner.map(|o| full_name(o.first_name.as_deref(), o.last_name.as_deref()));
    let label = account.kind.label().to_owned();
    Ok(End { account_id, customer: true, text: Text { account_id, label, last4: None, party } })
}

async fn post(
    bank: &Bank,
    permit: &Permit,
    keyed: Keyed,
    movement: Movement,
    account_id: AccountId,
    counter_id: Option<AccountId>,
) -> Result<MovedMoney, Failure> {
    let transaction_id = movement.transaction_id;
    let posting = Posting {
        key: Some(keyed.claiming(ResultKind::Transaction, transaction_id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        opens: None,
        movement: Some(movement),
    };
    match bank.ledger.post(posting).await? {
        Answer::Done(_) => {
            Ok(MovedMoney { transaction_id, account_id, counter_id, replayed: false })
        }
        Answer::Replayed(before) => replayed(&before, account_id, counter_id),
        Answer::Refused(refusal) => Err(refusal.into()),
    }
}

fn replayed(
    before: &Operation,
    account_id: AccountId,
    counter_id: Option<AccountId>,
) -> Result<MovedMoney, Failure> {
    if before.result_kind != ResultKind::Transaction {
        return Err(Broken::Inconsistent("a transfer's key made something else").into());
    }
    let transaction_id = TransactionId::from_uuid(before.result_id);
    Ok(MovedMoney { transaction_id, account_id, counter_id, replayed: true })
}

#[cfg(test)]
mod tests {
    use super::plain;
    use crate::types::money::DecimalText;

    #[test]
    fn two_spellings_of_an_amount_are_one_wish() {
        let read = |text| plain(&DecimalText::parse(text).unwrap()).to_owned();
        assert_eq!(read("12.50"), read("12.5"));
        assert_eq!(read("100"), "100");
        assert_eq!(read("100.00"), "100");
        assert_eq!(read("0100"), "100");
        assert_eq!(read("0.50"), read("00.5"));
        assert_ne!(read("12.50"), read("12.05"));
    }
}
