//! The variables that an operation declares, with what was sent for them.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{BaseType, OperationDefinition, Type, VariableDefinition};
use async_graphql_value::{ConstValue, Variables};

use super::views::Source;

/// A variable of the operation, with what the walk has learned of its value.
pub(super) struct Variable<'a> {
    pub(super) definition: &'a Positioned<VariableDefinition>,
    pub(super) value: Option<(&'a ConstValue, Source)>,
    /// The walk has seen a use, and has checked the value against the declared type.
    pub(super) met: bool,
    /// A fault of it was told, which is told once.
    pub(super) faulty: bool,
}

impl<'a> Variable<'a> {
    pub(super) fn ty(&self) -> &'a Type {
        &self.definition.node.var_type.node
    }

    /// Whether it may stand in a place of this type, whatever its value; the place may have
    /// a default of its own. The library leaves that out.
    pub(super) fn fits(&self, place: &Type, has_default: bool) -> bool {
        let default = self.definition.node.default_value.as_ref();
        let is_covered = has_default || default.is_some_and(|one| one.node != ConstValue::Null);
        let (mut own, mut place) = (self.ty(), place);
        if own.nullable && !place.nullable && !is_covered {
            return false;
        }
        // A loop, because a client may nest the lists of its type as deep as it likes.
        loop {
            match (&own.base, &place.base) {
                (BaseType::Named(own), BaseType::Named(place)) => return own == place,
                (BaseType::List(item), BaseType::List(taken)) => (own, place) = (item, taken),
                _ => return false,
            }
            if own.nullable && !place.nullable {
                return false;
            }
        }
    }
}

/// The variables in the order of their definitions, and where each name stands.
pub(super) struct Declared<'a> {
    pub(super) variables: Vec<Variable<'a>>,
    index_of: HashMap<&'a str, usize>,
}

impl<'a> Declared<'a> {
    pub(super) fn new(operation: &'a OperationDefinition, given: &'a Variables) -> Self {
        let mut variables = Vec::with_capacity(operation.variable_definitions.len());
        let mut index_of = HashMap::with_capacity(variables.capacity());
        for definition in &operation.variable_definitions {
            let name = definition.node.name.node.as_str();
            let default = definition.node.default_value.as_ref();
            let provided = given.get(name).map(|value| (value, Source::Json));
            let value = provided.or(default.map(|value| (&value.node, Source::Document)));
            index_of.insert(name, variables.len());
            variables.push(Variable { definition, value, met: false, faulty: false });
        }
        Self { variables, index_of }
    }

    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.index_of.get(name).copied()
    }

    pub(super) fn may_be_null(&self, name: &str) -> bool {
        self.index(name).is_some_and(|index| self.variables[index].ty().nullable)
    }
}
