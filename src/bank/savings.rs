//! Savings goals: made, shown, renamed, closed. Money comes and goes by `transfer`.

use super::{
    act,
    act::Told,
    card::{Made, read_currency},
    context::Bank,
    error::Failure,
    operation::Keyed,
    permit::Permit,
    session,
};
use crate::{
    db::session::Session,
    domain::{
        account::{AccountKind, AccountStatus},
        amount,
        event::{self, EventKind},
        posting::TransactionKind,
        refusal::Refusal,
        savings::{SAVINGS_MAX, require_empty, require_open},
        user::full_name,
    },
    ledger::posting::{Answer, End, Movement, Opening, Posting, Sum},
    store::{
        account,
        account::Account,
        operation::ResultKind,
        posting,
        posting_rows::Text,
        savings,
        savings::{NewSavings, Savings},
        user,
    },
    types::{
        id::{AccountId, TransactionId},
        money::{Currency, DecimalText, Minor},
        text::Line,
    },
};

const CREATE: &str = "createSavings";
const UPDATE: &str = "updateSavings";
const CLOSE: &str = "closeSavings";

/// A savings goal with its money.
#[derive(Debug, Clone)]
pub struct SavingsView {
    /// The account that it is.
    pub account: Account,
    /// What it has beyond its money.
    pub savings: Savings,
}

/// What a person says to begin a goal.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What for.
    pub name: String,
    /// How much.
    pub goal: DecimalText,
    /// Counted in what; the bank's first currency where nothing is said.
    pub currency: Option<String>,
    /// The client's key.
    pub key: Option<String>,
}

fn missing() -> Failure {
    Refusal::NotFound { field: "savingsId", noun: "savings goal" }.into()
}

/// The caller's open goals, in the order of their making.
pub async fn list(bank: &Bank, permit: &Permit) -> Result<Vec<SavingsView>, Failure> {
    let mut s = bank.db.read().await?;
    let all = account::of_owner(&mut s, permit.user_id).await?;
    let open = all.into_iter().filter(|account| {
        account.kind == AccountKind::Savings && account.status != AccountStatus::Closed
    });
    let mut goals = join(&mut s, open.collect()).await?;
    // Two may be made in the same instant; these numbers are given one after the other.
    goals.sort_by_key(|view| view.savings.legacy_id);
    Ok(goals)
}

/// Adds to accounts what they have as savings goals; one query for all of them.
pub(super) async fn join(
    s: &mut Session,
    accounts: Vec<Account>,
) -> Result<Vec<SavingsView>, Failure> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.account_id).collect();
    let goals = savings::lookup_many(s, &ids).await?;
    let with_goal = |account: Account| {
        let savings = goals.iter().find(|goal| goal.account_id == account.account_id)?.clone();
        Some(SavingsView { account, savings })
    };
    Ok(accounts.into_iter().filter_map(with_goal).collect())
}

/// The caller's own goal with this integer for an id, closed or not.
pub async fn by_legacy_id(
    bank: &Bank,
    permit: &Permit,
    legacy_id: i64,
) -> Result<Option<SavingsView>, Failure> {
    let mut s = bank.db.read().await?;
    let Some(id) = savings::by_legacy_id(&mut s, legacy_id).await? else {
        return Ok(None);
    };
    let found = account::lookup(&mut s, id).await?;
    let own = found.filter(|account| account.owner_id == permit.user_id);
    Ok(join(&mut s, own.into_iter().collect()).await?.pop())
}

async fn own(bank: &Bank, permit: &Permit, id: AccountId) -> Result<SavingsView, Failure> {
    let mut s = bank.db.read().await?;
    let found = account::lookup(&mut s, id).await?;
    let own = found.filter(|account| {
        account.kind == AccountKind::Savings && account.owner_id == permit.user_id
    });
    join(&mut s, own.into_iter().collect()).await?.pop().ok_or_else(missing)
}

/// One of the caller's own goals, locked, in a session that is still alive.
async fn lock(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<SavingsView, Failure> {
    let id = id.ok_or_else(missing)?;
    let found = posting::lock_accounts(s, &[id]).await?.pop().map(|found| found.account);
    let own = found.filter(|account| {
        account.kind == AccountKind::Savings && account.owner_id == permit.user_id
    });
    let goal = join(s, own.into_iter().collect()).await?.pop().ok_or_else(missing)?;
    session::require_alive(bank, s, permit).await?;
    Ok(goal)
}

/// Begins a goal. In the sandbox it starts with a credit from the bank.
pub async fn create(
    bank: &Bank,
    permit: &Permit,
    wish: &Wish,
) -> Result<Made<SavingsView>, Failure> {
    let prepared = prepare(bank, permit, wish).await;
    // The ledger notes what it refuses itself.
    let (id, posting) = act::audited(bank, permit.act(CREATE), prepared).await?;
    let (id, replayed) = match bank.ledger.post(posting).await? {
        Answer::Done(_) => (id, false),
        Answer::Replayed(before) => (AccountId::from_uuid(before.result_id), true),
        Answer::Refused(refusal) => return Err(refusal.into()),
    };
    Ok(Made { thing: own(bank, permit, id).await?, replayed })
}

async fn prepare(
    bank: &Bank,
    permit: &Permit,
    wish: &Wish,
) -> Result<(AccountId, Posting), Failure> {
    let currency = read_currency(bank, wish.currency.as_deref())?;
    let name = read_name(&wish.name)?;
    let goal = amount::positive("goal", &wish.goal, currency)?;
    let wanted = goal.0.to_be_bytes();
    let input = [name.as_str().as_bytes(), wanted.as_slice(), currency.code().as_bytes()];
    let keyed = wish.key.as_ref().map(|key| Keyed::new(bank, permit.user_id, key, CREATE, &input));
    let id = AccountId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let mut s = bank.db.read().await?;
    let owner = user::lookup(&mut s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    drop(s);
    let text = Text {
        account_id: id,
        label: name.as_str().to_owned(),
        last4: None,
        party: Some(full_name(owner.first_name.as_deref(), owner.last_name.as_deref())),
    };
    let opening = Opening {
        account_id: id,
        owner_id: permit.user_id,
        kind: AccountKind::Savings,
        currency,
        card: None,
        savings: Some(NewSavings { name: name.as_str().to_owned(), goal }),
        limit: SAVINGS_MAX,
        noun: "savings goals",
        text,
    };
    let posting = Posting {
        key: keyed.map(|keyed| keyed.claiming(ResultKind::Savings, id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        movement: opening_credit(bank, currency),
        opens: Some(opening),
        ..Posting::new(permit.act(CREATE))
    };
    Ok((id, posting))
}

fn read_name(name: &str) -> Result<Line, Refusal> {
    Line::parse(name).map_err(|error| Refusal::invalid("name", error.0))
}

fn opening_credit(bank: &Bank, currency: Currency) -> Option<Movement> {
    let amount: Minor = bank.rules.opening_credit_savings(currency)?;
    Some(Movement {
        transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        kind: TransactionKind::OpeningCredit,
        reverses: None,
        from: End::Bank(AccountKind::OpeningCredits),
        to: End::Opened,
        sum: Sum::Minor(amount),
        note: None,
    })
}

/// The owner is told that something of the goal has changed.
fn told(account: &Account) -> Told {
    let body = event::account_changed(account.account_id, None);
    Told { owner_id: account.owner_id, kind: EventKind::AccountChanged, body }
}

/// Calls a goal by another name, or asks for another amount; what is not named stays.
pub async fn update(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
    name: Option<&str>,
    goal: Option<&DecimalText>,
) -> Result<SavingsView, Failure> {
    let changed = bank.db.write_retrying(|s| Box::pin(change(bank, s, permit, id, name, goal)));
    act::audited(bank, permit.act(UPDATE), changed.await).await
}

async fn change(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    id: Option<AccountId>,
    name: Option<&str>,
    goal: Option<&DecimalText>,
) -> Result<SavingsView, Failure> {
    let mut view = lock(bank, s, permit, id).await?;
    require_open(view.account.status)?;
    let before = view.savings.clone();
    if let Some(name) = name {
        read_name(name)?.as_str().clone_into(&mut view.savings.name);
    }
    if let Some(goal) = goal {
        view.savings.goal = amount::positive("goal", goal, view.account.balance.currency)?;
    }
    let mut changed = None;
    // Nobody is told of what is as it was.
    if view.savings != before {
        savings::change(s, &view.savings).await?;
        changed = Some(told(&view.account));
    }
    let subject = Some(view.account.account_id.uuid());
    act::done(bank, s, permit.act(UPDATE), subject, changed).await?;
    Ok(view)
}

/// Closes an empty goal for good.
pub async fn close(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<SavingsView, Failure> {
    let closed = bank.db.write_retrying(|s| Box::pin(end(bank, s, permit, id))).await;
    act::audited(bank, permit.act(CLOSE), closed).await
}

async fn end(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<SavingsView, Failure> {
    let mut view = lock(bank, s, permit, id).await?;
    require_empty(view.account.status, &view.account.balance)?;
    let id = view.account.account_id;
    account::set_status(s, id, AccountStatus::Closed).await?;
    view.account.status = AccountStatus::Closed;
    let changed = Some(told(&view.account));
    act::done(bank, s, permit.act(CLOSE), Some(id.uuid()), changed).await?;
    Ok(view)
}
