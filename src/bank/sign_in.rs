//! Signing in: a password, then a second factor.

use super::{
    act, attempt, challenge,
    challenge::{Question, Reply},
    context::Bank,
    email,
    error::{Broken, Failure},
    outbox,
    permit::Visitor,
    session,
    session::{Entrance, SignedIn},
};
use crate::{
    domain::{
        attempt::Attempt,
        challenge::{Asked, GUESSES_MAX, Purpose, resent_until},
        refusal::Refusal,
        session::Facade,
        user::{UserRole, UserStatus},
    },
    mail::templates,
    store::{challenge as challenges, session::Device, user, user::Credentials},
    types::{
        id::{ChallengeId, UserId},
        secret::Secret,
        text::Email,
    },
};

const LOGIN: &str = "login";
const CONFIRM_LOGIN: &str = "confirmLogin";
const RESEND: &str = "resendLoginCode";
/// How often a password is checked that is changed meanwhile.
const CHECKS: usize = 3;

/// What a person says to sign in.
#[derive(Debug, Clone)]
pub struct Form {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: Secret,
    /// The device in their hand.
    pub device: Device,
    /// What they say that they are, where a door asks for it: what they may do, or what
    /// they asked to be.
    pub role: Option<UserRole>,
}

/// The first step: the right password gets a question for the second factor.
///
/// A wrong password, an unknown address and a person who has left get the same
/// answer after the same time. A try counts before the password is looked at, and the
/// right one takes the count back; beyond its limit a try is not noted one by one.
pub async fn log_in(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    form: &Form,
) -> Result<Asked, Failure> {
    attempt::count(bank, visitor, Attempt::Login, &form.email).await?;
    let mut known = None;
    let mut asked = Err(Refusal::BadCredentials.into());
    for _ in 0..CHECKS {
        match log_in_unaudited(bank, visitor, facade, form, &mut known).await {
            // The password was changed, or hashed anew, since it was checked: it is
            // checked again.
            Ok(None) => {}
            Ok(Some(done)) => {
                asked = Ok(done);
                break;
            }
            Err(failure) => {
                asked = Err(failure);
                break;
            }
        }
    }
    let asked = act::audited_on(bank, visitor.act(LOGIN), known.map(UserId::uuid), asked).await?;
    outbox::wake(bank);
    Ok(asked)
}

/// `known` becomes the person whom the address names, whatever comes of it; nothing comes
/// of it where the password is another one since it was checked.
async fn log_in_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    form: &Form,
    known: &mut Option<UserId>,
) -> Result<Option<Asked>, Failure> {
    let email = Email::parse(&form.email).ok();
    let found = match &email {
        Some(email) => {
            let mut s = bank.db.read().await?;
            user::credentials(&mut s, email).await?
        }
        None => None,
    };
    *known = found.as_ref().map(|found| found.user_id);
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    let fits = bank.hasher.verify(form.password.clone(), hash).await?;
    let is_meant = |found: &Credentials| {
        let told = form.role.is_none() || form.role == Some(found.role);
        told || form.role == found.role_asked
    };
    let person =
        found.filter(|found| fits && found.status != UserStatus::Deactivated && is_meant(found));
    let person = &person.ok_or(Refusal::BadCredentials)?;
    let fresh_hash = &if bank.hasher.is_stale(&person.password_hash) {
        Some(bank.hasher.hash(bank.entropy.as_ref(), form.password.clone()).await?)
    } else {
        None
    };
    let account = person.user_id.to_wire();
    let proven = (Attempt::Login, form.email.as_str());
    attempt::count_after(bank, visitor, proven, Attempt::Code, &account).await?;
    let email = Email::parse(&person.email)
        .map_err(|_| Broken::Inconsistent("a person's email address"))?;
    let user_id = person.user_id;
    let device = session::tidy(&form.device);
    let question = &Question {
        user_id,
        email: &email,
        purpose: Purpose::Login,
        facade,
        session_id: None,
        device: &device,
    };
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                user::lock(s, user_id).await?;
                let now = user::credentials_of(s, user_id).await?;
                if now.is_none_or(|now| now.password_hash != person.password_hash) {
                    return Ok::<_, Failure>(None);
                }
                if let Some(hash) = fresh_hash {
                    user::set_password(s, user_id, hash).await?;
                }
                let asked = challenge::ask(bank, s, question).await?;
                if names_the_person(facade) {
                    attempt::note_asker(bank, s, visitor, asked.challenge_id).await?;
                }
                act::done(bank, s, visitor.act(LOGIN), Some(user_id.uuid()), None).await?;
                Ok(Some(asked))
            })
        })
        .await
}

/// The clients of a door name the person in place of the login, whose own name nobody can
/// guess: so anybody can answer there.
fn names_the_person(facade: Facade) -> bool {
    facade != Facade::Graphql
}

/// Sends a fresh code for a login that waits; the old one opens nothing any more.
///
/// The guesses that were made stay counted. The fresh code is good for ten minutes, but
/// not beyond half an hour after the login began.
pub async fn resend(
    bank: &Bank,
    visitor: &Visitor,
    challenge_id: Option<ChallengeId>,
) -> Result<(), Failure> {
    let account = whose(bank, challenge_id).await?;
    attempt::count(bank, visitor, Attempt::Code, &account).await?;
    let subject = challenge_id.map(ChallengeId::uuid);
    let sent = resend_unaudited(bank, visitor, challenge_id).await;
    act::audited_on(bank, visitor.act(RESEND), subject, sent).await?;
    outbox::wake(bank);
    Ok(())
}

/// What names the account of a login that waits; of one that does not, nobody's.
async fn whose(bank: &Bank, challenge_id: Option<ChallengeId>) -> Result<String, Failure> {
    let Some(id) = challenge_id else {
        return Ok(String::new());
    };
    let mut s = bank.db.read().await?;
    let found = challenges::lookup(&mut s, id, Purpose::Login, None).await?;
    let user_id = found.and_then(|found| found.user_id);
    Ok(user_id.map_or_else(|| id.to_wire(), UserId::to_wire))
}

async fn resend_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    challenge_id: Option<ChallengeId>,
) -> Result<(), Failure> {
    let missing = Refusal::NotFound { field: "challengeId", noun: "challenge" };
    let id = challenge_id.ok_or_else(|| missing.clone())?;
    let missing = &missing;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let now = bank.now();
                let found = challenges::lookup(s, id, Purpose::Login, None).await?;
                let user_id = found.and_then(|found| found.user_id).ok_or(missing.clone())?;
                user::lock(s, user_id).await?;
                // Read again behind the lock: it may have been answered meanwhile.
                let found = challenges::lookup(s, id, Purpose::Login, None).await?;
                let found = found.ok_or(missing.clone())?;
                let user = user::lookup(s, user_id).await?;
                let user = user.filter(|user| user.status != UserStatus::Deactivated);
                let user = user.ok_or(missing.clone())?;
                if found.code_hash.is_none() {
                    let reason = "An authenticator answers this login: no code is mailed.";
                    return Err(Refusal::Conflict { reason }.into());
                }
                if now >= found.expires_at {
                    return Err(Refusal::CodeExpired.into());
                }
                let expires_at = resent_until(found.created_at, now);
                let drawn = challenge::draw(bank, id, Facade::Graphql, Purpose::Login);
                if !challenges::renew(s, id, &drawn.hash, expires_at, GUESSES_MAX).await? {
                    return Err(Refusal::TooManyAttempts.into());
                }
                let letter = templates::login_code(&user.email, &drawn.text);
                outbox::write(bank, s, &letter, now, expires_at).await?;
                act::done(bank, s, visitor.act(RESEND), Some(id.uuid()), None).await?;
                Ok::<_, Failure>(())
            })
        })
        .await
}

/// The second step: the second factor opens a session.
pub async fn confirm(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    challenge_id: Option<ChallengeId>,
    reply: &Reply,
) -> Result<SignedIn, Failure> {
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    let subject = challenge_id.map(ChallengeId::uuid);
    let signed_in = confirm_unaudited(bank, visitor, facade, challenge_id, reply).await;
    let act = visitor.act(CONFIRM_LOGIN);
    let signed_in = act::audited_on(bank, act, subject, signed_in).await?;
    signed_in.ended.forget(bank);
    outbox::wake(bank);
    Ok(signed_in)
}

async fn confirm_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    challenge_id: Option<ChallengeId>,
    reply: &Reply,
) -> Result<SignedIn, Failure> {
    let id = challenge_id.ok_or(Refusal::BadCode)?;
    if names_the_person(facade) {
        attempt::count_elsewhere(bank, visitor, id).await?;
    }
    let answered = challenge::answer(bank, id, Purpose::Login, None, reply).await?;
    let answered = &answered;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                challenge::spend(bank, s, answered).await?;
                let user = user::lookup(s, answered.user_id).await?;
                let user = user.filter(|user| user.status != UserStatus::Deactivated);
                let user = user.ok_or(Refusal::BadCode)?;
                if user.email_verified_at.is_none() && answered.challenge.code_hash.is_some() {
                    // A mailed code that came back proves the address, whatever it was for.
                    email::prove(bank, s, user.user_id).await?;
                }
                let entrance =
                    Entrance { facade, action: CONFIRM_LOGIN, device: &answered.challenge.device };
                session::open(bank, s, user, visitor, &entrance).await
            })
        })
        .await
}

/// The number by which clients know a person who know integers only.
pub async fn legacy_id(bank: &Bank, email: &str) -> Result<i64, Failure> {
    let email = Email::parse(email).map_err(|_| Refusal::BadCredentials)?;
    let mut s = bank.db.read().await?;
    let found = user::by_email(&mut s, &email).await?.ok_or(Refusal::BadCredentials)?;
    Ok(found.legacy_id)
}

/// The second step at a door whose clients name the address in place of the login.
pub async fn confirm_by_email(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    email: &str,
    reply: &Reply,
) -> Result<SignedIn, Failure> {
    let mut s = bank.db.read().await?;
    let found = match Email::parse(email) {
        Ok(email) => user::by_email(&mut s, &email).await?,
        Err(_) => None,
    };
    let waiting = match found {
        Some(user) => challenges::at_door(&mut s, user.user_id, Purpose::Login, facade).await?,
        None => None,
    };
    drop(s);
    confirm(bank, visitor, facade, waiting, reply).await
}

/// The second step at a door whose clients name the person in place of the login.
pub async fn confirm_of(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    legacy_id: Option<i64>,
    reply: &Reply,
) -> Result<SignedIn, Failure> {
    let mut s = bank.db.read().await?;
    let found = match legacy_id {
        Some(id) => user::by_legacy_id(&mut s, id).await?,
        None => None,
    };
    let waiting = match found {
        Some(user) => challenges::at_door(&mut s, user.user_id, Purpose::Login, facade).await?,
        None => None,
    };
    drop(s);
    confirm(bank, visitor, facade, waiting, reply).await
}
