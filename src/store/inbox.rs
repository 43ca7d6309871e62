//! The sandbox's captured letters.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{clock::Instant, id::LetterId},
};

/// A captured letter.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Captured {
    /// Names the letter.
    pub letter_id: LetterId,
    /// The letter, sealed.
    pub letter: Vec<u8>,
    /// When it was sent.
    pub sent_at: Instant,
}

statements! {
    INSERT = "
        INSERT INTO inbox (letter_id, recipient_index, letter, sent_at, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (letter_id) DO NOTHING";

    /// The newest letters of an address, the oldest of them first.
    OF_RECIPIENT = "
        SELECT letter_id, letter, sent_at FROM (
            SELECT letter_id, letter, sent_at FROM inbox
            WHERE recipient_index = $1 AND expires_at > $2
            ORDER BY sent_at DESC, letter_id DESC LIMIT $3) newest
        ORDER BY sent_at, letter_id";

    /// The newest letters of all, the oldest of them first.
    OF_ALL = "
        SELECT letter_id, letter, sent_at FROM (
            SELECT letter_id, letter, sent_at FROM inbox
            WHERE expires_at > $1
            ORDER BY sent_at DESC, letter_id DESC LIMIT $2) newest
        ORDER BY sent_at, letter_id";

    SWEEP = "DELETE FROM inbox WHERE expires_at <= $1";
}

/// Keeps a letter; one that is kept already stays as it is.
pub async fn insert(
    session: &mut Session,
    id: LetterId,
    recipient_index: &[u8],
    letter: &[u8],
    at: Instant,
    expires_at: Instant,
) -> Result<(), DbError> {
    let query = session.query(INSERT).bind(id).bind(recipient_index).bind(letter);
    query.bind(at).bind(expires_at).execute().await?;
    Ok(())
}

/// The newest letters, of one address or of all, the oldest of them first.
pub async fn list(
    session: &mut Session,
    recipient_index: Option<&[u8]>,
    now: Instant,
    limit: i64,
) -> Result<Vec<Captured>, DbError> {
    match recipient_index {
        Some(index) => session.query(OF_RECIPIENT).bind(index).bind(now).bind(limit).all().await,
        None => session.query(OF_ALL).bind(now).bind(limit).all().await,
    }
}

/// Erases what has expired and tells how many.
pub async fn sweep(session: &mut Session, now: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(now).execute().await
}
