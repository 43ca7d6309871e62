//! Whose things an answer shows.
//!
//! That is the person whose token the request carries. But a mutation that signs
//! somebody in answers with that person, whoever sent it: what is asked below its
//! `user` is theirs. So the viewer is kept for each root field of the document:
//! the bearer to begin with, and whoever signs in from there on, until the next
//! root field begins.
//!
//! And staff who look at a customer see that customer's things below the field that
//! looked, and below no other: such a field has a viewer of its own, under the name
//! that it has in the answer. All else of the same document stays the caller's.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, QueryPathSegment, Result};

use super::{
    errors::{UNAUTHENTICATED, top_level},
    loaders::Loaders,
    request,
};
use crate::bank::{context::Bank, permit::Permit};

/// A signed-in person and what loads their things.
pub struct Viewer {
    /// The person.
    pub permit: Permit,
    /// What loads their things.
    pub loaders: Loaders,
}

/// The bearer of a request, and who views its answer just now.
pub struct Seat {
    bearer: Option<Arc<Viewer>>,
    viewer: Mutex<Option<Arc<Viewer>>>,
    /// Who views what stands below a root field, by its name in the answer.
    below: Mutex<Vec<(String, Arc<Viewer>)>>,
}

fn viewer(bank: &Bank, permit: Permit) -> Arc<Viewer> {
    Arc::new(Viewer { loaders: Loaders::new(bank, &permit), permit })
}

impl Seat {
    /// The seat of a request whose token stands for `permit`.
    pub fn new(bank: &Bank, permit: Option<Permit>) -> Self {
        let bearer = permit.map(|permit| viewer(bank, permit));
        Self { viewer: Mutex::new(bearer.clone()), bearer, below: Mutex::default() }
    }

    /// Who views what stands below this root field, where that is not whoever asks.
    fn below(&self, root: &str) -> Option<Arc<Viewer>> {
        let below = self.below.lock().unwrap_or_else(PoisonError::into_inner);
        below.iter().find(|(name, _)| name == root).map(|(_, viewer)| Arc::clone(viewer))
    }

    fn set(&self, viewer: Option<Arc<Viewer>>) {
        *self.viewer.lock().unwrap_or_else(PoisonError::into_inner) = viewer;
    }
}

fn signed_in(viewer: Option<Arc<Viewer>>) -> Result<Arc<Viewer>> {
    let message = "Sign in first: this field needs an access token.";
    viewer.ok_or_else(|| top_level(UNAUTHENTICATED, message))
}

/// The name in the answer of the root field below which the field stands.
fn root<'c>(ctx: &Context<'c>) -> Option<&'c str> {
    let mut node = ctx.path_node.as_ref()?;
    while let Some(parent) = node.parent {
        node = parent;
    }
    match node.segment {
        QueryPathSegment::Name(name) => Some(name),
        QueryPathSegment::Index(_) => None,
    }
}

/// Who views the answer, or `UNAUTHENTICATED`; for queries and all nested fields.
pub fn current(ctx: &Context<'_>) -> Result<Arc<Viewer>> {
    let seat = ctx.data_unchecked::<Seat>();
    if let Some(viewer) = root(ctx).and_then(|root| seat.below(root)) {
        return Ok(viewer);
    }
    signed_in(seat.viewer.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Whose token the request carries, or `UNAUTHENTICATED`; for the root fields of a
/// mutation, which run one after the other.
pub fn bearer(ctx: &Context<'_>) -> Result<Arc<Viewer>> {
    let seat = ctx.data_unchecked::<Seat>();
    seat.set(seat.bearer.clone());
    signed_in(seat.bearer.clone())
}

/// From here on the answer is viewed by nobody: the session has ended.
pub fn leave(ctx: &Context<'_>) {
    ctx.data_unchecked::<Seat>().set(None);
}

/// What stands below this root field is viewed as its person sees it, by staff who may.
pub fn look(ctx: &Context<'_>, reader: Permit) {
    let Some(root) = root(ctx) else { return };
    let seen = viewer(request::bank(ctx), reader);
    let below = &ctx.data_unchecked::<Seat>().below;
    below.lock().unwrap_or_else(PoisonError::into_inner).push((root.to_owned(), seen));
}

/// From here on the answer is viewed by whoever has just signed in.
pub fn enter(ctx: &Context<'_>, permit: Permit) {
    let entered = viewer(request::bank(ctx), permit);
    ctx.data_unchecked::<Seat>().set(Some(entered));
}
