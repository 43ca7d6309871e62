//! Savings goals.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    account,
    account::{AccountKind, AccountStatus},
    errors,
    errors::UserError,
    money::{Balance, Money},
    request,
    scalars::{CurrencyCode, DateTime, Decimal, IdempotencyKey},
    viewer,
};
use crate::{
    bank::{
        error::Failure,
        savings,
        savings::{SavingsView, Wish},
    },
    domain::savings::{progress_percent, remaining},
    types::id::AccountId,
};

/// A savings goal; its money is an account of its own.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct SavingsAccount {
    #[graphql(skip)]
    pub(super) account_id: AccountId,
    /// Names the goal.
    #[graphql(owned)]
    pub(super) id: ID,
    /// Its number for clients that know integers only.
    pub(super) legacy_id: i32,
    /// Always SAVINGS.
    pub(super) kind: AccountKind,
    /// What may happen with it; a goal is never frozen.
    pub(super) status: AccountStatus,
    /// How the person's own lists call it: its name.
    pub(super) label: String,
    /// What it is counted in.
    pub(super) currency: CurrencyCode,
    /// What it is for.
    pub(super) name: String,
    /// How much shall come together.
    pub(super) goal: Money,
    /// The goal less the posted balance; negative once the goal is passed.
    pub(super) remaining: Money,
    /// 0 to 100: whole percent of the goal, 100 only once it is reached.
    pub(super) progress_percent: i32,
    /// When it was begun.
    pub(super) created_at: DateTime,
    /// Its money.
    pub(super) balance: Balance,
}

impl From<SavingsView> for SavingsAccount {
    fn from(SavingsView { account: money, savings }: SavingsView) -> Self {
        let (goal, posted) = (savings.goal, money.balance.posted);
        Self {
            account_id: money.account_id,
            id: account::to_wire(AccountKind::Savings, money.account_id),
            legacy_id: i32::try_from(savings.legacy_id).unwrap_or(i32::MAX),
            kind: AccountKind::Savings,
            status: money.status.into(),
            label: savings.name.clone(),
            currency: money.balance.currency.into(),
            name: savings.name,
            goal: money.balance.money(goal).into(),
            remaining: money.balance.money(remaining(goal, posted)).into(),
            progress_percent: progress_percent(goal, posted),
            created_at: DateTime(money.created_at),
            balance: (&money.balance).into(),
        }
    }
}

/// The query for savings goals.
#[derive(Default)]
pub struct SavingsQuery;

#[Object]
impl SavingsQuery {
    /// The same as me.savings.
    async fn savings(&self, ctx: &Context<'_>) -> Result<Vec<SavingsAccount>> {
        list(ctx).await
    }
}

/// The caller's open goals, in the order of their making.
pub(super) async fn list(ctx: &Context<'_>) -> Result<Vec<SavingsAccount>> {
    let viewer = viewer::current(ctx)?;
    let goals = savings::list(request::bank(ctx), &viewer.permit).await;
    let goals = goals.map_err(|failure| errors::query(ctx, failure))?;
    Ok(goals.into_iter().map(Into::into).collect())
}

/// A savings goal to begin.
#[derive(Debug, Clone, InputObject)]
pub struct CreateSavingsInput {
    /// What it is for: 1 to 255 characters on one line.
    name: String,
    /// How much shall come together; more than zero.
    goal: Decimal,
    /// What it shall be counted in; the bank's first currency where nothing is said.
    currency: Option<CurrencyCode>,
    /// The client's key: a repeated request answers with the same goal.
    idempotency_key: Option<IdempotencyKey>,
}

/// What shall change of a savings goal; what is absent or null stays.
#[derive(Debug, Clone, InputObject)]
pub struct UpdateSavingsInput {
    /// The goal's id.
    savings_id: ID,
    /// Another name: 1 to 255 characters on one line.
    name: Option<String>,
    /// Another amount; more than zero.
    goal: Option<Decimal>,
}

/// A savings goal that is meant.
#[derive(Debug, Clone, InputObject)]
pub struct SavingsRefInput {
    /// The goal's id.
    savings_id: ID,
}

/// What became of a mutation on a savings goal.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct SavingsPayload {
    /// The goal as it is now.
    savings: Option<SavingsAccount>,
    /// This key began this goal before.
    replayed: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

fn show(
    ctx: &Context<'_>,
    outcome: Result<(SavingsView, bool), Failure>,
) -> Result<SavingsPayload> {
    match outcome {
        Ok((view, replayed)) => {
            Ok(SavingsPayload { savings: Some(view.into()), replayed, errors: Vec::new() })
        }
        Err(failure) => {
            let errors = errors::payload(ctx, failure)?;
            Ok(SavingsPayload { errors, ..SavingsPayload::default() })
        }
    }
}

/// The mutations of savings goals; `TransferMutation` has those that move their money.
#[derive(Default)]
pub struct SavingsMutation;

#[Object]
impl SavingsMutation {
    /// Begins a savings goal: at most 50 may be open. In the sandbox it starts with a credit of
    /// 200 from the bank.
    async fn create_savings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What goal.")] input: CreateSavingsInput,
    ) -> Result<SavingsPayload> {
        let viewer = viewer::bearer(ctx)?;
        let wish = Wish {
            name: input.name,
            goal: input.goal.0,
            currency: input.currency.map(|currency| currency.0),
            key: input.idempotency_key.map(|key| key.0),
        };
        let made = savings::create(request::bank(ctx), &viewer.permit, &wish).await;
        show(ctx, made.map(|made| (made.thing, made.replayed)))
    }

    /// Calls a savings goal by another name, or asks for another amount.
    async fn update_savings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which goal, and what changes.")] input: UpdateSavingsInput,
    ) -> Result<SavingsPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = account::savings_from_wire(&input.savings_id);
        let (name, goal) = (input.name.as_deref(), input.goal.as_ref().map(|goal| &goal.0));
        let changed = savings::update(request::bank(ctx), &viewer.permit, id, name, goal).await;
        show(ctx, changed.map(|view| (view, false)))
    }

    /// Closes a savings goal for good; it must be empty, else it answers `ACCOUNT_NOT_EMPTY`.
    async fn close_savings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which goal.")] input: SavingsRefInput,
    ) -> Result<SavingsPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = account::savings_from_wire(&input.savings_id);
        let closed = savings::close(request::bank(ctx), &viewer.permit, id).await;
        show(ctx, closed.map(|view| (view, false)))
    }
}
