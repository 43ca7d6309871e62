//! Every sealed column, so that a new secret can seal it anew.
//!
//! To add a sealed column: a line in `columns!` below, with the table, the column that
//! names its row, the column itself, and the place that it is sealed for.

use uuid::Uuid;

use crate::db::{error::DbError, session::Session};

/// A column that holds sealed values.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// `table.column`.
    pub name: &'static str,
    /// The place that its values are sealed for, beside the row's identifier.
    pub place: &'static str,
    page: &'static str,
    put: &'static str,
}

/// A sealed value and the row that it stands in.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Sealed {
    /// Names the row.
    pub row_id: Uuid,
    /// The value.
    pub sealed: Vec<u8>,
}

macro_rules! page {
    ($table:literal, $id:literal, $column:literal) => {
        concat!(
            "SELECT ",
            $id,
            " AS row_id, ",
            $column,
            " AS sealed FROM ",
            $table,
            " WHERE ",
            $id,
            " > $1 AND ",
            $column,
            " IS NOT NULL ORDER BY ",
            $id,
            " LIMIT $2"
        )
    };
}

// What was written meanwhile stays.
macro_rules! put {
    ($table:literal, $id:literal, $column:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET ",
            $column,
            " = $3 WHERE ",
            $id,
            " = $1 AND ",
            $column,
            " = $2"
        )
    };
}

macro_rules! columns {
    ($($table:literal, $id:literal, $column:literal, $place:literal;)+) => {
        /// Every column that holds sealed values; one that is copied into another comes first.
        pub const COLUMNS: &[Column] = &[$(Column {
            name: concat!($table, ".", $column),
            place: $place,
            page: page!($table, $id, $column),
            put: put!($table, $id, $column),
        }),+];
        /// The statements of this file, by name.
        pub const STATEMENTS: &[(&str, &str)] = &[$(
            (concat!("PAGE ", $table, ".", $column), page!($table, $id, $column)),
            (concat!("PUT ", $table, ".", $column), put!($table, $id, $column)),
        )+];
    };
}

columns! {
    "registrations", "registration_id", "social_security", "registrations.social_security";
    "users", "user_id", "social_security", "users.social_security";
    "users", "user_id", "national_id", "users.national_id";
    "cards", "account_id", "number", "cards.number";
    "totp_factors", "user_id", "secret", "totp_factors.secret";
    "files", "file_id", "access_key", "files.access_key";
    "outbox", "letter_id", "letter", "letter";
    "inbox", "letter_id", "letter", "letter";
}

/// The values behind a row, in the order of their rows.
pub async fn page(
    session: &mut Session,
    column: &Column,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Sealed>, DbError> {
    session.query(column.page).bind(after).bind(limit).all().await
}

/// Writes a value in place of the one that was read; false where that has changed since.
pub async fn put(
    session: &mut Session,
    column: &Column,
    read: &Sealed,
    renewed: &[u8],
) -> Result<bool, DbError> {
    let query = session.query(column.put).bind(read.row_id).bind(read.sealed.as_slice());
    Ok(query.bind(renewed).execute().await? == 1)
}
