//! Authenticators, recovery codes, and who may sign in with a password alone.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::second_factor::PasswordDialect,
    types::{clock::Instant, id::UserId},
};

/// A person's authenticator.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Authenticator {
    /// Its secret, sealed.
    pub secret: Vec<u8>,
    /// When it was begun.
    pub begun_at: Instant,
    /// When its first code came; until then it opens nothing.
    pub confirmed_at: Option<Instant>,
    /// Wrong codes in a row.
    pub misses: i64,
}

/// A person's recovery codes that are not used yet.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Recovery {
    /// How many they are.
    pub remaining: i64,
    /// When they were made; none where there are none.
    pub created_at: Option<Instant>,
}

statements! {
    BEGIN = "
        INSERT INTO totp_factors (user_id, secret, begun_at, last_step, misses)
        VALUES ($1, $2, $3, 0, 0)
        ON CONFLICT (user_id) DO UPDATE SET
            secret = excluded.secret, begun_at = excluded.begun_at, last_step = 0, misses = 0,
            rests_until = NULL
        WHERE totp_factors.confirmed_at IS NULL";

    LOOKUP = "
        SELECT secret, begun_at, confirmed_at, misses FROM totp_factors WHERE user_id = $1";

    CONFIRMED = "
        SELECT confirmed_at FROM totp_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL";

    CONFIRM = "UPDATE totp_factors SET confirmed_at = $2 WHERE user_id = $1";

    /// Counted as a miss before anything is compared; a right code takes it back.
    COUNT_MISS = "
        UPDATE totp_factors SET misses = misses + 1
        WHERE user_id = $1 AND (rests_until IS NULL OR rests_until <= $2)
        RETURNING secret, begun_at, confirmed_at, misses";

    REST = "UPDATE totp_factors SET rests_until = $2 WHERE user_id = $1";

    /// A step is taken once, and none before it is taken any more.
    SPEND_STEP = "
        UPDATE totp_factors SET last_step = $2, misses = 0, rests_until = NULL
        WHERE user_id = $1 AND last_step < $2";

    REMOVE = "DELETE FROM totp_factors WHERE user_id = $1";

    INSERT_CODE = "
        INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, $3)";

    CODE_WAITS = "
        SELECT 1 FROM recovery_codes WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL";

    USE_CODE = "
        UPDATE recovery_codes SET used_at = $3
        WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL";

    REMAINING = "
        SELECT COUNT(*) AS remaining, MAX(created_at) AS created_at FROM recovery_codes
        WHERE user_id = $1 AND used_at IS NULL";

    DROP_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";

    GRANT = "
        INSERT INTO legacy_access (user_id, dialect, granted_at) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING";

    REVOKE = "DELETE FROM legacy_access WHERE user_id = $1 AND dialect = $2";

    REVOKE_ALL = "DELETE FROM legacy_access WHERE user_id = $1";

    DIALECTS = "SELECT dialect FROM legacy_access WHERE user_id = $1 ORDER BY dialect";
}

/// Writes an authenticator that is to be confirmed; false where a confirmed one is there.
pub async fn begin(
    session: &mut Session,
    user_id: UserId,
    secret: &[u8],
    at: Instant,
) -> Result<bool, DbError> {
    Ok(session.query(BEGIN).bind(user_id).bind(secret).bind(at).execute().await? == 1)
}

/// A person's authenticator, confirmed or not.
pub async fn lookup(
    session: &mut Session,
    user_id: UserId,
) -> Result<Option<Authenticator>, DbError> {
    session.query(LOOKUP).bind(user_id).maybe().await
}

/// Since when a person has an authenticator.
pub async fn confirmed_at(
    session: &mut Session,
    user_id: UserId,
) -> Result<Option<Instant>, DbError> {
    session.query(CONFIRMED).bind(user_id).scalar().await
}

/// The authenticator opens things from here on.
pub async fn confirm(session: &mut Session, user_id: UserId, at: Instant) -> Result<(), DbError> {
    session.query(CONFIRM).bind(user_id).bind(at).execute().await?;
    Ok(())
}

/// Counts a code before it is compared; `None` where there is no authenticator or it rests.
pub async fn count_miss(
    session: &mut Session,
    user_id: UserId,
    now: Instant,
) -> Result<Option<Authenticator>, DbError> {
    session.query(COUNT_MISS).bind(user_id).bind(now).maybe().await
}

/// Takes no code before an instant.
pub async fn rest(session: &mut Session, user_id: UserId, until: Instant) -> Result<(), DbError> {
    session.query(REST).bind(user_id).bind(until).execute().await?;
    Ok(())
}

/// Takes the code of a time step; false where it, or a later one, was taken before.
pub async fn spend_step(
    session: &mut Session,
    user_id: UserId,
    step: i64,
) -> Result<bool, DbError> {
    Ok(session.query(SPEND_STEP).bind(user_id).bind(step).execute().await? == 1)
}

/// Removes a person's authenticator and recovery codes; false where there was none.
pub async fn remove(session: &mut Session, user_id: UserId) -> Result<bool, DbError> {
    let removed = session.query(REMOVE).bind(user_id).execute().await? == 1;
    session.query(DROP_CODES).bind(user_id).execute().await?;
    Ok(removed)
}

/// Gives a person new recovery codes in place of all others.
pub async fn replace_codes(
    session: &mut Session,
    user_id: UserId,
    hashes: &[[u8; 32]],
    at: Instant,
) -> Result<(), DbError> {
    session.query(DROP_CODES).bind(user_id).execute().await?;
    for hash in hashes {
        session.query(INSERT_CODE).bind(user_id).bind(&hash[..]).bind(at).execute().await?;
    }
    Ok(())
}

/// The person has this recovery code and has not used it.
pub async fn code_waits(
    session: &mut Session,
    user_id: UserId,
    hash: &[u8],
) -> Result<bool, DbError> {
    let found = session.query(CODE_WAITS).bind(user_id).bind(hash).scalar::<i32>().await?;
    Ok(found.is_some())
}

/// Uses a recovery code; false where it is none, or was used.
pub async fn use_code(
    session: &mut Session,
    user_id: UserId,
    hash: &[u8],
    at: Instant,
) -> Result<bool, DbError> {
    Ok(session.query(USE_CODE).bind(user_id).bind(hash).bind(at).execute().await? == 1)
}

/// A person's recovery codes that are not used yet.
pub async fn remaining(session: &mut Session, user_id: UserId) -> Result<Recovery, DbError> {
    session.query(REMAINING).bind(user_id).one().await
}

/// Lets a dialect that knows a password alone sign the person in.
pub async fn grant(
    session: &mut Session,
    user_id: UserId,
    dialect: PasswordDialect,
    at: Instant,
) -> Result<bool, DbError> {
    Ok(session.query(GRANT).bind(user_id).bind(dialect).bind(at).execute().await? == 1)
}

/// Lets a dialect sign the person in no more; false where it did not.
pub async fn revoke(
    session: &mut Session,
    user_id: UserId,
    dialect: PasswordDialect,
) -> Result<bool, DbError> {
    Ok(session.query(REVOKE).bind(user_id).bind(dialect).execute().await? == 1)
}

/// Lets none of the dialects sign the person in any more.
pub async fn revoke_all(session: &mut Session, user_id: UserId) -> Result<(), DbError> {
    session.query(REVOKE_ALL).bind(user_id).execute().await?;
    Ok(())
}

/// The dialects that may sign the person in with a password alone.
pub async fn dialects(
    session: &mut Session,
    user_id: UserId,
) -> Result<Vec<PasswordDialect>, DbError> {
    let rows: Vec<(PasswordDialect,)> = session.query(DIALECTS).bind(user_id).all().await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
