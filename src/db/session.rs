//! One open transaction.

use sqlx::{Postgres, Sqlite, Transaction, pool::PoolConnection};

use super::{error::DbError, fault, query::Query};

/// One open transaction; dropping it without [`Session::commit`] rolls back.
///
/// A session lives inside one function of the bank and never enters a resolver.
#[derive(Debug)]
pub enum Session {
    /// A transaction on SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// A transaction on PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

impl Session {
    /// A statement to run in this transaction.
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        match self {
            Self::Sqlite(tx) => Query::sqlite(&mut *tx, sql),
            Self::Postgres(tx) => Query::postgres(&mut *tx, sql),
        }
    }

    /// The same statement in the words of either database, for the few that have to differ.
    pub fn query_either(&mut self, sqlite: &'static str, postgres: &'static str) -> Query<'_> {
        match self {
            Self::Sqlite(tx) => Query::sqlite(&mut *tx, sqlite),
            Self::Postgres(tx) => Query::postgres(&mut *tx, postgres),
        }
    }

    /// Takes a lock of the whole cluster until this transaction ends, and tells whether
    /// it was free: it never waits. On SQLite a transaction that writes is alone anyway.
    pub async fn try_lock(&mut self, name: &'static str) -> Result<bool, DbError> {
        const TRY: &str = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(_) => Ok(self.query(TRY).bind(name).scalar().await?.unwrap_or(false)),
        }
    }

    /// Lets the statements of this transaction read whole tables, for what needs all rows.
    pub async fn allow_scans(&mut self) -> Result<(), DbError> {
        if let Self::Postgres(_) = self {
            self.query("SET LOCAL enable_seqscan = on").execute().await?;
            self.query("SET LOCAL enable_bitmapscan = on").execute().await?;
        }
        Ok(())
    }

    /// Makes everything done in this transaction permanent.
    ///
    /// A commit that the database refuses (an entry without its transaction)
    /// leaves SQLite inside the transaction; the driver rolls back when the
    /// refused transaction is dropped, so the connection stays usable.
    pub async fn commit(self) -> Result<(), DbError> {
        fault::step().await?;
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        fault::after_commit().await;
        Ok(())
    }
}

/// A connection to PostgreSQL for one statement that is a transaction of its own.
#[derive(Debug)]
pub struct Alone(PoolConnection<Postgres>);

impl Alone {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self(connection)
    }

    /// The statement; it is committed when it ends well.
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        Query::postgres(&mut self.0, sql)
    }
}
