//! The variables that an operation declares, with what was sent for them.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{OperationDefinition, Type, VariableDefinition};
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
    /// The types of places that were checked as well, so that a large value that
    /// is used a thousand times is not read a thousand times.
    pub(super) checked: Vec<&'a Type>,
}

impl<'a> Variable<'a> {
    pub(super) fn ty(&self) -> &'a Type {
        &self.definition.node.var_type.node
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
            variables.push(Variable {
                definition,
                value,
                met: false,
                faulty: false,
                checked: Vec::new(),
            });
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
