//! What a transfer would do.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    account, errors, errors::UserError, money::Money, request, scalars::Decimal,
    transfer::TransferTarget, viewer,
};
use crate::{
    bank::{error::Failure, quote, quote::Thought},
    types::{money, money::Minor},
};

/// A transfer that the caller thinks of.
#[derive(Clone, InputObject)]
pub struct TransferQuoteInput {
    /// The caller's own account that would pay.
    from_account_id: ID,
    /// Where the money would go.
    to: TransferTarget,
    /// How much, in the account's currency.
    amount: Decimal,
}

/// What a transfer would do.
#[derive(Debug, Clone, SimpleObject)]
pub struct TransferQuote {
    /// It would be done.
    allowed: bool,
    /// How much would leave the account; 0 where the amount is none.
    amount: Money,
    /// What it would cost: transfers cost nothing.
    fee: Money,
    /// What the account would have posted then; null where it would be refused.
    balance_after: Option<Money>,
    /// Who would be paid, first name and initial; null where there is no such account.
    recipient_name: Option<String>,
    /// Why it would be refused.
    errors: Vec<UserError>,
}

/// The query for what a transfer would do.
#[derive(Default)]
pub struct QuoteQuery;

#[Object]
impl QuoteQuery {
    /// What a transfer would do: limits, balance after, who would receive it (first name and initial), and why it would be refused. At most 50 a day to accounts that are not the caller's own.
    async fn transfer_quote(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How much, from where and where to.")] input: TransferQuoteInput,
    ) -> Result<TransferQuote> {
        let viewer = viewer::current(ctx)?;
        let thought = Thought {
            from: account::from_wire(&input.from_account_id),
            to: input.to.into(),
            amount: input.amount.0,
        };
        let quote = quote::transfer(request::bank(ctx), &viewer.permit, &thought).await;
        let quote = quote.map_err(|failure| errors::query(ctx, failure))?;
        let errors = match quote.refusal {
            Some(refusal) => errors::payload(ctx, Failure::Refused(refusal))?,
            None => Vec::new(),
        };
        Ok(TransferQuote {
            allowed: errors.is_empty(),
            fee: money::Money::new(Minor::ZERO, quote.amount.currency).into(),
            amount: quote.amount.into(),
            balance_after: quote.balance_after.map(Into::into),
            recipient_name: quote.recipient,
            errors,
        })
    }
}
