//! The way through a document: its fields, its fragments and its variables.

use std::collections::{HashMap, HashSet};
use std::{fmt, slice};

use async_graphql::parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet, Type,
    VariableDefinition,
};
use async_graphql::{Pos, Positioned};
use async_graphql_value::{ConstValue, Variables};

use super::values::{At, Source, echo};
use super::{Fields, ShapeFault, Shapes, named};

/// A client mends its first faults and asks again, so a longer answer is only work.
const MAX_FAULTS: usize = 10;

/// One step of the path from an argument down.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => index.fmt(f),
        }
    }
}

/// A variable of the operation, with what the walk has learned of its value.
struct Variable<'a> {
    definition: &'a Positioned<VariableDefinition>,
    value: Option<(&'a ConstValue, Source)>,
    /// The walk has seen a use, and has checked the value against the declared type.
    met: bool,
    /// A fault of it was told, which is told once.
    faulty: bool,
    /// The types of places that were checked as well, so that a large value that
    /// is used a thousand times is not read a thousand times.
    checked: Vec<&'a Type>,
}

impl<'a> Variable<'a> {
    fn ty(&self) -> &'a Type {
        &self.definition.node.var_type.node
    }
}

/// Selections still to visit, and the fields of the type that they select from.
type Level<'a> = (slice::Iter<'a, Positioned<Selection>>, &'a Fields);

/// What is known while one document is walked.
pub(super) struct Walk<'a> {
    pub(super) shapes: &'a Shapes,
    document: &'a ExecutableDocument,
    variables: Vec<Variable<'a>>,
    index_of: HashMap<&'a str, usize>,
    fragments: HashSet<&'a str>,
    pub(super) path: Vec<Step<'a>>,
    pub(super) faults: Vec<ShapeFault>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        shapes: &'a Shapes,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        given: &'a Variables,
    ) -> Self {
        let mut variables = Vec::with_capacity(operation.variable_definitions.len());
        let mut index_of = HashMap::with_capacity(variables.capacity());
        for definition in &operation.variable_definitions {
            let name = definition.node.name.node.as_str();
            let default = definition.node.default_value.as_ref();
            let provided = given.get(name).map(|value| (value, Source::Json));
            let value = provided.or(default.map(|value| (&value.node, Source::Document)));
            index_of.insert(name, variables.len());
            variables.push(Variable {
                definition,
                value,
                met: false,
                faulty: false,
                checked: Vec::new(),
            });
        }
        let (fragments, path, faults) = (HashSet::new(), Vec::new(), Vec::new());
        Self { shapes, document, variables, index_of, fragments, path, faults }
    }

    /// Visits the fields in the order of the document. The levels stand on a stack
    /// of their own and each fragment is entered once, so neither deep selections
    /// nor fragments that spread each other cost more than their text is long.
    pub(super) fn selections(&mut self, operation: &'a OperationDefinition) {
        let root = match operation.ty {
            OperationType::Query => &self.shapes.query,
            OperationType::Mutation => &self.shapes.mutation,
            OperationType::Subscription => &self.shapes.subscription,
        };
        let root = root.as_ref().and_then(|name| self.level(&operation.selection_set.node, name));
        let mut levels = Vec::from_iter(root);
        while let Some((items, fields)) = levels.last_mut() {
            if self.is_full() {
                return;
            }
            let fields: &'a Fields = fields;
            let Some(item) = items.next() else {
                levels.pop();
                continue;
            };
            levels.extend(match &item.node {
                Selection::Field(field) => self.field(field, fields),
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node),
                Selection::InlineFragment(inline) => match &inline.node.type_condition {
                    Some(condition) => {
                        self.level(&inline.node.selection_set.node, &condition.node.on.node)
                    }
                    None => Some((inline.node.selection_set.node.items.iter(), fields)),
                },
            });
        }
    }

    fn level(&self, selections: &'a SelectionSet, type_name: &str) -> Option<Level<'a>> {
        Some((selections.items.iter(), self.shapes.outputs.get(type_name)?))
    }

    fn fragment(&mut self, name: &'a str) -> Option<Level<'a>> {
        let fragment = &self.document.fragments.get(name)?.node;
        let is_new = self.fragments.insert(name);
        let level = self.level(&fragment.selection_set.node, &fragment.type_condition.node.on.node);
        level.filter(|_| is_new)
    }

    fn field(&mut self, field: &'a Positioned<Field>, fields: &'a Fields) -> Option<Level<'a>> {
        let Positioned { pos, node: field } = field;
        let shape = fields.get(field.name.node.as_str())?;
        for (name, value) in &field.arguments {
            if let Some(slot) = shape.arguments.iter().find(|slot| slot.name == name.node) {
                let at = At { pos: value.pos, source: Source::Document };
                self.slot(slot, &value.node, at);
            }
        }
        for slot in shape.arguments.iter().filter(|slot| slot.required) {
            if field.get_argument(&slot.name).is_none() {
                self.missing(slot, *pos);
            }
        }
        if field.selection_set.node.items.is_empty() {
            return None;
        }
        self.level(&field.selection_set.node, &shape.returns)
    }

    pub(super) fn may_be_null(&self, name: &str) -> bool {
        let index = self.index_of.get(name);
        index.is_some_and(|index| self.variables[*index].ty().nullable)
    }

    /// Checks a variable at its use: at the first one its value against its own
    /// type, then at each the value against the type of the place, unless the two
    /// differ in nothing but an exclamation mark.
    pub(super) fn variable(&mut self, name: &'a str, ty: &'a Type, has_default: bool, pos: Pos) {
        let Some(&index) = self.index_of.get(name) else {
            return;
        };
        if !self.variables[index].met {
            self.declared(index);
        }
        let variable = &mut self.variables[index];
        if variable.faulty {
            return;
        }
        match variable.value {
            None if ty.nullable || has_default => {}
            None => self.fault(pos, self.shapes.hint(ty), |subject| {
                format!("{subject} is required, but its variable was not sent")
            }),
            Some((ConstValue::Null, _)) if ty.nullable => {}
            Some((ConstValue::Null, _)) => self
                .fault(pos, self.shapes.hint(ty), |subject| format!("{subject} must not be null")),
            Some((value, source)) => {
                let is_same = variable.ty().base == ty.base;
                if !is_same && !variable.checked.contains(&ty) {
                    variable.checked.push(ty);
                    self.value(ty, has_default, value, At { pos, source });
                }
            }
        }
    }

    /// Checks a variable's value against the variable's own type. The faults are
    /// told once, at the path of the first use.
    fn declared(&mut self, index: usize) {
        let variable = &mut self.variables[index];
        variable.met = true;
        let (Positioned { pos, node }, value) = (variable.definition, variable.value);
        let ty = variable.ty();
        if !self.shapes.inputs.contains_key(named(ty)) {
            return;
        }
        let before = self.faults.len();
        let hint = self.shapes.hint(ty);
        let called = || match echo(&node.name.node) {
            Some(name) => format!("the variable ${name}"),
            None => "a variable".to_owned(),
        };
        match value {
            None if ty.nullable => {}
            None => self.fault(*pos, hint, |_| format!("{} is required but missing", called())),
            Some((ConstValue::Null, _)) if !ty.nullable => {
                self.fault(*pos, hint, |_| format!("{} must not be null", called()));
            }
            Some((value, source)) => self.value(ty, false, value, At { pos: *pos, source }),
        }
        self.variables[index].faulty = self.faults.len() > before;
    }

    /// Variables that no argument uses, such as those of a directive, are still
    /// held to their types; their path is their name.
    pub(super) fn unmet_variables(&mut self) {
        for index in 0..self.variables.len() {
            let variable = &self.variables[index];
            if !variable.met {
                self.path =
                    Vec::from_iter(echo(&variable.definition.node.name.node).map(Step::Name));
                self.declared(index);
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    /// Tells a fault of the input at the path, unless enough are told; the
    /// sentence is built from how the input is called.
    pub(super) fn fault(
        &mut self,
        position: Pos,
        hint: Option<&'static str>,
        sentence: impl FnOnce(&str) -> String,
    ) {
        if self.is_full() {
            return;
        }
        let is_name = |step: &Step<'_>| matches!(step, Step::Name(_));
        let input_path: Vec<String> = self.path.iter().map(ToString::to_string).collect();
        let start = self.path.iter().rposition(is_name).unwrap_or(0);
        let mut subject = input_path.get(start).cloned().unwrap_or_else(|| "a variable".to_owned());
        for index in input_path.iter().skip(start + 1) {
            subject.extend(["[", index, "]"]);
        }
        self.faults.push(ShapeFault { message: sentence(&subject), input_path, hint, position });
    }
}
