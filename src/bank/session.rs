//! Sessions: opened by a sign-in, shown to their person, ended.

use std::sync::Arc;

use super::{
    context::Bank,
    error::Failure,
    permit::{Permit, Visitor},
};
use crate::{
    crypto::{token, token::Access},
    db::session::Session as Transaction,
    domain::{
        refusal::Refusal,
        session::{ABSOLUTE_LIFE, ACCESS_LIFE, Facade, Facts, IDLE_LIFE, SESSIONS_MAX},
    },
    store::{
        session,
        session::{Device, NewSession, Session},
        user,
        user::User,
    },
    types::{
        clock::Instant,
        id::{SessionId, UserId},
        secret::Secret,
    },
};

/// The longest text that is kept of what a client says of itself.
const CLIENT_TEXT_MAX: usize = 255;

/// What a fresh sign-in gives to its client.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Opens the API for ten minutes.
    pub access: Secret,
    /// Until when.
    pub access_expires_at: Instant,
    /// Gets the next access token.
    pub refresh: Secret,
}

/// A person who has just signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The person.
    pub user: User,
    /// The new session.
    pub session: Session,
    /// What its client gets.
    pub tokens: Tokens,
    /// The permit that the tokens stand for.
    pub permit: Permit,
}

/// Cuts what a client says of itself to what is worth keeping.
fn cut(text: Option<&str>) -> Option<String> {
    let kept: String = text?.chars().filter(|c| !c.is_control()).take(CLIENT_TEXT_MAX).collect();
    (!kept.is_empty()).then_some(kept)
}

/// A device with every text cut to what is worth keeping.
pub fn tidy(device: &Device) -> Device {
    Device {
        platform: cut(device.platform.as_deref()),
        language: cut(device.language.as_deref()),
        timezone: cut(device.timezone.as_deref()),
        client_id: cut(device.client_id.as_deref()),
        ..device.clone()
    }
}

/// Opens a session in the transaction of the sign-in.
pub(super) async fn open(
    bank: &Bank,
    s: &mut Transaction,
    user: User,
    visitor: &Visitor,
    device: &Device,
) -> Result<SignedIn, Failure> {
    let now = bank.now();
    let facade = Facade::Graphql;
    let session_id = SessionId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let (refresh, refresh_hash) = token::refresh(&bank.ring, session_id, 0);
    let user_agent = cut(visitor.user_agent.as_deref());
    let new = NewSession {
        session_id,
        user_id: user.user_id,
        facade,
        device,
        user_agent: user_agent.as_deref(),
        ip_address: &visitor.ip_address,
        refresh_hash: &refresh_hash,
        refresh_expires_at: now + IDLE_LIFE,
        expires_at: now + ABSOLUTE_LIFE,
        at: now,
    };
    // Two that sign in at once would each count one session less.
    user::lock(s, user.user_id).await?;
    session::insert(s, &new, SESSIONS_MAX).await?;
    let facts = session::facts(s, session_id, user.user_id).await?;
    let facts = facts.filter(|facts| facts.is_alive(now)).ok_or(Refusal::SessionEnded)?;
    let access_expires_at = now + ACCESS_LIFE;
    let access = Access { user_id: user.user_id, session_id, expires_at: access_expires_at };
    let access = token::sign(&bank.ring, facade.audience(), &access, now);
    let shown = Session {
        session_id,
        user_id: user.user_id,
        facade,
        platform: device.platform.clone(),
        user_agent,
        client_id: device.client_id.clone(),
        ip_address: visitor.ip_address.clone(),
        created_at: now,
        last_active_at: now,
        expires_at: now + ABSOLUTE_LIFE,
    };
    let visitor = Arc::new(visitor.clone());
    let permit = Permit { user_id: user.user_id, session_id, facade, facts, visitor };
    let tokens =
        Tokens { access: Secret::new(access), access_expires_at, refresh: Secret::new(refresh) };
    Ok(SignedIn { user, session: shown, tokens, permit })
}

/// The permit that an access token stands for; `SessionEnded` where it opens nothing.
pub async fn authenticate(
    bank: &Bank,
    facade: Facade,
    token: &str,
    visitor: &Visitor,
) -> Result<Permit, Failure> {
    let now = bank.now();
    let access = token::verify(&bank.ring, facade.audience(), token, now)
        .map_err(|_| Refusal::SessionEnded)?;
    let key: (SessionId, UserId) = (access.session_id, access.user_id);
    let remembered = bank.sessions.get(&key);
    let facts = if remembered.is_some() { remembered } else { ask(bank, key).await? };
    let facts = facts.filter(|facts| facts.is_alive(now)).ok_or(Refusal::SessionEnded)?;
    let (user_id, session_id) = (access.user_id, access.session_id);
    Ok(Permit { user_id, session_id, facade, facts, visitor: Arc::new(visitor.clone()) })
}

/// Asks the database what is known of a session, and remembers it for a second.
async fn ask(bank: &Bank, key: (SessionId, UserId)) -> Result<Option<Facts>, Failure> {
    let mut s = bank.db.alone().await?;
    let facts = session::facts(&mut s, key.0, key.1).await?;
    if let Some(facts) = facts {
        bank.sessions.insert(key, facts);
    }
    Ok(facts)
}

/// The caller's open sessions, the newest first.
pub async fn list(bank: &Bank, permit: &Permit) -> Result<Vec<Session>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(session::open_of(&mut s, permit.user_id, bank.now()).await?)
}

/// Ends the caller's session; here it is refused at once, elsewhere within a second.
pub async fn log_out(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let (id, now) = (permit.session_id, bank.now());
    bank.db.write_retrying(|s| Box::pin(session::end(s, id, now))).await.map_err(Failure::from)?;
    bank.sessions.invalidate(&(id, permit.user_id));
    Ok(())
}
