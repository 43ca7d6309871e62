//! accounts: a Django API that signs people in by a password alone.
//!
//! Its shapes are those of `wire::drf` with names in camel case. `session` is how people
//! come in, `settings` what they change of themselves, `reset` how they set a lost password.

pub mod errors;
pub mod person;
pub mod session;
pub mod settings;
pub mod reset;
pub mod door;
pub mod openapi;
