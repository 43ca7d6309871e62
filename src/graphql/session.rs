//! Sessions.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::{errors, errors::UserError, request, scalars::DateTime, viewer};
use crate::{bank::session, domain, store, types::id::SessionId};

/// The door that a session came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Facade {
    /// This API.
    Graphql,
}

impl From<domain::session::Facade> for Facade {
    fn from(facade: domain::session::Facade) -> Self {
        match facade {
            domain::session::Facade::Graphql => Self::Graphql,
        }
    }
}

/// One sign-in of a person on one device.
#[derive(Debug, Clone, SimpleObject)]
pub struct Session {
    /// Names the session.
    #[graphql(owned)]
    pub(super) id: ID,
    /// It is the one that asks.
    pub(super) current: bool,
    /// The door it came in by.
    pub(super) facade: Facade,
    /// What the device called itself.
    pub(super) platform: Option<String>,
    /// The program that signed in.
    pub(super) user_agent: Option<String>,
    /// The client's own name for itself.
    pub(super) client_id: Option<String>,
    /// Where from.
    pub(super) ip_address: String,
    /// When it began.
    pub(super) created_at: DateTime,
    /// When it was last used.
    pub(super) last_active_at: DateTime,
    /// When it ends whatever happens.
    pub(super) expires_at: DateTime,
}

impl Session {
    /// Shows a session to whoever asks in `current`.
    pub fn show(session: store::session::Session, current: SessionId) -> Self {
        Self {
            id: session.session_id.to_wire().into(),
            current: session.session_id == current,
            facade: session.facade.into(),
            platform: session.platform,
            user_agent: session.user_agent,
            client_id: session.client_id,
            ip_address: session.ip_address,
            created_at: DateTime(session.created_at),
            last_active_at: DateTime(session.last_active_at),
            expires_at: DateTime(session.expires_at),
        }
    }
}

/// The caller's open sessions, the newest first.
pub(super) async fn list(ctx: &Context<'_>) -> Result<Vec<Session>> {
    let viewer = viewer::current(ctx)?;
    let sessions = session::list(request::bank(ctx), &viewer.permit).await;
    let sessions = sessions.map_err(|failure| errors::query(ctx, failure))?;
    let current = viewer.permit.session_id;
    Ok(sessions.into_iter().map(|session| Session::show(session, current)).collect())
}

/// The queries about sessions.
#[derive(Default)]
pub struct SessionQuery;

#[Object]
impl SessionQuery {
    /// The same as me.sessions.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        list(ctx).await
    }
}

/// Whether something was done.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct DonePayload {
    /// True where it was done, and the same whether or not a person is known, wherever telling would reveal who is a customer.
    ok: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// The mutations of sessions.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Ends this session; its tokens open nothing any more.
    async fn logout(&self, ctx: &Context<'_>) -> Result<DonePayload> {
        let viewer = viewer::bearer(ctx)?;
        match session::log_out(request::bank(ctx), &viewer.permit).await {
            Ok(()) => {
                viewer::leave(ctx);
                Ok(DonePayload { ok: true, errors: Vec::new() })
            }
            Err(failure) => Ok(DonePayload { ok: false, errors: errors::payload(ctx, failure)? }),
        }
    }
}
