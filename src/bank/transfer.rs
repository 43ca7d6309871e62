//! Money that people move: to another account, or from outside.

use super::{
    act, attempt, card,
    context::Bank,
    entry::TransactionView,
    error::{Broken, Failure},
    operation::Keyed,
    permit::Permit,
    product,
    product::Product,
    rehearsal,
};
use crate::{
    domain::{
        account::{AccountKind, AccountRef, OutsideBank},
        attempt::Attempt,
        limit::LimitKind,
        posting::TransactionKind,
        refusal::Refusal,
        trust,
    },
    ledger::posting::{Allowance, Answer, End, Moved, MovedEnd, Movement, Posting, Sum},
    store::{
        operation::{Operation, ResultKind},
        posting,
        posting_rows::Claim,
    },
    types::{
        id::{AccountId, TransactionId},
        money::DecimalText,
        text::{CardNumber, Line},
    },
};

/// What a key of a transfer stands for.
const TRANSFER: &str = "transfer";
/// The field that names a receiver by their card's number.
const TO_NUMBER: &str = "to.cardNumber";
/// What a key of a transfer to a bank outside stands for.
const REMIT: &str = "remit";
/// What a key of a top-up stands for.
const TOP_UP: &str = "topUp";
/// What a key of a move to a savings goal stands for.
const TOP_UP_SAVINGS: &str = "topUpSavings";
/// What a key of a move from a savings goal stands for.
const WITHDRAW_SAVINGS: &str = "withdrawSavings";

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
    /// The client's key, where there is one.
    pub key: Option<String>,
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
    /// The client's key, where there is one.
    pub key: Option<String>,
    /// The caller's own account that is paid into.
    pub account: Option<AccountRef>,
    /// How much.
    pub amount: DecimalText,
    /// What is noted.
    pub note: Option<String>,
    /// What the client said of itself, where it is kept.
    pub claim: Option<Claim>,
}

/// What a person says to send from their wallet to a bank outside.
#[derive(Debug, Clone)]
pub struct Remittance {
    /// The client's key, where there is one.
    pub key: Option<String>,
    /// The caller's own account that pays.
    pub from: Option<AccountRef>,
    /// Where the money goes.
    pub to: OutsideBank,
    /// How much.
    pub amount: DecimalText,
    /// What the client said of itself, where it is kept.
    pub claim: Option<Claim>,
}

/// What a person says to move between a savings goal and a card of theirs.
#[derive(Debug, Clone)]
pub struct Aside {
    /// The client's key, where there is one.
    pub key: Option<String>,
    /// The caller's own goal.
    pub savings: Option<AccountId>,
    /// The caller's own card.
    pub card: Option<AccountId>,
    /// How much.
    pub amount: DecimalText,
}

/// A movement that stands in the books, as the caller sees it.
#[derive(Debug, Clone)]
pub struct MovedMoney {
    /// Names the transaction.
    pub transaction_id: TransactionId,
    /// The transaction, where it was made just now; else it is to be read.
    pub transaction: Option<TransactionView>,
    /// The caller's account that the request named first, after the movement.
    pub account: Option<Product>,
    /// The other account, where it is the caller's too.
    pub counter_account: Option<Product>,
    /// An earlier request with the same key moved it.
    pub replayed: bool,
}

/// An amount without the zeros that change nothing, so that 12.5 and 012.50 are one wish.
pub(super) fn plain(amount: &DecimalText) -> &str {
    let text = amount.as_str().trim_start_matches('0');
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

fn id_bytes(account: Option<&AccountRef>) -> &[u8] {
    account.map_or(&[], |account| account.id.as_bytes())
}

/// One of the caller's own accounts, as an end of a movement.
pub(super) fn own(
    permit: &Permit,
    named: Option<AccountRef>,
    field: &'static str,
) -> Result<(AccountRef, End), Refusal> {
    let named = named.ok_or(Refusal::NotFound { field, noun: "account" })?;
    let owner = Some(permit.user_id);
    Ok((named, End::Account { named, owner, field, hidden_when_closed: false }))
}

/// The card's number, where the target is named by one.
pub(super) fn read_number(target: &Target) -> Result<Option<CardNumber>, Refusal> {
    match target {
        Target::CardNumber(number) => {
            let read = CardNumber::parse(number);
            read.map(Some).map_err(|error| Refusal::invalid(TO_NUMBER, error.0))
        }
        Target::Account(_) => Ok(None),
    }
}

/// Pays from one of the caller's accounts to any open account of a customer.
pub async fn pay(bank: &Bank, permit: &Permit, payment: &Payment) -> Result<MovedMoney, Failure> {
    rehearsal::play(bank, permit, TRANSFER, &payment.amount).await?;
    let by_number = matches!(payment.to, Target::CardNumber(_));
    if by_number {
        require_numbers_left(bank, permit).await?;
    }
    let prepared = prepare_payment(bank, permit, payment);
    let prepared = act::audited(bank, permit.act(TRANSFER), prepared).await?;
    let limit = (LimitKind::Transfer, bank.rules.transfer_limit);
    let paid = post(bank, permit, TRANSFER, prepared, limit).await;
    match &paid {
        Err(Failure::Refused(Refusal::NotFound { field: TO_NUMBER, .. })) => {
            count_unknown_number(bank, permit).await?;
        }
        // Of many at once those that found somebody must not stand out from the others.
        Err(Failure::Refused(_)) if by_number => require_numbers_left(bank, permit).await?,
        Ok(_) | Err(_) => {}
    }
    paid
}

/// Refuses who has tried too many numbers that are nobody's, whatever the next one is: else
/// whoever signs in could find out which cards there are.
async fn require_numbers_left(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let person = permit.user_id.to_wire();
    let left = attempt::require_left(bank, &permit.visitor, Attempt::CardNumber, &person).await;
    act::audited(bank, permit.act(TRANSFER), left).await
}

async fn count_unknown_number(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let person = permit.user_id.to_wire();
    let counted = attempt::count(bank, &permit.visitor, Attempt::CardNumber, &person).await;
    act::audited(bank, permit.act(TRANSFER), counted).await
}

/// What is asked of the ledger.
struct Prepared {
    keyed: Option<Keyed>,
    movement: Movement,
    claim: Option<Claim>,
    /// The account that the request names first.
    first: AccountId,
}

fn prepare_payment(bank: &Bank, permit: &Permit, payment: &Payment) -> Result<Prepared, Failure> {
    let note = read_note(payment.note.as_deref())?;
    let number = read_number(&payment.to)?;
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
    let keyed = Keyed::optional(bank, permit.user_id, payment.key.as_deref(), TRANSFER, &input);
    let (from, from_end) = own(permit, payment.from, "fromAccountId")?;
    let to = find_target(bank, &payment.to, number.as_ref())?;
    let movement = Movement {
        transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        kind: TransactionKind::Transfer,
        reverses: None,
        from: from_end,
        to,
        sum: Sum::Text(payment.amount.clone()),
        note: note.map(|note| note.as_str().to_owned()),
    };
    Ok(Prepared { keyed, movement, claim: None, first: from.id })
}

/// Pays into one of the caller's accounts from outside.
pub async fn top_up(bank: &Bank, permit: &Permit, top_up: &TopUp) -> Result<MovedMoney, Failure> {
    rehearsal::play(bank, permit, TOP_UP, &top_up.amount).await?;
    let prepared = prepare_top_up(bank, permit, top_up);
    let prepared = act::audited(bank, permit.act(TOP_UP), prepared).await?;
    let limit = (LimitKind::TopUp, bank.rules.top_up_limit);
    post(bank, permit, TOP_UP, prepared, limit).await
}

fn prepare_top_up(bank: &Bank, permit: &Permit, top_up: &TopUp) -> Result<Prepared, Failure> {
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
    let keyed = Keyed::optional(bank, permit.user_id, top_up.key.as_deref(), TOP_UP, &input);
    let (to, to_end) = own(permit, top_up.account, "accountId")?;
    let movement = Movement {
        transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        kind: TransactionKind::TopUp,
        reverses: None,
        from: End::Bank(AccountKind::CashClearing),
        to: to_end,
        sum: Sum::Text(top_up.amount.clone()),
        note: note.map(|note| note.as_str().to_owned()),
    };
    Ok(Prepared { keyed, movement, claim: top_up.claim.clone(), first: to.id })
}

/// Sends money from one of the caller's accounts to a bank outside, where they are
/// somebody; it counts for the same limit as what is paid to others.
pub async fn remit(
    bank: &Bank,
    permit: &Permit,
    remittance: &Remittance,
) -> Result<MovedMoney, Failure> {
    let prepared = prepare_remittance(bank, permit, remittance);
    let prepared = act::audited(bank, permit.act(REMIT), prepared).await?;
    let limit = (LimitKind::Transfer, bank.rules.transfer_limit);
    post(bank, permit, REMIT, prepared, limit).await
}

fn prepare_remittance(
    bank: &Bank,
    permit: &Permit,
    remittance: &Remittance,
) -> Result<Prepared, Failure> {
    let Remittance { key, from, to, amount, claim } = remittance;
    let input = [id_bytes(from.as_ref()), to.code().as_bytes(), plain(amount).as_bytes()];
    let keyed = Keyed::optional(bank, permit.user_id, key.as_deref(), REMIT, &input);
    let (from, from_end) = own(permit, *from, "fromAccountId")?;
    let movement = Movement {
        transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        kind: TransactionKind::BankTransfer,
        reverses: None,
        from: from_end,
        to: End::Bank(to.account()),
        sum: Sum::Text(amount.clone()),
        note: Some(format!("transfer to bank {}", to.code())),
    };
    Ok(Prepared { keyed, movement, claim: claim.clone(), first: from.id })
}

/// Puts money of a card aside for a savings goal.
pub async fn top_up_savings(
    bank: &Bank,
    permit: &Permit,
    aside: &Aside,
) -> Result<MovedMoney, Failure> {
    move_aside(bank, permit, aside, TOP_UP_SAVINGS, TransactionKind::SavingsTopUp).await
}

/// Gives money of a savings goal back to a card.
pub async fn withdraw_savings(
    bank: &Bank,
    permit: &Permit,
    aside: &Aside,
) -> Result<MovedMoney, Failure> {
    move_aside(bank, permit, aside, WITHDRAW_SAVINGS, TransactionKind::SavingsWithdrawal).await
}

async fn move_aside(
    bank: &Bank,
    permit: &Permit,
    aside: &Aside,
    action: &'static str,
    kind: TransactionKind,
) -> Result<MovedMoney, Failure> {
    let named = |kind, id: Option<AccountId>| id.map(|id| AccountRef { kind, id });
    let (savings, card) =
        (named(AccountKind::Savings, aside.savings), named(AccountKind::Card, aside.card));
    let input =
        [id_bytes(savings.as_ref()), id_bytes(card.as_ref()), plain(&aside.amount).as_bytes()];
    let keyed = Keyed::optional(bank, permit.user_id, aside.key.as_deref(), action, &input);
    let (savings, savings_end) = own(permit, savings, "savingsId")?;
    let (_, card_end) = own(permit, card, "cardId")?;
    let (from, to) = match kind {
        TransactionKind::SavingsTopUp => (card_end, savings_end),
        _ => (savings_end, card_end),
    };
    let transaction_id = TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let sum = Sum::Text(aside.amount.clone());
    let movement = Movement { transaction_id, kind, reverses: None, from, to, sum, note: None };
    // Between a person's own accounts: it counts for no limit.
    let posting = Posting {
        key: keyed.map(|keyed| keyed.claiming(ResultKind::Transaction, transaction_id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        movement: Some(movement),
        ..Posting::new(permit.act(action))
    };
    settle(bank, permit, posting, savings.id).await
}

pub(super) fn read_note(note: Option<&str>) -> Result<Option<Line>, Failure> {
    Ok(Line::parse_optional(note).map_err(|error| Refusal::invalid("note", error.0))?)
}

/// The card that staff name by its number or its account's id.
pub(super) async fn find(
    bank: &Bank,
    target: &Target,
    field: &'static str,
) -> Result<AccountRef, Failure> {
    let missing = Refusal::NotFound { field, noun: "card" };
    match target {
        Target::CardNumber(number) => {
            let number = CardNumber::parse(number);
            let number = number.map_err(|error| Refusal::invalid("card.cardNumber", error.0))?;
            let index = card::number_index(bank, &number);
            let mut s = bank.db.read().await?;
            let found = posting::by_number(&mut s, &[&index]).await?.pop();
            let (_, id) = found.ok_or(missing)?;
            Ok(AccountRef { kind: AccountKind::Card, id })
        }
        Target::Account(Some(named)) if named.kind == AccountKind::Card => Ok(*named),
        Target::Account(Some(_)) => {
            Err(Refusal::invalid("card.accountId", "must name a card").into())
        }
        Target::Account(None) => Err(missing.into()),
    }
}

/// Where money is to go: any customer's account that is open.
pub(super) fn find_target(
    bank: &Bank,
    target: &Target,
    number: Option<&CardNumber>,
) -> Result<End, Refusal> {
    match (target, number) {
        (Target::CardNumber(_), Some(number)) => {
            let index = card::number_index(bank, number);
            Ok(End::Number { index, field: TO_NUMBER })
        }
        (Target::CardNumber(_), None) => Err(Refusal::NotFound { field: TO_NUMBER, noun: "card" }),
        (Target::Account(named), _) => {
            let field = "to.accountId";
            let named = named.ok_or(Refusal::NotFound { field, noun: "account" })?;
            Ok(End::Account { named, owner: None, field, hidden_when_closed: true })
        }
    }
}

async fn post(
    bank: &Bank,
    permit: &Permit,
    action: &'static str,
    prepared: Prepared,
    (kind, units): (LimitKind, i64),
) -> Result<MovedMoney, Failure> {
    let Prepared { keyed, movement, claim, first } = prepared;
    let posting = Posting {
        key: keyed
            .map(|keyed| keyed.claiming(ResultKind::Transaction, movement.transaction_id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        trusted: trust::require(&permit.facts).is_ok(),
        allowance: Some(Allowance { subject: permit.user_id, kind, units }),
        claim,
        movement: Some(movement),
        ..Posting::new(permit.act(action))
    };
    settle(bank, permit, posting, first).await
}

/// Hands a movement of the caller's to the ledger; `account_id` is the account of theirs that
/// the request named first.
pub(super) async fn settle(
    bank: &Bank,
    permit: &Permit,
    posting: Posting,
    account_id: AccountId,
) -> Result<MovedMoney, Failure> {
    let own = posting.movement.as_ref().map(|movement| movement.transaction_id.uuid());
    match bank.ledger.post(posting).await? {
        Answer::Done(Some(moved)) => Ok(shown(permit, *moved, account_id)),
        Answer::Done(None) => Err(Broken::Inconsistent("a movement moved nothing").into()),
        Answer::Replayed(before) => {
            let found = replayed(bank, permit, &before, account_id).await?;
            // This very request made it, and the first answer to its commit was lost.
            let replayed = own != Some(before.result_id);
            Ok(MovedMoney { replayed, ..found })
        }
        Answer::Refused(refusal) => Err(refusal.into()),
    }
}

/// A movement that was made just now; nothing of it has to be read again.
fn shown(permit: &Permit, moved: Moved, account_id: AccountId) -> MovedMoney {
    let product = |end: &MovedEnd| {
        let customer = end.customer.as_ref()?;
        let own = customer.account.owner_id == permit.user_id;
        own.then(|| Product::of(customer)).flatten()
    };
    let mut products: Vec<Product> =
        [&moved.from, &moved.to].into_iter().filter_map(product).collect();
    let first = products.iter().position(|one| one.account().account_id == account_id);
    let account = first.map(|place| products.remove(place));
    MovedMoney {
        transaction_id: moved.transaction_id,
        transaction: Some(TransactionView::of(moved)),
        account,
        counter_account: products.pop(),
        replayed: false,
    }
}

/// What an earlier request with the key moved, with the accounts as they are now.
async fn replayed(
    bank: &Bank,
    permit: &Permit,
    before: &Operation,
    account_id: AccountId,
) -> Result<MovedMoney, Failure> {
    if before.result_kind != ResultKind::Transaction {
        return Err(Broken::Inconsistent("a transfer's key made something else").into());
    }
    let transaction_id = TransactionId::from_uuid(before.result_id);
    let view = super::entry::own_transactions(bank, permit, &[transaction_id]).await?.pop();
    let ids: Vec<AccountId> =
        view.iter().flat_map(|view| &view.sides).map(|side| side.account_id).collect();
    let mut products = product::own_many(bank, permit, &ids).await?;
    let first = products.iter().position(|one| one.account().account_id == account_id);
    let account = first.map(|place| products.remove(place));
    let counter_account = products.pop();
    Ok(MovedMoney { transaction_id, transaction: view, account, counter_account, replayed: true })
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
