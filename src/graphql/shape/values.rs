//! One value against the type of its place: lists, scalars, enums, input objects.

use async_graphql::Pos;
use async_graphql::parser::types::{BaseType, Type};
use async_graphql_value::indexmap::IndexMap;
use async_graphql_value::{ConstValue, Name, Value};

use super::scalars::{Fit, Leaf, Scalar};
use super::walk::{Step, Walk};
use super::{Input, Slot};

/// How deep the walk follows a value. The parser does not limit the nesting of
/// literals, and the 128 levels that `serde_json` reads are a limit of the
/// transport, so the walk relies on neither.
const MAX_NESTING: usize = 128;

/// A value as the walk sees it, whether it stands in the document or came as JSON.
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

impl<'a> Walk<'a> {
    pub(super) fn slot<V: Viewed>(&mut self, slot: &'a Slot, value: &'a V, at: At) {
        self.path.push(Step::Name(&slot.name));
        self.value(&slot.ty, slot.has_default, value, at);
        self.path.pop();
    }

    pub(super) fn missing(&mut self, slot: &'a Slot, pos: Pos) {
        self.path.push(Step::Name(&slot.name));
        self.fault(pos, self.shapes.hint(&slot.ty), |subject| {
            format!("{subject} is required but missing")
        });
        self.path.pop();
    }

    /// Checks one value. The recursion through lists and objects lengthens the
    /// path each time, so the path's length bounds it.
    pub(super) fn value<V: Viewed>(
        &mut self,
        ty: &'a Type,
        has_default: bool,
        value: &'a V,
        at: At,
    ) {
        let view = value.view();
        match view {
            View::Variable(name) => return self.variable(name, ty, has_default, at.pos),
            View::Null if ty.nullable => return,
            View::Null => {
                return self.fault(at.pos, self.shapes.hint(ty), |subject| {
                    format!("{subject} must not be null")
                });
            }
            _ if self.path.len() > MAX_NESTING => {
                return self
                    .fault(at.pos, None, |subject| format!("{subject} is nested too deeply"));
            }
            _ => {}
        }
        // One value stands for a list of one, however many brackets its type has.
        let mut base = &ty.base;
        let name = loop {
            match (base, &view) {
                (BaseType::List(item), View::List(items)) => return self.items(item, items, at),
                (BaseType::List(item), _) => base = &item.base,
                (BaseType::Named(name), _) => break name,
            }
        };
        match self.shapes.inputs.get(name) {
            Some(Input::Scalar(scalar)) => self.scalar(scalar, &view, at),
            Some(Input::Enum(values)) => self.enumeration(values, &view, at),
            Some(Input::Object { one_of, members }) => self.object(*one_of, members, &view, at),
            Some(Input::AnyScalar) | None => {}
        }
    }

    fn items<V: Viewed>(&mut self, ty: &'a Type, items: &'a [V], at: At) {
        for (index, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.path.push(Step::Index(index));
            self.value(ty, false, item, at);
            self.path.pop();
        }
    }

    fn scalar<V>(&mut self, scalar: &'a Scalar, view: &View<'a, V>, at: At) {
        let fit = if let View::Leaf(leaf) = view { (scalar.check)(leaf) } else { Fit::Foreign };
        let found = match (fit, view) {
            (Fit::Fits, _) => return,
            (Fit::Malformed, View::Leaf(Leaf::Number(_))) => "an integer out of range",
            (Fit::Malformed, _) => "a string of another form",
            (Fit::Foreign, _) => kind(view, at.source),
        };
        let Scalar { what, hint, .. } = scalar;
        self.fault(at.pos, Some(hint), |subject| {
            format!("{subject} must be {what}, but is {found}")
        });
    }

    fn enumeration<V>(&mut self, values: &'a [Name], view: &View<'a, V>, at: At) {
        let (found, hint) = match *view {
            View::Leaf(Leaf::Text(_)) if at.source == Source::Document => {
                ("a string", "write the name without quotes; only in the variables is it a string")
            }
            View::Enum(name) | View::Leaf(Leaf::Text(name)) => {
                if values.iter().any(|value| value == name) {
                    return;
                }
                (
                    echo(name).unwrap_or("another name"),
                    "send one of the names as they stand, in capitals",
                )
            }
            _ => (
                kind(view, at.source),
                "send one of the names: bare in a document, a string in the variables",
            ),
        };
        self.fault(at.pos, Some(hint), |subject| {
            format!("{subject} must be one of {}, but is {found}", listed(values))
        });
    }

    fn object<V: Viewed>(&mut self, one_of: bool, slots: &'a [Slot], view: &View<'a, V>, at: At) {
        let View::Object(members) = *view else {
            let found = kind(view, at.source);
            return self.fault(at.pos, Some("send an object of the named fields"), |subject| {
                format!("{subject} must be an object, but is {found}")
            });
        };
        if one_of && members.len() != 1 {
            self.fault(
                at.pos,
                Some("send exactly one member, and leave the others out"),
                |subject| {
                    let names = listed(slots.iter().map(|slot| &slot.name));
                    format!("{subject} must have exactly one of {names}, but has {}", members.len())
                },
            );
        }
        for (name, value) in members {
            if self.is_full() {
                return;
            }
            let Some(slot) = slots.iter().find(|slot| slot.name == *name) else {
                self.unknown_member(name, slots, at);
                continue;
            };
            if one_of {
                self.one_of_member(slot, value, at);
            }
            self.slot(slot, value, at);
        }
        for slot in slots.iter().filter(|slot| slot.required && !members.contains_key(&slot.name)) {
            self.missing(slot, at.pos);
        }
    }

    fn unknown_member(&mut self, name: &'a str, slots: &'a [Slot], at: At) {
        let hint = Some("leave out what the schema does not name");
        let known = || listed(slots.iter().map(|slot| &slot.name));
        let Some(name) = echo(name) else {
            return self.fault(at.pos, hint, |subject| {
                format!("{subject} has an unknown field; it takes {}", known())
            });
        };
        self.path.push(Step::Name(name));
        self.fault(at.pos, hint, |subject| {
            format!("{subject} is an unknown field; its object takes {}", known())
        });
        self.path.pop();
    }

    /// A member of a `@oneOf` object may not be null, and the specification wants
    /// that proved: a variable that could be null is refused though it has a value.
    fn one_of_member<V: Viewed>(&mut self, slot: &'a Slot, value: &'a V, at: At) {
        let (rule, hint) = match value.view() {
            View::Null => {
                ("must not be null, as the only member", "leave the member out, or give it a value")
            }
            View::Variable(name) if self.may_be_null(name) => (
                "needs a variable that cannot be null, as the only member",
                "declare the variable with an exclamation mark, such as $id: ID!",
            ),
            _ => return,
        };
        self.path.push(Step::Name(&slot.name));
        self.fault(at.pos, Some(hint), |subject| format!("{subject} {rule}"));
        self.path.pop();
    }
}

/// What a value is, which may be told where the value itself may not.
fn kind<V>(view: &View<'_, V>, source: Source) -> &'static str {
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

/// A client's name, where it is short and plain enough to be a name and no secret.
pub(super) fn echo(name: &str) -> Option<&str> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_plain && (1..=40).contains(&name.len())).then_some(name)
}

/// The schema's names in a sentence, cut short where they are many.
fn listed<'n>(names: impl IntoIterator<Item = &'n Name>) -> String {
    let mut names = names.into_iter();
    let mut some: Vec<&str> = names.by_ref().take(12).map(Name::as_str).collect();
    some.extend(names.next().map(|_| "and others"));
    some.join(", ")
}
