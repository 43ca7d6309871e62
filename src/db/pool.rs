//! The pool of connections, chosen by the URL's scheme.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the floor that talks to the drivers"
)]

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    str::FromStr as _,
    time::Duration,
};

use sqlx::{
    Connection as _, Executor as _, PgConnection, PgPool, Postgres, Row as _, Sqlite, SqlitePool,
    Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    bell::Bell,
    error::DbError,
    lone::{Shelf, TRUSTED},
    patience,
    session::{On, Session},
    turns,
};

/// How long a request waits for a free connection before it is told to come later.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a SQLite writer of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long SQLite may take to roll back what nobody will commit.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);
/// How much of a SQLite file a connection keeps in memory, in KiB, as its pragma writes it.
const CACHE: &str = "-16384";
/// How many pages SQLite's log may have before they are folded into the file: 16 MiB.
const CHECKPOINT: &str = "4096";
/// Rows that SQLite's thread may be ahead of whoever reads them: two for each posting of a
/// batch, which has 256 at most.
const ROWS_BUFFERED: usize = 512;
/// Statements kept prepared on each connection; the bank has fewer.
const STATEMENTS_CACHED: usize = 512;

/// A pool of connections to one of the supported databases.
#[derive(Debug, Clone)]
pub enum Db {
    /// One writer, as SQLite has one write lock; readers that cannot write.
    Sqlite {
        /// The one connection that writes.
        writer: SqlitePool,
        /// Connections that only read.
        readers: SqlitePool,
        /// Some of these, for single statements.
        lone: Shelf<Sqlite>,
        /// Tells of what was committed.
        bell: Bell,
    },
    /// Connections that do both.
    Postgres {
        /// The connections.
        pool: PgPool,
        /// Some of these, for single statements.
        lone: Shelf<Postgres>,
        /// Tells of what was committed.
        bell: Bell,
    },
}

impl Db {
    /// Opens the database that `url` names; its schema is not touched. A SQLite
    /// file that is not there is made, with its folder.
    ///
    /// `connections` bounds the pool: all of them on PostgreSQL, the readers on SQLite.
    pub async fn open(url: &str, connections: u32) -> Result<Self, DbError> {
        if url.starts_with("sqlite:") {
            make_file(url)?;
        }
        Self::open_existing(url, connections, true).await
    }

    /// Opens the database that `url` names, and makes nothing unless told.
    pub async fn open_existing(url: &str, connections: u32, make: bool) -> Result<Self, DbError> {
        if url.starts_with("sqlite:") {
            open_sqlite(url, connections, make).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            open_postgres(url, connections).await
        } else {
            Err(DbError::UnknownScheme)
        }
    }

    /// Starts a transaction that only reads, in one snapshot.
    pub async fn read(&self) -> Result<Session, DbError> {
        let _turn = turns::wait();
        Ok(match self {
            Self::Sqlite { readers, bell, .. } => {
                Session::new(On::Sqlite(readers.begin().await?), bell)
            }
            Self::Postgres { pool, bell, .. } => {
                Session::new(On::Postgres(begin(pool, READ).await?), bell)
            }
        })
    }

    /// Starts a transaction that may write.
    ///
    /// SQLite takes its single write lock at once: a reader that turns into a
    /// writer half-way would fail with "database is locked" and could not wait.
    pub async fn write(&self) -> Result<Session, DbError> {
        let _turn = turns::wait();
        Ok(match self {
            Self::Sqlite { writer, bell, .. } => {
                Session::new(On::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?), bell)
            }
            Self::Postgres { pool, bell, .. } => {
                Session::new(On::Postgres(begin(pool, WRITE).await?), bell)
            }
        })
    }

    /// For one statement that is a transaction of its own, which saves a round trip before
    /// it and one after it. On SQLite it only reads.
    pub async fn alone(&self) -> Result<Session, DbError> {
        let _turn = turns::wait();
        Ok(match self {
            Self::Sqlite { readers, lone, bell, .. } => {
                Session::new(On::SqliteAlone(lone.take(readers).await?), bell)
            }
            Self::Postgres { pool, lone, bell } => {
                Session::new(On::PostgresAlone(lone.take(pool).await?), bell)
            }
        })
    }

    /// The same database over one connection of its own, for whoever must not queue behind
    /// others. SQLite has one writer, for which everybody queues.
    #[must_use]
    pub fn apart(&self) -> Self {
        match self {
            Self::Sqlite { .. } => self.clone(),
            Self::Postgres { pool, bell, .. } => {
                let options = (*pool.connect_options()).clone();
                let one = postgres_pool(1).connect_lazy_with(options);
                Self::Postgres { pool: one, lone: Shelf::beside(0), bell: bell.clone() }
            }
        }
    }

    /// Rings in this process when something was committed.
    pub fn bell(&self) -> &Bell {
        match self {
            Self::Sqlite { bell, .. } | Self::Postgres { bell, .. } => bell,
        }
    }

    /// Which database it is, for people: `SQLite 3.50.4`.
    pub async fn describe(&self) -> Result<String, DbError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => {
                let version = sqlx::query_scalar::<_, String>("SELECT sqlite_version()");
                format!("SQLite {}", version.fetch_one(readers).await?)
            }
            Self::Postgres { pool, .. } => {
                let version = sqlx::query_scalar::<_, String>("SHOW server_version");
                format!("PostgreSQL {}", version.fetch_one(pool).await?)
            }
        })
    }

    /// Ends all connections; on SQLite the last one folds the log into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, lone, .. } => {
                lone.close();
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool, lone, .. } => {
                lone.close();
                // A connection that does not answer any more ends with the process.
                let _ = tokio::time::timeout(patience::FAREWELL, pool.close()).await;
            }
        }
    }
}

const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const WRITE: &str = "BEGIN";

/// Begins a transaction on PostgreSQL.
///
/// In a task of its own, because the driver knows of a transaction only once the
/// answer to BEGIN has come: a request that is dropped before would leave its
/// connection inside one, and the next request would find itself in there.
async fn begin(
    pool: &PgPool,
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, DbError> {
    let pool = pool.clone();
    let task = tokio::spawn(async move { pool.begin_with(statement).await });
    // Where no answer comes the task keeps the connection, and nobody else finds it.
    patience::answered(patience::STATEMENT, async {
        task.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    })
    .await
}

/// Makes a SQLite file and its folder, for their owner alone: it will hold people's
/// data. SQLite gives the same rights to the files that it puts beside it.
fn make_file(url: &str) -> Result<(), DbError> {
    let options = SqliteConnectOptions::from_str(url)?;
    let file = options.get_filename();
    if url.contains(":memory:") || file.exists() {
        return Ok(());
    }
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(sqlx::Error::Io)?;
    }
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(file);
    made.map_err(sqlx::Error::Io)?;
    Ok(())
}

async fn open_sqlite(url: &str, connections: u32, make: bool) -> Result<Db, DbError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(make)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged commit must survive a power cut, and NORMAL may undo it.
        .synchronous(SqliteSynchronous::Full)
        // A letter or a code that was erased shall not linger in free pages.
        .pragma("secure_delete", "ON")
        // Without it INSERT OR REPLACE deletes rows without firing a trigger.
        .pragma("recursive_triggers", "ON")
        // What a statement may have to take back is kept here and not in a file.
        .pragma("temp_store", "MEMORY")
        // In KiB: the leaves of the indexes that a load touches, over and over.
        .pragma("cache_size", CACHE)
        // In pages of the log: what is touched again before is folded in once.
        .pragma("wal_autocheckpoint", CHECKPOINT)
        .statement_cache_capacity(STATEMENTS_CACHED)
        // Or the thread of a connection would wait for its reader in the midst of a batch.
        .row_buffer_size(ROWS_BUFFERED)
        .busy_timeout(BUSY_TIMEOUT);
    let one = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // It was heard of when it was released, and nothing between it and the file breaks.
        .test_before_acquire(false)
        // SQLite ends a transaction by itself where the disk fails it. The driver cannot
        // end it a second time, counts it as open for good, and would begin no other one.
        .before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        // A connection comes back inside a transaction while its rollback is under way, or
        // because the driver's thread has panicked, as it does where the schema changes
        // under a text of several statements. That thread would never be heard of again,
        // and its connection would keep the one write lock: it is let go of.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    let alive = tokio::time::timeout(ROLLBACK_TIMEOUT, connection.ping()).await;
                    alive.map_err(|_| sqlx::Error::WorkerCrashed)??;
                }
                Ok(true)
            })
        });
    let writer = one.connect_with(options.clone()).await?;
    refuse_unless_durable(&writer).await?;
    let many = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false);
    let readers = many.connect_with(options.create_if_missing(false).read_only(true)).await?;
    Ok(Db::Sqlite { writer, readers, lone: Shelf::beside(connections), bell: Bell::new() })
}

/// Asks the database itself, because a pragma that cannot be obeyed is ignored in silence.
async fn refuse_unless_durable(writer: &SqlitePool) -> Result<(), DbError> {
    let mut connection = writer.acquire().await?;
    let wanted = [
        ("journal_mode", "PRAGMA journal_mode", "wal"),
        ("synchronous", "PRAGMA synchronous", "2"),
        ("foreign_keys", "PRAGMA foreign_keys", "1"),
        ("recursive_triggers", "PRAGMA recursive_triggers", "1"),
        ("secure_delete", "PRAGMA secure_delete", "1"),
    ];
    for (setting, pragma, wanted) in wanted {
        let row = connection.fetch_one(sqlx::query(pragma)).await?;
        let found = row
            .try_get::<String, _>(0)
            .or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))?;
        if found != wanted {
            return Err(DbError::Unsafe { setting, wanted, found });
        }
    }
    Ok(())
}

/// How PostgreSQL plans our statements: once for each connection, because planning one of
/// them costs more than running it; by indexes, because a plan that was made while a
/// table was small must not read the whole of it once it has grown; and never compiled.
const PLANS: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("jit", "off"),
];

/// How PostgreSQL finds out that a server of ours is gone without a word, so that the locks
/// of its last transaction keep nobody waiting: it asks the other end of a connection that
/// says nothing, and ends a transaction in which nothing is asked.
const ABANDONED: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30s"),
];

async fn open_postgres(url: &str, connections: u32) -> Result<Db, DbError> {
    let options = PgConnectOptions::from_str(url)?
        .statement_cache_capacity(STATEMENTS_CACHED)
        .options(PLANS)
        .options(ABANDONED);
    // A pool would try until its time is over and then say only that it was; one
    // connection by itself says why.
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await;
    first.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await?;
    let pool = postgres_pool(connections).connect_with(options).await?;
    Ok(Db::Postgres { pool, lone: Shelf::beside(connections), bell: Bell::new() })
}

/// How connections to PostgreSQL are kept.
fn postgres_pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Asking each time whether a connection still lives would cost a round trip
        // before every transaction; one that was used a moment ago does.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for >= TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        // What was given up half-way is rolled back here, and the pool would wait for that
        // as long as it takes.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.should_flush() {
                    let over = tokio::time::timeout(patience::FAREWELL, connection.ping()).await;
                    over.map_err(|_| sqlx::Error::WorkerCrashed)??;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                // After a failover the same address may answer as a standby.
                let standby: bool =
                    sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(connection).await?;
                if standby {
                    Err(sqlx::Error::Configuration(DbError::Standby.into()))
                } else {
                    Ok(())
                }
            })
        })
}
