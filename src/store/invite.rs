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
        INSERT INTO invite_codes (code, owner_id, uses_max, issued, expires_at, created_at)
        VALUES ($1, $2, $3, 0, $4, $5)
        ON CONFLICT (code) DO NOTHING";

    UPDATE = "
        UPDATE invite_codes SET owner_id = $2, uses_max = $3, expires_at = $4 WHERE code = $1";

    /// Changes nothing: the row's lock makes those who come with one code wait for each other.
    LOCK = "
        UPDATE invite_codes SET issued = issued WHERE code = $1
        RETURNING uses_max, issued, expires_at";

    RESERVED = "SELECT COUNT(*) FROM signups WHERE invite_code = $1 AND expires_at > $2";

    ISSUE = "UPDATE invite_codes SET issued = issued + 1 WHERE code = $1";

    ALL = "
        SELECT c.code, c.owner_id, c.uses_max,
            (SELECT COUNT(*) FROM signups p WHERE p.invite_code = c.code AND p.expires_at > $1)
                AS reserved,
            c.issued, c.expires_at, c.created_at
        FROM invite_codes c ORDER BY c.created_at, c.code";
}

/// What a code allows, read under its lock.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Allowed {
    /// How many may come with it.
    pub uses_max: i64,
    /// How many have come.
    pub issued: i64,
    /// Until when it is good; none for ever.
    pub expires_at: Option<Instant>,
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

/// Locks a code and tells what it allows.
pub async fn lock(session: &mut Session, code: &str) -> Result<Option<Allowed>, DbError> {
    session.query(LOCK).bind(code).maybe().await
}

/// How many are on their way with a code.
pub async fn reserved(session: &mut Session, code: &str, now: Instant) -> Result<i64, DbError> {
    let count: Option<i64> = session.query(RESERVED).bind(code).bind(now).scalar().await?;
    Ok(count.unwrap_or_default())
}

/// Notes that somebody has come with a code.
pub async fn issue(session: &mut Session, code: &str) -> Result<(), DbError> {
    session.query(ISSUE).bind(code).execute().await?;
    Ok(())
}

/// All codes, the oldest first, with who is on their way at an instant.
pub async fn all(session: &mut Session, now: Instant) -> Result<Vec<Invite>, DbError> {
    session.query(ALL).bind(now).all().await
}
