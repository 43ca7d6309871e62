//! Databases that are made for a while, to measure on them: copied, filled, dropped.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the floor that talks to the drivers; a script and the name of a database \
              cannot be bound"
)]

use std::str::FromStr as _;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use super::error::DbError;

/// Runs a script of statements outside any transaction of ours.
///
/// Nothing that a client sends may come into it: it is made of our own texts.
pub async fn run(url: &str, script: &str) -> Result<(), DbError> {
    let script = AssertSqlSafe(script.to_owned());
    // That such a script takes long is no news.
    if url.starts_with("sqlite:") {
        let options = SqliteConnectOptions::from_str(url)?.foreign_keys(true);
        let options = options.pragma("recursive_triggers", "ON").disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::raw_sql(script).execute(&mut connection).await?;
        connection.close().await?;
    } else {
        let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::raw_sql(script).execute(&mut connection).await?;
        connection.close().await?;
    }
    Ok(())
}
