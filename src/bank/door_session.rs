//! Sessions as the clients of one door list and remove them: by a public name of 64
//! hexadecimal digits, which a session keeps for good.
//!
//! The door's document says that whoever removes a session is signed out when its access
//! expires and cannot be renewed. So such a session ends at once everywhere but at its own
//! door, whose access tokens, which live a quarter of an hour, are good until they expire.
//! What ends a person's sessions altogether ends that as well.

use super::{
    act,
    act::Told,
    context::Bank,
    error::Failure,
    permit::{Permit, Visitor},
    session,
    session::Ended,
};
use crate::{
    crypto::{mac, ticket::Ticket},
    db::session::Session as Transaction,
    domain::{refusal::Refusal, session::Facade, user::UserStatus},
    store::{door_session, session as sessions},
    types::{clock::Instant, id::SessionId},
};
use std::sync::Arc;

const REVOKE: &str = "revokeSession";
/// What public names are made for; it never changes.
const NAME: &str = "sessions.public_id";

/// A session as the clients of its door see it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its public name.
    pub public_id: String,
    /// When it was opened, or refreshed last.
    pub updated_at: Instant,
    /// What the device called itself.
    pub platform: Option<String>,
}

/// The public name of a session: it names it, and opens nothing.
pub fn public_id(bank: &Bank, id: SessionId) -> String {
    hex::encode(mac::index(&bank.ring, NAME, &id.to_wire()))
}

/// The permit that a token of a door stands for, also where its session was removed a
/// moment ago; `SessionEnded` where it opens nothing.
pub async fn admit(
    bank: &Bank,
    facade: Facade,
    ticket: &Ticket,
    visitor: &Visitor,
) -> Result<Permit, Failure> {
    match session::admit(bank, facade, ticket.access, visitor).await {
        Err(Failure::Refused(Refusal::SessionEnded)) => {
            outlived(bank, facade, ticket, visitor).await
        }
        other => other,
    }
}

/// Asks the database, so that nothing that was remembered keeps a door open.
async fn outlived(
    bank: &Bank,
    facade: Facade,
    ticket: &Ticket,
    visitor: &Visitor,
) -> Result<Permit, Failure> {
    let (session_id, user_id) = (ticket.access.session_id, ticket.access.user_id);
    let now = bank.now();
    let mut s = bank.db.read().await?;
    let until = door_session::access_until(&mut s, session_id).await?;
    let facts = sessions::facts(&mut s, session_id, user_id).await?;
    let facts = facts.filter(|facts| facts.status != UserStatus::Deactivated);
    match (until, facts) {
        (Some(until), Some(facts)) if now < until => {
            let visitor = Arc::new(visitor.clone());
            Ok(Permit { user_id, session_id, facade, facts, visitor })
        }
        _ => Err(Refusal::SessionEnded.into()),
    }
}

/// The caller's open sessions of their door, the oldest first.
pub async fn list(bank: &Bank, permit: &Permit) -> Result<Vec<Shown>, Failure> {
    let mut s = bank.db.read().await?;
    let open = door_session::open_of(&mut s, permit.user_id, permit.facade, bank.now()).await?;
    let shown = |row: door_session::DoorSession| Shown {
        public_id: public_id(bank, row.session_id),
        updated_at: row.updated_at,
        platform: row.platform,
    };
    Ok(open.into_iter().map(shown).collect())
}

/// Removes a session of the caller's of this door by its public name, or the one that asks.
/// Where there is no such open session nothing happens.
pub async fn remove(bank: &Bank, permit: &Permit, named: Option<&str>) -> Result<(), Failure> {
    let ended = bank.db.write_retrying(|s| Box::pin(remove_in(bank, s, permit, named))).await?;
    ended.forget(bank);
    Ok(())
}

async fn remove_in(
    bank: &Bank,
    s: &mut Transaction,
    permit: &Permit,
    named: Option<&str>,
) -> Result<Ended, Failure> {
    let now = bank.now();
    let none = Ended::none(permit.user_id);
    let id = match named {
        None => Some(permit.session_id),
        Some(named) => {
            let open = door_session::open_of(s, permit.user_id, permit.facade, now).await?;
            let mut ids = open.into_iter().map(|row| row.session_id);
            ids.find(|id| public_id(bank, *id) == named)
        }
    };
    let Some(id) = id else {
        return Ok(none);
    };
    if !door_session::remove(s, id, now, now + permit.facade.access_life()).await? {
        return Ok(none);
    }
    let ended = Ended::one(permit.user_id, id);
    let told: Vec<Told> = ended.told();
    act::done(bank, s, permit.act(REVOKE), Some(id.uuid()), told).await?;
    Ok(ended)
}
