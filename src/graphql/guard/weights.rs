//! What a field weighs.
//!
//! An object costs one unit, a plain value nothing. What stands below a page counts for
//! each of its rows, as many as are asked for; what stands below a list that is not
//! paged counts for each of the objects that such a list usually has. A mutation costs
//! more, since it writes. Introspection is counted by itself, value by value, with the
//! lists as long as those of our own schema.

use async_graphql::{Variables, parser::types::Field};
use async_graphql_value::{ConstValue, Value as Literal};

use crate::types::page::{PAGE_DEFAULT, PAGE_MAX};

/// What a mutation costs beside what it answers.
pub const MUTATION: usize = 10;
/// Rows that are counted, where their number is asked for.
const COUNTED: usize = 10;
/// Objects of a list that is not paged.
const LISTED: usize = 10;

/// Fields that answer with a page of rows.
pub const PAGED: [&str; 3] = ["history", "bills", "events"];
/// Lists of objects that are not paged.
pub const LISTS: [&str; 9] = [
    "cards",
    "savings",
    "sessions",
    "limits",
    "netWorth",
    "secondFactors",
    "holds",
    "reversals",
    "errors",
];
/// Lists that stand below a page, which has counted their objects.
pub const IN_PAGES: [&str; 2] = ["nodes", "edges"];
/// The lists of introspection that lead back to types.
const BACK_TO_TYPES: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// What the size of a page is said by.
pub enum Page {
    /// The document itself, or nothing.
    Said(usize),
    /// A variable.
    Variable,
}

/// The field answers with a page.
pub fn is_page(field: &Field) -> bool {
    PAGED.contains(&field.name.node.as_str())
}

/// The field is a row of a page.
pub fn is_row(field: &Field) -> bool {
    IN_PAGES.contains(&field.name.node.as_str())
}

/// How often what stands below a field is answered.
pub fn rows(field: &Field, variables: Option<&Variables>) -> Page {
    let name = field.name.node.as_str();
    if is_page(field) {
        return page(field, variables);
    }
    Page::Said(if LISTS.contains(&name) { LISTED } else { 1 })
}

/// How many rows a page of this field may have.
fn page(field: &Field, variables: Option<&Variables>) -> Page {
    let said = |name: &str| {
        let argument = field.get_argument(name).map(|argument| &argument.node);
        argument.filter(|value| !matches!(value, Literal::Null))
    };
    let count = |number: Option<u64>| {
        let count = number.and_then(|count| usize::try_from(count).ok());
        Page::Said(count.map_or(PAGE_MAX, |count| count.min(PAGE_MAX)))
    };
    match said("first").or_else(|| said("last")) {
        None => Page::Said(PAGE_DEFAULT),
        Some(Literal::Number(number)) => count(number.as_u64()),
        Some(Literal::Variable(name)) => match variables.map(|all| all.get(name)) {
            None => Page::Variable,
            Some(None | Some(ConstValue::Null)) => Page::Said(PAGE_DEFAULT),
            Some(Some(ConstValue::Number(number))) => count(number.as_u64()),
            Some(Some(_)) => Page::Said(PAGE_MAX),
        },
        Some(_) => Page::Said(PAGE_MAX),
    }
}

/// What the field itself costs.
pub fn own(field: &Field) -> usize {
    match field.name.node.as_str() {
        "totalCount" => COUNTED,
        _ => usize::from(!field.selection_set.node.items.is_empty()),
    }
}

/// How long a list of introspection is in our schema.
pub fn schema_rows(field: &Field) -> usize {
    match field.name.node.as_str() {
        "types" => 200,
        "fields" => 8,
        "inputFields" | "possibleTypes" => 4,
        "enumValues" | "directives" => 6,
        "args" => 2,
        _ => 1,
    }
}

/// The field is a list of introspection that leads back to types.
pub fn leads_back(field: &Field) -> bool {
    BACK_TO_TYPES.contains(&field.name.node.as_str())
}
