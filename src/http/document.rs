//! From a text to a document that may run.
//!
//! All of it depends on the text and on the operation's name alone, so that what
//! comes out can be kept and shared.

use async_graphql::parser::{
    Error as ParseError, parse_query,
    types::{DocumentOperations, ExecutableDocument, OperationType},
};
use axum::http::{HeaderValue, StatusCode, header};

use super::{
    answer,
    answer::Rejection,
    nesting::{self, Verdict},
    strings,
};
use crate::graphql::{
    errors::{COST_EXCEEDED, GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED},
    guard::{
        check::{self, Refused},
        limits::Limits,
    },
};

/// What a door lets through beside queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    /// Mutations.
    pub mutations: bool,
    /// Subscriptions.
    pub subscriptions: bool,
}

/// Parses a document, holds it to what may be asked here, and to what it may cost.
pub fn read(
    text: &str,
    operation_name: Option<&str>,
    door: Door,
    limits: &Limits,
) -> Result<ExecutableDocument, Rejection> {
    readable(text, limits)?;
    let document = parse_query(strings::readable(text)).map_err(|error| unparsed(&error))?;
    allowed(&document, operation_name, door)?;
    check::check(&document, operation_name, limits).map_err(refusal)?;
    Ok(document)
}

/// Says what is wrong with a document that could never run here, whichever of its
/// operations is asked for.
pub fn judge(text: &str, limits: &Limits) -> Result<(), String> {
    let told = |rejection: Rejection| {
        let messages = rejection.errors.iter().filter_map(|error| error["message"].as_str());
        messages.collect::<Vec<_>>().join(" ")
    };
    readable(text, limits).map_err(told)?;
    let document = parse_query(strings::readable(text));
    let document = document.map_err(|error| told(unparsed(&error)))?;
    check::check(&document, None, limits).map_err(|refused| refused.message)
}

/// A document that the guard does not let through.
pub fn refusal(refused: Refused) -> Rejection {
    let error = answer::error(refused.code, &refused.message, refused.position);
    Rejection::document(vec![error])
}

/// Holds the operation that will run to what may be asked here; a mutation is not by GET.
pub fn allowed(
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    door: Door,
) -> Result<(), Rejection> {
    match operation(document, operation_name)? {
        OperationType::Query => Ok(()),
        OperationType::Mutation if door.mutations => Ok(()),
        OperationType::Subscription if door.subscriptions => Ok(()),
        OperationType::Mutation => {
            let message = "A mutation is sent by POST.";
            let status = StatusCode::METHOD_NOT_ALLOWED;
            Err(Rejection::request(status, GRAPHQL_VALIDATION_FAILED, message)
                .with_header(header::ALLOW, HeaderValue::from_static("POST")))
        }
        OperationType::Subscription => {
            let message =
                "A subscription has no answer here: ask by a WebSocket, or at /graphql/stream.";
            let error = answer::error(GRAPHQL_VALIDATION_FAILED, message, None);
            Err(Rejection::document(vec![error]))
        }
    }
}

/// The text holds what one person sends once, perhaps a password: a mutation, run or not,
/// with a string in it. Programs send such things in the variables.
pub fn is_personal(text: &str, document: &ExecutableDocument) -> bool {
    let mut operations = document.operations.iter();
    text.contains('"') && operations.any(|(_, one)| one.node.ty == OperationType::Mutation)
}

/// Which kind of operation will run.
fn operation(
    document: &ExecutableDocument,
    name: Option<&str>,
) -> Result<OperationType, Rejection> {
    let unknown = |message: &str| {
        Rejection::document(vec![answer::error(GRAPHQL_VALIDATION_FAILED, message, None)])
    };
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation.node.ty),
        (DocumentOperations::Single(_), Some(_)) => {
            Err(unknown("operationName names no operation of the document."))
        }
        (DocumentOperations::Multiple(operations), Some(name)) => match operations.get(name) {
            Some(operation) => Ok(operation.node.ty),
            None => Err(unknown("operationName names no operation of the document.")),
        },
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(only.node.ty),
                _ => Err(unknown("The document has several operations: name one.")),
            }
        }
    }
}

/// A document's text that the parser can be given without harm or loss.
fn readable(document: &str, limits: &Limits) -> Result<(), Rejection> {
    let (code, message, position) = match nesting::read(document, limits.tokens) {
        Verdict::Fine => return Ok(()),
        Verdict::TooDeep(position) => {
            let message = "The document nests its brackets too deeply.".to_owned();
            (GRAPHQL_PARSE_FAILED, message, position)
        }
        Verdict::TooLong(position) => {
            let message = format!("A document may have at most {} tokens.", limits.tokens);
            (COST_EXCEEDED, message, position)
        }
        Verdict::OpenString(position) => {
            let message = "A string of the document never closes.".to_owned();
            (GRAPHQL_PARSE_FAILED, message, position)
        }
        Verdict::Repeated(field, position) => {
            // Only what can be a name of ours is repeated; the rest may be a secret.
            let field = if field.len() <= 40 { field } else { "A field" };
            (GRAPHQL_VALIDATION_FAILED, format!("{field} stands twice in one input."), position)
        }
    };
    Err(Rejection::document(vec![answer::error(code, &message, Some(position))]))
}

/// A document that is not GraphQL. The parser's excerpt is left out, as the
/// offending line may hold a password.
fn unparsed(error: &ParseError) -> Rejection {
    let position = error.positions().next();
    let message = match error {
        ParseError::Syntax { message, .. } => {
            let expected = message.lines().find_map(|line| line.trim().strip_prefix("= "));
            format!("The document is not GraphQL: {}.", expected.unwrap_or("syntax error"))
        }
        ParseError::MissingOperation => "The document has no operation.".to_owned(),
        ParseError::MultipleOperations { .. } => {
            "An operation without a name must be the only one.".to_owned()
        }
        ParseError::OperationDuplicated { .. } => "Two operations have the same name.".to_owned(),
        ParseError::FragmentDuplicated { .. } => "Two fragments have the same name.".to_owned(),
        _ => "The document is not GraphQL.".to_owned(),
    };
    Rejection::document(vec![answer::error(GRAPHQL_PARSE_FAILED, &message, position)])
}
