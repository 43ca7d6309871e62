//! The inputs that a schema takes, as tables read from its SDL.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql_value::Name;

use super::scalars::{BUILT_IN, SCALARS, Scalar};

/// The types of a schema by their names: those that are selected from, and those
/// that are taken.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) query: Option<Name>,
    pub(super) mutation: Option<Name>,
    pub(super) subscription: Option<Name>,
    pub(super) outputs: HashMap<Name, Fields>,
    pub(super) inputs: HashMap<Name, Input>,
    /// What `@skip` and `@include` take.
    pub(super) condition: Slot,
}

pub(super) type Fields = HashMap<Name, FieldShape>;

#[derive(Debug)]
pub(super) struct FieldShape {
    pub(super) arguments: Vec<Slot>,
    pub(super) returns: Name,
}

/// A place for an input: an argument, or a member of an input object.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: Name,
    pub(super) ty: Type,
    pub(super) required: bool,
    pub(super) has_default: bool,
}

#[derive(Debug)]
pub(super) enum Input {
    Scalar(&'static Scalar),
    AnyScalar,
    Enum(Vec<Name>),
    Object { one_of: bool, members: Vec<Slot> },
}

impl Index {
    pub(super) fn from_sdl(sdl: &str) -> Result<Self, String> {
        let document =
            parse_schema(sdl).map_err(|error| format!("the SDL does not parse: {error}"))?;
        let mut index = Self {
            query: Some(Name::new("Query")),
            mutation: Some(Name::new("Mutation")),
            subscription: Some(Name::new("Subscription")),
            outputs: HashMap::new(),
            inputs: BUILT_IN.iter().map(|name| (Name::new(name), scalar_named(name))).collect(),
            condition: condition(),
        };
        for definition in document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    index.query = schema.node.query.map(|name| name.node);
                    index.mutation = schema.node.mutation.map(|name| name.node);
                    index.subscription = schema.node.subscription.map(|name| name.node);
                }
                TypeSystemDefinition::Type(ty) if ty.node.extend => {
                    return Err(format!(
                        "the SDL extends {}, which is not merged here",
                        ty.node.name
                    ));
                }
                TypeSystemDefinition::Type(ty) => index.add(ty.node),
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(index)
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

    /// The hint of a type's scalar, for what is missing altogether.
    pub(super) fn hint(&self, ty: &Type) -> Option<&'static str> {
        match self.inputs.get(named(ty)) {
            Some(Input::Scalar(scalar)) => Some(scalar.hint),
            _ => None,
        }
    }
}

fn scalar_named(name: &str) -> Input {
    SCALARS.iter().find(|scalar| scalar.name == name).map_or(Input::AnyScalar, Input::Scalar)
}

fn condition() -> Slot {
    let base = BaseType::Named(Name::new("Boolean"));
    let ty = Type { base, nullable: false };
    Slot { name: Name::new("if"), ty, required: true, has_default: false }
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
pub(super) fn named(ty: &Type) -> &Name {
    let mut base = &ty.base;
    loop {
        match base {
            BaseType::List(item) => base = &item.base,
            BaseType::Named(name) => return name,
        }
    }
}
