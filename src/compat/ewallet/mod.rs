//! ewallet: a Flask API whose tokens stand in cookies, and whose people have a wallet.
//!
//! `token` is how people come in and go, `money` how they move it, `errors` how it is said
//! that they may not; `person` knows them by the cookie and the header that belong together.

pub mod errors;
pub mod tokens;
pub mod person;
pub mod token;
pub mod money;
pub mod door;
pub mod openapi;
