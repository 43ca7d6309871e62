//! What may cross the border to either database.
//!
//! Both traits are implemented for every fitting type, so a type that only one
//! driver understands is refused by the compiler, at the line that uses it:
//!
//! ```compile_fail
//! async fn f(s: &mut teller::db::session::Session) {
//!     // PostgreSQL has arrays, SQLite has none.
//!     s.query("SELECT $1").bind(vec![1_i64]).execute().await.expect("compiles");
//! }
//! ```

use sqlx::{Decode, Encode, FromRow, Postgres, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

/// A value that both databases can store.
///
/// The lifetime is the value's own: sqlx copies on encoding, but asking for
/// every lifetime at once would refuse `Option<&str>`.
pub trait Bind<'t>:
    Type<Sqlite> + Type<Postgres> + Encode<'t, Sqlite> + Encode<'t, Postgres>
{
}
impl<'t, T> Bind<'t> for T where
    T: Type<Sqlite> + Type<Postgres> + Encode<'t, Sqlite> + Encode<'t, Postgres>
{
}

/// A single column value that both databases can read.
pub trait Column:
    Type<Sqlite>
    + Type<Postgres>
    + for<'r> Decode<'r, Sqlite>
    + for<'r> Decode<'r, Postgres>
    + Send
    + Unpin
{
}
impl<T> Column for T where
    T: Type<Sqlite>
        + Type<Postgres>
        + for<'r> Decode<'r, Sqlite>
        + for<'r> Decode<'r, Postgres>
        + Send
        + Unpin
{
}

/// A row shape that both databases can read; `#[derive(sqlx::FromRow)]` is enough.
pub trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}
impl<T> Record for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}
