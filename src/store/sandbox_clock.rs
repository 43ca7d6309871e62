//! How far the clock of a sandbox stands before the machine's.

use super::statements::statements;
use crate::db::{error::DbError, session::Session};

statements! {
    AHEAD = "SELECT ahead_seconds FROM sandbox_clock WHERE only_row = 1";

    /// Nothing where it would stand too far ahead.
    MOVE = "
        INSERT INTO sandbox_clock AS c (only_row, ahead_seconds) VALUES (1, $1)
        ON CONFLICT (only_row) DO UPDATE SET ahead_seconds = c.ahead_seconds + excluded.ahead_seconds
        WHERE c.ahead_seconds + excluded.ahead_seconds <= $2
        RETURNING ahead_seconds";
}

/// How many seconds the clock stands ahead.
pub async fn ahead(session: &mut Session) -> Result<i64, DbError> {
    Ok(session.query(AHEAD).scalar::<i64>().await?.unwrap_or(0))
}

/// Moves the clock, and tells how far it stands ahead then; none where that would be more
/// than `most`, and nothing moved.
pub async fn forward(
    session: &mut Session,
    seconds: i64,
    most: i64,
) -> Result<Option<i64>, DbError> {
    session.query(MOVE).bind(seconds).bind(most).scalar::<i64>().await
}
