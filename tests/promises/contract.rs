//! The schema: what stands in the contract stands in it, and the file is the code's.

use std::{collections::BTreeMap, fs};

use async_graphql::Positioned;
use async_graphql::parser::{
    parse_schema,
    types::{
        BaseType, FieldDefinition, InputValueDefinition, ServiceDocument, Type, TypeKind,
        TypeSystemDefinition,
    },
};
use teller::graphql::schema;

fn read(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn parse(text: &str) -> ServiceDocument {
    parse_schema(text).expect("the schema is GraphQL")
}

#[test]
fn the_schema_file_is_what_the_code_says() {
    let (file, code) = (read("schema.graphql"), schema::sdl());
    let differ = file.lines().zip(code.lines()).enumerate().find(|(_, (file, code))| file != code);
    assert!(
        file == code,
        "schema.graphql is not what the code says (first at line {}). Renew it with: make schema",
        differ.map_or(file.lines().count().min(code.lines().count()) + 1, |(line, _)| line + 1),
    );
}

fn show(ty: &Type) -> String {
    let base = match &ty.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => format!("[{}]", show(inner)),
    };
    if ty.nullable { base } else { format!("{base}!") }
}

/// Everything that has a name and a type: fields, arguments, members of inputs, enum values.
type Names = BTreeMap<String, String>;

fn arguments(names: &mut Names, owner: &str, list: &[Positioned<InputValueDefinition>]) {
    for argument in list {
        let argument = &argument.node;
        let default = argument.default_value.as_ref().map(|value| format!(" = {}", value.node));
        let told = format!("{}{}", show(&argument.ty.node), default.unwrap_or_default());
        names.insert(format!("{owner}({}:)", argument.name.node), told);
    }
}

fn fields(names: &mut Names, owner: &str, list: &[Positioned<FieldDefinition>]) {
    for field in list {
        let place = format!("{owner}.{}", field.node.name.node);
        arguments(names, &place, &field.node.arguments);
        names.insert(place, show(&field.node.ty.node));
    }
}

fn names(text: &str) -> Names {
    let mut names = Names::new();
    for definition in parse(text).definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let owner = definition.name.node.to_string();
        let kind = match &definition.kind {
            TypeKind::Scalar => "scalar".to_owned(),
            TypeKind::Object(object) => {
                fields(&mut names, &owner, &object.fields);
                "type".to_owned()
            }
            TypeKind::Interface(interface) => {
                fields(&mut names, &owner, &interface.fields);
                "interface".to_owned()
            }
            TypeKind::Union(_) => "union".to_owned(),
            TypeKind::Enum(values) => {
                for value in &values.values {
                    names.insert(format!("{owner}.{}", value.node.value.node), String::new());
                }
                "enum".to_owned()
            }
            TypeKind::InputObject(input) => {
                arguments(&mut names, &owner, &input.fields);
                let one_of = definition.directives.iter().any(|d| d.node.name.node == "oneOf");
                if one_of { "input @oneOf".to_owned() } else { "input".to_owned() }
            }
        };
        names.insert(owner, kind);
    }
    names
}

/// What each type implements, by type.
fn interfaces(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    for definition in parse(text).definitions {
        if let TypeSystemDefinition::Type(definition) = definition {
            let implements = match &definition.node.kind {
                TypeKind::Object(object) => &object.implements,
                TypeKind::Interface(interface) => &interface.implements,
                _ => continue,
            };
            let mut implements: Vec<String> =
                implements.iter().map(|name| name.node.to_string()).collect();
            implements.sort();
            all.insert(definition.node.name.node.to_string(), implements);
        }
    }
    all
}

#[test]
fn every_name_of_the_contract_stands_in_the_schema_with_its_type() {
    let (contract, ours) = (read("tests/contract/schema.graphql"), read("schema.graphql"));
    let (promised, our_names) = (names(&contract), names(&ours));
    assert!(promised.len() > 500, "only {} names are promised", promised.len());
    let broken: Vec<String> = promised
        .iter()
        .filter(|(name, ty)| our_names.get(*name) != Some(ty))
        .map(|(name, ty)| format!("{name}: {ty}, not {:?}", our_names.get(name)))
        .collect();
    assert_eq!(broken, Vec::<String>::new(), "promised and not kept");
    let (contract, ours) = (interfaces(&contract), interfaces(&ours));
    for (name, implements) in &contract {
        assert_eq!(ours.get(name), Some(implements), "{name} implements");
    }
}

#[test]
fn every_name_of_ours_stands_in_the_contract() {
    let contract = names(&read("tests/contract/schema.graphql"));
    let ours = names(&read("schema.graphql"));
    // What the bank needs and the contract has no word for yet.
    let added = |name: &str| {
        [
            "Mutation.setOverdraftLimit",
            "SetOverdraftLimitInput",
            "OverdraftLimitPayload",
            "Mutation.reactivateCustomer",
            "User.approved",
            "User.requestedRole",
        ]
        .iter()
        .any(|added| {
            name.strip_prefix(added).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
        })
    };
    let extra: Vec<_> =
        ours.keys().filter(|name| !contract.contains_key(*name) && !added(name)).collect();
    assert_eq!(extra, Vec::<&String>::new(), "names that no client was promised");
}

#[test]
fn everything_in_the_schema_is_described() {
    let mut bare = Vec::new();
    for definition in parse(&read("schema.graphql")).definitions {
        let TypeSystemDefinition::Type(definition) = definition else {
            continue;
        };
        let definition = definition.node;
        let owner = definition.name.node.to_string();
        if definition.description.is_none() {
            bare.push(owner.clone());
        }
        let mut note = |described: bool, name: &str| {
            if !described {
                bare.push(format!("{owner}.{name}"));
            }
        };
        match &definition.kind {
            TypeKind::Scalar | TypeKind::Union(_) => {}
            TypeKind::Object(object) => {
                for field in &object.fields {
                    note(field.node.description.is_some(), &field.node.name.node);
                    for argument in &field.node.arguments {
                        note(argument.node.description.is_some(), &argument.node.name.node);
                    }
                }
            }
            TypeKind::Interface(interface) => {
                for field in &interface.fields {
                    note(field.node.description.is_some(), &field.node.name.node);
                    for argument in &field.node.arguments {
                        note(argument.node.description.is_some(), &argument.node.name.node);
                    }
                }
            }
            TypeKind::Enum(values) => {
                for value in &values.values {
                    note(value.node.description.is_some(), &value.node.value.node);
                }
            }
            TypeKind::InputObject(input) => {
                for field in &input.fields {
                    note(field.node.description.is_some(), &field.node.name.node);
                }
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new(), "without a description");
}
