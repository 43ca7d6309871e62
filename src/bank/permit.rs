//! Who asks.

use std::sync::Arc;

use crate::{
    domain::session::{Facade, Facts},
    store::audit::Act,
    types::id::{SessionId, UserId},
};

/// Whoever sends a request, signed in or not.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Where from.
    pub ip_address: String,
    /// The program.
    pub user_agent: Option<String>,
    /// Names the request, in its answer, in logs and in the audit log.
    pub request_id: String,
}

impl Visitor {
    /// Something that nobody known does, for the audit log.
    pub fn act(&self, action: &'static str) -> Act {
        Act {
            actor_id: None,
            session_id: None,
            action,
            ip_address: Some(self.ip_address.clone()),
            request_id: Some(self.request_id.clone()),
        }
    }
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
    /// Where the request came from.
    pub visitor: Arc<Visitor>,
}

impl Permit {
    /// Something that the person does, for the audit log.
    pub fn act(&self, action: &'static str) -> Act {
        Act {
            actor_id: Some(self.user_id),
            session_id: Some(self.session_id),
            action,
            ip_address: Some(self.visitor.ip_address.clone()),
            request_id: Some(self.visitor.request_id.clone()),
        }
    }
}
