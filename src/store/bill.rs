//! Bills.

use uuid::Uuid;

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::bill::{Bill, BillStatus},
    types::{
        clock::Instant,
        id::{BillId, UserId},
        money::Currency,
        page::Reading,
    },
};

/// Where a bill stands among all of a person's: the key of a list's cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Until when it is to be paid.
    pub due_at: Instant,
    /// The bill.
    pub bill_id: BillId,
}

impl Position {
    /// Ahead of every bill.
    pub const FIRST: Self =
        Self { due_at: Instant::UNIX_EPOCH, bill_id: BillId::from_uuid(Uuid::nil()) };

    /// Behind every bill.
    pub const LAST: Self = Self {
        // The last microsecond of the year 9999: what both databases sort last.
        due_at: match Instant::from_timestamp_micros(253_402_300_799_999_999) {
            Some(instant) => instant,
            None => Instant::UNIX_EPOCH,
        },
        bill_id: BillId::from_uuid(Uuid::max()),
    };

    /// Where this bill stands.
    pub fn of(bill: &Bill) -> Self {
        Self { due_at: bill.due_at, bill_id: bill.bill_id }
    }
}

/// All columns of bills; what follows says which.
macro_rules! bills {
    ($rest:literal) => {
        concat!(
            "SELECT bill_id, legacy_id, owner_id, name, amount, currency, due_at, status,
                transaction_id, paid_at, created_at FROM bills ",
            $rest
        )
    };
}

statements! {
    INSERT = "
        INSERT INTO bills (bill_id, owner_id, name, amount, currency, due_at, status, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'DUE', $7)";

    LOOKUP = bills!("WHERE bill_id = $1");

    LOOKUP_MANY = bills!("WHERE owner_id = $1 AND bill_id IN ($2..)");

    BY_LEGACY_ID = bills!("WHERE owner_id = $1 AND legacy_id = $2");

    /// The newest that were not given up, the last one made first.
    NEWEST = bills!(
        "WHERE owner_id = $1 AND currency = $2 AND status <> 'CANCELLED'
        ORDER BY legacy_id DESC LIMIT $3"
    );

    COUNT_OPEN = "SELECT COUNT(*) FROM bills WHERE owner_id = $1 AND status = 'DUE'";

    CANCEL = "UPDATE bills SET status = 'CANCELLED' WHERE bill_id = $1 AND status = 'DUE'";

    /// Bills strictly between two positions, the earliest due first.
    ALL_FORWARD = bills!(
        "WHERE owner_id = $1 AND (due_at, bill_id) > ($2, $3) AND (due_at, bill_id) < ($4, $5)
        ORDER BY due_at, bill_id LIMIT $6"
    );

    ALL_BACKWARD = bills!(
        "WHERE owner_id = $1 AND (due_at, bill_id) > ($2, $3) AND (due_at, bill_id) < ($4, $5)
        ORDER BY due_at DESC, bill_id DESC LIMIT $6"
    );

    /// The same of one state, and, where it waits, of one side of the instant.
    SOME_FORWARD = bills!(
        "WHERE owner_id = $1 AND (due_at, bill_id) > ($2, $3) AND (due_at, bill_id) < ($4, $5)
            AND status = $7 AND due_at > $8 AND due_at <= $9
        ORDER BY due_at, bill_id LIMIT $6"
    );

    SOME_BACKWARD = bills!(
        "WHERE owner_id = $1 AND (due_at, bill_id) > ($2, $3) AND (due_at, bill_id) < ($4, $5)
            AND status = $7 AND due_at > $8 AND due_at <= $9
        ORDER BY due_at DESC, bill_id DESC LIMIT $6"
    );

    ALL_COUNT = "SELECT COUNT(*) FROM bills WHERE owner_id = $1";

    SOME_COUNT = "
        SELECT COUNT(*) FROM (
            SELECT 1 FROM bills
            WHERE owner_id = $1 AND status = $2 AND due_at > $3 AND due_at <= $4 LIMIT $5) found";
}

/// Which bills: all of one stored state that are due within a span of time.
#[derive(Debug, Clone, Copy)]
struct Filter {
    state: &'static str,
    /// Due later than this.
    later: Instant,
    /// Due at this instant at the latest.
    until: Instant,
}

impl Filter {
    fn of(status: BillStatus, now: Instant) -> Self {
        // Nothing is due before 1970, so an instant ahead of it leaves nothing out.
        let (first, last) =
            (Instant::UNIX_EPOCH - chrono::Duration::days(1), Position::LAST.due_at);
        let (state, later, until) = match status {
            BillStatus::Due => ("DUE", now, last),
            BillStatus::Overdue => ("DUE", first, now),
            BillStatus::Paid => ("PAID", first, last),
            BillStatus::Cancelled => ("CANCELLED", first, last),
        };
        Self { state, later, until }
    }
}

/// Writes a bill that waits to be paid; its number is given by the database.
pub async fn insert(session: &mut Session, new: &Bill) -> Result<(), DbError> {
    session
        .query(INSERT)
        .bind(new.bill_id)
        .bind(new.owner_id)
        .bind(new.name.as_str())
        .bind(new.amount)
        .bind(new.currency.code().to_owned())
        .bind(new.due_at)
        .bind(new.created_at)
        .execute()
        .await?;
    Ok(())
}

/// Finds a bill.
pub async fn lookup(session: &mut Session, id: BillId) -> Result<Option<Bill>, DbError> {
    session.query(LOOKUP).bind(id).maybe().await
}

/// A person's own bills among these, in no particular order.
pub async fn lookup_many(
    session: &mut Session,
    owner_id: UserId,
    ids: &[BillId],
) -> Result<Vec<Bill>, DbError> {
    session.query(LOOKUP_MANY).bind(owner_id).bind_list(ids).all().await
}

/// A person's bill with this integer for an id.
pub async fn by_legacy_id(
    session: &mut Session,
    owner_id: UserId,
    legacy_id: i64,
) -> Result<Option<Bill>, DbError> {
    session.query(BY_LEGACY_ID).bind(owner_id).bind(legacy_id).maybe().await
}

/// A person's newest bills in a currency that were not given up, the last one made first.
pub async fn newest(
    session: &mut Session,
    owner_id: UserId,
    currency: Currency,
    most: i64,
) -> Result<Vec<Bill>, DbError> {
    let query = session.query(NEWEST).bind(owner_id).bind(currency.code().to_owned());
    query.bind(most).all().await
}

/// How many bills of a person are open.
pub async fn count_open(session: &mut Session, owner_id: UserId) -> Result<i64, DbError> {
    Ok(session.query(COUNT_OPEN).bind(owner_id).scalar().await?.unwrap_or(0))
}

/// Gives up a bill that is locked; false where it was not open.
pub async fn cancel(session: &mut Session, id: BillId) -> Result<bool, DbError> {
    Ok(session.query(CANCEL).bind(id).execute().await? == 1)
}

/// A person's bills strictly between two positions, of all states or of one at an instant.
pub async fn of_owner(
    session: &mut Session,
    owner_id: UserId,
    status: Option<(BillStatus, Instant)>,
    (first, last): (Position, Position),
    reading: Reading,
    limit: i64,
) -> Result<Vec<Bill>, DbError> {
    let sql = match (status, reading) {
        (None, Reading::Forward) => ALL_FORWARD,
        (None, Reading::Backward) => ALL_BACKWARD,
        (Some(_), Reading::Forward) => SOME_FORWARD,
        (Some(_), Reading::Backward) => SOME_BACKWARD,
    };
    let query = session
        .query(sql)
        .bind(owner_id)
        .bind(first.due_at)
        .bind(first.bill_id)
        .bind(last.due_at)
        .bind(last.bill_id)
        .bind(limit);
    let query = match status {
        None => query,
        Some((status, now)) => {
            let filter = Filter::of(status, now);
            query.bind(filter.state).bind(filter.later).bind(filter.until)
        }
    };
    query.all().await
}

/// How many bills a person has.
pub async fn count(session: &mut Session, owner_id: UserId) -> Result<i64, DbError> {
    Ok(session.query(ALL_COUNT).bind(owner_id).scalar().await?.unwrap_or(0))
}

/// How many bills of one state a person has at an instant, counted up to `most`.
pub async fn count_some(
    session: &mut Session,
    owner_id: UserId,
    (status, now): (BillStatus, Instant),
    most: i64,
) -> Result<i64, DbError> {
    let filter = Filter::of(status, now);
    let query = session.query(SOME_COUNT).bind(owner_id).bind(filter.state);
    let query = query.bind(filter.later).bind(filter.until).bind(most);
    Ok(query.scalar().await?.unwrap_or(0))
}
