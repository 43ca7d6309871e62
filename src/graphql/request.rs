//! What a resolver knows of its request.

use async_graphql::Context;

use crate::bank::{context::Bank, permit::Visitor};

/// Names a request in answers and logs.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The bank.
pub fn bank<'c>(ctx: &Context<'c>) -> &'c Bank {
    ctx.data_unchecked::<Bank>()
}

/// Whoever asks, signed in or not.
pub fn visitor<'c>(ctx: &Context<'c>) -> &'c Visitor {
    ctx.data_unchecked::<Visitor>()
}

/// The request's id.
pub fn id<'c>(ctx: &Context<'c>) -> &'c str {
    &ctx.data_unchecked::<RequestId>().0
}
