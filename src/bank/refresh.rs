//! Renewing a session's access by its refresh token, which rotates.
//!
//! Each use makes a successor and spends the token. A spent token that comes again is
//! either a client's that lost its answer, or a thief's: for a moment it gets the same
//! successor, as long as that is unused, and after that the whole session ends.

use std::sync::Arc;

use super::{
    act,
    context::Bank,
    error::{Broken, Failure},
    outbox,
    permit::{Permit, Visitor},
    session,
    session::{Ended, SignedIn},
};
use crate::{
    crypto::{mac, token, token::Shown},
    db::session::Session as Transaction,
    domain::{
        refusal::Refusal,
        session::{Facade, Facts, Renewal, renew},
    },
    mail::templates,
    store::{
        session as sessions,
        session::{Family, NewRefresh},
        user,
        user::User,
    },
    types::{clock::Instant, secret::Secret},
};

const REFRESH: &str = "refreshSession";

const UNKNOWN: Refusal = Refusal::BadRefreshToken { ended: false };
const ENDED: Refusal = Refusal::BadRefreshToken { ended: true };

/// What a transaction did with a refresh token; all of it is committed.
enum Outcome {
    Renewed(Box<SignedIn>),
    Refused(Refusal),
    Reused(Ended),
}

/// Gives a new access token and the successor of a refresh token.
pub async fn refresh(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    token: &Secret,
) -> Result<SignedIn, Failure> {
    let shown = token::read_refresh(&bank.ring, token.expose()).ok_or(UNKNOWN)?;
    if !shown.authentic && !is_kept(bank, &shown).await? {
        // It is nobody's, and costs no write.
        return Err(UNKNOWN.into());
    }
    let shown = &shown;
    let outcome =
        bank.db.write_retrying(|s| Box::pin(attempt(bank, s, visitor, facade, shown))).await?;
    match outcome {
        Outcome::Renewed(signed_in) => {
            let permit = &signed_in.permit;
            bank.sessions.invalidate(&(permit.session_id, permit.user_id));
            Ok(*signed_in)
        }
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Reused(ended) => {
            ended.forget(bank);
            outbox::wake(bank);
            Err(ENDED.into())
        }
    }
}

/// The token is the latest of its session or the one before, though it was made with a
/// key that is gone.
async fn is_kept(bank: &Bank, shown: &Shown) -> Result<bool, Failure> {
    let mut s = bank.db.alone().await?;
    let kept = sessions::refresh_hashes(&mut s, shown.session_id).await?;
    Ok(kept.iter().any(|kept| mac::same(kept, &shown.hash)))
}

async fn attempt(
    bank: &Bank,
    s: &mut Transaction,
    visitor: &Visitor,
    facade: Facade,
    shown: &Shown,
) -> Result<Outcome, Failure> {
    let Some(family) = sessions::lock(s, shown.session_id).await? else {
        return Ok(Outcome::Refused(ENDED));
    };
    if family.session.facade != facade {
        return Ok(Outcome::Refused(UNKNOWN));
    }
    let user = user::lookup(s, family.session.user_id).await?;
    let user = user.ok_or(Broken::Inconsistent("the person of a session"))?;
    // Under the lock, so that who waited for it sees the time after the one before.
    let now = bank.now();
    let facts = sessions::facts(s, shown.session_id, user.user_id).await?;
    let facts = facts.ok_or(Broken::Inconsistent("a session that was just read"))?;
    if !facts.is_alive(now) {
        return Ok(Outcome::Refused(if facts.ended_at.is_some() { ENDED } else { UNKNOWN }));
    }
    let latest = mac::same(&family.refresh_hash, &shown.hash);
    match renew(shown.generation, family.generation, family.refreshed_at, now) {
        Renewal::Rotate if latest => {
            let expires_at = (now + facade.idle_life()).min(facts.expires_at);
            let facts = Facts { refresh_expires_at: expires_at, refreshed_at: Some(now), ..facts };
            let (token, hash) = token::refresh(&bank.ring, shown.session_id, family.generation + 1);
            let new = NewRefresh {
                session_id: shown.session_id,
                generation: family.generation + 1,
                hash: &hash,
                expires_at,
                ip_address: &visitor.ip_address,
                at: now,
            };
            sessions::rotate(s, &new).await?;
            renewed(bank, s, visitor, Held { user, family, facts }, token).await
        }
        Renewal::Repeat => {
            let Family { generation, ref refresh_hash, .. } = family;
            let id = shown.session_id;
            match token::refresh_again(&bank.ring, id, generation, refresh_hash) {
                Some(token) => renewed(bank, s, visitor, Held { user, family, facts }, token).await,
                // It was made with a key that is gone, and cannot be made again.
                None => Ok(Outcome::Refused(UNKNOWN)),
            }
        }
        Renewal::Reused => end(bank, s, visitor, &user, &family, now).await,
        Renewal::Rotate | Renewal::Unknown => Ok(Outcome::Refused(UNKNOWN)),
    }
}

/// What is known of a session whose lock is held.
struct Held {
    user: User,
    family: Family,
    facts: Facts,
}

/// Notes that the access of a session was renewed, and gives what renews it again.
async fn renewed(
    bank: &Bank,
    s: &mut Transaction,
    visitor: &Visitor,
    held: Held,
    token: String,
) -> Result<Outcome, Failure> {
    let Held { user, family, facts } = held;
    let shown = family.session;
    let (user_id, session_id, facade) = (shown.user_id, shown.session_id, shown.facade);
    let visitor = Arc::new(visitor.clone());
    let permit = Permit { user_id, session_id, facade, facts, visitor };
    act::done(bank, s, permit.act(REFRESH), Some(session_id.uuid()), None).await?;
    let tokens = session::tokens(bank, &permit, Some(Secret::new(token)));
    let last_active_at = bank.now();
    let ip_address = permit.visitor.ip_address.clone();
    let session = sessions::Session { ip_address, last_active_at, ..shown };
    let ended = Ended::none(user_id);
    Ok(Outcome::Renewed(Box::new(SignedIn { user, session, tokens, permit, ended })))
}

/// Ends the session of a token that two have used, notes it, and tells its person.
async fn end(
    bank: &Bank,
    s: &mut Transaction,
    visitor: &Visitor,
    user: &User,
    family: &Family,
    now: Instant,
) -> Result<Outcome, Failure> {
    let session_id = family.session.session_id;
    sessions::end(s, session_id, now).await?;
    let platform = family.session.platform.as_deref();
    let letter = templates::session_ended_by_reuse(&user.email, platform);
    outbox::notify(bank, s, &letter).await?;
    let ended = Ended::one(user.user_id, session_id);
    let mut act = visitor.act(REFRESH);
    act.session_id = Some(session_id);
    act::refused(bank, s, act, &ENDED, Some(session_id.uuid()), ended.told()).await?;
    Ok(Outcome::Reused(ended))
}
