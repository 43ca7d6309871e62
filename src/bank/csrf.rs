//! What a page repeats in a header to prove that a request is its own, at the door whose
//! tokens carry it themselves; by it a session is ended where no token is sent.

use super::{
    act,
    context::Bank,
    error::Failure,
    permit::{Permit, Visitor},
    session::Ended,
};
use crate::{
    crypto::mac,
    db::session::Session as Transaction,
    store::session,
    types::{entropy, secret::Secret},
};
use uuid::Builder;

const LOGOUT: &str = "logout";

/// A value of the form that clients know: a random UUID.
pub fn draw(bank: &Bank) -> Secret {
    let bytes: [u8; 16] = entropy::bytes(bank.entropy.as_ref());
    Secret::new(Builder::from_random_bytes(bytes).into_uuid().to_string())
}

fn hash(value: &str) -> mac::Hash {
    mac::sha256(value.as_bytes())
}

/// Keeps the values of a session; the one of its refresh token where that is new.
pub async fn keep(
    bank: &Bank,
    permit: &Permit,
    access: &Secret,
    refresh: Option<&Secret>,
) -> Result<(), Failure> {
    let access = &hash(access.expose());
    let refresh = &refresh.map(|refresh| hash(refresh.expose()));
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let refresh = refresh.as_ref().map(|refresh| &refresh[..]);
                session::set_csrf(s, permit.session_id, access, refresh).await?;
                Ok::<_, Failure>(())
            })
        })
        .await
}

/// Ends the session that either value names; nothing happens where none does.
pub async fn log_out(
    bank: &Bank,
    visitor: &Visitor,
    access: Option<&str>,
    refresh: Option<&str>,
) -> Result<(), Failure> {
    if access.is_none() && refresh.is_none() {
        return Ok(());
    }
    let ended =
        bank.db.write_retrying(|s| Box::pin(end(bank, s, visitor, access, refresh))).await?;
    if let Some(ended) = ended {
        ended.forget(bank);
    }
    Ok(())
}

async fn end(
    bank: &Bank,
    s: &mut Transaction,
    visitor: &Visitor,
    access: Option<&str>,
    refresh: Option<&str>,
) -> Result<Option<Ended>, Failure> {
    let mut found = None;
    if let Some(value) = access {
        found = session::by_csrf_access(s, &hash(value)).await?;
    }
    if let (None, Some(value)) = (found, refresh) {
        found = session::by_csrf_refresh(s, &hash(value)).await?;
    }
    let Some((id, user_id)) = found else {
        return Ok(None);
    };
    if !session::end(s, id, bank.now()).await? {
        return Ok(None);
    }
    let ended = Ended::one(user_id, id);
    let mut act = visitor.act(LOGOUT);
    (act.actor_id, act.session_id) = (Some(user_id), Some(id));
    act::done(bank, s, act, Some(id.uuid()), ended.told()).await?;
    Ok(Some(ended))
}
