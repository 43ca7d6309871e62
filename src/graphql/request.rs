//! What a resolver knows of its request.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_graphql::Context;

use crate::bank::{context::Bank, permit::Visitor};

/// Names a request in answers and logs.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// When to come again, in seconds, where something of the request was tried too often.
///
/// A request shares it with its transport, which says it in a header.
#[derive(Debug, Clone, Default)]
pub struct ComeAgain(Arc<AtomicU32>);

impl ComeAgain {
    /// The longest wait that a part of the request was told; `None` where none was.
    pub fn seconds(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|seconds| *seconds > 0)
    }
}

/// Notes that something of the request may be tried again after so many seconds.
pub fn come_again(ctx: &Context<'_>, seconds: u32) {
    if let Some(again) = ctx.data_opt::<ComeAgain>() {
        again.0.fetch_max(seconds, Ordering::Relaxed);
    }
}

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
