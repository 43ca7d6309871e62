//! Money that people move.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result, SimpleObject};

use super::{
    account,
    entry::{Account, Transaction},
    errors,
    errors::UserError,
    request,
    scalars::{Decimal, IdempotencyKey},
    viewer,
};
use crate::bank::{
    error::Failure,
    transfer,
    transfer::{Aside, MovedMoney, Payment, Target, TopUp},
};

/// An address for money: a card's number, or an account's id. Any open customer account may be named; nothing of it comes back but its masked label.
#[derive(Clone, OneofObject)]
pub enum TransferTarget {
    /// A card by its sixteen digits.
    CardNumber(String),
    /// An account by its id.
    AccountId(ID),
}

impl From<TransferTarget> for Target {
    fn from(target: TransferTarget) -> Self {
        match target {
            TransferTarget::CardNumber(number) => Self::CardNumber(number),
            TransferTarget::AccountId(id) => Self::Account(account::from_wire(&id)),
        }
    }
}

/// Money from outside.
#[derive(Clone, InputObject)]
pub struct TopUpInput {
    /// The client's key: a repeated request moves nothing and gets the same answer.
    idempotency_key: IdempotencyKey,
    /// The caller's own account that is paid into.
    account_id: ID,
    /// How much, in the account's currency.
    amount: Decimal,
    /// What is noted, on one line.
    note: Option<String>,
}

/// Money to another account.
#[derive(Clone, InputObject)]
pub struct TransferInput {
    /// The client's key: a repeated request moves nothing and gets the same answer.
    idempotency_key: IdempotencyKey,
    /// The caller's own account that pays.
    from_account_id: ID,
    /// Where the money goes.
    to: TransferTarget,
    /// How much, in the account's currency.
    amount: Decimal,
    /// What is noted, on one line; both sides see it.
    note: Option<String>,
}

/// Money between a savings goal and a card of the same person.
#[derive(Clone, InputObject)]
pub struct MoveSavingsInput {
    /// The client's key: a repeated request moves nothing and gets the same answer.
    idempotency_key: IdempotencyKey,
    /// The caller's own savings goal.
    savings_id: ID,
    /// The caller's own card.
    card_id: ID,
    /// How much, in the currency of both.
    amount: Decimal,
}

impl From<MoveSavingsInput> for Aside {
    fn from(input: MoveSavingsInput) -> Self {
        Self {
            key: Some(input.idempotency_key.0),
            savings: account::savings_from_wire(&input.savings_id),
            card: account::card_from_wire(&input.card_id),
            amount: input.amount.0,
        }
    }
}

/// What became of a movement.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct MoneyPayload {
    /// The movement.
    transaction: Option<Transaction>,
    /// The caller's own account after the movement.
    account: Option<Account>,
    /// The other account after the movement, where it is the caller's too.
    counter_account: Option<Account>,
    /// This key made this movement before.
    replayed: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

async fn show(ctx: &Context<'_>, outcome: Result<MovedMoney, Failure>) -> Result<MoneyPayload> {
    let moved = match outcome {
        Ok(moved) => moved,
        Err(failure) => {
            let errors = errors::payload(ctx, failure)?;
            return Ok(MoneyPayload { errors, ..MoneyPayload::default() });
        }
    };
    let transaction = match moved.transaction {
        Some(view) => Some(view),
        None => viewer::current(ctx)?.loaders.transaction(moved.transaction_id).await?,
    };
    Ok(MoneyPayload {
        transaction: transaction.map(Transaction),
        account: moved.account.map(Into::into),
        counter_account: moved.counter_account.map(Into::into),
        replayed: moved.replayed,
        errors: Vec::new(),
    })
}

/// The mutations that move money.
#[derive(Default)]
pub struct TransferMutation;

#[Object]
impl TransferMutation {
    /// Pays money from outside into one of the caller's accounts; free in the sandbox.
    async fn top_up(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, and where to.")] input: TopUpInput,
    ) -> Result<MoneyPayload> {
        let viewer = viewer::bearer(ctx)?;
        let top_up = TopUp {
            key: Some(input.idempotency_key.0),
            account: account::from_wire(&input.account_id),
            amount: input.amount.0,
            note: input.note,
            claim: None,
        };
        show(ctx, transfer::top_up(request::bank(ctx), &viewer.permit, &top_up).await).await
    }

    /// Pays from one of the caller's accounts to any customer's account.
    async fn transfer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, from where and where to.")] input: TransferInput,
    ) -> Result<MoneyPayload> {
        let viewer = viewer::bearer(ctx)?;
        let payment = Payment {
            key: Some(input.idempotency_key.0),
            from: account::from_wire(&input.from_account_id),
            to: input.to.into(),
            amount: input.amount.0,
            note: input.note,
        };
        show(ctx, transfer::pay(request::bank(ctx), &viewer.permit, &payment).await).await
    }
    /// Puts money of a card aside for a savings goal; `account` is the goal, `counterAccount` the card.
    async fn top_up_savings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, which goal and which card.")] input: MoveSavingsInput,
    ) -> Result<MoneyPayload> {
        let viewer = viewer::bearer(ctx)?;
        let bank = request::bank(ctx);
        show(ctx, transfer::top_up_savings(bank, &viewer.permit, &input.into()).await).await
    }

    /// Gives money of a savings goal back to a card; `account` is the goal, `counterAccount` the card.
    async fn withdraw_savings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, which goal and which card.")] input: MoveSavingsInput,
    ) -> Result<MoneyPayload> {
        let viewer = viewer::bearer(ctx)?;
        let bank = request::bank(ctx);
        show(ctx, transfer::withdraw_savings(bank, &viewer.permit, &input.into()).await).await
    }
}
