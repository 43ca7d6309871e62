//! Codes that invite people to become customers.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{clock::Instant, id::UserId},
};

/// A code that invites.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Invite {
    /// The code.
    pub code: String,
    /// Who invites; none for the bank itself.
    pub owner_id: Option<UserId>,
    /// How many may come with it.
    pub uses_max: i64,
    /// How many are on their way.
    pub reserved: i64,
    /// How many have come.
    pub issued: i64,
    /// Until when it is good; none for ever.
    pub expires_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
}

statements! {
    INSERT = "
        INSERT INTO invite_codes (code, owner_id, uses_max, reserved, issued, expires_at,
            created_at)
        VALUES ($1, $2, $3, 0, 0, $4, $5)
        ON CONFLICT (code) DO NOTHING";

    UPDATE = "
        UPDATE invite_codes SET owner_id = $2, uses_max = $3, expires_at = $4 WHERE code = $1";

    ALL = "
        SELECT code, owner_id, uses_max, reserved, issued, expires_at, created_at
        FROM invite_codes ORDER BY created_at, code";
}

/// Writes a code; false where it is there already.
pub async fn insert(session: &mut Session, new: &Invite) -> Result<bool, DbError> {
    let query = session.query(INSERT).bind(new.code.as_str()).bind(new.owner_id);
    let query = query.bind(new.uses_max).bind(new.expires_at).bind(new.created_at);
    Ok(query.execute().await? == 1)
}

/// Changes what a code allows; who has come with it stays counted.
pub async fn update(session: &mut Session, new: &Invite) -> Result<(), DbError> {
    let query = session.query(UPDATE).bind(new.code.as_str()).bind(new.owner_id);
    query.bind(new.uses_max).bind(new.expires_at).execute().await?;
    Ok(())
}

/// All codes, the oldest first.
pub async fn all(session: &mut Session) -> Result<Vec<Invite>, DbError> {
    session.query(ALL).all().await
}
