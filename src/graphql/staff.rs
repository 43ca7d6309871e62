//! Money that the bank's staff moves, and what staff set of accounts.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    account,
    entry::Transaction,
    errors,
    errors::UserError,
    hold::Hold,
    money::Balance,
    request,
    scalars::{DateTime, Decimal, IdempotencyKey},
    transfer::TransferTarget,
    viewer,
};
use crate::{
    bank::{
        deposit,
        deposit::{Deposit, StaffMoney},
        error::Failure,
        hold,
        hold::{Held, Reservation},
        reversal,
        reversal::Reverse,
    },
    types::id::{HoldId, TransactionId},
};

/// Money that came in for a customer.
#[derive(Clone, InputObject)]
pub struct RecordDepositInput {
    /// The client's key: a repeated request moves nothing and gets the same answer.
    idempotency_key: IdempotencyKey,
    /// The customer's account.
    account_id: ID,
    /// How much, in the account's currency.
    amount: Decimal,
    /// What the deposit is known by outside, on one line; the customer sees it.
    reference: String,
}

/// What is to be taken back.
#[derive(Clone, InputObject)]
pub struct ReverseTransactionInput {
    /// The client's key: a repeated request moves nothing and gets the same answer.
    idempotency_key: IdempotencyKey,
    /// The transaction.
    transaction_id: ID,
    /// How much of it; all that remains where nothing is said.
    amount: Option<Decimal>,
    /// Why, on one line; both sides see it.
    reason: String,
}

/// How far below zero an account may go.
#[derive(Clone, InputObject)]
pub struct SetOverdraftLimitInput {
    /// The customer's account.
    account_id: ID,
    /// How far below zero, in the account's currency; 0 for not at all.
    limit: Decimal,
}

/// What became of a movement by staff.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct StaffMoneyPayload {
    /// The movement.
    transaction: Option<Transaction>,
    /// This key made this movement before.
    replayed: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// What became of an overdraft limit.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct OverdraftLimitPayload {
    /// The account's money with the limit.
    balance: Option<Balance>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

fn show(ctx: &Context<'_>, outcome: Result<StaffMoney, Failure>) -> Result<StaffMoneyPayload> {
    Ok(match outcome {
        Ok(moved) => StaffMoneyPayload {
            transaction: Some(Transaction(moved.transaction)),
            replayed: moved.replayed,
            errors: Vec::new(),
        },
        Err(failure) => {
            let errors = errors::payload(ctx, failure)?;
            StaffMoneyPayload { errors, ..StaffMoneyPayload::default() }
        }
    })
}

/// What is to be reserved.
#[derive(Clone, InputObject)]
pub struct PlaceHoldInput {
    /// The client's key: a repeated request reserves nothing more.
    idempotency_key: IdempotencyKey,
    /// The card; another account is refused.
    card: TransferTarget,
    /// How much, in the card's currency.
    amount: Decimal,
    /// For whom, on one line.
    merchant: String,
    /// Until when; a week where nothing is said, 31 days at most.
    expires_at: Option<DateTime>,
}

/// Which hold becomes a purchase.
#[derive(Clone, InputObject)]
pub struct CaptureHoldInput {
    /// The client's key: a repeated request captures nothing more.
    idempotency_key: IdempotencyKey,
    /// The hold.
    hold_id: ID,
    /// How much of it; all where nothing is said. The rest is released.
    amount: Option<Decimal>,
}

/// Which hold.
#[derive(Clone, InputObject)]
pub struct HoldRefInput {
    /// The hold.
    hold_id: ID,
}

/// What became of a hold.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct HoldPayload {
    /// The hold.
    hold: Option<Hold>,
    /// The purchase that captured it.
    transaction: Option<Transaction>,
    /// This key did it before.
    replayed: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

fn show_hold(ctx: &Context<'_>, outcome: Result<Held, Failure>) -> Result<HoldPayload> {
    Ok(match outcome {
        Ok(held) => HoldPayload {
            hold: Some(held.view.into()),
            transaction: held.transaction.map(Transaction),
            replayed: held.replayed,
            errors: Vec::new(),
        },
        Err(failure) => {
            HoldPayload { errors: errors::payload(ctx, failure)?, ..HoldPayload::default() }
        }
    })
}

/// The mutations of money for staff.
#[derive(Default)]
pub struct StaffMutation;

#[Object]
impl StaffMutation {
    /// Staff: records money that came in for a customer.
    async fn record_deposit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, and for which account.")] input: RecordDepositInput,
    ) -> Result<StaffMoneyPayload> {
        let viewer = viewer::bearer(ctx)?;
        let asked = Deposit {
            key: input.idempotency_key.0,
            account: account::from_wire(&input.account_id),
            amount: input.amount.0,
            reference: input.reference,
        };
        show(ctx, deposit::record(request::bank(ctx), &viewer.permit, &asked).await)
    }

    /// Staff: takes a transaction back, in whole or in part, by a new one.
    async fn reverse_transaction(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and how much of it.")] input: ReverseTransactionInput,
    ) -> Result<StaffMoneyPayload> {
        let viewer = viewer::bearer(ctx)?;
        let asked = Reverse {
            key: input.idempotency_key.0,
            transaction_id: TransactionId::from_wire(&input.transaction_id),
            amount: input.amount.map(|amount| amount.0),
            reason: input.reason,
        };
        show(ctx, reversal::reverse(request::bank(ctx), &viewer.permit, &asked).await)
    }

    /// Staff: sets how far below zero a customer's account may go.
    async fn set_overdraft_limit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which account, and how far.")] input: SetOverdraftLimitInput,
    ) -> Result<OverdraftLimitPayload> {
        let viewer = viewer::bearer(ctx)?;
        let (bank, named) = (request::bank(ctx), account::from_wire(&input.account_id));
        let set = deposit::set_overdraft_limit(bank, &viewer.permit, named, &input.limit.0).await;
        Ok(match set {
            Ok(balance) => {
                OverdraftLimitPayload { balance: Some((&balance).into()), errors: Vec::new() }
            }
            Err(failure) => {
                OverdraftLimitPayload { balance: None, errors: errors::payload(ctx, failure)? }
            }
        })
    }

    /// Staff: reserves money of a card for a merchant.
    async fn place_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, of which card, for whom.")] input: PlaceHoldInput,
    ) -> Result<HoldPayload> {
        let viewer = viewer::bearer(ctx)?;
        let asked = Reservation {
            key: input.idempotency_key.0,
            card: input.card.into(),
            amount: input.amount.0,
            merchant: input.merchant,
            expires_at: input.expires_at.map(|at| at.0),
        };
        show_hold(ctx, hold::place(request::bank(ctx), &viewer.permit, &asked).await)
    }

    /// Staff: turns a hold into a purchase, in whole or in part; the rest is released.
    async fn capture_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hold, and how much of it.")] input: CaptureHoldInput,
    ) -> Result<HoldPayload> {
        let viewer = viewer::bearer(ctx)?;
        let (bank, key) = (request::bank(ctx), input.idempotency_key.0);
        let (id, amount) = (HoldId::from_wire(&input.hold_id), input.amount.map(|a| a.0));
        show_hold(ctx, hold::capture(bank, &viewer.permit, &key, id, amount.as_ref()).await)
    }

    /// Staff: gives a hold back to its card.
    async fn release_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which hold.")] input: HoldRefInput,
    ) -> Result<HoldPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = HoldId::from_wire(&input.hold_id);
        show_hold(ctx, hold::release(request::bank(ctx), &viewer.permit, id).await)
    }
}
