//! What a transfer leaves in the tables, ours and the peer's: whether the peer writes
//! the same rows is counted, not claimed.

use super::{error::BenchError, figures, report::RowsWritten};
use crate::db::pool::Db;

/// Rows that a transfer adds, and those it changes in place, which are not counted.
const COUNTS: &str = "
    SELECT (SELECT COUNT(*) FROM idempotency_keys),
        (SELECT COUNT(*) FROM entries),
        (SELECT COUNT(*) FROM transactions),
        (SELECT COUNT(*) FROM transaction_texts),
        (SELECT COUNT(*) FROM events),
        (SELECT COUNT(*) FROM audit_log),
        (SELECT COUNT(*) FROM unsealed) + (SELECT COUNT(*) FROM seals)";

const WAITING: &str = "SELECT COUNT(*) FROM unsealed";

const TABLES: [&str; 7] = [
    "idempotency_keys",
    "entries",
    "transactions",
    "transaction_texts",
    "events",
    "audit_log",
    "unsealed or seals",
];

/// How many rows each table has.
pub type Counts = (i64, i64, i64, i64, i64, i64, i64);

fn listed(counts: Counts) -> [i64; 7] {
    let (keys, entries, transactions, texts, events, log, seals) = counts;
    [keys, entries, transactions, texts, events, log, seals]
}

/// Counts the rows of a database.
pub async fn count(url: &str) -> Result<Counts, BenchError> {
    let db = Db::open_existing(url, 1, false).await?;
    let counts = db.read().await?.query(COUNTS).one().await;
    db.close().await;
    Ok(counts?)
}

/// How many transactions and rows of the audit log wait for their seal.
pub async fn waiting(db: &Db) -> Result<i64, BenchError> {
    Ok(db.read().await?.query(WAITING).scalar().await?.unwrap_or(0))
}

/// What the transfers between two counts have left, for each of them.
pub fn between(who: &'static str, before: Counts, after: Counts) -> Option<RowsWritten> {
    let (before, after) = (listed(before), listed(after));
    let grown: Vec<u64> =
        before.iter().zip(after).map(|(b, a)| u64::try_from(a - b).unwrap_or(0)).collect();
    let transfers = grown[2];
    let each = |rows: u64| figures::count(rows) / figures::count(transfers);
    (transfers > 0).then(|| RowsWritten {
        who,
        transfers,
        tables: TABLES.into_iter().zip(grown.iter().map(|rows| each(*rows))).collect(),
        all: each(grown.iter().sum()),
    })
}
