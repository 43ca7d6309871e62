//! Bringing the schema up to date, beside servers that work on it.
//!
//! A migration may have to wait for a lock that excludes everybody, and whoever comes after
//! it waits behind it, even for a read. So it waits a moment only, lets the others pass, and
//! tries again. Each migration is one transaction: one that was killed half-way has done
//! nothing, and is begun anew. A schema may have migrations that this program does not know,
//! those of a newer one: they only add, so this one goes on beside them.

#![expect(clippy::disallowed_methods, reason = "this is the floor that talks to the drivers")]

use std::{sync::LazyLock, time::Duration};

use sqlx::{
    Connection as _, PgConnection, PgPool, SqlitePool,
    migrate::{Migrate as _, MigrateError, Migrator},
};
use tokio::time::{Instant, sleep};

use super::{error::DbError, pool::Db};

static SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| beside_newer(sqlx::migrate!("migrations/sqlite")));
static POSTGRES: LazyLock<Migrator> =
    LazyLock::new(|| beside_newer(sqlx::migrate!("migrations/postgres")));

/// How long a migration waits for a lock, and all others behind it.
const LOCK: (&str, &str) = ("lock_timeout", "1s");
/// How long it lets the others pass then.
const PAUSE: Duration = Duration::from_millis(700);
/// How long all of it may take until it does not get its turn any more.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often two that migrate a SQLite file at once may meet.
const MEETINGS_MAX: u32 = 20;

/// The same migrations on a schema that may have further ones.
pub fn beside_newer(mut migrator: Migrator) -> Migrator {
    migrator.set_ignore_missing(true);
    migrator
}

impl Db {
    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), DbError> {
        match self {
            Self::Sqlite { .. } => self.migrate_by(&SQLITE).await,
            Self::Postgres { .. } => self.migrate_by(&POSTGRES).await,
        }
    }

    /// Does what these migrations say that the schema does not have yet.
    pub async fn migrate_by(&self, migrator: &Migrator) -> Result<(), DbError> {
        match self {
            Self::Sqlite { writer, .. } => on_sqlite(writer, migrator).await,
            Self::Postgres { cluster, .. } => on_postgres(cluster.direct(), migrator).await,
        }
    }

    /// The versions of the migrations that the schema does not have yet. Those that it has
    /// and this program does not know are a newer one's.
    pub async fn pending_migrations(&self) -> Result<Vec<i64>, DbError> {
        const VERSIONS: &str = "SELECT version FROM _sqlx_migrations WHERE success";
        let (applied, all) = match self {
            Self::Sqlite { readers, .. } => {
                let found = sqlx::query(
                    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
                );
                let applied: Vec<i64> = match found.fetch_optional(readers).await? {
                    Some(_) => sqlx::query_scalar(VERSIONS).fetch_all(readers).await?,
                    None => Vec::new(),
                };
                (applied, &*SQLITE)
            }
            Self::Postgres { cluster, .. } => {
                let pool = cluster.direct();
                let found =
                    sqlx::query("SELECT 1 WHERE to_regclass('_sqlx_migrations') IS NOT NULL");
                let applied: Vec<i64> = match found.fetch_optional(pool).await? {
                    Some(_) => sqlx::query_scalar(VERSIONS).fetch_all(pool).await?,
                    None => Vec::new(),
                };
                (applied, &*POSTGRES)
            }
        };
        let versions = all.iter().map(|migration| migration.version);
        Ok(versions.filter(|version| !applied.contains(version)).collect())
    }
}

/// Migrates PostgreSQL over a connection of its own. Of two at once one waits for the other:
/// the driver takes a lock of the whole database first, which ends with its connection.
async fn on_postgres(pool: &PgPool, migrator: &Migrator) -> Result<(), DbError> {
    let options = (*pool.connect_options()).clone().options([LOCK]);
    let until = Instant::now() + PATIENCE;
    loop {
        let mut connection = PgConnection::connect_with(&options).await?;
        let outcome = migrator.run_direct(None, &mut connection, false).await;
        let closed = connection.close().await;
        match outcome {
            Ok(()) => return Ok(closed?),
            Err(error) if waited_in_vain(&error) && Instant::now() < until => {
                tracing::info!("a migration lets others pass, and tries again");
                sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// `lock_not_available`, or a deadlock with those who work beside it.
fn waited_in_vain(error: &MigrateError) -> bool {
    let (MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) = error else {
        return false;
    };
    let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}

/// Migrates a SQLite file, which knows no such lock: of two at once the second finds done
/// what it was about to do, looks again, and goes on with what is left.
async fn on_sqlite(writer: &SqlitePool, migrator: &Migrator) -> Result<(), DbError> {
    let mut meetings = 0;
    loop {
        let before = applied(writer, migrator).await?;
        let outcome = migrator.run(writer).await;
        let Err(error) = outcome else { return Ok(()) };
        meetings += 1;
        if applied(writer, migrator).await? == before || meetings == MEETINGS_MAX {
            return Err(error.into());
        }
    }
}

/// How many migrations a SQLite file has.
async fn applied(writer: &SqlitePool, migrator: &Migrator) -> Result<usize, DbError> {
    let mut connection = writer.acquire().await?;
    connection.ensure_migrations_table(&migrator.table_name).await?;
    Ok(connection.list_applied_migrations(&migrator.table_name).await?.len())
}
