//! Each person's stream of events, numbered without a gap in the order of commits.

use super::{event_postgres as postgres, event_sqlite as sqlite, statements::statements};
use crate::{
    db::{
        error::DbError,
        rows::{Column, Rows},
        session::Session,
    },
    domain::event::{Body, Extent},
    types::{clock::Instant, id::UserId},
};

/// How many events of one person are read at once.
pub const AT_ONCE: i64 = 100;

/// One event of a person's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the stream: one more than that of the event before.
    pub number: i64,
    /// When it happened.
    pub occurred_at: Instant,
    /// What happened.
    pub body: Body,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    owner_id: UserId,
    number: i64,
    kind: String,
    body: String,
    occurred_at: Instant,
}

impl EventRow {
    fn read(self) -> (UserId, Event) {
        let body = Body::read(&self.kind, &self.body);
        let event = Event { number: self.number, occurred_at: self.occurred_at, body };
        (self.owner_id, event)
    }
}

statements! {
    OPEN = "INSERT INTO streams (owner_id, last) VALUES ($1, 0)";

    EXTENT = "
        SELECT s.last,
            (SELECT MIN(e.number) FROM events e WHERE e.owner_id = s.owner_id) AS first
        FROM streams s WHERE s.owner_id = $1";

    AFTER = "
        SELECT owner_id, number, kind, body, occurred_at FROM events
        WHERE owner_id = $1 AND number > $2 ORDER BY number LIMIT $3";

    SWEEP = "DELETE FROM events WHERE occurred_at <= $1";
}

/// Opens the stream of a person who was just written.
pub async fn open(session: &mut Session, owner_id: UserId) -> Result<(), DbError> {
    session.query(OPEN).bind(owner_id).execute().await?;
    Ok(())
}

/// What is left of a person's stream; nothing of one that nobody has.
pub async fn extent(session: &mut Session, owner_id: UserId) -> Result<Extent, DbError> {
    let found: Option<(i64, Option<i64>)> = session.query(EXTENT).bind(owner_id).maybe().await?;
    let (last, first) = found.unwrap_or((0, None));
    Ok(Extent { last, first })
}

/// The events of a person after a number, in their order.
pub async fn after(
    session: &mut Session,
    owner_id: UserId,
    number: i64,
    limit: i64,
) -> Result<Vec<Event>, DbError> {
    let query = session.query(AFTER).bind(owner_id).bind(number).bind(limit);
    let rows: Vec<EventRow> = query.all().await?;
    Ok(rows.into_iter().map(|row| row.read().1).collect())
}

/// The events of many people, each after a number of theirs, in the order of each: at most
/// [`AT_ONCE`] of each.
pub async fn after_each(
    session: &mut Session,
    wanted: &[(UserId, i64)],
) -> Result<Vec<(UserId, Event)>, DbError> {
    let rows = Rows::new(vec![
        Column::Uuid(wanted.iter().map(|(owner, _)| Some(owner.uuid())).collect()),
        Column::Int(wanted.iter().map(|(_, number)| Some(*number)).collect()),
    ]);
    let query = session.query_either(sqlite::AFTER_EACH, postgres::AFTER_EACH);
    let found: Vec<EventRow> = query.bind_rows(&rows).all().await?;
    Ok(found.into_iter().map(EventRow::read).collect())
}

/// Forgets events that happened before an instant, and tells how many.
pub async fn sweep(session: &mut Session, before: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(before).execute().await
}
