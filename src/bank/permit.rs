//! Who asks.

use crate::{
    domain::session::{Facade, Facts},
    types::id::{SessionId, UserId},
};

/// Whoever sends a request, signed in or not.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Where from.
    pub ip_address: String,
    /// The program.
    pub user_agent: Option<String>,
}

/// A signed-in person: what a use case wants to see before it does anything of theirs.
#[derive(Debug, Clone)]
pub struct Permit {
    /// The person.
    pub user_id: UserId,
    /// The session in which they ask.
    pub session_id: SessionId,
    /// The door that they came in by.
    pub facade: Facade,
    /// What was known of the session a second ago or later.
    pub facts: Facts,
}
