//! Signing in by a password alone, at the doors whose clients know nothing else.
//!
//! Only those come in whom the dialect may sign in: people of such a dialect, and whoever
//! has allowed it behind a second factor. Everybody else gets the answer to a wrong
//! password, after the same time.

use uuid::Uuid;

use super::{
    act, attempt,
    context::Bank,
    error::Failure,
    outbox,
    permit::Visitor,
    session,
    session::{Entrance, SignedIn},
    sign_in::Form,
};
use crate::{
    db::session::Session,
    domain::{
        attempt::Attempt, refusal::Refusal, second_factor::PasswordDialect, user::UserStatus,
    },
    mail::financelime as letters,
    store::{
        second_factor,
        session::Device,
        signup, user,
        user::{Credentials, User},
    },
    types::{id::UserId, text::Email},
};

const LOGIN: &str = "login";
/// How often a password is checked that is changed meanwhile.
const CHECKS: usize = 3;

/// Opens a session for the right password.
///
/// A try counts before the password is looked at, and the right one takes the count back.
pub async fn log_in(
    bank: &Bank,
    visitor: &Visitor,
    dialect: PasswordDialect,
    form: &Form,
) -> Result<SignedIn, Failure> {
    attempt::count(bank, visitor, Attempt::Login, &form.email).await?;
    let mut known = None;
    let mut outcome = Err(Refusal::BadCredentials.into());
    for _ in 0..CHECKS {
        match log_in_unaudited(bank, visitor, dialect, form, &mut known).await {
            // The password was changed, or hashed anew, since it was checked.
            Ok(None) => {}
            Ok(Some(signed_in)) => {
                outcome = Ok(signed_in);
                break;
            }
            Err(failure) => {
                outcome = Err(failure);
                break;
            }
        }
    }
    let act = visitor.act(LOGIN);
    let signed_in = act::audited_on(bank, act, known.map(UserId::uuid), outcome).await?;
    signed_in.ended.forget(bank);
    attempt::forget(bank, Attempt::Login, &form.email).await?;
    outbox::wake(bank);
    Ok(signed_in)
}

/// The person whom an address names, and whether the dialect may sign them in.
async fn find(
    s: &mut Session,
    email: Option<&Email>,
    dialect: PasswordDialect,
) -> Result<(Option<Credentials>, bool), Failure> {
    let found = match email {
        Some(email) => user::credentials(s, email).await?,
        None => None,
    };
    // Asked of nobody as well, so that the time does not tell.
    let nobody = UserId::from_uuid(Uuid::nil());
    let id = found.as_ref().map_or(nobody, |found| found.user_id);
    let allowed = second_factor::dialects(s, id).await?.contains(&dialect);
    Ok((found, allowed))
}

async fn log_in_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    dialect: PasswordDialect,
    form: &Form,
    known: &mut Option<UserId>,
) -> Result<Option<SignedIn>, Failure> {
    let email = Email::parse(&form.email).ok();
    let mut s = bank.db.read().await?;
    let (found, allowed) = find(&mut s, email.as_ref(), dialect).await?;
    drop(s);
    *known = found.as_ref().map(|found| found.user_id);
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    let fits = bank.hasher.verify(form.password.clone(), hash).await?;
    let person = found.filter(|found| fits && allowed && found.status != UserStatus::Deactivated);
    let person = &person.ok_or(Refusal::BadCredentials)?;
    let fresh_hash = if bank.hasher.is_stale(&person.password_hash) {
        Some(bank.hasher.hash(bank.entropy.as_ref(), form.password.clone()).await?)
    } else {
        None
    };
    let (fresh_hash, device) = (fresh_hash.as_deref(), &session::tidy(&form.device));
    bank.db
        .write_retrying(|s| {
            let written = Entering { visitor, dialect, checked: person, fresh_hash, device };
            Box::pin(enter(bank, s, written))
        })
        .await
}

/// Writes to the owner that somebody came in, as the clients of financelime know it.
async fn tell(
    bank: &Bank,
    s: &mut Session,
    visitor: &Visitor,
    user: &User,
    device: &Device,
) -> Result<(), Failure> {
    let language = signup::language(s, user.user_id).await?.unwrap_or_default();
    let seen = letters::Seen {
        at: bank.now(),
        platform: device.platform.as_deref(),
        ip_address: &visitor.ip_address,
        public_url: &bank.files.public_url,
    };
    outbox::notify(bank, s, &letters::signed_in(language, &user.email, &seen)).await
}

/// A sign-in whose password was right a moment ago.
struct Entering<'e> {
    visitor: &'e Visitor,
    dialect: PasswordDialect,
    checked: &'e Credentials,
    fresh_hash: Option<&'e str>,
    device: &'e Device,
}

async fn enter(
    bank: &Bank,
    s: &mut Session,
    entering: Entering<'_>,
) -> Result<Option<SignedIn>, Failure> {
    let Entering { visitor, dialect, checked, fresh_hash, device } = entering;
    let user_id = checked.user_id;
    user::lock(s, user_id).await?;
    let now = user::credentials_of(s, user_id).await?;
    if now.is_none_or(|now| now.password_hash != checked.password_hash) {
        return Ok(None);
    }
    if !second_factor::dialects(s, user_id).await?.contains(&dialect) {
        return Err(Refusal::BadCredentials.into());
    }
    if let Some(hash) = fresh_hash {
        user::set_password(s, user_id, hash).await?;
    }
    let user = user::lookup(s, user_id).await?;
    let user = user.filter(|user| user.status != UserStatus::Deactivated);
    let user = user.ok_or(Refusal::BadCredentials)?;
    if dialect == PasswordDialect::Financelime {
        tell(bank, s, visitor, &user, device).await?;
    }
    let entrance = Entrance { facade: dialect.facade(), action: LOGIN, device };
    session::open(bank, s, user, visitor, &entrance).await.map(Some)
}
