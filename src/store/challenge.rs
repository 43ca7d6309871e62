//! One-time secrets: mailed codes and tokens, and questions for an authenticator.

use super::{session::Device, statements::statements};
use crate::{
    db::{error::DbError, session::Session},
    domain::{challenge::Purpose, session::Facade},
    types::{
        clock::Instant,
        id::{ChallengeId, SessionId, UserId},
        text::Email,
    },
};

/// A challenge that is about to be written.
#[derive(Debug)]
pub struct NewChallenge<'n> {
    /// Names the challenge; its code is bound to it.
    pub challenge_id: ChallengeId,
    /// Who must answer; none where nobody can.
    pub user_id: Option<UserId>,
    /// The session it was asked in, where it is bound to one.
    pub session_id: Option<SessionId>,
    /// What it was asked for.
    pub purpose: Purpose,
    /// The door at which it was asked.
    pub facade: Facade,
    /// The secret's hash; none where an authenticator answers.
    pub code_hash: Option<&'n [u8]>,
    /// The address that the answer makes the person's own.
    pub new_email: Option<&'n Email>,
    /// The device that signs in, for the session that will follow.
    pub device: &'n Device,
    /// Now.
    pub at: Instant,
    /// When the secret stops being good.
    pub expires_at: Instant,
}

/// A challenge as a guess finds it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Challenge {
    /// Names the challenge.
    pub challenge_id: ChallengeId,
    /// Who must answer; none where nobody can.
    pub user_id: Option<UserId>,
    /// The secret's hash; none where an authenticator answers.
    pub code_hash: Option<Vec<u8>>,
    /// The address that the answer makes the person's own.
    pub new_email: Option<String>,
    /// Guesses so far, this one included once it is counted.
    pub guesses: i64,
    /// When it was asked.
    pub created_at: Instant,
    /// When the secret stops being good.
    pub expires_at: Instant,
    /// The device that signs in.
    #[sqlx(flatten)]
    pub device: Device,
}

statements! {
    INSERT = "
        INSERT INTO challenges (
            challenge_id, user_id, session_id, purpose, facade, code_hash, new_email, guesses,
            platform, language, timezone, screen_width, screen_height, client_id, created_at,
            expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, $14, $15)";

    /// A person answers one question of a kind at a time: a newer one replaces the older.
    DROP_OTHER = "
        DELETE FROM challenges
        WHERE user_id = $1 AND purpose = $2 AND session_id IS NOT DISTINCT FROM $3";

    DROP_OF = "DELETE FROM challenges WHERE user_id = $1";

    LOOKUP = "
        SELECT challenge_id, user_id, code_hash, new_email, guesses, created_at, expires_at,
            platform, language, timezone, screen_width, screen_height, client_id
        FROM challenges
        WHERE challenge_id = $1 AND purpose = $2 AND session_id IS NOT DISTINCT FROM $3";

    /// The session that it was asked in.
    ASKED_IN = "
        SELECT session_id FROM challenges WHERE challenge_id = $1 AND session_id IS NOT NULL";

    IN_SESSION = "
        SELECT challenge_id FROM challenges WHERE session_id = $1 AND purpose = $2
        ORDER BY created_at DESC LIMIT 1";

    OF_USER = "
        SELECT challenge_id, user_id, code_hash, new_email, guesses, created_at, expires_at,
            platform, language, timezone, screen_width, screen_height, client_id
        FROM challenges WHERE user_id = $1 AND purpose = $2 AND session_id IS NULL
        ORDER BY created_at DESC LIMIT 1";

    /// What was asked at one door.
    AT_DOOR = "
        SELECT challenge_id FROM challenges
        WHERE user_id = $1 AND purpose = $2 AND facade = $3
        ORDER BY created_at DESC LIMIT 1";

    BY_ID = "
        SELECT challenge_id, user_id, code_hash, new_email, guesses, created_at, expires_at,
            platform, language, timezone, screen_width, screen_height, client_id
        FROM challenges WHERE challenge_id = $1 AND purpose = $2";

    BY_TOKEN = "
        SELECT challenge_id, user_id, code_hash, new_email, guesses, created_at, expires_at,
            platform, language, timezone, screen_width, screen_height, client_id
        FROM challenges
        WHERE code_hash = $1 AND purpose = 'PASSWORD_RESET' AND facade = $2";

    BY_LINK = "
        SELECT challenge_id, user_id, code_hash, new_email, guesses, created_at, expires_at,
            platform, language, timezone, screen_width, screen_height, client_id
        FROM challenges WHERE code_hash = $1 AND purpose = 'RESET_LINK'";

    COUNT_GUESS = "
        UPDATE challenges SET guesses = guesses + 1
        WHERE challenge_id = $1 AND guesses < $2
        RETURNING guesses";

    RENEW = "
        UPDATE challenges SET code_hash = $2, expires_at = $3
        WHERE challenge_id = $1 AND code_hash IS NOT NULL AND guesses < $4";

    TAKE = "DELETE FROM challenges WHERE challenge_id = $1";

    SWEEP = "DELETE FROM challenges WHERE expires_at <= $1";
}

/// Writes a challenge in place of an older one of the same person, purpose and session.
pub async fn put(session: &mut Session, new: &NewChallenge<'_>) -> Result<(), DbError> {
    session
        .query(DROP_OTHER)
        .bind(new.user_id)
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
        .bind(new.facade)
        .bind(new.code_hash)
        .bind(new.new_email.map(Email::as_str))
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

/// Finds a challenge for what it was asked for, where it was asked.
pub async fn lookup(
    session: &mut Session,
    id: ChallengeId,
    purpose: Purpose,
    session_id: Option<SessionId>,
) -> Result<Option<Challenge>, DbError> {
    session.query(LOOKUP).bind(id).bind(purpose).bind(session_id).maybe().await
}

/// The session that a challenge was asked in; none where it was asked outside of any.
pub async fn asked_in(
    session: &mut Session,
    id: ChallengeId,
) -> Result<Option<SessionId>, DbError> {
    session.query(ASKED_IN).bind(id).scalar().await
}

/// The challenge that waits in a session for a purpose.
pub async fn in_session(
    session: &mut Session,
    session_id: SessionId,
    purpose: Purpose,
) -> Result<Option<ChallengeId>, DbError> {
    session.query(IN_SESSION).bind(session_id).bind(purpose).scalar().await
}

/// The challenge of a person that waits for a purpose outside any session.
pub async fn of_user(
    session: &mut Session,
    user_id: UserId,
    purpose: Purpose,
) -> Result<Option<Challenge>, DbError> {
    session.query(OF_USER).bind(user_id).bind(purpose).maybe().await
}

/// The challenge of a person that was asked last for a purpose at a door.
pub async fn at_door(
    session: &mut Session,
    user_id: UserId,
    purpose: Purpose,
    facade: Facade,
) -> Result<Option<ChallengeId>, DbError> {
    session.query(AT_DOOR).bind(user_id).bind(purpose).bind(facade).scalar().await
}

/// Finds a challenge for what it was asked for, wherever it was asked.
pub async fn by_id(
    session: &mut Session,
    id: ChallengeId,
    purpose: Purpose,
) -> Result<Option<Challenge>, DbError> {
    session.query(BY_ID).bind(id).bind(purpose).maybe().await
}

/// Finds the challenge whose token has this hash and was asked for at this door.
pub async fn by_token(
    session: &mut Session,
    facade: Facade,
    hash: &[u8],
) -> Result<Option<Challenge>, DbError> {
    session.query(BY_TOKEN).bind(hash).bind(facade).maybe().await
}

/// Finds the challenge whose link's key has this hash.
pub async fn by_link(session: &mut Session, hash: &[u8]) -> Result<Option<Challenge>, DbError> {
    session.query(BY_LINK).bind(hash).maybe().await
}

/// Counts a guess and tells how many there were with it; `None` where none is left.
pub async fn count_guess(
    session: &mut Session,
    id: ChallengeId,
    guesses_max: i64,
) -> Result<Option<i64>, DbError> {
    session.query(COUNT_GUESS).bind(id).bind(guesses_max).scalar().await
}

/// Gives a challenge a fresh secret, and no guess more; false where it takes none.
pub async fn renew(
    session: &mut Session,
    id: ChallengeId,
    code_hash: &[u8],
    expires_at: Instant,
    guesses_max: i64,
) -> Result<bool, DbError> {
    let renewed = session.query(RENEW).bind(id).bind(code_hash).bind(expires_at).bind(guesses_max);
    Ok(renewed.execute().await? == 1)
}

/// Takes a challenge away; false where somebody else has taken it.
pub async fn take(session: &mut Session, id: ChallengeId) -> Result<bool, DbError> {
    Ok(session.query(TAKE).bind(id).execute().await? == 1)
}

/// Takes all challenges of a person away: what they prove has changed.
pub async fn drop_of(session: &mut Session, user_id: UserId) -> Result<(), DbError> {
    session.query(DROP_OF).bind(user_id).execute().await?;
    Ok(())
}

/// Removes what has expired and tells how many.
pub async fn sweep(session: &mut Session, now: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(now).execute().await
}
