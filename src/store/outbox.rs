//! Letters that wait to be sent.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{clock::Instant, id::LetterId},
};

/// A letter that waits.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Waiting {
    /// Names the letter.
    pub letter_id: LetterId,
    /// The letter, sealed.
    pub letter: Vec<u8>,
    /// How often it was tried, this time included.
    pub tries: i64,
    /// When it was written.
    pub created_at: Instant,
    /// When it is of no use any more.
    pub expires_at: Instant,
}

statements! {
    INSERT = "
        INSERT INTO outbox (letter_id, letter, recipient_index, tries, next_try_at, created_at,
            expires_at)
        VALUES ($1, $2, $3, 0, $4, $4, $5)";

    /// Leases letters whose turn has come: whoever else asks meanwhile does not
    /// get them, and when this process dies they come up again. The second
    /// condition makes one who waited for the row see that it is taken.
    LEASE = "
        UPDATE outbox SET tries = tries + 1, next_try_at = $2
        WHERE letter_id IN (
            SELECT o.letter_id FROM outbox o WHERE o.next_try_at <= $1
            ORDER BY o.next_try_at LIMIT $3)
        AND next_try_at <= $1
        RETURNING letter_id, letter, tries, created_at, expires_at";

    POSTPONE = "UPDATE outbox SET next_try_at = $2 WHERE letter_id = $1";

    REMOVE = "DELETE FROM outbox WHERE letter_id = $1";

    COUNT = "SELECT COUNT(*) FROM outbox";

    /// Ids ascend with the time at which they are made.
    OLDEST = "SELECT created_at FROM outbox ORDER BY letter_id LIMIT 1";
}

/// Puts a letter in.
pub async fn insert(
    session: &mut Session,
    id: LetterId,
    letter: &[u8],
    recipient_index: &[u8],
    at: Instant,
    expires_at: Instant,
) -> Result<(), DbError> {
    let query = session.query(INSERT).bind(id).bind(letter).bind(recipient_index).bind(at);
    query.bind(expires_at).execute().await?;
    Ok(())
}

/// Takes letters whose turn has come; until `leased_until` nobody else gets them.
pub async fn lease(
    session: &mut Session,
    now: Instant,
    leased_until: Instant,
    limit: i64,
) -> Result<Vec<Waiting>, DbError> {
    session.query(LEASE).bind(now).bind(leased_until).bind(limit).all().await
}

/// Puts a letter off.
pub async fn postpone(
    session: &mut Session,
    id: LetterId,
    next_try_at: Instant,
) -> Result<(), DbError> {
    session.query(POSTPONE).bind(id).bind(next_try_at).execute().await?;
    Ok(())
}

/// Erases a letter that was sent or is of no use any more.
pub async fn remove(session: &mut Session, id: LetterId) -> Result<(), DbError> {
    session.query(REMOVE).bind(id).execute().await?;
    Ok(())
}

/// How many letters wait.
pub async fn count(session: &mut Session) -> Result<i64, DbError> {
    Ok(session.query(COUNT).scalar().await?.unwrap_or(0))
}

/// When the letter was written that waits for the longest; none where none waits.
pub async fn oldest(session: &mut Session) -> Result<Option<Instant>, DbError> {
    session.query(OLDEST).scalar().await
}
