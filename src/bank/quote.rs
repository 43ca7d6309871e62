//! What a transfer would do, and to whom, without doing it.

use super::{
    context::Bank,
    error::{Broken, Failure},
    permit::Permit,
    transfer,
    transfer::Target,
};
use crate::{
    db::session::Session,
    domain::{
        account::AccountRef,
        amount,
        limit::{LimitKind, left_of_day},
        posting::TransactionKind,
        refusal::Refusal,
        user::short_name,
    },
    ledger::{
        books::Books,
        posting::{Allowance, End, Movement, Posting, Sum},
    },
    store::{limit, posting, posting::Customer, quote, user},
    types::{
        id::{AccountId, TransactionId},
        money::{DecimalText, Minor, Money},
    },
};

/// Quotes to other people's accounts that a person may have in a day: each tells a name.
pub const QUOTES_MAX: i64 = 50;

/// A transfer that somebody thinks of.
#[derive(Debug, Clone)]
pub struct Thought {
    /// The caller's own account that would pay.
    pub from: Option<AccountRef>,
    /// Where the money would go.
    pub to: Target,
    /// How much.
    pub amount: DecimalText,
}

/// What would become of it.
#[derive(Debug, Clone)]
pub struct Quote {
    /// How much would leave the account; nothing where the amount is none.
    pub amount: Money,
    /// What the account would have then.
    pub balance_after: Option<Money>,
    /// Who would be paid: first name and initial.
    pub recipient: Option<String>,
    /// Why it would be refused.
    pub refusal: Option<Refusal>,
}

/// Tells what a transfer would do just now; nothing is promised for later.
pub async fn transfer(bank: &Bank, permit: &Permit, thought: &Thought) -> Result<Quote, Failure> {
    let mut quote = Quote {
        amount: Money::new(Minor::ZERO, bank.rules.default_currency()),
        balance_after: None,
        recipient: None,
        refusal: None,
    };
    let posting = match prepare(bank, permit, thought) {
        Ok(posting) => posting,
        Err(refusal) => return Ok(Quote { refusal: Some(refusal), ..quote }),
    };
    let movement = posting.movement.as_ref().ok_or(Broken::Inconsistent("no movement"))?;
    let mut s = bank.db.read().await?;
    let mut books = read(&mut s, permit, movement).await?;
    let target = books.customer(&posting, &movement.to).ok().flatten().cloned();
    let recipient = match &target {
        Some(customer) => user::lookup(&mut s, customer.account.owner_id).await?,
        None => None,
    };
    drop(s);
    if let Ok(Some(from)) = books.customer(&posting, &movement.from) {
        let currency = from.account.balance.currency;
        let amount = amount::positive("amount", &thought.amount, currency);
        quote.amount = Money::new(amount.unwrap_or(Minor::ZERO), currency);
    }
    // One that names nobody counts too: else numbers could be tried one after the other.
    let own = target.is_some_and(|target| target.account.owner_id == permit.user_id);
    if !own && !count(bank, permit).await? {
        let retry_after_seconds = left_of_day(bank.now());
        quote.refusal = Some(Refusal::RateLimited { retry_after_seconds });
        return Ok(quote);
    }
    quote.recipient = recipient
        .and_then(|user| short_name(user.first_name.as_deref(), user.last_name.as_deref()));
    match books.post(&posting, bank.now(), bank.entropy.as_ref()) {
        Ok(moved) => {
            let after = moved.and_then(|moved| moved.from.customer);
            let balance = after.map(|customer| customer.account.balance);
            quote.balance_after = balance.map(|balance| balance.money(balance.posted));
        }
        Err(refusal) => quote.refusal = Some(refusal),
    }
    Ok(quote)
}

/// The transfer as the ledger would be asked for it, but without a key.
fn prepare(bank: &Bank, permit: &Permit, thought: &Thought) -> Result<Posting, Refusal> {
    let number = transfer::read_number(&thought.to)?;
    let (_, from) = transfer::own(permit, thought.from, "fromAccountId")?;
    let to = transfer::find_target(bank, &thought.to, number.as_ref())?;
    let (kind, units) = (LimitKind::Transfer, bank.rules.transfer_limit);
    Ok(Posting {
        session: Some((permit.session_id, permit.user_id)),
        allowance: Some(Allowance { subject: permit.user_id, kind, units }),
        movement: Some(Movement {
            transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
            kind: TransactionKind::Transfer,
            reverses: None,
            from,
            to,
            sum: Sum::Text(thought.amount.clone()),
            note: None,
        }),
        ..Posting::new(permit.act("transferQuote"))
    })
}

/// The facts of a movement as they are just now, without a lock.
async fn read(s: &mut Session, permit: &Permit, movement: &Movement) -> Result<Books, Failure> {
    let mut books = Books::default();
    let mut ids: Vec<AccountId> = Vec::new();
    for end in [&movement.from, &movement.to] {
        match end {
            End::Account { named, .. } => ids.push(named.id),
            End::Number { index, .. } => {
                let found = posting::by_number(s, &[index]).await?;
                ids.extend(found.iter().map(|(_, id)| *id));
                books.numbers.extend(found);
            }
            End::Opened | End::Bank(_) | End::Merchant(_) | End::Bill => {}
        }
    }
    books.sessions = posting::sessions(s, &[permit.session_id]).await?.into_iter().collect();
    let found: Vec<Customer> = quote::customers(s, &ids).await?;
    books.customers = found.into_iter().map(|one| (one.account.account_id, one)).collect();
    let mut subjects = vec![permit.user_id.uuid()];
    subjects.extend(books.customers.keys().map(|id| id.uuid()));
    books.limits = limit::of(s, &subjects).await?.into_iter().collect();
    Ok(books)
}

/// Counts one more quote of the day; false where there were as many as allowed.
async fn count(bank: &Bank, permit: &Permit) -> Result<bool, Failure> {
    let day = bank.now().date_naive();
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let counted = limit::count_quote(s, permit.user_id, day, QUOTES_MAX).await?;
                Ok::<_, Failure>(counted)
            })
        })
        .await
}
