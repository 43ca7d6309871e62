//! Questions for a second factor.

use super::{session::Device, statements::statements};
use crate::{
    db::{error::DbError, session::Session},
    domain::challenge::Purpose,
    types::{
        clock::Instant,
        id::{ChallengeId, SessionId, UserId},
    },
};

/// A challenge that is about to be written.
#[derive(Debug)]
pub struct NewChallenge<'n> {
    /// Names the challenge; its code is bound to it.
    pub challenge_id: ChallengeId,
    /// Who must answer.
    pub user_id: UserId,
    /// The session it was asked in; none for a login.
    pub session_id: Option<SessionId>,
    /// What it was asked for.
    pub purpose: Purpose,
    /// The code's hash.
    pub code_hash: &'n [u8],
    /// The device that signs in, for the session that will follow.
    pub device: &'n Device,
    /// Now.
    pub at: Instant,
    /// When the code stops being good.
    pub expires_at: Instant,
}

/// A challenge as a guess finds it; the guess is counted in it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Challenge {
    /// Names the challenge.
    pub challenge_id: ChallengeId,
    /// Who must answer.
    pub user_id: UserId,
    /// The code's hash.
    pub code_hash: Vec<u8>,
    /// Guesses so far, this one included.
    pub guesses: i64,
    /// When the code stops being good.
    pub expires_at: Instant,
    /// The device that signs in.
    #[sqlx(flatten)]
    pub device: Device,
}

statements! {
    INSERT = "
        INSERT INTO challenges (
            challenge_id, user_id, session_id, purpose, code_hash, guesses, platform, language,
            timezone, screen_width, screen_height, client_id, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11, $12, $13)";

    /// A person answers one question of a kind at a time: a newer one replaces the older.
    DROP_OTHER = "
        DELETE FROM challenges
        WHERE user_id = $1 AND purpose = $2
            AND (CAST($3 AS TEXT) = 'LOGIN' OR session_id = $4)";

    COUNT_GUESS = "
        UPDATE challenges SET guesses = guesses + 1
        WHERE challenge_id = $1 AND purpose = $2 AND guesses < $3
        RETURNING challenge_id, user_id, code_hash, guesses, expires_at, platform, language,
            timezone, screen_width, screen_height, client_id";

    EXISTS = "SELECT 1 FROM challenges WHERE challenge_id = $1 AND purpose = $2";

    TAKE = "DELETE FROM challenges WHERE challenge_id = $1";

    SWEEP = "DELETE FROM challenges WHERE expires_at <= $1";
}

/// Writes a challenge in place of an older one of the same person and purpose.
pub async fn put(session: &mut Session, new: &NewChallenge<'_>) -> Result<(), DbError> {
    session
        .query(DROP_OTHER)
        .bind(new.user_id)
        .bind(new.purpose)
        .bind(new.purpose)
        .bind(new.session_id)
        .execute()
        .await?;
    let device = new.device;
    session
        .query(INSERT)
        .bind(new.challenge_id)
        .bind(new.user_id)
        .bind(new.session_id)
        .bind(new.purpose)
        .bind(new.code_hash)
        .bind(device.platform.as_deref())
        .bind(device.language.as_deref())
        .bind(device.timezone.as_deref())
        .bind(device.screen_width)
        .bind(device.screen_height)
        .bind(device.client_id.as_deref())
        .bind(new.at)
        .bind(new.expires_at)
        .execute()
        .await?;
    Ok(())
}

/// Counts a guess and gives what it is about; `None` where no guess is left or nothing waits.
pub async fn count_guess(
    session: &mut Session,
    id: ChallengeId,
    purpose: Purpose,
    guesses_max: i64,
) -> Result<Option<Challenge>, DbError> {
    session.query(COUNT_GUESS).bind(id).bind(purpose).bind(guesses_max).maybe().await
}

/// The challenge waits, with guesses left or without.
pub async fn exists(
    session: &mut Session,
    id: ChallengeId,
    purpose: Purpose,
) -> Result<bool, DbError> {
    Ok(session.query(EXISTS).bind(id).bind(purpose).scalar::<i32>().await?.is_some())
}

/// Takes a challenge away; false where somebody else has taken it.
pub async fn take(session: &mut Session, id: ChallengeId) -> Result<bool, DbError> {
    Ok(session.query(TAKE).bind(id).execute().await? == 1)
}

/// Removes what has expired and tells how many.
pub async fn sweep(session: &mut Session, now: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(now).execute().await
}
