//! Answers as the GraphQL specification wants them.
//!
//! The library leaves out a field that failed, keeps the parent of a field that
//! must not be null, answers null for an object whose fields were all skipped, and
//! orders keys by the end of their work. This folder rebuilds the data of every
//! answer from the document: `types` reads the schema, `plan` says which fields an
//! object of each type must have, `marks` makes every object tell its type,
//! `rebuild` puts the answer together, and `executor` is what the doors call.
//!
//! Values below `__schema` and `__type`, and scalars, stay as the library made them.

pub mod types;
pub mod plan;
pub mod marks;
pub mod rebuild;
pub mod executor;
