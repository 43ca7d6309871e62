//! Floor 6: five old doors into the same bank, for clients that exist already.
//!
//! Each dialect is a folder that owns its wire shapes and its one error mapping,
//! `errors.rs`, exhaustive over `Refusal`. No dialect knows another, and none knows SQL or
//! GraphQL: all of them only call `bank`. What they share is in `wire`: calls and answers,
//! the tables of paths, bodies, tokens' headers, and the shapes of a framework that two of
//! them were written in. `router` says which path is whose.
//!
//! To add a dialect:
//! 1. a folder with `door.rs`, which has a `static DOOR: Door`: its table of paths
//!    (`RESOURCES`), how it says what is wrong before an operation runs (`refuse`), and what
//!    every answer of it carries (`finish`);
//! 2. `errors.rs` with the one mapping from `Failure` to an `Answer`, and a file for each
//!    subject with its operations: `async fn(&Doors, &Call) -> Result<Answer, No>`;
//! 3. its line below and in `router::DOORS`;
//! 4. use cases that are missing go into `bank`, where GraphQL can use them too;
//! 5. a table test in `tests/promises/DIALECT.rs` by `support::wire::Check`, on both
//!    databases, and a story that uses nothing but the dialect and the letters.

pub mod wire;
pub mod card_bank;
pub mod fintract;
pub mod financelime;
pub mod accounts;
pub mod ewallet;
pub mod openapi;
pub mod router;
