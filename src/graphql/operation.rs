//! What an idempotency key made.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::{
    bill::Bill,
    entry::{Account, Transaction},
    errors,
    node::Node,
    request,
    scalars::{DateTime, IdempotencyKey},
    viewer,
};
use crate::{
    bank::{bill, hold, operation},
    store::operation::ResultKind,
    types::id::{AccountId, BillId, HoldId, TransactionId},
};

/// What an idempotency key made.
#[derive(Debug, Clone, SimpleObject)]
pub struct Operation {
    /// The key.
    idempotency_key: IdempotencyKey,
    /// What was made.
    result: Node,
    /// The movement, where it moved money.
    transaction: Option<Transaction>,
    /// When.
    created_at: DateTime,
}

/// The query for what a key made.
#[derive(Default)]
pub struct OperationQuery;

#[Object]
impl OperationQuery {
    /// What this key of the caller made; null where it made nothing, or more than 30 days ago.
    async fn operation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key, as it was sent.")] idempotency_key: IdempotencyKey,
    ) -> Result<Option<Operation>> {
        let viewer = viewer::current(ctx)?;
        let bank = request::bank(ctx);
        let found = operation::find(bank, &viewer.permit, &idempotency_key.0).await;
        let Some(found) = found.map_err(|failure| errors::query(ctx, failure))? else {
            return Ok(None);
        };
        let lost = || errors::lost("what a key made");
        let mut transaction = None;
        let result = match found.result_kind {
            ResultKind::Transaction => {
                let id = TransactionId::from_uuid(found.result_id);
                // The caller made it, whether or not an account of theirs is in it.
                let view = operation::movement(bank, id).await;
                let view = view.map_err(|failure| errors::query(ctx, failure))?;
                let view = Transaction(view.ok_or_else(lost)?);
                transaction = Some(view.clone());
                Node::Transaction(view)
            }
            ResultKind::Card => {
                let id = AccountId::from_uuid(found.result_id);
                let product = viewer.loaders.product(id).await?.ok_or_else(lost)?;
                let Account::Card(card) = Account::from(product) else {
                    return Err(errors::lost("the card that a key made"));
                };
                Node::Card(card)
            }
            ResultKind::Savings => {
                let id = AccountId::from_uuid(found.result_id);
                let product = viewer.loaders.product(id).await?.ok_or_else(lost)?;
                let Account::Savings(goal) = Account::from(product) else {
                    return Err(errors::lost("the savings goal that a key made"));
                };
                Node::Savings(goal)
            }
            ResultKind::Bill => {
                let id = BillId::from_uuid(found.result_id);
                let made = bill::find(bank, &viewer.permit, id).await;
                let made = made.map_err(|failure| errors::query(ctx, failure))?;
                Node::Bill(Bill::at(made.ok_or_else(lost)?, bank.now()))
            }
            ResultKind::Hold => {
                let id = HoldId::from_uuid(found.result_id);
                let view = hold::of_staff(bank, Some(id)).await;
                Node::Hold(view.map_err(|failure| errors::query(ctx, failure))?.into())
            }
        };
        let created_at = DateTime(found.created_at);
        Ok(Some(Operation { idempotency_key, result, transaction, created_at }))
    }
}
