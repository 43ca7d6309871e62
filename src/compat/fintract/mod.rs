//! fintract: the auth API of Fintract Global Banking.
//!
//! Its shapes are those of `wire::drf` with names in snake case. `register` and `login` are
//! how people come in, by a password and a mailed code; `person` is who calls and with what
//! role; `profile` what they see and change; `staff` what staff do; `upload` files.

pub mod errors;
pub mod user_type;
pub mod person;
pub mod fields;
pub mod register;
pub mod login;
pub mod profile;
pub mod staff;
pub mod upload;
pub mod door;
pub mod openapi;
