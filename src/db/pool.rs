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
    Connection as _, Executor as _, Row as _, Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    bell::Bell,
    error::DbError,
    home::Home,
    lone::Shelf,
    patience,
    place::Place,
    postgres::Cluster,
    query::STATEMENTS_CACHED,
    session::{On, Session},
    turns, wal,
};

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
        /// Where connections are opened.
        home: Home,
        /// Tells of what was committed.
        bell: Bell,
    },
    /// Connections that do both.
    Postgres {
        /// The connections.
        cluster: Cluster,
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
        Self::open_at(&Place::plain(url, connections)).await
    }

    /// Opens the database at a place; a SQLite file that is not there is made.
    pub async fn open_at(place: &Place) -> Result<Self, DbError> {
        if place.url.starts_with("sqlite:") {
            make_file(&place.url)?;
        }
        Self::open_existing_at(place, true).await
    }

    /// Opens the database that `url` names, and makes nothing unless told.
    pub async fn open_existing(url: &str, connections: u32, make: bool) -> Result<Self, DbError> {
        Self::open_existing_at(&Place::plain(url, connections), make).await
    }

    /// Opens the database at a place, and makes nothing unless told.
    pub async fn open_existing_at(place: &Place, make: bool) -> Result<Self, DbError> {
        let url = &place.url;
        if url.starts_with("sqlite:") {
            match wal::refuse_rotten(url).await {
                // What a failing disk kept of a transaction that it never acknowledged looks
                // like rot, and must keep nobody from serving again.
                Err(DbError::Rotten { log, page }) if make => tracing::warn!(
                    log = %log.display(), page,
                    "SQLite's log is broken: where the disk failed, this was never acknowledged; \
                     where not, it is lost: compare with a backup"
                ),
                looked => looked?,
            }
            open_sqlite(url, place.connections, make).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let cluster = Cluster::open(place).await?;
            Ok(Self::Postgres { cluster, bell: Bell::new() })
        } else {
            Err(DbError::UnknownScheme)
        }
    }

    /// Starts a transaction that only reads, in one snapshot.
    pub async fn read(&self) -> Result<Session, DbError> {
        let _turn = turns::wait();
        Ok(match self {
            Self::Sqlite { readers, home, bell, .. } => {
                let readers = readers.clone();
                let begun = home.run(async move { readers.begin().await });
                Session::new(On::Sqlite(Box::pin(begun).await?), bell)
            }
            Self::Postgres { cluster, bell } => cluster.read(bell).await?,
        })
    }

    /// Starts a transaction that may write.
    ///
    /// SQLite takes its single write lock at once: a reader that turns into a
    /// writer half-way would fail with "database is locked" and could not wait.
    pub async fn write(&self) -> Result<Session, DbError> {
        let _turn = turns::wait();
        Ok(match self {
            Self::Sqlite { writer, home, bell, .. } => {
                let writer = writer.clone();
                let begun = home.run(async move { writer.begin_with("BEGIN IMMEDIATE").await });
                Session::new(On::Sqlite(Box::pin(begun).await?), bell)
            }
            Self::Postgres { cluster, bell } => cluster.write(bell).await?,
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
            Self::Postgres { cluster, bell } => cluster.alone(bell).await?,
        })
    }

    /// Starts a transaction that only reads, on a standby that may be behind; `None` where
    /// there is none, or none that answers.
    pub async fn read_behind(&self) -> Option<Session> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { cluster, bell } => cluster.read_behind(bell).await,
        }
    }

    /// The standby failed somebody who read there: for a while nobody else shall wait for it.
    pub fn leave_replica(&self) {
        if let Self::Postgres { cluster, .. } = self {
            cluster.leave_replica();
        }
    }

    /// There is a standby on which long histories may be read.
    pub fn has_replica(&self) -> bool {
        match self {
            Self::Sqlite { .. } => false,
            Self::Postgres { cluster, .. } => cluster.has_replica(),
        }
    }

    /// The same database over one connection of its own, for whoever must not queue behind
    /// others. SQLite has one writer, for which everybody queues.
    #[must_use]
    pub fn apart(&self) -> Self {
        match self {
            Self::Sqlite { .. } => self.clone(),
            Self::Postgres { cluster, bell } => {
                Self::Postgres { cluster: cluster.apart(), bell: bell.clone() }
            }
        }
    }

    /// The runtime in which the database was opened.
    pub fn home(&self) -> &Home {
        match self {
            Self::Sqlite { home, .. } => home,
            Self::Postgres { cluster, .. } => cluster.home(),
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
            Self::Postgres { cluster, .. } => {
                let version = sqlx::query_scalar::<_, String>("SHOW server_version");
                format!("PostgreSQL {}", version.fetch_one(cluster.direct()).await?)
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
            Self::Postgres { cluster, .. } => cluster.close().await,
        }
    }
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
        .acquire_timeout(patience::ACQUIRE)
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
        .acquire_timeout(patience::ACQUIRE)
        .test_before_acquire(false);
    let readers = many.connect_with(options.create_if_missing(false).read_only(true)).await?;
    let home = Home::here();
    let lone = Shelf::beside(connections, &home);
    Ok(Db::Sqlite { writer, readers, lone, home, bell: Bell::new() })
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
