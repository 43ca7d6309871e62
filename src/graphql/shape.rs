//! The shape of a request's inputs, checked before anything runs.
//!
//! async-graphql refuses an input of the wrong shape without an error code, and
//! tells some faults only at execution. This file walks the arguments and the
//! variables of a parsed document against the schema, and answers each fault with
//! a sentence, the path of the input and a hint. What it does not know (a field,
//! an argument, a type, a fragment) it leaves to GraphQL validation, which runs
//! afterwards. It never repeats a client's value, which may be a password.
//!
//! `scalars` says what each scalar takes, `walk` finds the inputs of a document,
//! and `values` checks one of them.

mod scalars;
mod values;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, DocumentOperations, ExecutableDocument, FieldDefinition, InputValueDefinition, Type,
    TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Pos, Positioned};
use async_graphql_value::{Name, Variables};

use self::scalars::{BUILT_IN, SCALARS, Scalar};
use self::walk::Walk;

/// One fault of a request's inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeFault {
    /// A plain sentence that names the input.
    pub message: String,
    /// From the argument's name down, a list's index as a decimal number.
    pub input_path: Vec<String>,
    /// What to send instead.
    pub hint: Option<&'static str>,
    /// Where in the document the input, or its variable's definition, stands.
    pub position: Pos,
}

/// The inputs that a schema takes, built once from its SDL.
#[derive(Debug)]
pub struct Shapes {
    query: Option<Name>,
    mutation: Option<Name>,
    subscription: Option<Name>,
    outputs: HashMap<Name, Fields>,
    inputs: HashMap<Name, Input>,
}

type Fields = HashMap<Name, FieldShape>;

#[derive(Debug)]
struct FieldShape {
    arguments: Vec<Slot>,
    returns: Name,
}

/// A place for an input: an argument, or a member of an input object.
#[derive(Debug)]
struct Slot {
    name: Name,
    ty: Type,
    required: bool,
    has_default: bool,
}

#[derive(Debug)]
enum Input {
    Scalar(&'static Scalar),
    AnyScalar,
    Enum(Vec<Name>),
    Object { one_of: bool, members: Vec<Slot> },
}

impl Shapes {
    /// Reads the schema that [`Self::faults`] holds requests to.
    ///
    /// # Errors
    ///
    /// A sentence, where the SDL does not parse or extends a type (an exported SDL
    /// does not).
    pub fn from_sdl(sdl: &str) -> Result<Self, String> {
        let document =
            parse_schema(sdl).map_err(|error| format!("the SDL does not parse: {error}"))?;
        let mut shapes = Self {
            query: Some(Name::new("Query")),
            mutation: Some(Name::new("Mutation")),
            subscription: Some(Name::new("Subscription")),
            outputs: HashMap::new(),
            inputs: BUILT_IN.iter().map(|name| (Name::new(name), scalar_named(name))).collect(),
        };
        for definition in document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    shapes.query = schema.node.query.map(|name| name.node);
                    shapes.mutation = schema.node.mutation.map(|name| name.node);
                    shapes.subscription = schema.node.subscription.map(|name| name.node);
                }
                TypeSystemDefinition::Type(ty) if ty.node.extend => {
                    return Err(format!(
                        "the SDL extends {}, which is not merged here",
                        ty.node.name
                    ));
                }
                TypeSystemDefinition::Type(ty) => shapes.add(ty.node),
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(shapes)
    }

    fn add(&mut self, ty: TypeDefinition) {
        let one_of = ty.directives.iter().any(|directive| directive.node.name.node == "oneOf");
        let name = ty.name.node;
        let input = match ty.kind {
            TypeKind::Object(object) => return self.add_output(name, object.fields),
            TypeKind::Interface(interface) => return self.add_output(name, interface.fields),
            TypeKind::Union(_) => return self.add_output(name, Vec::new()),
            TypeKind::Scalar => scalar_named(&name),
            TypeKind::Enum(set) => {
                Input::Enum(set.values.into_iter().map(|value| value.node.value.node).collect())
            }
            TypeKind::InputObject(object) => {
                Input::Object { one_of, members: slots(object.fields) }
            }
        };
        self.inputs.insert(name, input);
    }

    fn add_output(&mut self, name: Name, fields: Vec<Positioned<FieldDefinition>>) {
        let shape = |field: Positioned<FieldDefinition>| {
            let returns = named(&field.node.ty.node).clone();
            (field.node.name.node, FieldShape { arguments: slots(field.node.arguments), returns })
        };
        self.outputs.insert(name, fields.into_iter().map(shape).collect());
    }

    /// The first faults, at most ten, of the inputs of the operation that will
    /// run: the one that `operation_name` names, or the only one. None where that
    /// is not clear, because the executor then refuses the request.
    #[must_use]
    pub fn faults(
        &self,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Vec<ShapeFault> {
        let operation = match (&document.operations, operation_name) {
            (DocumentOperations::Single(operation), None) => Some(operation),
            (DocumentOperations::Multiple(named), Some(name)) => named.get(name),
            (DocumentOperations::Multiple(named), None) if named.len() == 1 => {
                named.values().next()
            }
            _ => None,
        };
        let Some(operation) = operation else {
            return Vec::new();
        };
        let mut walk = Walk::new(self, document, &operation.node, variables);
        walk.selections(&operation.node);
        walk.unmet_variables();
        walk.faults
    }

    /// The hint of a type's scalar, for what is missing altogether.
    fn hint(&self, ty: &Type) -> Option<&'static str> {
        match self.inputs.get(named(ty)) {
            Some(Input::Scalar(scalar)) => Some(scalar.hint),
            _ => None,
        }
    }
}

fn scalar_named(name: &str) -> Input {
    SCALARS.iter().find(|scalar| scalar.name == name).map_or(Input::AnyScalar, Input::Scalar)
}

fn slots(definitions: Vec<Positioned<InputValueDefinition>>) -> Vec<Slot> {
    let slot = |definition: Positioned<InputValueDefinition>| {
        let InputValueDefinition { name, ty, default_value, .. } = definition.node;
        let has_default = default_value.is_some();
        Slot {
            name: name.node,
            required: !ty.node.nullable && !has_default,
            ty: ty.node,
            has_default,
        }
    };
    definitions.into_iter().map(slot).collect()
}

/// The name within a type's list brackets. A loop, because a client writes the
/// types of its variables and may nest them as deep as it likes.
fn named(ty: &Type) -> &Name {
    let mut base = &ty.base;
    loop {
        match base {
            BaseType::List(item) => base = &item.base,
            BaseType::Named(name) => return name,
        }
    }
}
