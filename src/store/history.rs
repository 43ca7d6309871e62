//! Histories: the entries of accounts, newest first, page by page.
//!
//! The texts stand in `history_sqlite` and `history_postgres`.

use super::{
    entry::Entry,
    history_postgres as postgres, history_sqlite as sqlite,
    posting_rows::{instants, ints, uuids},
    statements::statements,
};
use crate::{
    db::{error::DbError, rows::Rows, session::Session},
    domain::history::{Direction, Sieve},
    types::{clock::Instant, id::AccountId, money::Minor, page::Reading},
};

/// When an entry was posted, and its account's version after it: its place in the history
/// of the account.
pub type Place = (Instant, i64);

/// Which part of an account's history, and which amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The account.
    pub account_id: AccountId,
    /// Only what is older.
    pub newest: Place,
    /// Only what is newer.
    pub oldest: Place,
    /// The least that moved, and the most.
    pub amounts: (Minor, Minor),
}

statements! {
    /// An account's versions have no gap, so its version is the count of its entries.
    TOTAL = "
        SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT)
        FROM balances WHERE account_id IN ($1..)";
}

fn rows(stretches: &[Stretch]) -> Rows {
    Rows::new(vec![
        uuids(stretches, |one| Some(one.account_id.uuid())),
        instants(stretches, |one| one.newest.0),
        ints(stretches, |one| Some(one.newest.1)),
        instants(stretches, |one| one.oldest.0),
        ints(stretches, |one| Some(one.oldest.1)),
        ints(stretches, |one| Some(one.amounts.0.0)),
        ints(stretches, |one| Some(one.amounts.1.0)),
    ])
}

/// `,TRANSFER,TOP_UP,`; nothing for all kinds.
fn kinds(sieve: &Sieve) -> Option<String> {
    let mut all = String::from(",");
    for kind in &sieve.kinds {
        all.push_str(kind.code());
        all.push(',');
    }
    (!sieve.kinds.is_empty()).then_some(all)
}

const fn direction(sieve: &Sieve) -> i64 {
    match sieve.direction {
        None => 0,
        Some(Direction::In) => 1,
        Some(Direction::Out) => -1,
    }
}

/// Entries of stretches, merged by time, account and version; `each` of one account at
/// most, and `all` together. The text of the sieve is not asked here.
pub async fn page(
    session: &mut Session,
    stretches: &[Stretch],
    sieve: &Sieve,
    reading: Reading,
    (each, all): (i64, i64),
) -> Result<Vec<Entry>, DbError> {
    let (sqlite, postgres) = match reading {
        Reading::Forward => (sqlite::NEWEST_FIRST, postgres::NEWEST_FIRST),
        Reading::Backward => (sqlite::OLDEST_FIRST, postgres::OLDEST_FIRST),
    };
    let query = session.query_either(sqlite, postgres).bind_rows(&rows(stretches));
    query.bind(kinds(sieve)).bind(direction(sieve)).bind(each).bind(all).all().await
}

/// How many entries of stretches there are, counted up to `most`.
pub async fn count(
    session: &mut Session,
    stretches: &[Stretch],
    sieve: &Sieve,
    most: i64,
) -> Result<i64, DbError> {
    let query = session.query_either(sqlite::COUNT, postgres::COUNT).bind_rows(&rows(stretches));
    let query = query.bind(kinds(sieve)).bind(direction(sieve)).bind(most);
    Ok(query.scalar().await?.unwrap_or(0))
}

/// How many entries accounts have.
pub async fn total(session: &mut Session, ids: &[AccountId]) -> Result<i64, DbError> {
    Ok(session.query(TOTAL).bind_list(ids).scalar().await?.unwrap_or(0))
}
