//! The types that objects have, as tables read from the SDL.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Name, Positioned,
    parser::{
        parse_schema,
        types::{BaseType, FieldDefinition, OperationType, Type, TypeKind, TypeSystemDefinition},
    },
};

/// What can be selected from, by name.
#[derive(Debug)]
pub struct Types {
    query: Option<Name>,
    mutation: Option<Name>,
    subscription: Option<Name>,
    composites: HashMap<Name, Composite>,
    /// Of `__typename` and of `__schema`, which is taken as it is.
    present: Arc<Type>,
    /// Of `__type`, which is taken as it is.
    nullable: Arc<Type>,
}

/// An object type, an interface or a union.
#[derive(Debug, Default)]
struct Composite {
    /// Shared with the plans that outlive their requests.
    fields: HashMap<Name, Arc<Type>>,
    /// The object types that a value of it may have.
    possible: Vec<Name>,
}

impl Types {
    /// Reads a schema.
    ///
    /// # Errors
    ///
    /// A sentence, where the SDL does not parse.
    pub fn from_sdl(sdl: &str) -> Result<Self, String> {
        let document =
            parse_schema(sdl).map_err(|error| format!("the SDL does not parse: {error}"))?;
        let any =
            |nullable| Arc::new(Type { base: BaseType::Named(Name::new("String")), nullable });
        let mut types = Self {
            query: None,
            mutation: None,
            subscription: None,
            composites: HashMap::new(),
            present: any(false),
            nullable: any(true),
        };
        for definition in document.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    types.query = schema.node.query.map(|name| name.node);
                    types.mutation = schema.node.mutation.map(|name| name.node);
                    types.subscription = schema.node.subscription.map(|name| name.node);
                }
                TypeSystemDefinition::Type(ty) => types.add(ty.node.name.node, ty.node.kind),
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(types)
    }

    fn add(&mut self, name: Name, kind: TypeKind) {
        match kind {
            TypeKind::Object(object) => {
                for interface in object.implements {
                    self.composite(interface.node).possible.push(name.clone());
                }
                let composite = self.composite(name.clone());
                composite.fields = field_types(object.fields);
                composite.possible.push(name);
            }
            TypeKind::Interface(interface) => {
                self.composite(name).fields = field_types(interface.fields);
            }
            TypeKind::Union(union) => {
                let members = union.members.into_iter().map(|member| member.node);
                self.composite(name).possible.extend(members);
            }
            TypeKind::Scalar | TypeKind::Enum(_) | TypeKind::InputObject(_) => {}
        }
    }

    fn composite(&mut self, name: Name) -> &mut Composite {
        self.composites.entry(name).or_default()
    }

    /// The type that an operation selects from.
    pub fn root(&self, operation: OperationType) -> Option<&Name> {
        match operation {
            OperationType::Query => self.query.as_ref(),
            OperationType::Mutation => self.mutation.as_ref(),
            OperationType::Subscription => self.subscription.as_ref(),
        }
    }

    /// The type of a field, where its parent has it.
    pub fn field(&self, parent: &str, field: &str) -> Option<&Arc<Type>> {
        match field {
            "__typename" | "__schema" => Some(&self.present),
            "__type" => Some(&self.nullable),
            _ => self.composites.get(parent)?.fields.get(field),
        }
    }

    /// The object types that a value of a type may have; none for what has no fields.
    pub fn possible(&self, name: &str) -> Option<&[Name]> {
        self.composites.get(name).map(|composite| composite.possible.as_slice())
    }

    /// A fragment on `condition` applies to an object of this type.
    pub fn applies(&self, condition: &str, object: &str) -> bool {
        condition == object
            || self.possible(condition).is_some_and(|all| all.iter().any(|name| name == object))
    }
}

fn field_types(fields: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Arc<Type>> {
    fields.into_iter().map(|field| (field.node.name.node, Arc::new(field.node.ty.node))).collect()
}

/// The name within a type's list brackets; the schema's own types nest only a little.
pub fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}
