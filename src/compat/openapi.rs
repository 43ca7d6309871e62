//! The OpenAPI documents of all dialects.

use utoipa::openapi::OpenApi;

use super::{accounts, ewallet, fintract, wire::dialect::Dialect};

/// How a dialect describes itself; none where it has no paths.
fn page(dialect: Dialect) -> Option<OpenApi> {
    match dialect {
        Dialect::CardBank | Dialect::Financelime => None,
        Dialect::Fintract => Some(fintract::openapi::page()),
        Dialect::Accounts => Some(accounts::openapi::page()),
        Dialect::Ewallet => Some(ewallet::openapi::page()),
    }
}

/// The document of a dialect, as a file of JSON; none where it has no paths.
pub fn text(dialect: Dialect) -> Option<String> {
    let page = page(dialect)?;
    let mut text = page.to_pretty_json().expect("a document of plain texts is JSON");
    text.push('\n');
    Some(text)
}
