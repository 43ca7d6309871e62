//! The OpenAPI documents of all dialects.

use super::{accounts, card_bank, ewallet, financelime, fintract, wire::dialect::Dialect};

/// The document of a dialect, as a file of JSON.
pub fn text(dialect: Dialect) -> String {
    let page = match dialect {
        Dialect::CardBank => card_bank::openapi::page(),
        Dialect::Fintract => fintract::openapi::page(),
        Dialect::Financelime => financelime::openapi::page(),
        Dialect::Accounts => accounts::openapi::page(),
        Dialect::Ewallet => ewallet::openapi::page(),
    };
    let mut text = page.to_pretty_json().expect("a document of plain texts is JSON");
    text.push('\n');
    text
}
