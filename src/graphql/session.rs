//! Sessions.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{errors, errors::UserError, handover, request, scalars::DateTime, viewer};
use crate::{
    bank::{error::Failure, session},
    domain, store,
    types::id::SessionId,
};

/// The door that a session came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum Facade {
    /// This API.
    Graphql,
    /// The legacy dialect card-bank.
    CardBank,
    /// The legacy dialect fintract.
    Fintract,
    /// The legacy dialect financelime.
    Financelime,
    /// The legacy dialect accounts.
    Accounts,
    /// The legacy dialect ewallet.
    Ewallet,
}

impl From<domain::session::Facade> for Facade {
    fn from(facade: domain::session::Facade) -> Self {
        match facade {
            domain::session::Facade::Graphql => Self::Graphql,
            domain::session::Facade::CardBank => Self::CardBank,
            domain::session::Facade::Fintract => Self::Fintract,
            domain::session::Facade::Financelime => Self::Financelime,
            domain::session::Facade::Accounts => Self::Accounts,
            domain::session::Facade::Ewallet => Self::Ewallet,
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
    pub(super) ok: bool,
    /// Why it was refused.
    pub(super) errors: Vec<UserError>,
}

impl DonePayload {
    /// What became of it.
    pub(super) fn of(ctx: &Context<'_>, done: Result<(), Failure>) -> Result<Self> {
        Ok(match done {
            Ok(()) => Self { ok: true, errors: Vec::new() },
            Err(failure) => Self { ok: false, errors: errors::payload(ctx, failure)? },
        })
    }
}

/// Which session is to be ended.
#[derive(Clone, InputObject)]
pub struct RevokeSessionInput {
    /// The session.
    session_id: ID,
}

/// What became of ending a session.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct RevokeSessionPayload {
    /// The session that has ended.
    session_id: Option<ID>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// What became of ending all other sessions.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct RevokeOtherSessionsPayload {
    /// How many sessions were ended.
    revoked: i32,
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
                handover::clear_cookies(ctx);
                Ok(DonePayload { ok: true, errors: Vec::new() })
            }
            Err(failure) => Ok(DonePayload { ok: false, errors: errors::payload(ctx, failure)? }),
        }
    }

    /// Ends one of the caller's sessions, this one or another. One that has ended already is answered the same; another person's is `NOT_FOUND`.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RevokeSessionInput,
    ) -> Result<RevokeSessionPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = SessionId::from_wire(&input.session_id);
        match session::revoke(request::bank(ctx), &viewer.permit, id).await {
            Ok(()) => {
                if id == Some(viewer.permit.session_id) {
                    viewer::leave(ctx);
                    handover::clear_cookies(ctx);
                }
                let session_id = Some(input.session_id);
                Ok(RevokeSessionPayload { session_id, errors: Vec::new() })
            }
            Err(failure) => {
                let errors = errors::payload(ctx, failure)?;
                Ok(RevokeSessionPayload { session_id: None, errors })
            }
        }
    }

    /// Ends all of the caller's sessions but this one.
    async fn revoke_other_sessions(&self, ctx: &Context<'_>) -> Result<RevokeOtherSessionsPayload> {
        let viewer = viewer::bearer(ctx)?;
        match session::revoke_others(request::bank(ctx), &viewer.permit).await {
            Ok(revoked) => {
                let revoked = i32::try_from(revoked).unwrap_or(i32::MAX);
                Ok(RevokeOtherSessionsPayload { revoked, errors: Vec::new() })
            }
            Err(failure) => {
                let errors = errors::payload(ctx, failure)?;
                Ok(RevokeOtherSessionsPayload { revoked: 0, errors })
            }
        }
    }
}
