//! What a browser hands over by its cookies, and what it is to be handed.
//!
//! A resolver knows no HTTP: it finds the refresh token here, and leaves here what the
//! transport sets as cookies once the answer is there.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;

use super::{errors, errors::UserError, request};
use crate::{
    bank::{session, session::SignedIn},
    domain::refusal::Refusal,
    types::{clock::Instant, secret::Secret},
};

/// The refresh token that came by a cookie.
#[derive(Debug, Clone, Default)]
pub enum RefreshCookie {
    /// None came, or a Bearer counts alone.
    #[default]
    Absent,
    /// One came, without a proof that the page belongs to its session.
    Unproven,
    /// One came with its proof.
    Proven(Secret),
}

/// What is to be set as cookies.
#[derive(Debug, Clone)]
pub struct NewCookies {
    /// The access token.
    pub access: Secret,
    /// Until when it opens anything.
    pub access_expires_at: Instant,
    /// The refresh token.
    pub refresh: Secret,
    /// Until when.
    pub refresh_expires_at: Instant,
    /// What a page must repeat in a header.
    pub csrf: Secret,
}

/// What the transport does with the browser's cookies.
#[derive(Debug, Clone)]
pub enum Errand {
    /// Sets them.
    Set(Box<NewCookies>),
    /// Removes them.
    Clear,
}

/// The counter over which cookies are handed.
#[derive(Debug, Default)]
pub struct Handover {
    /// The permit of the request came by a cookie.
    pub by_cookie: bool,
    /// The page that asks may not be given cookies: its origin is not an allowed one.
    pub foreign: bool,
    /// The refresh token that came by a cookie.
    pub refresh: RefreshCookie,
    errand: Mutex<Option<Errand>>,
}

impl Handover {
    /// What came by cookies.
    pub fn new(by_cookie: bool, foreign: bool, refresh: RefreshCookie) -> Self {
        Self { by_cookie, foreign, refresh, errand: Mutex::new(None) }
    }

    fn leave(&self, errand: Errand) {
        *self.errand.lock().unwrap_or_else(PoisonError::into_inner) = Some(errand);
    }

    /// What the transport has to do.
    pub fn take(&self) -> Option<Errand> {
        self.errand.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The counter of a request; none where the transport sets no cookies.
fn counter<'c>(ctx: &Context<'c>) -> Option<&'c Handover> {
    ctx.data_opt::<Arc<Handover>>().map(AsRef::as_ref)
}

/// The refresh token that came by a cookie.
pub fn refresh_cookie(ctx: &Context<'_>) -> RefreshCookie {
    counter(ctx).map(|counter| counter.refresh.clone()).unwrap_or_default()
}

/// Why cookies are not set where they are asked for.
pub fn refuse_cookies(ctx: &Context<'_>, use_cookies: bool) -> Option<Vec<UserError>> {
    let reason = "must be false: cookies are set for pages of an allowed origin, by HTTP alone";
    let refused = use_cookies && counter(ctx).is_none_or(|counter| counter.foreign);
    refused.then(|| errors::invalid("useCookies", reason))
}

/// Hands the tokens of a sign-in to the browser as cookies; what its pages must repeat in a
/// header comes back.
pub fn set_cookies(ctx: &Context<'_>, signed_in: &SignedIn) -> Option<Secret> {
    let counter = counter(ctx)?;
    let tokens = &signed_in.tokens;
    let csrf = session::csrf_token(request::bank(ctx), signed_in.permit.session_id);
    let cookies = NewCookies {
        access: tokens.access.clone(),
        access_expires_at: tokens.access_expires_at,
        refresh: tokens.refresh.clone()?,
        refresh_expires_at: tokens.refresh_expires_at,
        csrf: csrf.clone(),
    };
    counter.leave(Errand::Set(Box::new(cookies)));
    Some(csrf)
}

/// Removes the browser's cookies where the session that ended came by them.
pub fn clear_cookies(ctx: &Context<'_>) {
    if let Some(counter) = counter(ctx).filter(|counter| counter.by_cookie) {
        counter.leave(Errand::Clear);
    }
}

/// Removes the browser's cookies where the refresh token among them opens nothing.
pub fn drop_cookies(ctx: &Context<'_>) {
    if let Some(counter) = counter(ctx) {
        counter.leave(Errand::Clear);
    }
}

/// A refresh cookie without its proof.
pub const UNPROVEN: Refusal = Refusal::Forbidden {
    reason: "A refresh by cookie needs the X-CSRF-Token header and an allowed Origin.",
};
