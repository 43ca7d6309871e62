//! One statement and its values, on whichever database the session is.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the floor that talks to the drivers, and `bind_list` is the one place that \
              writes into a statement"
)]

use std::{fmt::Write as _, time::Duration};

use sqlx::{
    Arguments as _, AssertSqlSafe, PgConnection, SqlSafeStr as _, SqlStr, SqliteConnection,
    error::BoxDynError, postgres::PgArguments, sqlite::SqliteArguments,
};
use uuid::Uuid;

use super::{
    begin::WRITE_POOLED,
    error::DbError,
    fault,
    lone::Mark,
    patience,
    rows::Rows,
    values::{Bind, Column, Record},
};

/// Statements kept prepared on each connection; the bank has fewer.
pub(super) const STATEMENTS_CACHED: usize = 512;

/// A statement under construction: bind its values in order, then run it.
#[must_use = "a query does nothing until it is run"]
pub struct Query<'c> {
    target: Target<'c>,
    sql: SqlStr,
    refused: Option<BoxDynError>,
    mark: Option<&'c mut Mark>,
    /// Where it is noted that the connection is lost.
    lost: Option<&'c mut bool>,
    patience: Duration,
    /// PostgreSQL keeps it prepared, under a name.
    named: bool,
    /// It brings its own transaction.
    wrapped: bool,
}

enum Target<'c> {
    Sqlite(&'c mut SqliteConnection, SqliteArguments),
    Postgres(&'c mut PgConnection, PgArguments),
}

/// The highest `$n` that a statement names.
fn placeholders(sql: &str) -> usize {
    let after_dollar = sql.split('$').skip(1);
    let numbers = after_dollar.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().unwrap_or(0)
    });
    numbers.max().unwrap_or(0)
}

/// `["0190…","0191…"]`: identifiers in hexadecimal digits.
fn json_of(ids: &[Uuid]) -> String {
    let mut json = String::with_capacity(ids.len() * 35 + 2);
    let mut digits = Uuid::encode_buffer();
    for id in ids {
        json.push_str(if json.is_empty() { "[\"" } else { "\",\"" });
        json.push_str(id.simple().encode_lower(&mut digits));
    }
    json.push_str(if json.is_empty() { "[]" } else { "\"]" });
    json
}

/// `($4, $5)`: so many placeholders from the first one on.
fn placeholder_list(first: usize, slots: usize) -> String {
    if slots == 0 {
        return "(NULL)".to_owned();
    }
    let mut list = String::with_capacity(slots * 6 + 2);
    for n in first..first + slots {
        list.push_str(if n == first { "($" } else { ", $" });
        write!(list, "{n}").expect("a text takes whatever is written");
    }
    list.push(')');
    list
}

/// Runs one expression against whichever driver is below.
macro_rules! on_either {
    ($self:ident, |$conn:ident, $args:ident| $body:expr) => {{
        // SQLite would take a forgotten value for NULL and quietly find nothing.
        let (wanted, given) = (placeholders($self.sql.as_str()), $self.bound());
        if wanted != given {
            return Err(DbError::Arity { wanted, given });
        }
        if let Some(error) = $self.refused {
            return Err(DbError::Bind(error));
        }
        fault::step().await?;
        // A file does not fall silent, and its statements cannot be left alone half-way.
        let told = match $self.target {
            Target::Sqlite($conn, $args) => $body.map_err(DbError::from),
            Target::Postgres($conn, $args) => {
                let wrapped = $self.wrapped;
                patience::answered($self.patience, async {
                    if wrapped {
                        sqlx::raw_sql(WRITE_POOLED).execute(&mut *$conn).await?;
                    }
                    let told = $body;
                    if wrapped {
                        let end = if told.is_ok() { "COMMIT" } else { "ROLLBACK" };
                        sqlx::raw_sql(end).execute(&mut *$conn).await?;
                    }
                    told
                })
                .await
            }
        };
        if let (Some(lost), Err(error)) = ($self.lost, &told) {
            *lost |= error.is_lost();
        }
        if let Some(mark) = $self.mark {
            *mark = match &told {
                Ok(_) => Mark::EndedWell,
                Err(DbError::Silent) => Mark::Open,
                Err(_) => Mark::Refused,
            };
        }
        told
    }};
}

impl<'c> Query<'c> {
    pub(super) fn sqlite(conn: &'c mut SqliteConnection, sql: &'static str) -> Self {
        Self::on(Target::Sqlite(conn, SqliteArguments::default()), sql)
    }

    pub(super) fn postgres(conn: &'c mut PgConnection, sql: &'static str) -> Self {
        Self::on(Target::Postgres(conn, PgArguments::default()), sql)
    }

    fn on(target: Target<'c>, sql: &'static str) -> Self {
        let (sql, patience) = (sql.into_sql_str(), patience::STATEMENT);
        Self {
            target,
            sql,
            refused: None,
            mark: None,
            lost: None,
            patience,
            named: true,
            wrapped: false,
        }
    }

    /// Where it is noted that the connection is lost.
    pub(super) fn telling(self, lost: &'c mut bool) -> Self {
        Self { lost: Some(lost), ..self }
    }

    /// Whether PostgreSQL keeps it under a name.
    pub(super) fn named(self, named: bool) -> Self {
        Self { named, ..self }
    }

    /// It brings its own transaction.
    pub(super) fn wrapped(self) -> Self {
        Self { wrapped: true, ..self }
    }

    /// Where it is noted how the statement ended.
    pub(super) fn noting(self, mark: &'c mut Mark) -> Self {
        Self { mark: Some(mark), ..self }
    }

    /// How long PostgreSQL may be silent.
    pub(super) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Gives the next placeholder its value.
    pub fn bind<'t>(mut self, value: impl Bind<'t>) -> Self {
        let outcome = match &mut self.target {
            Target::Sqlite(_, args) => args.add(value),
            Target::Postgres(_, args) => args.add(value),
        };
        self.refused = self.refused.or(outcome.err());
        self
    }

    /// Gives the list placeholder `($n..)`, which must be the last one, all its values.
    ///
    /// The list is padded to a power of two with its last value, so that a
    /// loader makes a handful of prepared statements and not one per length.
    /// An empty list becomes `(NULL)` and matches nothing.
    pub fn bind_list<'t, T: Bind<'t> + Clone>(mut self, values: &[T]) -> Self {
        let first = self.bound() + 1;
        let slots = if values.is_empty() { 0 } else { values.len().next_power_of_two() };
        let list = placeholder_list(first, slots);
        let token = format!("(${first}..)");
        debug_assert!(self.sql.as_str().contains(&token), "no {token} in the statement");
        let expanded = self.sql.as_str().replace(&token, &list);
        // Safe: only placeholder names were written into a static statement.
        self.sql = AssertSqlSafe(expanded).into_sql_str();
        for slot in 0..slots {
            let value = values[slot.min(values.len() - 1)].clone();
            self = self.bind(value);
        }
        self
    }

    /// Gives the list placeholder of `IN ($n..)`, which must be the last one, many
    /// identifiers as one value: a statement for each length of the list would cost more to
    /// find, to bind and to run. An empty list matches nothing.
    pub fn bind_ids(mut self, ids: &[Uuid]) -> Self {
        let place = self.bound() + 1;
        let token = format!("IN (${place}..)");
        debug_assert!(self.sql.as_str().contains(&token), "no {token} in the statement");
        let (list, outcome) = match &mut self.target {
            Target::Sqlite(_, args) => {
                let list = format!("IN (SELECT unhex(value) FROM json_each(${place}))");
                (list, args.add(json_of(ids)))
            }
            Target::Postgres(_, args) => (format!("= ANY(${place}::uuid[])"), args.add(ids)),
        };
        // Safe: only the placeholder's name was written into a static statement.
        let expanded = self.sql.as_str().replace(&token, &list);
        self.sql = AssertSqlSafe(expanded).into_sql_str();
        self.refused = self.refused.or(outcome.err());
        self
    }

    /// Gives a statement many rows at once.
    ///
    /// PostgreSQL gets an array for each column, for `UNNEST($1, $2, …)`; SQLite
    /// gets one JSON text with an array for each row, for `json_each($1)`. So the
    /// two databases need two statements, which stand side by side in `store`.
    pub fn bind_rows(mut self, rows: &Rows) -> Self {
        let outcome = match &mut self.target {
            Target::Sqlite(_, args) => args.add(rows.json()),
            Target::Postgres(_, args) => {
                rows.columns().iter().try_for_each(|column| column.add_to(args))
            }
        };
        self.refused = self.refused.or(outcome.err());
        self
    }

    fn bound(&self) -> usize {
        match &self.target {
            Target::Sqlite(_, args) => args.len(),
            Target::Postgres(_, args) => args.len(),
        }
    }

    /// Runs the statement and tells how many rows it touched.
    pub async fn execute(self) -> Result<u64, DbError> {
        on_either!(self, |conn, args| {
            let done =
                sqlx::query_with(self.sql, args).persistent(self.named).execute(&mut *conn).await;
            done.map(|done| done.rows_affected())
        })
    }

    /// Expects at most one row.
    pub async fn maybe<R: Record>(self) -> Result<Option<R>, DbError> {
        on_either!(self, |conn, args| {
            sqlx::query_as_with(self.sql, args)
                .persistent(self.named)
                .fetch_optional(&mut *conn)
                .await
        })
    }

    /// Expects exactly one row.
    pub async fn one<R: Record>(self) -> Result<R, DbError> {
        on_either!(self, |conn, args| {
            sqlx::query_as_with(self.sql, args).persistent(self.named).fetch_one(&mut *conn).await
        })
    }

    /// Collects every row.
    pub async fn all<R: Record>(self) -> Result<Vec<R>, DbError> {
        on_either!(self, |conn, args| {
            sqlx::query_as_with(self.sql, args).persistent(self.named).fetch_all(&mut *conn).await
        })
    }

    /// Reads the first column of at most one row.
    pub async fn scalar<T: Column>(self) -> Result<Option<T>, DbError> {
        on_either!(self, |conn, args| {
            sqlx::query_scalar_with(self.sql, args)
                .persistent(self.named)
                .fetch_optional(&mut *conn)
                .await
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{json_of, placeholder_list, placeholders};

    #[test]
    fn identifiers_become_an_array_of_json() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(0xab));
        assert_eq!(json_of(&[]), "[]");
        assert_eq!(json_of(&[one]), "[\"00000000000000000000000000000001\"]");
        let both = "[\"00000000000000000000000000000001\",\"000000000000000000000000000000ab\"]";
        assert_eq!(json_of(&[one, two]), both);
    }

    #[test]
    fn a_list_has_a_placeholder_for_each_value() {
        assert_eq!(placeholder_list(1, 0), "(NULL)");
        assert_eq!(placeholder_list(1, 1), "($1)");
        assert_eq!(placeholder_list(9, 4), "($9, $10, $11, $12)");
    }

    #[test]
    fn the_highest_placeholder_counts() {
        assert_eq!(placeholders("SELECT 1"), 0);
        assert_eq!(placeholders("SELECT $2, $1, $10"), 10);
        assert_eq!(placeholders("a = $1 AND b IN ($2, $3, $4)"), 4);
    }
}
