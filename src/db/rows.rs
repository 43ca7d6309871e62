//! Many rows for one statement, column by column.

use std::fmt::{Display, Write as _};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sqlx::{Arguments as _, error::BoxDynError, postgres::PgArguments};
use uuid::Uuid;

/// One column of many rows.
#[derive(Debug, Clone)]
pub enum Column {
    /// Identifiers.
    Uuid(Vec<Option<Uuid>>),
    /// Texts.
    Text(Vec<Option<String>>),
    /// Words of our own.
    Code(Vec<&'static str>),
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Yes or no.
    Bool(Vec<bool>),
    /// Bytes.
    Bytes(Vec<Vec<u8>>),
    /// Instants in whole microseconds.
    Instant(Vec<DateTime<Utc>>),
    /// Calendar days.
    Day(Vec<NaiveDate>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Uuid(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
            Self::Code(cells) => cells.len(),
            Self::Int(cells) => cells.len(),
            Self::Bool(cells) => cells.len(),
            Self::Bytes(cells) => cells.len(),
            Self::Instant(cells) => cells.len(),
            Self::Day(cells) => cells.len(),
        }
    }

    pub(super) fn add_to(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Uuid(cells) => arguments.add(cells),
            Self::Text(cells) => arguments.add(cells),
            Self::Code(cells) => arguments.add(cells),
            Self::Int(cells) => arguments.add(cells),
            Self::Bool(cells) => arguments.add(cells),
            Self::Bytes(cells) => arguments.add(cells),
            Self::Instant(cells) => arguments.add(cells),
            Self::Day(cells) => arguments.add(cells),
        }
    }

    fn write_cell(&self, row: usize, json: &mut String, written: &mut Written) {
        match self {
            Self::Uuid(cells) => match cells[row] {
                Some(uuid) => {
                    let mut digits = Uuid::encode_buffer();
                    quote(json, uuid.simple().encode_lower(&mut digits));
                }
                None => json.push_str("null"),
            },
            Self::Text(cells) => match &cells[row] {
                Some(text) => write_text(json, text),
                None => json.push_str("null"),
            },
            Self::Code(cells) => quote(json, cells[row]),
            Self::Int(cells) => match cells[row] {
                Some(number) => write_shown(json, number),
                None => json.push_str("null"),
            },
            Self::Bool(cells) => json.push(if cells[row] { '1' } else { '0' }),
            Self::Bytes(cells) => quote(json, &hex::encode(&cells[row])),
            Self::Instant(cells) => quote(json, written.instant(cells[row])),
            Self::Day(cells) => {
                json.push('"');
                write_shown(json, cells[row]);
                json.push('"');
            }
        }
    }
}

/// A text that needs no escapes.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    json.push_str(text);
    json.push('"');
}

fn write_shown(json: &mut String, shown: impl Display) {
    write!(json, "{shown}").expect("a text takes whatever is written");
}

fn write_text(json: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        write_shown(json, serde_json::Value::from(text));
    } else {
        quote(json, text);
    }
}

/// The instant that was written last: most rows of a batch have the same one.
#[derive(Default)]
struct Written {
    last: Option<(DateTime<Utc>, String)>,
}

impl Written {
    fn instant(&mut self, at: DateTime<Utc>) -> &str {
        let known = self.last.take().filter(|(instant, _)| *instant == at);
        let (_, text) = self.last.insert(known.unwrap_or_else(|| (at, sqlite_instant(at))));
        text
    }
}

/// An instant in the very form in which the SQLite driver stores it, so that the
/// two sort and compare as one.
fn sqlite_instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// Rows to be written or looked up; every column has as many cells.
#[derive(Debug, Clone)]
pub struct Rows {
    columns: Vec<Column>,
    count: usize,
}

impl Rows {
    /// Puts columns side by side.
    ///
    /// Panics where they differ in length: they are cut from the same list.
    pub fn new(columns: Vec<Column>) -> Self {
        let count = columns.first().map_or(0, Column::len);
        assert!(columns.iter().all(|column| column.len() == count), "columns of one length");
        Self { columns, count }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// `[["0190…", 5], ["0191…", 7]]`: identifiers and bytes in hexadecimal digits.
    pub(super) fn json(&self) -> String {
        let mut json = String::with_capacity(2 + self.count * self.columns.len() * 36);
        let mut written = Written::default();
        json.push('[');
        for row in 0..self.count {
            json.push_str(if row == 0 { "[" } else { ",[" });
            for (place, column) in self.columns.iter().enumerate() {
                if place > 0 {
                    json.push(',');
                }
                column.write_cell(row, &mut json, &mut written);
            }
            json.push(']');
        }
        json.push(']');
        json
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Column, Rows};

    #[test]
    fn rows_become_arrays_of_json() {
        let rows = Rows::new(vec![
            Column::Uuid(vec![Some(Uuid::from_u128(1)), None]),
            Column::Text(vec![Some("a\"\\\u{1f355}".to_owned()), None]),
            Column::Code(vec!["DONE", "FROM"]),
            Column::Int(vec![Some(i64::MIN), None]),
            Column::Bool(vec![true, false]),
            Column::Bytes(vec![vec![0, 255], vec![]]),
            Column::Instant(vec!["2026-11-21T10:00:00.000001Z".parse().unwrap(); 2]),
            Column::Day(vec!["2026-11-21".parse().unwrap(); 2]),
        ]);
        let instant = "2026-11-21T10:00:00.000001+00:00";
        assert_eq!(
            rows.json(),
            format!(
                "[[\"00000000000000000000000000000001\",\"a\\\"\\\\🍕\",\"DONE\",-9223372036854775808,1,\
                 \"00ff\",\"{instant}\",\"2026-11-21\"],\
                 [null,null,\"FROM\",null,0,\"\",\"{instant}\",\"2026-11-21\"]]"
            )
        );
    }
}
