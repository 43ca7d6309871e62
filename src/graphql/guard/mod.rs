//! What a document may cost, judged before the library reads it.
//!
//! The library expands fragments as often as they are spread, and follows them as
//! deep as they go, already while it validates. So a document is measured here
//! first: each fragment once, after those that it spreads, and everything else by
//! adding up. Nothing here recurses further than the brackets of one definition,
//! of which the transport lets at most 64 nest; a fragment's spreads are looked
//! up, not followed, and the one walk that follows them comes after the limits.
//!
//! To add a limit: 1. its figure in `limits`; 2. what it counts, in `size`; 3. a line
//! in `check`. To add a list of objects to the schema: its row in `weights`, which a
//! test asks for.

pub mod limits;
pub mod weights;
pub mod size;
pub mod check;
pub mod cost;
