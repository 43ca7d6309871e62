//! One open transaction, or a connection on which each statement is one.

use std::time::Duration;

use sqlx::{Postgres, Sqlite, Transaction};
use uuid::Uuid;

use super::{
    bell::Bell,
    error::DbError,
    fault,
    lone::Lone,
    patience,
    query::Query,
    rows::{Column, Rows},
};

/// One open transaction; dropping it without [`Session::commit`] rolls back.
///
/// A session lives inside one function of the bank and never enters a resolver.
#[derive(Debug)]
pub struct Session {
    on: On,
    bell: Bell,
    /// Whom what is written here concerns.
    concerned: Vec<Uuid>,
    /// How long a statement on PostgreSQL may take.
    patience: Duration,
    /// Statements have names, which PostgreSQL keeps: not through a pooler.
    named: bool,
    /// What is known of the connection and of the work on it.
    pub(super) fate: Fate,
}

/// What becomes of a transaction whose connection is lost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fate {
    /// A statement found the connection gone.
    pub(super) lost: bool,
    /// Done a second time, the work finds out that it was done before.
    pub(super) repeatable: bool,
}

/// What a session is on.
#[derive(Debug)]
pub(super) enum On {
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
    pub(super) fn new(on: On, bell: &Bell) -> Self {
        let (bell, patience) = (bell.clone(), patience::STATEMENT);
        Self { on, bell, concerned: Vec::new(), patience, named: true, fate: Fate::default() }
    }

    /// Its statements have no names.
    pub(super) fn without_names(self) -> Self {
        Self { named: false, ..self }
    }

    /// Its statements may take so long.
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Says that this transaction finds out where it was committed before, by a key or by
    /// a row that can be there once. So it may be done again where the answer to its
    /// commit is lost.
    pub fn may_be_repeated(&mut self) {
        self.fate.repeatable = true;
    }

    /// A statement to run in this transaction.
    pub fn query(&mut self, sql: &'static str) -> Query<'_> {
        self.query_either(sql, sql)
    }

    /// It is on SQLite.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.on, On::Sqlite(_) | On::SqliteAlone(_))
    }

    /// The same statement in the words of either database, for the few that have to differ.
    pub fn query_either(&mut self, sqlite: &'static str, postgres: &'static str) -> Query<'_> {
        match &mut self.on {
            On::Sqlite(tx) => Query::sqlite(&mut *tx, sqlite),
            On::Postgres(tx) => {
                let query = Query::postgres(&mut *tx, postgres).within(self.patience);
                query.named(self.named).telling(&mut self.fate.lost)
            }
            On::SqliteAlone(lone) => {
                let (connection, mark) = lone.parts();
                Query::sqlite(connection, sqlite).noting(mark)
            }
            On::PostgresAlone(lone) => {
                let (connection, mark) = lone.parts();
                let query = Query::postgres(connection, postgres).noting(mark).named(self.named);
                // Without names a statement by itself would be taken apart by the pooler.
                if self.named { query } else { query.wrapped() }
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

    /// Waits for the turn at each of these names, in one order whoever asks, and keeps them
    /// until this transaction ends: what is looked for and not found stays so. What is read
    /// afterwards shows what whoever had the turn before has written. On SQLite a transaction
    /// that writes is alone anyway.
    pub async fn take_turns(&mut self, names: Vec<String>) -> Result<(), DbError> {
        const TAKE: &str = "
            SELECT pg_advisory_xact_lock(turn) FROM (
                SELECT DISTINCT hashtextextended(name, 0) AS turn FROM UNNEST($1::text[]) AS name
                ORDER BY turn) turns";
        if self.is_sqlite() {
            return Ok(());
        }
        let names = Rows::new(vec![Column::Text(names.into_iter().map(Some).collect())]);
        self.query(TAKE).bind_rows(&names).execute().await?;
        Ok(())
    }

    /// Lets the statements of this transaction read whole tables, for what needs all rows.
    pub async fn allow_scans(&mut self) -> Result<(), DbError> {
        if !self.is_sqlite() {
            self.patience = patience::SCAN;
            self.query("SET LOCAL enable_seqscan = on").execute().await?;
            self.query("SET LOCAL enable_bitmapscan = on").execute().await?;
        }
        Ok(())
    }

    /// Notes whom the things concern that this transaction writes: they are woken after
    /// the commit. Gives the messages that tell other processes on PostgreSQL, for the
    /// statement that writes these things.
    pub fn concern(&mut self, subjects: &[Uuid]) -> Vec<String> {
        self.concerned.extend_from_slice(subjects);
        if self.is_sqlite() { Vec::new() } else { self.bell.messages(subjects) }
    }

    /// What stands before the subjects in a message that a statement makes by itself.
    pub fn tag(&self) -> String {
        self.bell.tag().to_owned()
    }

    /// Tells this process at once, where each statement is a transaction of its own.
    pub fn ring(&mut self, subjects: Vec<Uuid>) {
        self.bell.ring(subjects);
    }

    /// Makes everything done in this transaction permanent.
    ///
    /// A commit that the database refuses (an entry without its transaction)
    /// leaves SQLite inside the transaction; the driver rolls back when the
    /// refused transaction is dropped, so the connection stays usable.
    pub async fn commit(self) -> Result<(), DbError> {
        fault::step().await?;
        // Whatever becomes of it, and whoever still waits for it: who is woken for nothing
        // finds nothing.
        let rings = Rings { bell: self.bell, concerned: self.concerned };
        let done = match self.on {
            On::Sqlite(tx) => tx.commit().await.map_err(DbError::from),
            On::Postgres(tx) => patience::answered(self.patience, tx.commit()).await,
            // Each statement was committed when it ended well.
            On::SqliteAlone(_) | On::PostgresAlone(_) => Ok(()),
        };
        drop(rings);
        done.map_err(DbError::at_commit)?;
        fault::after_commit().await;
        Ok(())
    }
}

/// Rings when it goes.
struct Rings {
    bell: Bell,
    concerned: Vec<Uuid>,
}

impl Drop for Rings {
    fn drop(&mut self) {
        self.bell.ring(std::mem::take(&mut self.concerned));
    }
}
