//! Passwords: changed by who knows the old one, or set anew by who has lost it.

use uuid::Uuid;

use super::{
    act, attempt, challenge,
    challenge::{Answered, Guessed, Reply},
    context::Bank,
    error::{Broken, Failure, unless_faulty},
    outbox,
    permit::{Permit, Visitor},
    registration, session,
};
use crate::{
    crypto::mac,
    db::session::Session,
    domain::{
        attempt::Attempt,
        challenge::{Asked, Purpose, life, methods},
        fault::Faults,
        password::{Known, check},
        refusal::Refusal,
        session::Facade,
        user::UserStatus,
    },
    mail::{card_bank, letter::Letter, notices, templates},
    store::{
        challenge as challenges,
        challenge::{Challenge, NewChallenge},
        second_factor,
        session::Device,
        user,
        user::{Credentials, User},
    },
    types::{
        id::{ChallengeId, UserId},
        secret::Secret,
        text::{Email, Phone, SocialSecurity},
    },
};

/// What somebody says who has lost a password; what is given must match what is known.
#[derive(Debug, Clone)]
pub struct LostForm {
    /// The address.
    pub email: String,
    /// The phone number.
    pub phone_number: Option<String>,
    /// The social security number.
    pub social_security: Option<Secret>,
}

/// The same once it was read.
struct Lost {
    email: Email,
    phone: Option<Phone>,
    social_security: Option<SocialSecurity>,
}

/// A new password, by the token of a letter.
#[derive(Debug, Clone)]
pub struct ResetForm {
    /// The token.
    pub token: Secret,
    /// The password that is to be.
    pub new_password: Secret,
    /// The second factor of who has an authenticator.
    pub reply: Option<Reply>,
}

fn read(form: &LostForm) -> Result<Lost, Failure> {
    let mut faults = Faults::default();
    let email = faults.read("email", Email::parse(&form.email));
    let phone = form.phone_number.as_deref().map(Phone::parse).transpose();
    let phone = faults.read("phoneNumber", phone);
    let number = form.social_security.as_ref().map(|number| SocialSecurity::parse(number.expose()));
    let number = faults.read("socialSecurity", number.transpose());
    let read = email.zip(phone).zip(number);
    let ((email, phone), social_security) = unless_faulty(read, faults)?;
    Ok(Lost { email, phone, social_security })
}

/// The person who is meant, where everything that was given is theirs.
fn meant(bank: &Bank, lost: &Lost, found: Option<Credentials>) -> Option<UserId> {
    let found = found.filter(|found| found.status != UserStatus::Deactivated)?;
    let phone = lost.phone.as_ref();
    let phone_fits =
        phone.is_none_or(|phone| found.phone_number.as_deref() == Some(phone.as_str()));
    let number_fits = lost.social_security.as_ref().is_none_or(|number| {
        let index = registration::social_security_index(bank, number);
        found.social_security_index.is_some_and(|known| mac::same(&known, &index))
    });
    (phone_fits && number_fits).then_some(found.user_id)
}

/// Sends a token for a new password, and answers the same after the same work whether or
/// not there is such a person: for nobody a question is written that nobody can answer,
/// and a letter that goes nowhere.
pub async fn request_reset(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    form: &LostForm,
) -> Result<(), Failure> {
    send_reset(bank, visitor, facade, form).await.map(drop)
}

/// The same at a door that tells whoever is not known.
pub async fn request_reset_openly(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    form: &LostForm,
) -> Result<(), Failure> {
    let is_known = send_reset(bank, visitor, facade, form).await?;
    if is_known { Ok(()) } else { Err(Refusal::BadCredentials.into()) }
}

/// Whether there is such a person.
async fn send_reset(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    form: &LostForm,
) -> Result<bool, Failure> {
    let lost = &read(form)?;
    attempt::count(bank, visitor, Attempt::Reset, lost.email.as_str()).await?;
    let now = bank.now();
    let user_id = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = user::credentials(s, &lost.email).await?;
                // To the address that is kept: another spelling may be another mailbox.
                let kept = found.as_ref().map(|found| found.email.clone());
                let user_id = meant(bank, lost, found);
                let challenge_id =
                    ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
                let drawn = challenge::draw(bank, challenge_id, facade, Purpose::PasswordReset);
                let expires_at = now + life(facade, Purpose::PasswordReset);
                let new = NewChallenge {
                    challenge_id,
                    user_id,
                    session_id: None,
                    purpose: Purpose::PasswordReset,
                    facade,
                    code_hash: Some(&drawn.hash),
                    new_email: None,
                    device: &Device::default(),
                    at: now,
                    expires_at,
                };
                user::lock(s, user_id.unwrap_or(UserId::from_uuid(Uuid::nil()))).await?;
                challenges::put(s, &new).await?;
                let letter = reset_letter(bank, facade, &lost.email, &drawn.text);
                let to = user_id.and(kept).unwrap_or_else(|| outbox::NOBODY.to_owned());
                let letter = Letter { to, ..letter };
                outbox::write(bank, s, &letter, now, expires_at).await?;
                let act = visitor.act("requestPasswordReset");
                act::done(bank, s, act, user_id.map(UserId::uuid), None).await?;
                Ok::<_, Failure>(user_id)
            })
        })
        .await?;
    outbox::wake(bank);
    Ok(user_id.is_some())
}

/// The letter with a token, in the words of the door at which it was asked for.
fn reset_letter(bank: &Bank, facade: Facade, email: &Email, token: &str) -> Letter {
    let (to, frontend_url) = (email.as_str(), bank.post_office.frontend_url.as_deref());
    match facade {
        Facade::CardBank => {
            card_bank::password_reset(to, token, frontend_url, &bank.files.public_url)
        }
        Facade::Graphql
        | Facade::Fintract
        | Facade::Financelime
        | Facade::Accounts
        | Facade::Ewallet => templates::password_reset(to, token, frontend_url),
    }
}

fn refuse_password(new: &Secret, known: &Known<'_>) -> Result<(), Failure> {
    check(new.expose(), known).map_err(|reason| Refusal::invalid("newPassword", reason).into())
}

/// The same with all that is known of the person.
pub(super) fn refuse_of(new: &Secret, user: &User) -> Result<(), Failure> {
    let email = Email::parse(&user.email).ok();
    let known = Known {
        email: email.as_ref(),
        first_name: user.first_name.as_deref(),
        last_name: user.last_name.as_deref(),
        username: user.username.as_deref(),
    };
    refuse_password(new, &known)
}

/// Sets a new password by the token of a letter that was asked for at this door. All
/// sessions end.
///
/// Whatever is wrong with the rest leaves the token as good as it was; but five wrong
/// second factors make it void.
pub async fn reset(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    form: &ResetForm,
) -> Result<(), Failure> {
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    let mut known = None;
    let done = reset_unaudited(bank, visitor, facade, form, &mut known).await;
    let act = visitor.act("resetPassword");
    act::audited_on(bank, act, known.map(UserId::uuid), done).await?;
    outbox::wake(bank);
    Ok(())
}

/// `known` becomes the person whose token it is, whatever comes of it.
async fn reset_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    form: &ResetForm,
    known: &mut Option<UserId>,
) -> Result<(), Failure> {
    refuse_password(&form.new_password, &Known::default())?;
    let mut s = bank.db.read().await?;
    let hash = challenge::token_hash(form.token.expose());
    let found = challenges::by_token(&mut s, facade, &hash).await?;
    let found = found.ok_or(Refusal::BadToken)?;
    let user_id = found.user_id.ok_or(Refusal::BadToken)?;
    *known = Some(user_id);
    if bank.now() >= found.expires_at {
        return Err(Refusal::TokenExpired.into());
    }
    let user = user::lookup(&mut s, user_id).await?;
    let user = user.filter(|user| user.status != UserStatus::Deactivated);
    let user = user.ok_or(Refusal::BadToken)?;
    let has_totp = second_factor::confirmed_at(&mut s, user_id).await?.is_some();
    drop(s);
    refuse_of(&form.new_password, &user)?;
    let reply = match (&form.reply, has_totp) {
        (None, true) => return Err(Refusal::StepUpRequired(asked(&found)).into()),
        (Some(reply), true) => Some(reply),
        (_, false) => None,
    };
    let hash = bank.hasher.hash(bank.entropy.as_ref(), form.new_password.clone()).await?;
    let answered = match reply {
        Some(reply) => Some(answer(bank, found.clone(), reply).await?),
        None => None,
    };
    let written = &NewPassword { visitor, user: &user, hash: &hash, has_totp };
    let (token, answered) = (found.challenge_id, answered.as_ref());
    let ended = bank
        .db
        .write_retrying(|s| Box::pin(write_reset(bank, s, token, answered, written)))
        .await?;
    ended.forget(bank);
    Ok(())
}

/// How the second factor of a reset is asked for: the token stays, and comes again with it.
fn asked(found: &Challenge) -> Asked {
    Asked {
        challenge_id: found.challenge_id,
        methods: methods(true).to_vec(),
        sent_to: None,
        expires_at: found.expires_at,
    }
}

async fn answer(bank: &Bank, found: Challenge, reply: &Reply) -> Result<Answered, Failure> {
    let found = &found;
    let guessed: Guessed = bank
        .db
        .write_retrying(|s| Box::pin(challenge::count(bank, s, found.clone(), true, reply)))
        .await?;
    challenge::settle(bank, guessed, reply)
}

struct NewPassword<'n> {
    visitor: &'n Visitor,
    user: &'n User,
    hash: &'n str,
    has_totp: bool,
}

async fn write_reset(
    bank: &Bank,
    s: &mut Session,
    token: ChallengeId,
    answered: Option<&Answered>,
    new: &NewPassword<'_>,
) -> Result<session::Ended, Failure> {
    let user_id = new.user.user_id;
    user::lock(s, user_id).await?;
    let user = user::lookup(s, user_id).await?;
    let left = user.is_none_or(|user| user.status == UserStatus::Deactivated);
    let has_totp = second_factor::confirmed_at(s, user_id).await?.is_some();
    // An authenticator that was set up meanwhile must be asked as well.
    if left || has_totp != new.has_totp {
        return Err(Refusal::BadToken.into());
    }
    match answered {
        Some(answered) => challenge::spend(bank, s, answered).await?,
        None if challenges::take(s, token).await? => {}
        None => return Err(Refusal::BadToken.into()),
    }
    user::set_password(s, user_id, new.hash).await?;
    challenges::drop_of(s, user_id).await?;
    let ended = session::end_all(bank, s, user_id, None).await?;
    outbox::notify(bank, s, &notices::password_reset(&new.user.email)).await?;
    let act = new.visitor.act("resetPassword");
    act::done(bank, s, act, Some(user_id.uuid()), ended.told()).await?;
    Ok(ended)
}

/// Refuses whoever does not know the caller's password; gives what it was checked against.
pub(super) async fn require(
    bank: &Bank,
    permit: &Permit,
    password: &Secret,
) -> Result<Credentials, Failure> {
    let mut s = bank.db.read().await?;
    let found = user::credentials_of(&mut s, permit.user_id).await?;
    drop(s);
    let found = found.ok_or(Broken::Inconsistent("a live session has no person"))?;
    // Counted apart from what strangers try at the front door, who must not be able to
    // keep the owner from changing the password.
    let account = permit.user_id.to_wire();
    attempt::count(bank, &permit.visitor, Attempt::Login, &account).await?;
    let hash = Some(found.password_hash.clone());
    if bank.hasher.verify(password.clone(), hash).await? {
        attempt::forget(bank, Attempt::Login, &account).await?;
        Ok(found)
    } else {
        Err(Refusal::BadCredentials.into())
    }
}

/// Changes the caller's password. Their other sessions end.
pub async fn change(
    bank: &Bank,
    permit: &Permit,
    current: &Secret,
    new: &Secret,
) -> Result<(), Failure> {
    let changed = change_unaudited(bank, permit, current, new).await;
    act::audited(bank, permit.act("changePassword"), changed).await?;
    outbox::wake(bank);
    Ok(())
}

async fn change_unaudited(
    bank: &Bank,
    permit: &Permit,
    current: &Secret,
    new: &Secret,
) -> Result<(), Failure> {
    challenge::require_step_up(bank, permit).await?;
    refuse_password(new, &Known::default())?;
    let before = &require(bank, permit, current).await?;
    let mut s = bank.db.read().await?;
    let user = user::lookup(&mut s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    drop(s);
    refuse_of(new, &user)?;
    let hash = &bank.hasher.hash(bank.entropy.as_ref(), new.clone()).await?;
    let ended =
        bank.db.write_retrying(|s| Box::pin(write_change(bank, s, permit, before, hash))).await?;
    ended.forget(bank);
    Ok(())
}

async fn write_change(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    before: &Credentials,
    hash: &str,
) -> Result<session::Ended, Failure> {
    challenge::require_still(bank, s, permit).await?;
    set_changed(bank, s, permit, before, hash).await
}

/// Writes a changed password, where nobody has changed it since it was proven.
async fn set_changed(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    before: &Credentials,
    hash: &str,
) -> Result<session::Ended, Failure> {
    let user_id = permit.user_id;
    let now = user::credentials_of(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
    if now.password_hash != before.password_hash {
        // Somebody else has changed it since it was checked.
        return Err(Refusal::BadCredentials.into());
    }
    user::set_password(s, user_id, hash).await?;
    challenges::drop_of(s, user_id).await?;
    let ended = session::end_all(bank, s, user_id, Some(permit.session_id)).await?;
    outbox::notify(bank, s, &notices::password_changed(&now.email)).await?;
    let act = permit.act("changePassword");
    act::done(bank, s, act, Some(user_id.uuid()), ended.told()).await?;
    Ok(ended)
}

/// Whoever has this knew the caller's password a moment ago.
#[derive(Debug)]
pub struct Proven(Credentials);

/// Asks for the caller's password, at a door that knows no second factor.
pub async fn prove(bank: &Bank, permit: &Permit, current: &Secret) -> Result<Proven, Failure> {
    let proven = require(bank, permit, current).await;
    act::audited(bank, permit.act("changePassword"), proven).await.map(Proven)
}

/// Changes the password of whoever has proven to know it, at a door that knows no second
/// factor. The other sessions end.
pub async fn replace(
    bank: &Bank,
    permit: &Permit,
    proven: &Proven,
    new: &Secret,
) -> Result<(), Failure> {
    let replaced = replace_unaudited(bank, permit, &proven.0, new).await;
    act::audited(bank, permit.act("changePassword"), replaced).await?;
    outbox::wake(bank);
    Ok(())
}

async fn replace_unaudited(
    bank: &Bank,
    permit: &Permit,
    before: &Credentials,
    new: &Secret,
) -> Result<(), Failure> {
    let mut s = bank.db.read().await?;
    let user = user::lookup(&mut s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    drop(s);
    refuse_of(new, &user)?;
    let hash = &bank.hasher.hash(bank.entropy.as_ref(), new.clone()).await?;
    let ended = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                user::lock(s, permit.user_id).await?;
                session::require_alive(bank, s, permit).await?;
                set_changed(bank, s, permit, before, hash).await
            })
        })
        .await?;
    ended.forget(bank);
    Ok(())
}
