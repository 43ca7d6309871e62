//! A value as the walk sees it, whether it stands in the document or came as JSON.

use async_graphql::Pos;
use async_graphql_value::indexmap::IndexMap;
use async_graphql_value::{ConstValue, Name, Value};

use super::scalars::Leaf;

/// What a value is, to one level.
pub(super) enum View<'a, V> {
    Null,
    Leaf(Leaf<'a>),
    Enum(&'a str),
    List(&'a [V]),
    Object(&'a IndexMap<Name, V>),
    Variable(&'a str),
    /// Bytes, which only a program can put here: nothing but an unknown scalar takes them.
    Binary,
}

/// The library has one type for values in a document and one for values without
/// variables; the walk reads both without copying either.
pub(super) trait Viewed: Sized {
    fn view(&self) -> View<'_, Self>;
}

impl Viewed for Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Number(number) => View::Leaf(Leaf::Number(number)),
            Self::String(text) => View::Leaf(Leaf::Text(text)),
            Self::Boolean(_) => View::Leaf(Leaf::Boolean),
            Self::Binary(_) => View::Binary,
            Self::Enum(name) => View::Enum(name),
            Self::List(items) => View::List(items),
            Self::Object(members) => View::Object(members),
            Self::Variable(name) => View::Variable(name),
        }
    }
}

impl Viewed for ConstValue {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Number(number) => View::Leaf(Leaf::Number(number)),
            Self::String(text) => View::Leaf(Leaf::Text(text)),
            Self::Boolean(_) => View::Leaf(Leaf::Boolean),
            Self::Binary(_) => View::Binary,
            Self::Enum(name) => View::Enum(name),
            Self::List(items) => View::List(items),
            Self::Object(members) => View::Object(members),
        }
    }
}

/// Where a value was written: in the document, where an enum's value stands
/// without quotes, or in the variables, where it is a string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Document,
    Json,
}

/// Where a fault is told, and how its value was written.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) pos: Pos,
    pub(super) source: Source,
}

/// What a value is, which may be told where the value itself may not.
pub(super) fn kind<V>(view: &View<'_, V>, source: Source) -> &'static str {
    match view {
        View::Leaf(Leaf::Number(number)) if !number.is_f64() => "an integer",
        View::Leaf(Leaf::Number(_)) if source == Source::Json => "a JSON float",
        View::Leaf(Leaf::Number(_)) => "a float",
        View::Leaf(Leaf::Text(_)) => "a string",
        View::Leaf(Leaf::Boolean) => "a boolean",
        View::Enum(_) => "a name without quotes",
        View::List(_) => "a list",
        View::Object(_) => "an object",
        View::Null => "null",
        View::Variable(_) => "a variable",
        View::Binary => "bytes",
    }
}
