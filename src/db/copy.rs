//! Copies of a SQLite database: made while it is in use, looked at without being touched,
//! and put in its place.

#![expect(clippy::disallowed_methods, reason = "this is the floor that talks to the drivers")]

use std::{path::Path, time::Duration};

use sqlx::{
    Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};

use super::{bell::Bell, error::DbError, home::Home, lone::Shelf, pool::Db};

/// How thoroughly a SQLite file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The pages of these tables alone.
    Tables(&'static [&'static str]),
    /// Every page, and each table by itself.
    Pages,
    /// Also every index against its table, and every reference against what it names.
    Whole,
}

/// How long a statement waits for somebody else before a database counts as in use.
const NO_WAIT: Duration = Duration::ZERO;

/// Opens a copy that nobody writes, and leaves nothing beside it.
pub async fn open_still(file: &Path) -> Result<Db, DbError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .read_only(true)
        .immutable(true)
        .foreign_keys(true);
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
    let home = Home::here();
    let lone = Shelf::beside(2, &home);
    Ok(Db::Sqlite { writer: pool.clone(), readers: pool, lone, home, bell: Bell::new() })
}

/// Takes a database out of use: its log is folded into the file and removed. False where
/// somebody else has it open.
pub async fn retire(file: &Path) -> Result<bool, DbError> {
    let options =
        SqliteConnectOptions::new().filename(file).create_if_missing(false).busy_timeout(NO_WAIT);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    // Only one who is alone may leave the log behind.
    let told = sqlx::query("PRAGMA journal_mode = DELETE").fetch_one(&mut connection).await;
    let alone = match told {
        Ok(row) => row.try_get::<String, _>(0)? == "delete",
        Err(error) => {
            let error = DbError::from(error);
            if error.is_transient() { false } else { return Err(error) }
        }
    };
    connection.close().await?;
    Ok(alone)
}

impl Db {
    /// Writes a copy of the whole database, as it is at one moment, into an empty file;
    /// whoever writes meanwhile does not wait. False on PostgreSQL, which has its own ways.
    pub async fn copy_into(&self, file: &Path) -> Result<bool, DbError> {
        let Self::Sqlite { readers, .. } = self else {
            return Ok(false);
        };
        let name = file.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO ?1").bind(name).execute(readers).await?;
        Ok(true)
    }

    /// What SQLite finds wrong with its file; nothing on PostgreSQL, which watches over its
    /// pages by itself.
    pub async fn damage(&self, depth: Depth) -> Result<Option<String>, DbError> {
        let Self::Sqlite { readers, .. } = self else {
            return Ok(None);
        };
        match look(readers, depth).await {
            Ok(found) => Ok(found),
            Err(error) => {
                let error = DbError::from(error);
                if error.is_of_the_file() { Ok(Some(error.to_string())) } else { Err(error) }
            }
        }
    }
}

/// What a check tells, unless all is well.
fn fault_of(row: SqliteRow) -> Result<Option<String>, sqlx::Error> {
    let told: String = row.try_get(0)?;
    Ok((told != "ok").then_some(told))
}

async fn look(pool: &sqlx::SqlitePool, depth: Depth) -> Result<Option<String>, sqlx::Error> {
    match depth {
        Depth::Tables(tables) => {
            for table in tables {
                let told = sqlx::query("SELECT quick_check FROM pragma_quick_check(?1)");
                if let Some(fault) = fault_of(told.bind(*table).fetch_one(pool).await?)? {
                    return Ok(Some(fault));
                }
            }
            return Ok(None);
        }
        Depth::Pages => {
            return fault_of(sqlx::query("PRAGMA quick_check(1)").fetch_one(pool).await?);
        }
        Depth::Whole => {}
    }
    let told = sqlx::query("PRAGMA integrity_check(1)").fetch_one(pool).await?;
    if let Some(fault) = fault_of(told)? {
        return Ok(Some(fault));
    }
    let row = sqlx::query("PRAGMA foreign_key_check").fetch_optional(pool).await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let (table, parent): (String, String) = (row.try_get(0)?, row.try_get(2)?);
    Ok(Some(format!("a row of {table} names one of {parent} that is not there")))
}
