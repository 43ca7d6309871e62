//! What a document may cost, judged before the library reads it.
//!
//! The library expands fragments as often as they are spread, and follows them as
//! deep as they go, already while it validates. So a document is measured here
//! first: each fragment once, after those that it spreads, and everything else by
//! adding up. Nothing here recurses further than the brackets of one definition,
//! of which the transport lets at most 64 nest; a fragment's spreads are looked
//! up, not followed, and the one walk that follows them comes after the limits.
//!
//! To add a limit: 1. a constant; 2. what it counts, in `Size`; 3. a line in `limits`.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition,
        OperationType, Selection, SelectionSet,
    },
};
use async_graphql_value::Value as Literal;

use super::errors::{COST_EXCEEDED, GRAPHQL_VALIDATION_FAILED};
use crate::types::page::{PAGE_DEFAULT, PAGE_MAX};

/// Fragments in a document, used or not.
const FRAGMENTS_MAX: usize = 50;
/// Directives in a document, as they are written.
const DIRECTIVES_MAX: usize = 50;
/// Selections of all operations together, with every fragment in its place.
const SELECTIONS_MAX: usize = 2_000;
/// Fields below each other.
const DEPTH_MAX: usize = 12;
/// Fields below each other, from `__schema` or `__type` on.
const INTROSPECTION_DEPTH_MAX: usize = 20;
/// Lists below each other in introspection: each multiplies the answer by the schema.
const INTROSPECTION_LISTS_MAX: usize = 3;
/// Selection sets within each other, with those of fragments.
const NESTING_MAX: usize = 32;
/// Fields of a query's root.
const QUERY_FIELDS_MAX: usize = 50;
/// Fields of a mutation's root.
const MUTATION_FIELDS_MAX: usize = 10;
/// Aliases of an operation.
const ALIASES_MAX: usize = 30;
/// Sign-in mutations of an operation: each is a guess at a secret.
const SIGN_INS_MAX: usize = 1;
/// Fields that an answer may have when every page is full.
const ANSWERED_MAX: usize = 10_000;
/// Fields that answer with a page of rows.
const PAGED: [&str; 1] = ["history"];

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
/// The lists of introspection that lead back to types.
const LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];
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

/// What a selection set holds with every fragment in its place.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    selections: usize,
    /// Fields that may be answered: what stands in a page is answered for each of its rows.
    answered: usize,
    aliases: usize,
    /// Fields that stand at the top.
    top_fields: usize,
    nesting: usize,
    depth: usize,
    /// The depth of what stands below `__schema` or `__type`, from the top on.
    introspection_depth: usize,
    lists: usize,
    introspection_lists: usize,
}

impl Size {
    /// Adds a neighbour.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.answered = self.answered.saturating_add(other.answered);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.top_fields = self.top_fields.saturating_add(other.top_fields);
        self.nesting = self.nesting.max(other.nesting);
        self.depth = self.depth.max(other.depth);
        self.introspection_depth = self.introspection_depth.max(other.introspection_depth);
        self.lists = self.lists.max(other.lists);
        self.introspection_lists = self.introspection_lists.max(other.introspection_lists);
    }

    /// The selection that holds this one: an inline fragment or a spread.
    fn in_fragment(self) -> Self {
        let selections = self.selections.saturating_add(1);
        Self { selections, nesting: self.nesting + 1, ..self }
    }

    /// The field that holds this one.
    fn in_field(self, field: &Field) -> Self {
        let name = field.name.node.as_str();
        let below = |depth: usize| if depth == 0 { 0 } else { depth + 1 };
        let rows = if PAGED.contains(&name) { page_size(field) } else { 1 };
        let mut size = Self {
            selections: self.selections.saturating_add(1),
            answered: self.answered.saturating_mul(rows).saturating_add(1),
            aliases: self.aliases.saturating_add(usize::from(field.alias.is_some())),
            top_fields: 1,
            nesting: self.nesting + usize::from(!field.selection_set.node.items.is_empty()),
            depth: self.depth + 1,
            introspection_depth: below(self.introspection_depth),
            lists: self.lists + usize::from(LISTS.contains(&name)),
            introspection_lists: self.introspection_lists,
        };
        if name == "__schema" || name == "__type" {
            size.introspection_depth = size.introspection_depth.max(size.depth);
            size.introspection_lists = size.introspection_lists.max(size.lists);
            (size.depth, size.lists) = (1, 0);
        }
        size
    }
}

/// How many rows a page of this field may have. A variable may say the most.
fn page_size(field: &Field) -> usize {
    let said = |name: &str| field.get_argument(name).map(|argument| &argument.node);
    match said("first").or_else(|| said("last")) {
        None | Some(Literal::Null) => PAGE_DEFAULT,
        Some(Literal::Number(number)) => {
            let count = number.as_u64().and_then(|count| usize::try_from(count).ok());
            count.map_or(PAGE_MAX, |count| count.min(PAGE_MAX))
        }
        Some(_) => PAGE_MAX,
    }
}

/// The sizes of fragments by their names.
type Sizes<'d> = HashMap<&'d str, Size>;

/// Judges a document; `operation_name` says which of its operations will run.
pub fn check(document: &ExecutableDocument, operation_name: Option<&str>) -> Result<(), Refused> {
    at_most(document.fragments.len(), FRAGMENTS_MAX, "fragments", None)?;
    let mut texts: Vec<&SelectionSet> = Vec::new();
    texts.extend(document.fragments.values().map(|f| &f.node.selection_set.node));
    texts.extend(document.operations.iter().map(|(_, o)| &o.node.selection_set.node));
    written(document, &texts)?;
    let sizes = fragment_sizes(document)?;
    let mut selections = 0_usize;
    for (_, operation) in document.operations.iter() {
        let size = measure(&operation.node.selection_set.node, &sizes);
        selections = selections.saturating_add(size.selections);
        at_most(selections, SELECTIONS_MAX, "selections", Some(operation.pos))?;
        limits(size, operation)?;
    }
    match operation(document, operation_name) {
        Some(operation) if operation.node.ty == OperationType::Mutation => {
            mutation(document, &operation.node)
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

fn at_most(count: usize, limit: usize, what: &str, position: Option<Pos>) -> Result<(), Refused> {
    if count <= limit {
        return Ok(());
    }
    let message = format!("A document may have at most {limit} {what}.");
    Err(Refused { code: COST_EXCEEDED, message, position })
}

fn invalid(message: impl Into<String>, position: Pos) -> Refused {
    let position = Some(position);
    Refused { code: GRAPHQL_VALIDATION_FAILED, message: message.into(), position }
}

/// What counts as it is written: directives, and names that are the server's own.
fn written(document: &ExecutableDocument, texts: &[&SelectionSet]) -> Result<(), Refused> {
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
    at_most(directives, DIRECTIVES_MAX, "directives", None)?;
    match reserved {
        Some(pos) => {
            Err(invalid(format!("An alias may not begin with {RESERVED}: choose another."), pos))
        }
        None => Ok(()),
    }
}

/// Shows each selection of a text, without following spreads.
fn each<'d>(set: &'d SelectionSet, see: &mut impl FnMut(&'d Selection)) {
    for selection in &set.items {
        see(&selection.node);
        match &selection.node {
            Selection::Field(field) => each(&field.node.selection_set.node, see),
            Selection::InlineFragment(inline) => each(&inline.node.selection_set.node, see),
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// Measures each fragment after those that it spreads; what never comes so far is a circle.
fn fragment_sizes(document: &ExecutableDocument) -> Result<Sizes<'_>, Refused> {
    type Waiting<'d> = (&'d Name, &'d Positioned<FragmentDefinition>, HashSet<&'d str>);
    let mut waiting: Vec<Waiting<'_>> = Vec::new();
    for (name, fragment) in &document.fragments {
        let mut spreads = HashSet::new();
        each(&fragment.node.selection_set.node, &mut |selection| {
            if let Selection::FragmentSpread(spread) = selection {
                spreads.insert(spread.node.fragment_name.node.as_str());
            }
        });
        // A fragment that does not exist is for validation to tell.
        spreads.retain(|name| document.fragments.contains_key(*name));
        waiting.push((name, fragment, spreads));
    }
    let mut sizes = Sizes::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_ready = |one: &Waiting<'_>| one.2.iter().all(|name| sizes.contains_key(name));
        let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            let first = rest.iter().map(|one| one.1.pos).min().unwrap_or_default();
            return Err(invalid("Fragments may not spread each other in a circle.", first));
        }
        for (name, fragment, _) in ready {
            let size = measure(&fragment.node.selection_set.node, &sizes);
            // Unused fragments too, since validation reads them all.
            at_most(size.selections, SELECTIONS_MAX, "selections", Some(fragment.pos))?;
            at_most(size.nesting, NESTING_MAX, "levels of selections", Some(fragment.pos))?;
            sizes.insert(name, size);
        }
        waiting = rest;
    }
    Ok(sizes)
}

fn measure(set: &SelectionSet, sizes: &Sizes<'_>) -> Size {
    let mut sum = Size::default();
    for selection in &set.items {
        sum.add(match &selection.node {
            Selection::Field(field) => {
                measure(&field.node.selection_set.node, sizes).in_field(&field.node)
            }
            Selection::InlineFragment(inline) => {
                measure(&inline.node.selection_set.node, sizes).in_fragment()
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.node.fragment_name.node.as_str();
                sizes.get(name).copied().unwrap_or_default().in_fragment()
            }
        });
    }
    sum
}

/// Holds one operation to the limits.
fn limits(size: Size, operation: &Positioned<OperationDefinition>) -> Result<(), Refused> {
    let pos = Some(operation.pos);
    let (fields_max, fields) = match operation.node.ty {
        OperationType::Mutation => (MUTATION_FIELDS_MAX, "fields at the top of a mutation"),
        _ => (QUERY_FIELDS_MAX, "fields at the top of a query"),
    };
    at_most(size.top_fields, fields_max, fields, pos)?;
    at_most(size.aliases, ALIASES_MAX, "aliases", pos)?;
    at_most(size.depth, DEPTH_MAX, "levels of fields", pos)?;
    at_most(size.answered, ANSWERED_MAX, "fields in its answer, with the rows of its pages", pos)?;
    let what = "levels of fields below __schema or __type";
    at_most(size.introspection_depth, INTROSPECTION_DEPTH_MAX, what, pos)?;
    let what = "levels of lists below __schema or __type";
    at_most(size.introspection_lists, INTROSPECTION_LISTS_MAX, what, pos)?;
    at_most(size.nesting, NESTING_MAX, "levels of selections", pos)
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
