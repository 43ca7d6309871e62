//! Databases that are made for a while, to measure on them: copied, filled, dropped.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the floor that talks to the drivers; a script and the name of a database \
              cannot be bound"
)]

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{error::DbError, pool::Db};

/// Runs a script of statements outside any transaction of ours.
///
/// Nothing that a client sends may come into it: it is made of our own texts.
pub async fn run(url: &str, script: &str) -> Result<(), DbError> {
    let script = AssertSqlSafe(script.to_owned());
    if url.starts_with("sqlite:") {
        let db = Db::open_existing(url, 1, false).await?;
        if let Db::Sqlite { writer, .. } = &db {
            sqlx::raw_sql(script).execute(writer).await?;
        }
        db.close().await;
    } else {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(script).execute(&mut connection).await?;
        connection.close().await?;
    }
    Ok(())
}
