//! One value against the type of its place: lists, scalars, enums, input objects,
//! and the variables that stand for them.

use async_graphql::parser::types::{BaseType, OperationDefinition, Type};
use async_graphql::{Pos, Positioned};
use async_graphql_value::{ConstValue, Name, Variables};

use super::faults::{Faults, Step, echo};
use super::index::{Index, Input, Slot, named};
use super::scalars::{Fit, Leaf, Scalar};
use super::variables::Declared;
use super::views::{At, Source, View, Viewed, kind};

/// How deep the walk follows a value. The parser does not limit the nesting of
/// literals, and the 128 levels that `serde_json` reads are a limit of the
/// transport, so the walk relies on neither.
const MAX_NESTING: usize = 128;

/// What is known while the values of one operation are checked. Values and
/// variables lead to each other, which is why both are checked here.
pub(super) struct Values<'a> {
    index: &'a Index,
    declared: Declared<'a>,
    pub(super) faults: Faults<'a>,
}

impl<'a> Values<'a> {
    pub(super) fn new(
        index: &'a Index,
        operation: &'a OperationDefinition,
        given: &'a Variables,
    ) -> Self {
        Self { index, declared: Declared::new(operation, given), faults: Faults::default() }
    }

    pub(super) fn slot<V: Viewed>(&mut self, slot: &'a Slot, value: &'a V, at: At) {
        self.faults.path.push(Step::Name(&slot.name));
        self.value(&slot.ty, slot.has_default, value, at);
        self.faults.path.pop();
    }

    pub(super) fn missing(&mut self, slot: &'a Slot, pos: Pos) {
        self.faults.path.push(Step::Name(&slot.name));
        self.faults.tell(pos, self.index.hint(&slot.ty), |subject| {
            format!("{subject} is required but missing")
        });
        self.faults.path.pop();
    }

    /// Checks one value. The recursion through lists and objects lengthens the
    /// path each time, so the path's length bounds it.
    fn value<V: Viewed>(&mut self, ty: &'a Type, has_default: bool, value: &'a V, at: At) {
        let view = value.view();
        match view {
            View::Variable(name) => return self.variable(name, ty, has_default, at.pos),
            View::Null if ty.nullable => return,
            View::Null => {
                return self.faults.tell(at.pos, self.index.hint(ty), |subject| {
                    format!("{subject} must not be null")
                });
            }
            _ if self.faults.path.len() > MAX_NESTING => {
                return self
                    .faults
                    .tell(at.pos, None, |subject| format!("{subject} is nested too deeply"));
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
        match self.index.inputs.get(name) {
            Some(Input::Scalar(scalar)) => self.scalar(scalar, &view, at),
            Some(Input::Enum(values)) => self.enumeration(values, &view, at),
            Some(Input::Object { one_of, members }) => self.object(*one_of, members, &view, at),
            Some(Input::AnyScalar) | None => {}
        }
    }

    fn items<V: Viewed>(&mut self, ty: &'a Type, items: &'a [V], at: At) {
        for (index, item) in items.iter().enumerate() {
            if self.faults.is_full() {
                return;
            }
            self.faults.path.push(Step::Index(index));
            self.value(ty, false, item, at);
            self.faults.path.pop();
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
        self.faults.tell(at.pos, Some(hint), |subject| {
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
        self.faults.tell(at.pos, Some(hint), |subject| {
            format!("{subject} must be one of {}, but is {found}", listed(values))
        });
    }

    fn object<V: Viewed>(&mut self, one_of: bool, slots: &'a [Slot], view: &View<'a, V>, at: At) {
        let View::Object(members) = *view else {
            let found = kind(view, at.source);
            return self.faults.tell(
                at.pos,
                Some("send an object of the named fields"),
                |subject| format!("{subject} must be an object, but is {found}"),
            );
        };
        if one_of && members.len() != 1 {
            self.faults.tell(
                at.pos,
                Some("send exactly one member, and leave the others out"),
                |subject| {
                    let names = listed(slots.iter().map(|slot| &slot.name));
                    format!("{subject} must have exactly one of {names}, but has {}", members.len())
                },
            );
        }
        for (name, value) in members {
            if self.faults.is_full() {
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
            return self.faults.tell(at.pos, hint, |subject| {
                format!("{subject} has an unknown field; it takes {}", known())
            });
        };
        self.faults.path.push(Step::Name(name));
        self.faults.tell(at.pos, hint, |subject| {
            format!("{subject} is an unknown field; its object takes {}", known())
        });
        self.faults.path.pop();
    }

    /// A member of a `@oneOf` object may not be null, and the specification wants
    /// that proved: a variable that could be null is refused though it has a value.
    fn one_of_member<V: Viewed>(&mut self, slot: &'a Slot, value: &'a V, at: At) {
        let (rule, hint) = match value.view() {
            View::Null => {
                ("must not be null, as the only member", "leave the member out, or give it a value")
            }
            View::Variable(name) if self.declared.may_be_null(name) => (
                "needs a variable that cannot be null, as the only member",
                "declare the variable with an exclamation mark, such as $id: ID!",
            ),
            _ => return,
        };
        self.faults.path.push(Step::Name(&slot.name));
        self.faults.tell(at.pos, Some(hint), |subject| format!("{subject} {rule}"));
        self.faults.path.pop();
    }

    /// Checks a variable at its use: its type against the type of the place, and at the
    /// first use its value against its own type. So a large value that is used a thousand
    /// times is read once.
    fn variable(&mut self, name: &'a str, ty: &'a Type, has_default: bool, pos: Pos) {
        let Some(index) = self.declared.index(name) else {
            return;
        };
        let variable = &self.declared.variables[index];
        if !variable.fits(ty, has_default) {
            let (hint, own) = ("declare the variable with the type of its place", variable.ty());
            return self.faults.tell(pos, Some(hint), |subject| {
                let (taken, declared) = (ty.to_string(), own.to_string());
                let declared = if declared.len() <= 40 { &declared } else { "another" };
                format!("{subject} must be a variable of type {taken}, but is one of {declared}")
            });
        }
        if !variable.met {
            self.as_declared(index);
        }
        let variable = &self.declared.variables[index];
        if !variable.faulty && matches!(variable.value, Some((ConstValue::Null, _))) && !ty.nullable
        {
            self.faults
                .tell(pos, self.index.hint(ty), |subject| format!("{subject} must not be null"));
        }
    }

    /// Checks a variable's value against the variable's own type. The faults are
    /// told once, at the path of the first use.
    fn as_declared(&mut self, index: usize) {
        let variable = &mut self.declared.variables[index];
        variable.met = true;
        let (Positioned { pos, node }, value) = (variable.definition, variable.value);
        let ty = variable.ty();
        if !self.index.inputs.contains_key(named(ty)) {
            return;
        }
        let before = self.faults.told.len();
        let hint = self.index.hint(ty);
        let called = || match echo(&node.name.node) {
            Some(name) => format!("the variable ${name}"),
            None => "a variable".to_owned(),
        };
        match value {
            None if ty.nullable => {}
            None => {
                self.faults.tell(*pos, hint, |_| format!("{} is required but missing", called()));
            }
            Some((ConstValue::Null, _)) if !ty.nullable => {
                self.faults.tell(*pos, hint, |_| format!("{} must not be null", called()));
            }
            Some((value, source)) => self.value(ty, false, value, At { pos: *pos, source }),
        }
        self.declared.variables[index].faulty = self.faults.told.len() > before;
    }

    /// Variables that no argument uses, such as those of a directive, are still
    /// held to their types; their path is their name.
    pub(super) fn unmet_variables(&mut self) {
        for index in 0..self.declared.variables.len() {
            let variable = &self.declared.variables[index];
            if !variable.met {
                self.faults.path =
                    Vec::from_iter(echo(&variable.definition.node.name.node).map(Step::Name));
                self.as_declared(index);
            }
        }
    }
}

/// The schema's names in a sentence, cut short where they are many.
fn listed<'n>(names: impl IntoIterator<Item = &'n Name>) -> String {
    let mut names = names.into_iter();
    let mut some: Vec<&str> = names.by_ref().take(12).map(Name::as_str).collect();
    some.extend(names.next().map(|_| "and others"));
    some.join(", ")
}
