//! What was used of the limits that a person or a card has.

use chrono::NaiveDate;
use uuid::Uuid;

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::limit::{CounterKey, LimitKind, Used},
    types::{
        clock::Instant,
        id::{AccountId, UserId},
        money::{Currency, Minor},
    },
};

statements! {
    /// A row that was there before stays as it is.
    OPEN = "
        INSERT INTO limit_counters (subject_id, kind, currency, window_start, used)
        SELECT $1, k.kind, $2, '1970-01-01', 0
        FROM (SELECT 'TRANSFER' AS kind UNION ALL SELECT 'TOP_UP') k WHERE TRUE
        ON CONFLICT DO NOTHING";

    SET = "
        INSERT INTO limit_counters (subject_id, kind, currency, window_start, used)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (subject_id, kind, currency)
        DO UPDATE SET window_start = excluded.window_start, used = excluded.used";

    OF = "
        SELECT subject_id, kind, currency, window_start, used
        FROM limit_counters WHERE kind <> 'QUOTE' AND subject_id IN ($1..)";

    /// What left a card for others since an instant: payments by the books, and holds, of
    /// which an open one counts in full and a captured one by what was captured.
    SPENT = "
        SELECT CAST(
            COALESCE((
                SELECT SUM(-e.amount) FROM entries e
                    JOIN transactions t ON t.transaction_id = e.transaction_id
                    JOIN transaction_texts x
                        ON x.transaction_id = e.transaction_id AND x.account_id <> e.account_id
                    JOIN accounts o ON o.account_id = x.account_id
                WHERE e.account_id = $1 AND e.posted_at >= $3 AND e.amount < 0
                    AND t.kind IN ('TRANSFER', 'BILL_PAYMENT', 'BANK_TRANSFER')
                    AND (o.owner_id IS NULL OR o.owner_id <> $2)), 0)
            + COALESCE((
                SELECT SUM(CASE h.status WHEN 'OPEN' THEN h.amount ELSE h.captured END)
                FROM holds h
                WHERE h.account_id = $1 AND h.created_at >= $3), 0)
            AS BIGINT)";

    /// One more of what is counted by the day; nothing where there were as many as allowed.
    COUNT = "
        INSERT INTO limit_counters AS l (subject_id, kind, currency, window_start, used)
        VALUES ($1, $2, $3, $4, 1)
        ON CONFLICT (subject_id, kind, currency) DO UPDATE
        SET used = CASE WHEN l.window_start < excluded.window_start THEN 1 ELSE l.used + 1 END,
            window_start = CASE WHEN l.window_start < excluded.window_start
                THEN excluded.window_start ELSE l.window_start END
        WHERE l.window_start < excluded.window_start OR l.used < $5
        RETURNING used";
}

/// Makes the counters of a person for accounts in this currency, so that the
/// posting engine always finds a row to lock.
pub async fn open(
    session: &mut Session,
    owner_id: UserId,
    currency: Currency,
) -> Result<(), DbError> {
    session.query(OPEN).bind(owner_id).bind(currency.code().to_owned()).execute().await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct CounterRow {
    subject_id: Uuid,
    kind: LimitKind,
    #[sqlx(try_from = "String")]
    currency: Currency,
    window_start: NaiveDate,
    used: Minor,
}

/// What was used of the limits of persons and cards, in no particular order.
pub async fn of(
    session: &mut Session,
    subjects: &[Uuid],
) -> Result<Vec<(CounterKey, Used)>, DbError> {
    let found: Vec<CounterRow> = session.query(OF).bind_list(subjects).all().await?;
    let read = |row: CounterRow| {
        let used = Used { window_start: row.window_start, used: row.used };
        ((row.subject_id, row.kind, row.currency), used)
    };
    Ok(found.into_iter().map(read).collect())
}

/// Sets what was used of a limit, whose subject is locked.
pub async fn set(session: &mut Session, key: &CounterKey, used: Used) -> Result<(), DbError> {
    session
        .query(SET)
        .bind(key.0)
        .bind(key.1)
        .bind(key.2.code().to_owned())
        .bind(used.window_start)
        .bind(used.used)
        .execute()
        .await?;
    Ok(())
}

/// What was spent from a card since an instant, whether it had a limit then or not.
pub async fn spent(
    session: &mut Session,
    card: AccountId,
    owner_id: UserId,
    since: Instant,
) -> Result<Minor, DbError> {
    let query = session.query(SPENT).bind(card).bind(owner_id).bind(since);
    Ok(query.scalar().await?.unwrap_or(Minor::ZERO))
}

/// What a quote counts as; it has no currency, for which ISO 4217 has a code.
const QUOTE: (&str, &str) = ("QUOTE", "XXX");

/// Counts one more quote of a person on a day; false where they had as many as allowed.
pub async fn count_quote(
    session: &mut Session,
    person: UserId,
    day: NaiveDate,
    most: i64,
) -> Result<bool, DbError> {
    let (kind, currency) = QUOTE;
    let query = session.query(COUNT).bind(person).bind(kind).bind(currency).bind(day).bind(most);
    Ok(query.scalar::<i64>().await?.is_some())
}
