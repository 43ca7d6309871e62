//! Where people stand: their roles, whether staff approved them, whether they have left.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::user::{UserRole, UserStatus},
    types::{clock::Instant, id::UserId},
};

statements! {
    /// Nothing is asked for any more; whoever was approved before was so since then.
    APPROVE = "
        UPDATE users SET role = $2, role_asked = NULL, approved_at = COALESCE(approved_at, $3)
        WHERE user_id = $1";

    SET_ROLE = "UPDATE users SET role = $2, role_asked = NULL WHERE user_id = $1";

    SET_STATUS = "UPDATE users SET status = $2, barred_at = $3 WHERE user_id = $1";
}

/// Gives a person a role, and lets money move for them.
pub async fn approve(
    session: &mut Session,
    id: UserId,
    role: UserRole,
    at: Instant,
) -> Result<(), DbError> {
    session.query(APPROVE).bind(id).bind(role).bind(at).execute().await?;
    Ok(())
}

/// Gives a person a role, whatever they asked for.
pub async fn set_role(session: &mut Session, id: UserId, role: UserRole) -> Result<(), DbError> {
    session.query(SET_ROLE).bind(id).bind(role).execute().await?;
    Ok(())
}

/// Sets where a person stands, and since when nobody signs in as them.
pub async fn set_status(
    session: &mut Session,
    id: UserId,
    status: UserStatus,
    barred_at: Option<Instant>,
) -> Result<(), DbError> {
    session.query(SET_STATUS).bind(id).bind(status).bind(barred_at).execute().await?;
    Ok(())
}
