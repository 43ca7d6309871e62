//! Holds a document to the limits that do not depend on its variables.

use std::collections::HashSet;

use async_graphql::{
    Pos, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
};

use super::{
    limits::{
        INTROSPECTION_COST_MAX, INTROSPECTION_DEPTH_MAX, INTROSPECTION_LISTS_MAX, Limits,
        NESTING_MAX, SIGN_INS_MAX,
    },
    size::{Circle, Meter, Size, each},
};
use crate::graphql::errors::{COST_EXCEEDED, GRAPHQL_VALIDATION_FAILED};

/// The mutations that take a secret which could be guessed: a password, a code, a token.
const SIGN_INS: [&str; 12] = [
    "verifyEmail",
    "login",
    "confirmLogin",
    "refreshSession",
    "resetPassword",
    "changePassword",
    "requestEmailChange",
    "confirmEmailChange",
    "confirmChallenge",
    "confirmTotp",
    "removeTotp",
    "deleteAccount",
];
/// What anybody may ask.
const FOR_STRANGERS: [&str; 13] = [
    "register",
    "verifyEmail",
    "resendVerification",
    "login",
    "confirmLogin",
    "resendLoginCode",
    "refreshSession",
    "requestPasswordReset",
    "resetPassword",
    "serverInfo",
    "__typename",
    "__schema",
    "__type",
];
/// No alias of a client begins like this, so that the server's own are its own.
pub const RESERVED: &str = "teller__";

/// Why a document is not executed.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The error's code.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
    /// Where in the document.
    pub position: Option<Pos>,
}

/// Judges a document; `operation_name` says which of its operations will run.
pub fn check(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    limits: &Limits,
) -> Result<(), Refused> {
    at_most(document.fragments.len(), limits.fragments, "fragments", None)?;
    let mut texts: Vec<&SelectionSet> = Vec::new();
    texts.extend(document.fragments.values().map(|f| &f.node.selection_set.node));
    texts.extend(document.operations.iter().map(|(_, o)| &o.node.selection_set.node));
    written(document, &texts, limits)?;
    let mut meter = Meter::new(None);
    let sizes = meter.fragments(document, |size, pos| {
        // Unused fragments too, since validation reads them all.
        at_most(size.selections, limits.selections, "selections", Some(pos))?;
        at_most(size.nesting, NESTING_MAX, "levels of selections", Some(pos))
    })?;
    let mut selections = 0_usize;
    for (_, operation) in document.operations.iter() {
        let size = meter.set(&operation.node.selection_set.node, &sizes);
        selections = selections.saturating_add(size.selections);
        at_most(selections, limits.selections, "selections", Some(operation.pos))?;
        one_operation(size, operation, limits)?;
    }
    match operation(document, operation_name) {
        Some(operation) if operation.node.ty == OperationType::Mutation => {
            mutation(document, &operation.node)
        }
        Some(operation) if operation.node.ty == OperationType::Subscription => {
            subscription(operation)
        }
        _ => Ok(()),
    }
}

/// The operation that will run: the one that is named, or the only one.
pub fn operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> Option<&'d Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) => {
            operations.values().next().filter(|_| operations.len() == 1)
        }
    }
}

pub(super) fn at_most(
    count: usize,
    limit: usize,
    what: &str,
    position: Option<Pos>,
) -> Result<(), Refused> {
    if count <= limit {
        return Ok(());
    }
    let message = format!("A document may have at most {limit} {what}.");
    Err(Refused { code: COST_EXCEEDED, message, position })
}

impl From<Circle> for Refused {
    fn from(Circle(first): Circle) -> Self {
        invalid("Fragments may not spread each other in a circle.", first)
    }
}

fn invalid(message: impl Into<String>, position: Pos) -> Refused {
    let position = Some(position);
    Refused { code: GRAPHQL_VALIDATION_FAILED, message: message.into(), position }
}

/// What counts as it is written: directives, and names that are the server's own.
fn written(
    document: &ExecutableDocument,
    texts: &[&SelectionSet],
    limits: &Limits,
) -> Result<(), Refused> {
    let mut directives = 0;
    for (_, operation) in document.operations.iter() {
        directives += operation.node.directives.len();
        for definition in &operation.node.variable_definitions {
            directives += definition.node.directives.len();
        }
    }
    for fragment in document.fragments.values() {
        directives += fragment.node.directives.len();
    }
    let mut reserved = None;
    for text in texts {
        each(text, &mut |selection| {
            directives += selection.directives().len();
            if let Selection::Field(field) = selection
                && let Some(alias) = &field.node.alias
                && alias.node.starts_with(RESERVED)
            {
                reserved = Some(alias.pos);
            }
        });
    }
    at_most(directives, limits.directives, "directives", None)?;
    match reserved {
        Some(pos) => {
            Err(invalid(format!("An alias may not begin with {RESERVED}: choose another."), pos))
        }
        None => Ok(()),
    }
}

/// Holds one operation to the limits.
fn one_operation(
    size: Size,
    operation: &Positioned<OperationDefinition>,
    limits: &Limits,
) -> Result<(), Refused> {
    let pos = Some(operation.pos);
    let (fields_max, fields) = match operation.node.ty {
        OperationType::Mutation => (limits.mutations, "fields at the top of a mutation"),
        _ => (limits.root_fields, "fields at the top of a query"),
    };
    at_most(size.top_fields, fields_max, fields, pos)?;
    at_most(size.aliases, limits.aliases, "aliases", pos)?;
    at_most(size.depth, limits.depth, "levels of fields", pos)?;
    at_most(size.nesting, NESTING_MAX, "levels of selections", pos)?;
    let asked = size.introspection;
    if asked.cost > 0 && !limits.introspection {
        let message =
            "The schema does not answer questions about itself here: read schema.graphql.";
        return Err(invalid(message, operation.pos));
    }
    let what = "levels of fields below __schema or __type";
    at_most(asked.depth, INTROSPECTION_DEPTH_MAX, what, pos)?;
    let what = "levels of lists below __schema or __type";
    at_most(asked.lists, INTROSPECTION_LISTS_MAX, what, pos)?;
    let what = "values of the schema in its answer";
    at_most(asked.cost, INTROSPECTION_COST_MAX, what, pos)
}

/// Holds the mutation that will run to what only mutations must keep.
///
/// The library runs two fields of the same name one after the other and mixes
/// what they answer, so that a client would see one of two things that it did.
fn mutation(document: &ExecutableDocument, operation: &OperationDefinition) -> Result<(), Refused> {
    let mut fields = Vec::new();
    top_fields(document, &operation.selection_set.node, &mut fields);
    let mut sign_ins = 0;
    let mut keys = HashSet::new();
    for field in fields {
        let name = field.node.name.node.as_str();
        sign_ins += usize::from(SIGN_INS.contains(&name));
        at_most(sign_ins, SIGN_INS_MAX, "sign-in mutation", Some(field.pos))?;
        let key = field.node.response_key().node.as_str();
        // A second `__typename` does nothing twice.
        if name != "__typename" && !keys.insert(key) {
            let message =
                format!("Two fields of the mutation are called {key}: give one an alias.");
            return Err(invalid(message, field.pos));
        }
    }
    Ok(())
}

/// The operation asks for nothing that needs a signed-in person.
///
/// A browser sends its cookies whether or not a page wants them to count: those that open
/// nothing must not be in the way of whoever signs in.
pub fn is_for_strangers(document: &ExecutableDocument, operation_name: Option<&str>) -> bool {
    let chosen = document.operations.iter().find(|(name, _)| match operation_name {
        Some(wanted) => name.is_some_and(|name| name.as_str() == wanted),
        None => true,
    });
    let mut fields = Vec::new();
    if let Some((_, operation)) = chosen {
        top_fields(document, &operation.node.selection_set.node, &mut fields);
    }
    fields.iter().all(|field| FOR_STRANGERS.contains(&field.node.name.node.as_str()))
}

/// What kind of operation will run, and the fields at its top by their names in the schema.
pub fn asked<'d>(
    document: &'d ExecutableDocument,
    operation_name: Option<&str>,
) -> Option<(OperationType, impl Iterator<Item = &'d str>)> {
    let operation = &operation(document, operation_name)?.node;
    let mut fields = Vec::new();
    top_fields(document, &operation.selection_set.node, &mut fields);
    let ours = |field: &&Positioned<Field>| {
        field.node.alias.as_ref().is_some_and(|alias| alias.node.starts_with(RESERVED))
    };
    let names = fields.into_iter().filter(move |field| !ours(field));
    Some((operation.ty, names.map(|field| field.node.name.node.as_str())))
}

/// Holds the subscription that will run to one field, whatever its variables say: the
/// library would mix several, and answer nothing to one that stands in a fragment.
fn subscription(operation: &Positioned<OperationDefinition>) -> Result<(), Refused> {
    let message = "A subscription has one field at its top, in no fragment and without directives.";
    match operation.node.selection_set.node.items.as_slice() {
        [one] => match &one.node {
            Selection::Field(field)
                if field.node.directives.is_empty() && !field.node.name.node.starts_with("__") =>
            {
                Ok(())
            }
            _ => Err(invalid(message, one.pos)),
        },
        _ => Err(invalid(message, operation.pos)),
    }
}

/// The fields at the top, also those in fragments. It recurses as deep as selections
/// nest, which `limits` has held to `NESTING_MAX`.
fn top_fields<'d>(
    document: &'d ExecutableDocument,
    set: &'d SelectionSet,
    found: &mut Vec<&'d Positioned<Field>>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => found.push(field),
            Selection::InlineFragment(inline) => {
                top_fields(document, &inline.node.selection_set.node, found);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = document.fragments.get(name) {
                    top_fields(document, &fragment.node.selection_set.node, found);
                }
            }
        }
    }
}
