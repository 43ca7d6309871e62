//! Answers as the GraphQL specification wants them.
//!
//! The library leaves out a field that failed, keeps the parent of a field that
//! must not be null, answers null for an object whose fields were all skipped, and
//! orders keys by the end of their work. This folder rebuilds the data of every
//! answer from the document: `types` reads the schema, `marks` makes every object
//! tell its type, `plan` says which fields an object of each type must have,
//! `rebuild` puts the answer together, `prepared` holds what is the same each time
//! that a document runs, and `executor` is what the doors call.
//!
//! Values below `__schema` and `__type`, and scalars, stay as the library made them.

pub mod types;
pub mod marks;
pub mod plan;
pub mod rebuild;
pub mod prepared;
pub mod executor;
