//! How long PostgreSQL may say nothing before it is given up.
//!
//! A server that is gone without a word (its host died, the network swallows what is sent)
//! looks like one that is slow, and a driver waits for it for ever. Whoever waits with it
//! holds a place that others need: a turn, a connection, the one who makes the batches.

use std::{future::Future, time::Duration};

use tokio::time::timeout;

use super::error::DbError;

/// How long a request waits for a free connection before it is told to come later.
pub(super) const ACQUIRE: Duration = Duration::from_secs(5);
/// The same on a replica: what is not read there is read on the primary.
pub(super) const ACQUIRE_REPLICA: Duration = Duration::from_millis(500);
/// For a statement on a replica.
pub(super) const REPLICA: Duration = Duration::from_secs(2);
/// For how long work is begun again whose connection is lost before its commit.
pub(super) const LOST: Duration = Duration::from_secs(5);
/// For how long a commit is asked after whose answer was lost.
pub(super) const UNSETTLED: Duration = Duration::from_secs(30);
/// For one statement, and for a commit. A statement that waits for a lock of somebody else's
/// waits within it.
pub(super) const STATEMENT: Duration = Duration::from_secs(20);
/// For a statement that reads whole tables.
pub(super) const SCAN: Duration = Duration::from_mins(30);
/// For what is left of a transaction that was given up.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// What comes of it, or [`DbError::Silent`]. What was asked may have been done all the same.
pub(super) async fn answered<T>(
    patience: Duration,
    asking: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, DbError> {
    match timeout(patience, asking).await {
        Ok(told) => Ok(told?),
        Err(_) => Err(DbError::Silent),
    }
}
