//! Sessions: opened by a sign-in, shown to their person, ended.

use std::sync::Arc;

use super::{
    act,
    act::Told,
    context::Bank,
    error::Failure,
    permit::{Permit, Visitor},
    trail,
};
use crate::{
    crypto::{token, token::Access},
    db::session::Session as Transaction,
    domain::{
        event::{EventKind, session_named},
        refusal::Refusal,
        second_factor::PasswordDialect,
        session::{ACTIVITY_STEP, Facade, Facts, SESSIONS_MAX},
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

const LOGOUT: &str = "logout";
const REVOKE: &str = "revokeSession";
const REVOKE_OTHERS: &str = "revokeOtherSessions";

/// The longest text that is kept of what a client says of itself.
const CLIENT_TEXT_MAX: usize = 255;

/// What a sign-in gives to its client.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Opens the API for a while.
    pub access: Secret,
    /// Until when.
    pub access_expires_at: Instant,
    /// Gets the next access token; none where the door knows no such thing.
    pub refresh: Option<Secret>,
    /// Until when.
    pub refresh_expires_at: Instant,
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
    /// The sessions that had to go for it; to be forgotten after the commit.
    pub ended: Ended,
}

/// Sessions of one person that a transaction has ended.
#[must_use = "tell of it in the transaction, and forget it after the commit"]
#[derive(Debug, Clone)]
pub struct Ended {
    user_id: UserId,
    sessions: Vec<SessionId>,
}

impl Ended {
    /// None of this person's.
    pub(super) fn none(user_id: UserId) -> Self {
        Self { user_id, sessions: Vec::new() }
    }

    /// This one.
    pub(super) fn one(user_id: UserId, id: SessionId) -> Self {
        Self { user_id, sessions: vec![id] }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    /// What their person is told; handed to `act::done`, the last of the transaction.
    pub(super) fn told(&self) -> Vec<Told> {
        let tell = |id: &SessionId| told(self.user_id, EventKind::SessionEnded, *id);
        self.sessions.iter().map(tell).collect()
    }

    /// Makes this process ask the database again; called after the commit, it refuses
    /// the sessions from here on.
    pub fn forget(&self, bank: &Bank) {
        for id in &self.sessions {
            bank.sessions.invalidate(&(*id, self.user_id));
        }
    }
}

fn told(owner_id: UserId, kind: EventKind, id: SessionId) -> Told {
    Told { owner_id, kind, body: session_named(id) }
}

/// How somebody comes in.
#[derive(Debug)]
pub(super) struct Entrance<'e> {
    /// The door.
    pub facade: Facade,
    /// What they did, for the audit log.
    pub action: &'static str,
    /// The device in their hand.
    pub device: &'e Device,
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

/// Opens a session and notes who came in: the last of the transaction of the sign-in.
pub(super) async fn open(
    bank: &Bank,
    s: &mut Transaction,
    user: User,
    visitor: &Visitor,
    entrance: &Entrance<'_>,
) -> Result<SignedIn, Failure> {
    let now = bank.now();
    let Entrance { facade, action, device } = *entrance;
    let user_id = user.user_id;
    let session_id = SessionId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let (refresh, refresh_hash) = token::refresh(&bank.ring, session_id, 0);
    let user_agent = cut(visitor.user_agent.as_deref());
    let refresh_expires_at = now + facade.idle_life();
    let expires_at = now + facade.absolute_life();
    let new = NewSession {
        session_id,
        user_id,
        facade,
        device,
        user_agent: user_agent.as_deref(),
        ip_address: &visitor.ip_address,
        refresh_hash: &refresh_hash,
        refresh_expires_at,
        expires_at,
        at: now,
    };
    // Two that sign in at once would each count one session less.
    user::lock(s, user_id).await?;
    let ended = Ended { user_id, sessions: session::insert(s, &new, SESSIONS_MAX).await? };
    let facts = session::facts(s, session_id, user_id).await?;
    let facts = facts.filter(|facts| facts.is_alive(now)).ok_or(Refusal::SessionEnded)?;
    let shown = Session {
        session_id,
        user_id,
        facade,
        platform: device.platform.clone(),
        user_agent,
        client_id: device.client_id.clone(),
        ip_address: visitor.ip_address.clone(),
        created_at: now,
        last_active_at: now,
        expires_at,
    };
    let permit = Permit { user_id, session_id, facade, facts, visitor: Arc::new(visitor.clone()) };
    let started = told(user_id, EventKind::SessionStarted, session_id);
    let told = ended.told().into_iter().chain([started]);
    act::done(bank, s, permit.act(action), Some(session_id.uuid()), told).await?;
    let refresh = facade.refreshes().then(|| Secret::new(refresh));
    let tokens = tokens(bank, &permit, refresh);
    Ok(SignedIn { user, session: shown, tokens, permit, ended })
}

/// What the client of a session gets: an access token that is signed now, and what renews it.
pub(super) fn tokens(bank: &Bank, permit: &Permit, refresh: Option<Secret>) -> Tokens {
    let Permit { user_id, session_id, facade, facts, .. } = *permit;
    let now = bank.now();
    let access_expires_at = now + facade.access_life();
    let access = Access { user_id, session_id, expires_at: access_expires_at };
    let access = Secret::new(token::sign(&bank.ring, facade.audience(), &access, now));
    Tokens { access, access_expires_at, refresh, refresh_expires_at: facts.refresh_expires_at }
}

/// The permit that an access token stands for; `SessionEnded` where it opens nothing.
pub async fn authenticate(
    bank: &Bank,
    facade: Facade,
    token: &str,
    visitor: &Visitor,
) -> Result<Permit, Failure> {
    Ok(authenticate_until(bank, facade, token, visitor).await?.0)
}

/// The same, with when the access ends.
pub async fn authenticate_until(
    bank: &Bank,
    facade: Facade,
    token: &str,
    visitor: &Visitor,
) -> Result<(Permit, Instant), Failure> {
    let access = token::verify(&bank.ring, facade.audience(), token, bank.now())
        .map_err(|_| Refusal::SessionEnded)?;
    let until = access.expires_at;
    Ok((admit(bank, facade, access, visitor).await?, until))
}

/// The permit of somebody whose socket was opened by one, for what they ask on it now;
/// `SessionEnded` where it opens nothing any more.
pub async fn again(bank: &Bank, permit: &Permit, visitor: &Visitor) -> Result<Permit, Failure> {
    let Permit { user_id, session_id, facade, facts, .. } = *permit;
    // Whether the access still lasts is looked after for as long as the socket is open.
    let access = Access { user_id, session_id, expires_at: facts.expires_at };
    admit(bank, facade, access, visitor).await
}

/// The permit of a token that was read; `SessionEnded` where its session is over.
pub(super) async fn admit(
    bank: &Bank,
    facade: Facade,
    access: Access,
    visitor: &Visitor,
) -> Result<Permit, Failure> {
    let key: (SessionId, UserId) = (access.session_id, access.user_id);
    let remembered = bank.sessions.get(&key);
    let facts = match remembered {
        Some(facts) => Some(facts),
        // On the heap: once a second somebody has to ask, and everybody would carry the room.
        None => Box::pin(ask(bank, key, visitor)).await?,
    };
    let now = bank.now();
    let facts = facts.filter(|facts| facts.is_alive(now)).ok_or(Refusal::SessionEnded)?;
    let (session_id, user_id) = key;
    trail::mark(bank, user_id);
    Ok(Permit { user_id, session_id, facade, facts, visitor: Arc::new(visitor.clone()) })
}

/// Asks the database what is known of a session, and remembers it for a second.
async fn ask(
    bank: &Bank,
    key: (SessionId, UserId),
    visitor: &Visitor,
) -> Result<Option<Facts>, Failure> {
    let (known, asked_at) = bank.session_reads.read(&bank.db, key).await?;
    let Some((facts, last_active_at)) = known else {
        return Ok(None);
    };
    bank.sessions.remember(key, facts, asked_at);
    let now = bank.now();
    if facts.is_alive(now) && now - last_active_at >= ACTIVITY_STEP {
        bank.session_touches.note(&bank.db, key.0, visitor.ip_address.clone(), now);
    }
    Ok(Some(facts))
}

/// The caller's open sessions, the newest first.
pub async fn list(bank: &Bank, permit: &Permit) -> Result<Vec<Session>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(session::open_of(&mut s, permit.user_id, bank.now()).await?)
}

/// Sessions of the caller among these, open or not, in no particular order.
pub async fn own_many(
    bank: &Bank,
    permit: &Permit,
    ids: &[SessionId],
) -> Result<Vec<Session>, Failure> {
    Ok(session::lookup_many(&mut bank.db.alone().await?, permit.user_id, ids).await?)
}

/// Refuses a permit whose session has ended since it was read: what ends sessions or
/// changes who may sign in asks again in its own transaction.
pub(super) async fn require_alive(
    bank: &Bank,
    s: &mut Transaction,
    permit: &Permit,
) -> Result<(), Failure> {
    let facts = session::facts(s, permit.session_id, permit.user_id).await?;
    let alive = facts.is_some_and(|facts| facts.is_alive(bank.now()));
    if alive { Ok(()) } else { Err(Refusal::SessionEnded.into()) }
}

/// Ends all sessions of a person but one, in the transaction of what they end for.
///
/// It locks the person and then the sessions, so it comes before accounts. What it gives
/// back is told by the transaction's `act::done`, and forgotten after the commit:
///
/// ```text
/// let ended = session::end_all(bank, s, user_id, Some(permit.session_id)).await?;
/// act::done(bank, s, act, subject_id, ended.told()).await?;
/// // …and after the commit
/// ended.forget(bank);
/// ```
pub(super) async fn end_all(
    bank: &Bank,
    s: &mut Transaction,
    user_id: UserId,
    kept: Option<SessionId>,
) -> Result<Ended, Failure> {
    user::lock(s, user_id).await?;
    let sessions = session::end_others(s, user_id, kept, bank.now()).await?;
    Ok(Ended { user_id, sessions })
}

/// Ends all sessions of a person that these dialects opened with a password alone.
pub(super) async fn end_of(
    bank: &Bank,
    s: &mut Transaction,
    user_id: UserId,
    dialects: &[PasswordDialect],
) -> Result<Ended, Failure> {
    user::lock(s, user_id).await?;
    let mut ended = Ended::none(user_id);
    for dialect in dialects {
        let facade = dialect.facade();
        ended.sessions.extend(session::end_of_facade(s, user_id, facade, bank.now()).await?);
    }
    Ok(ended)
}

/// Ends the caller's session; here it is refused at once, elsewhere within a second.
pub async fn log_out(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let id = permit.session_id;
    let ended = bank.db.write_retrying(|s| Box::pin(end(bank, s, permit, LOGOUT, id))).await?;
    ended.forget(bank);
    Ok(())
}

/// Ends a session of the caller's, this one or another; one that has ended already stays
/// so, and nothing more is told of it.
pub async fn revoke(bank: &Bank, permit: &Permit, id: Option<SessionId>) -> Result<(), Failure> {
    let ended = revoke_unaudited(bank, permit, id).await;
    let act = permit.act(REVOKE);
    act::audited_on(bank, act, id.map(SessionId::uuid), ended).await?.forget(bank);
    Ok(())
}

async fn revoke_unaudited(
    bank: &Bank,
    permit: &Permit,
    id: Option<SessionId>,
) -> Result<Ended, Failure> {
    let missing = || Refusal::NotFound { field: "sessionId", noun: "session" };
    let id = id.ok_or_else(missing)?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                require_alive(bank, s, permit).await?;
                if session::owner(s, id).await? != Some(permit.user_id) {
                    return Err(missing().into());
                }
                end(bank, s, permit, REVOKE, id).await
            })
        })
        .await
}

/// What a page must repeat in a header to prove that it belongs to a session.
pub fn csrf_token(bank: &Bank, id: SessionId) -> Secret {
    Secret::new(token::csrf(&bank.ring, id))
}

/// Ends one session of the caller's, and notes it where it was open.
async fn end(
    bank: &Bank,
    s: &mut Transaction,
    permit: &Permit,
    action: &'static str,
    id: SessionId,
) -> Result<Ended, Failure> {
    let user_id = permit.user_id;
    if !session::end(s, id, bank.now()).await? {
        // Another process ended it, of which this one may not know yet.
        bank.sessions.invalidate(&(id, user_id));
        return Ok(Ended::none(user_id));
    }
    let ended = Ended::one(user_id, id);
    act::done(bank, s, permit.act(action), Some(id.uuid()), ended.told()).await?;
    Ok(ended)
}

/// Ends all sessions of the caller's but the one that asks, and tells how many they were.
pub async fn revoke_others(bank: &Bank, permit: &Permit) -> Result<usize, Failure> {
    let Permit { user_id, session_id, .. } = *permit;
    let ended = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                require_alive(bank, s, permit).await?;
                let ended = end_all(bank, s, user_id, Some(session_id)).await?;
                let act = permit.act(REVOKE_OTHERS);
                act::done(bank, s, act, Some(user_id.uuid()), ended.told()).await?;
                Ok::<_, Failure>(ended)
            })
        })
        .await?;
    ended.forget(bank);
    Ok(ended.count())
}
