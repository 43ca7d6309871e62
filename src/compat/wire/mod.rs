//! What the dialects share: calls and answers, paths, bodies, headers, and the shapes of a
//! framework that two of them were written in. It knows no dialect but by name.

pub mod dialect;
pub mod json;
pub mod percent;
pub mod answer;
pub mod call;
pub mod usage;
pub mod doors;
pub mod door;
pub mod outcome;
pub mod sharing;
pub mod form;
pub mod cookie;
pub mod idempotency;
pub mod drf;
pub mod shape;
pub mod description;
pub mod drf_description;
