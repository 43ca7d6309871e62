//! One open transaction, or a connection on which each statement is one.

use sqlx::{Postgres, Sqlite, Transaction};

use super::{error::DbError, fault, lone::Lone, query::Query};

/// One open transaction; dropping it without [`Session::commit`] rolls back.
///
/// A session lives inside one function of the bank and never enters a resolver.
#[derive(Debug)]
pub enum Session {
    /// A transaction on SQLite.
    Sqlite(Transaction<'static, Sqlite>),
    /// A transaction on PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
    /// A connection to SQLite on which each statement is a transaction of its own.
    SqliteAlone(Lone<Sqlite>),
    /// The same to PostgreSQL.
    PostgresAlone(Lone<Postgres>),
}

impl Session {
    /// A statement to run in this transaction.
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        self.query_either(sql, sql)
    }

    /// It is on SQLite.
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::SqliteAlone(_))
    }

    /// The same statement in the words of either database, for the few that have to differ.
    pub fn query_either(&mut self, sqlite: &'static str, postgres: &'static str) -> Query<'_> {
        match self {
            Self::Sqlite(tx) => Query::sqlite(&mut *tx, sqlite),
            Self::Postgres(tx) => Query::postgres(&mut *tx, postgres),
            Self::SqliteAlone(lone) => {
                let (connection, ended_well) = lone.parts();
                Query::sqlite(connection, sqlite).noting(ended_well)
            }
            Self::PostgresAlone(lone) => {
                let (connection, ended_well) = lone.parts();
                Query::postgres(connection, postgres).noting(ended_well)
            }
        }
    }

    /// Takes a lock of the whole cluster until this transaction ends, and tells whether
    /// it was free: it never waits. On SQLite a transaction that writes is alone anyway.
    pub async fn try_lock(&mut self, name: &'static str) -> Result<bool, DbError> {
        const TRY: &str = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
        if self.is_sqlite() {
            return Ok(true);
        }
        Ok(self.query(TRY).bind(name).scalar().await?.unwrap_or(false))
    }

    /// Lets the statements of this transaction read whole tables, for what needs all rows.
    pub async fn allow_scans(&mut self) -> Result<(), DbError> {
        if !self.is_sqlite() {
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
            // Each statement was committed when it ended well.
            Self::SqliteAlone(_) | Self::PostgresAlone(_) => {}
        }
        fault::after_commit().await;
        Ok(())
    }
}
