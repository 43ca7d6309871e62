//! The audit log, as an operator reads it.

use chrono::Duration;
use uuid::Uuid;

use super::{context::Bank, error::Failure};
use crate::{
    domain::refusal::Refusal,
    store::{
        audit,
        audit::{Audited, Filter},
        entry::Position,
        user,
    },
    types::{
        clock::Instant,
        id::{AuditId, UserId},
        text::Email,
    },
};

/// How far the time in the name of a row may lie behind the time of its act.
const SLACK: Duration = Duration::minutes(10);

/// The newest rows that are asked for, the newest last.
pub async fn list(
    bank: &Bank,
    person: Option<&str>,
    filter: Filter,
    (since, until): (Option<Instant>, Option<Instant>),
    limit: u32,
) -> Result<Vec<Audited>, Failure> {
    let mut filter = filter;
    if let Some(person) = person {
        filter.person = Some(find(bank, person).await?);
    }
    let since = since.unwrap_or(Position::FIRST);
    let until = until.unwrap_or(Position::LAST);
    let mut s = bank.db.read().await?;
    s.allow_scans().await?;
    let first = first_name(since);
    let mut rows = audit::list(&mut s, &filter, (since, until), first, limit.into()).await?;
    rows.reverse();
    Ok(rows)
}

/// A name that comes before those of all rows since an instant: the rows before it are
/// not read at all.
fn first_name(since: Instant) -> AuditId {
    let millis = u64::try_from((since - SLACK).timestamp_millis()).unwrap_or(0);
    AuditId::from_uuid(Uuid::from_u128(u128::from(millis) << 80))
}

/// The person whom an operator names.
async fn find(bank: &Bank, person: &str) -> Result<UserId, Failure> {
    if let Some(id) = UserId::from_wire(person) {
        // They may have been forgotten: what they did is still listed.
        return Ok(id);
    }
    let mut s = bank.db.read().await?;
    let found = match Email::parse(person) {
        Ok(email) => user::by_email(&mut s, &email).await?,
        Err(_) => user::by_customer_id(&mut s, person).await?,
    };
    let missing = Refusal::NotFound { field: "person", noun: "person" };
    Ok(found.ok_or(missing)?.user_id)
}
