//! A new password by a link that is mailed, at the door where the bank makes passwords:
//! whoever opens it ends all sessions of the person, and the password comes by letter.

use super::{
    act, attempt, challenge,
    context::Bank,
    email as addresses,
    error::Failure,
    outbox,
    permit::Visitor,
    session,
    session::Ended,
    signup::{PASSWORD_LETTER_LIFE, draw_password, link},
};
use crate::{
    db::session::Session,
    domain::{
        attempt::Attempt, challenge::Purpose, link_key, refusal::Refusal,
        second_factor::PasswordDialect, session::Facade, user::UserStatus,
    },
    mail::financelime as letters,
    store::{
        challenge as challenges,
        challenge::NewChallenge,
        second_factor,
        session::Device,
        signup, user,
        user::{Credentials, User},
    },
    types::{
        id::{ChallengeId, UserId},
        language::Language,
        secret::Secret,
        text::Email,
    },
};

const REQUEST: &str = "requestPasswordReset";
const RESET: &str = "resetPassword";
const DIALECT: PasswordDialect = PasswordDialect::Financelime;

fn missing() -> Failure {
    Refusal::NotFound { field: "email", noun: "user" }.into()
}

/// Mails a link for a new password; `path` is what stands before its key. Nothing is sent
/// to a person whom the dialect may not sign in, and the answer does not tell.
pub async fn request(
    bank: &Bank,
    visitor: &Visitor,
    path: &str,
    email: &str,
) -> Result<(), Failure> {
    let email = Email::parse(email).map_err(|error| Refusal::invalid("email", error.0))?;
    attempt::count(bank, visitor, Attempt::Reset, email.as_str()).await?;
    let mut s = bank.db.read().await?;
    let found = user::credentials(&mut s, &email).await?;
    let found = found.filter(|found| found.status != UserStatus::Deactivated);
    let found = &found.ok_or_else(missing)?;
    let allowed = second_factor::dialects(&mut s, found.user_id).await?;
    drop(s);
    if !allowed.contains(&DIALECT) {
        return Ok(());
    }
    let sent = bank.db.write_retrying(|s| Box::pin(send(bank, s, visitor, path, found))).await;
    act::audited_on(bank, visitor.act(REQUEST), Some(found.user_id.uuid()), sent).await?;
    outbox::wake(bank);
    Ok(())
}

async fn send(
    bank: &Bank,
    s: &mut Session,
    visitor: &Visitor,
    path: &str,
    found: &Credentials,
) -> Result<(), Failure> {
    let (now, purpose, facade) = (bank.now(), Purpose::ResetLink, Facade::Financelime);
    user::lock(s, found.user_id).await?;
    let challenge_id = ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let drawn = challenge::draw(bank, challenge_id, facade, purpose);
    let new = NewChallenge {
        challenge_id,
        user_id: Some(found.user_id),
        session_id: None,
        purpose,
        facade,
        code_hash: Some(&drawn.hash),
        new_email: None,
        device: &Device::default(),
        at: now,
        expires_at: now + purpose.life(),
    };
    challenges::put(s, &new).await?;
    let language = signup::language(s, found.user_id).await?.unwrap_or_default();
    let link = link(bank, path, &drawn.text);
    let letter = letters::confirm_reset(language, &found.email, &visitor.ip_address, &link);
    outbox::write(bank, s, &letter, now, new.expires_at).await?;
    let subject = Some(found.user_id.uuid());
    Ok(act::done(bank, s, visitor.act(REQUEST), subject, None).await?)
}

/// Opens a link, once: all sessions of its person end, and their new password is mailed.
/// Tells what they read.
pub async fn confirm(bank: &Bank, visitor: &Visitor, key: &Secret) -> Result<Language, Failure> {
    if !link_key::is_key(key.expose()) {
        return Err(Refusal::BadToken.into());
    }
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    let mut known = None;
    let confirmed = confirm_unaudited(bank, visitor, key, &mut known).await;
    let act = visitor.act(RESET);
    let (language, ended) = act::audited_on(bank, act, known.map(UserId::uuid), confirmed).await?;
    ended.forget(bank);
    outbox::wake(bank);
    Ok(language)
}

/// `known` becomes the person whose link it is, whatever comes of it.
async fn confirm_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    key: &Secret,
    known: &mut Option<UserId>,
) -> Result<(Language, Ended), Failure> {
    let hash = challenge::link_hash(bank, key.expose());
    let found = challenges::by_link(&mut bank.db.read().await?, &hash).await?;
    let found = found.ok_or(Refusal::BadToken)?;
    let user_id = found.user_id.ok_or(Refusal::BadToken)?;
    *known = Some(user_id);
    if bank.now() >= found.expires_at {
        return Err(Refusal::TokenExpired.into());
    }
    let password = &draw_password(bank);
    let hash = &bank.hasher.hash(bank.entropy.as_ref(), password.clone()).await?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                user::lock(s, user_id).await?;
                if !challenges::take(s, found.challenge_id).await? {
                    return Err(Failure::from(Refusal::BadToken));
                }
                let user = require_allowed(s, user_id).await?;
                addresses::prove(bank, s, user_id).await?;
                user::set_password(s, user_id, hash).await?;
                challenges::drop_of(s, user_id).await?;
                let ended = session::end_all(bank, s, user_id, None).await?;
                let language = signup::language(s, user_id).await?.unwrap_or_default();
                let letter = letters::new_password(language, &user.email, password.expose());
                let now = bank.now();
                outbox::write(bank, s, &letter, now, now + PASSWORD_LETTER_LIFE).await?;
                let subject = Some(user_id.uuid());
                act::done(bank, s, visitor.act(RESET), subject, ended.told()).await?;
                Ok((language, ended))
            })
        })
        .await
}

/// The person of a link; refused where the dialect may not sign them in any more.
async fn require_allowed(s: &mut Session, user_id: UserId) -> Result<User, Failure> {
    // A person who is barred counts as one who has left.
    let found = user::credentials_of(s, user_id).await?;
    let left = found.is_none_or(|found| found.status == UserStatus::Deactivated);
    if left || !second_factor::dialects(s, user_id).await?.contains(&DIALECT) {
        return Err(Refusal::BadToken.into());
    }
    Ok(user::lookup(s, user_id).await?.ok_or(Refusal::BadToken)?)
}
