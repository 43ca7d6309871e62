//! The shape of a request's inputs, checked before anything runs.
//!
//! async-graphql refuses an input of the wrong shape without an error code, and
//! tells some faults only at execution. This folder walks the arguments and the
//! variables of a parsed document against the schema, and answers each fault with
//! a sentence, the path of the input and a hint. It also holds each variable to the type
//! of its place, which the library does not. What it does not know (a field,
//! an argument, a type, a fragment) it leaves to GraphQL validation, which runs
//! afterwards. It never repeats a client's value, which may be a password.
//!
//! `scalars` says what each scalar takes and `index` what the schema takes; `views`
//! and `variables` read what a client sent, `values` checks one input, `walk` finds
//! the inputs of a document, and `check` has what the rest of the house calls.
//!
//! To add a scalar: an entry in the table of `scalars`.

pub mod scalars;
pub mod index;
pub mod faults;
pub mod views;
pub mod variables;
pub mod values;
pub mod walk;
pub mod check;
