//! Sessions of one door, as its clients list and remove them.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session as Db},
    domain::session::Facade,
    types::{
        clock::Instant,
        id::{SessionId, UserId},
    },
};

/// A session as the clients of its door see it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DoorSession {
    /// Names the session.
    pub session_id: SessionId,
    /// What the device called itself.
    pub platform: Option<String>,
    /// When it was opened, or refreshed last.
    pub updated_at: Instant,
}

statements! {
    OPEN_OF = "
        SELECT session_id, platform, COALESCE(refreshed_at, created_at) AS updated_at
        FROM sessions
        WHERE user_id = $1 AND facade = $2 AND ended_at IS NULL AND expires_at > $3
            AND refresh_expires_at > $3
        ORDER BY created_at, session_id";

    REMOVE = "
        UPDATE sessions SET ended_at = $2, access_until = $3
        WHERE session_id = $1 AND ended_at IS NULL";

    ACCESS_UNTIL = "
        SELECT access_until FROM sessions WHERE session_id = $1 AND access_until IS NOT NULL";
}

/// A person's open sessions of a door, the oldest first.
pub async fn open_of(
    session: &mut Db,
    user_id: UserId,
    facade: Facade,
    now: Instant,
) -> Result<Vec<DoorSession>, DbError> {
    session.query(OPEN_OF).bind(user_id).bind(facade).bind(now).all().await
}

/// Ends a session whose access lives on until an instant; false where it had ended before.
pub async fn remove(
    session: &mut Db,
    id: SessionId,
    at: Instant,
    access_until: Instant,
) -> Result<bool, DbError> {
    Ok(session.query(REMOVE).bind(id).bind(at).bind(access_until).execute().await? == 1)
}

/// Until when the access of a session that has ended lives on, where it does.
pub async fn access_until(session: &mut Db, id: SessionId) -> Result<Option<Instant>, DbError> {
    session.query(ACCESS_UNTIL).bind(id).scalar().await
}
