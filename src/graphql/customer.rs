//! Customers as the bank's staff see them, and what staff decide about them.
//!
//! Staff see all that the person sees of themselves: every field of `User` answers with
//! the person's own things, and so does all that is reached from there. Nothing of it can
//! be done in the person's name, as mutations ask for the bearer.

use async_graphql::{Context, InputObject, Object, Result};

use super::{
    errors, request,
    user::{User, UserPayload},
    viewer,
};
use crate::{
    bank::{customer, customer::Seen, error::Failure},
    domain::refusal::Refusal,
    store,
};

/// Which customer.
#[derive(Debug, Clone, InputObject)]
pub struct CustomerRefInput {
    /// Their customer number.
    customer_id: String,
}

/// The query for customers.
#[derive(Default)]
pub struct CustomerQuery;

#[Object]
impl CustomerQuery {
    /// Staff: a customer by number, with all that they see of themselves; each look is in the
    /// audit log. Null where there is none, and for whoever may not look.
    async fn customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer number.")] customer_id: String,
    ) -> Result<Option<User>> {
        let permit = viewer::current(ctx)?.permit.clone();
        match customer::look(request::bank(ctx), &permit, &customer_id).await {
            Ok(seen) => Ok(Some(enter(ctx, seen).into())),
            // A customer is not told which numbers there are.
            Err(Failure::Refused(Refusal::Forbidden { .. } | Refusal::NotFound { .. })) => Ok(None),
            Err(failure) => Err(errors::query(ctx, failure)),
        }
    }
}

/// What is asked below the field is the person's.
fn enter(ctx: &Context<'_>, seen: Seen) -> store::user::User {
    viewer::look(ctx, seen.reader);
    seen.user
}

/// The mutations of customers for staff.
#[derive(Default)]
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Staff: lets a person move money who needs that, and gives them the role that they asked
    /// for. Nobody approves themselves; who asked to be staff is approved by a platform
    /// administrator alone.
    async fn approve_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: CustomerRefInput,
    ) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let bank = request::bank(ctx);
        let approved = customer::approve(bank, &viewer.permit, &input.customer_id).await;
        UserPayload::show(ctx, approved.map(|seen| enter(ctx, seen)))
    }

    /// Staff: confirms that a customer leaves who has asked to. All their sessions end at once,
    /// and nobody signs in as them until staff reactivate them.
    async fn confirm_deactivation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: CustomerRefInput,
    ) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let (bank, id) = (request::bank(ctx), &input.customer_id);
        let confirmed = customer::confirm_deactivation(bank, &viewer.permit, id).await;
        UserPayload::show(ctx, confirmed.map(|seen| enter(ctx, seen)))
    }

    /// Staff: makes a person a customer again who has left, or has asked to.
    async fn reactivate_customer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: CustomerRefInput,
    ) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let bank = request::bank(ctx);
        let reactivated = customer::reactivate(bank, &viewer.permit, &input.customer_id).await;
        UserPayload::show(ctx, reactivated.map(|seen| enter(ctx, seen)))
    }
}
