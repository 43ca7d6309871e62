//! How often something was tried.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::attempt::{Allowance, Tried},
    types::clock::Instant,
};

/// Tries with what names them.
#[derive(sqlx::FromRow)]
struct Counted {
    attempt_key: Vec<u8>,
    #[sqlx(flatten)]
    tried: Tried,
}

statements! {
    /// Counts a try in one statement, so that of several at once none is forgotten. What
    /// is over begins anew; the last try that is allowed begins the pause; beyond it one
    /// more is counted, which is how a refused one is told from the last.
    COUNT = "
        INSERT INTO attempts (attempt_key, tries, ends_at) VALUES ($1, 1, $2)
        ON CONFLICT (attempt_key) DO UPDATE SET
            tries = CASE
                WHEN attempts.ends_at <= $3 THEN 1
                WHEN attempts.tries <= $4 THEN attempts.tries + 1
                ELSE attempts.tries END,
            ends_at = CASE
                WHEN attempts.ends_at <= $3 OR attempts.tries + 1 = $4 THEN excluded.ends_at
                ELSE attempts.ends_at END
        RETURNING tries, ends_at";

    OF_TWO = "
        SELECT attempt_key, tries, ends_at FROM attempts
        WHERE attempt_key IN ($1, $2) AND ends_at > $3";

    TRIES = "SELECT tries FROM attempts WHERE attempt_key = $1 AND ends_at > $2";

    FORGET = "DELETE FROM attempts WHERE attempt_key = $1";

    SWEEP = "DELETE FROM attempts WHERE ends_at <= $1";

    HOW_MANY = "SELECT COUNT(*) FROM attempts";

    /// Those whose pause would be over first.
    TRIM = "
        DELETE FROM attempts WHERE attempt_key IN (
            SELECT a.attempt_key FROM attempts a ORDER BY a.ends_at, a.attempt_key LIMIT $1)";
}

/// Counts a try, and tells how many there were.
pub async fn count(
    session: &mut Session,
    key: &[u8],
    allowance: Allowance,
    now: Instant,
) -> Result<Tried, DbError> {
    let query = session.query(COUNT).bind(key).bind(now + allowance.window).bind(now);
    query.bind(allowance.tries).one().await
}

/// What was tried of two things and still counts, each by its key.
pub async fn of_two(
    session: &mut Session,
    (one, other): (&[u8], &[u8]),
    now: Instant,
) -> Result<Vec<(Vec<u8>, Tried)>, DbError> {
    let query = session.query(OF_TWO).bind(one).bind(other).bind(now);
    let rows: Vec<Counted> = query.all().await?;
    Ok(rows.into_iter().map(|row| (row.attempt_key, row.tried)).collect())
}

/// How many tries still count; none where there was no such try.
pub async fn tries(
    session: &mut Session,
    key: &[u8],
    now: Instant,
) -> Result<Option<i64>, DbError> {
    session.query(TRIES).bind(key).bind(now).scalar().await
}

/// Forgets what was tried.
pub async fn forget(session: &mut Session, key: &[u8]) -> Result<(), DbError> {
    session.query(FORGET).bind(key).execute().await?;
    Ok(())
}

/// Removes what does not count any more, and beyond `rows_max` what would be over first.
pub async fn sweep(session: &mut Session, now: Instant, rows_max: i64) -> Result<u64, DbError> {
    let swept = session.query(SWEEP).bind(now).execute().await?;
    let left: i64 = session.query(HOW_MANY).scalar().await?.unwrap_or(0);
    let surplus = left.saturating_sub(rows_max);
    if surplus <= 0 {
        return Ok(swept);
    }
    Ok(swept + session.query(TRIM).bind(surplus).execute().await?)
}
