//! Tokens of the legacy dialects: made for a session, and asked what they open.
//!
//! What stands in a token beside the session is its dialect's affair, and so is what is
//! answered where one opens nothing; which of them open anything is decided here.

use chrono::Duration;
use serde_json::{Map, Value};

use super::{
    context::Bank,
    error::Failure,
    permit::{Permit, Visitor},
    session,
};
use crate::{
    crypto::{
        ticket,
        ticket::{Kind, Ticket, Unread},
        token::Access,
    },
    domain::session::Facade,
    types::secret::Secret,
};

/// Why a token opens nothing, as far as it can be told without asking for its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It has not the form of a token.
    Malformed,
    /// Its signature is not ours.
    Forged,
    /// It was good once, or will be.
    Expired,
    /// It was made for another door.
    Foreign,
    /// It is of the other kind.
    WrongKind,
}

/// Makes a token for a session that is good for so long.
pub fn issue(
    bank: &Bank,
    permit: &Permit,
    kind: Kind,
    life: Duration,
    claims: Map<String, Value>,
) -> Secret {
    let now = bank.now();
    let Permit { user_id, session_id, facade, .. } = *permit;
    let access = Access { user_id, session_id, expires_at: now + life };
    Secret::new(ticket::sign(&bank.ring, kind, facade.audience(), &access, claims, now))
}

/// Reads a token that is shown at a door.
pub fn read(bank: &Bank, facade: Facade, kind: Kind, token: &str) -> Result<Ticket, Unfit> {
    let ticket = ticket::read(&bank.ring, token).map_err(|unread| match unread {
        Unread::Malformed => Unfit::Malformed,
        Unread::Forged => Unfit::Forged,
    })?;
    let seconds = bank.now().timestamp();
    if seconds >= ticket.access.expires_at.timestamp() || seconds < ticket.since.timestamp() {
        return Err(Unfit::Expired);
    }
    if ticket.audience != facade.audience() {
        return Err(Unfit::Foreign);
    }
    if ticket.kind == kind { Ok(ticket) } else { Err(Unfit::WrongKind) }
}

/// The permit that a token stands for; `SessionEnded` where its session is over.
pub async fn admit(
    bank: &Bank,
    facade: Facade,
    ticket: &Ticket,
    visitor: &Visitor,
) -> Result<Permit, Failure> {
    session::admit(bank, facade, ticket.access, visitor).await
}
