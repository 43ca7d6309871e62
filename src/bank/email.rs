//! A person's address: changed once a code came back from the new one.

use super::{
    act, attempt, challenge,
    challenge::Reply,
    context::Bank,
    error::{Broken, Failure, unless_faulty},
    outbox, password,
    permit::Permit,
    session,
};
use crate::{
    db::session::Session,
    domain::{
        account::AccountKind,
        attempt::Attempt,
        challenge::{Purpose, SecondFactorKind},
        fault::Faults,
        refusal::Refusal,
    },
    mail::{notices, templates},
    store::{
        account, challenge as challenges, challenge::NewChallenge, session::Device, user,
        user::User,
    },
    types::{
        id::{AccountId, ChallengeId, UserId},
        secret::Secret,
        text::Email,
    },
};

/// Sends a code to a new address of the caller's, and answers the same where the address
/// is somebody's already: then a letter goes there that says so.
pub async fn request_change(
    bank: &Bank,
    permit: &Permit,
    new_email: &str,
    password: &Secret,
) -> Result<(), Failure> {
    let asked = request_unaudited(bank, permit, new_email, password).await;
    act::audited(bank, permit.act("requestEmailChange"), asked).await?;
    outbox::wake(bank);
    Ok(())
}

async fn request_unaudited(
    bank: &Bank,
    permit: &Permit,
    new_email: &str,
    password: &Secret,
) -> Result<(), Failure> {
    challenge::require_step_up(bank, permit).await?;
    let mut faults = Faults::default();
    let email = faults.read("newEmail", Email::parse(new_email));
    let email = &unless_faulty(email, faults)?;
    let found = password::require(bank, permit, password).await?;
    if Email::parse(&found.email).is_ok_and(|present| present.key() == email.key()) {
        return Err(Refusal::invalid("newEmail", "must be another address than now").into());
    }
    // By the address that is written to, whose owner has not asked for anything.
    attempt::count(bank, &permit.visitor, Attempt::Code, email.as_str()).await?;
    bank.db.write_retrying(|s| Box::pin(write_request(bank, s, permit, email))).await
}

async fn write_request(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    email: &Email,
) -> Result<(), Failure> {
    let now = bank.now();
    challenge::require_still(bank, s, permit).await?;
    let challenge_id = ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let purpose = Purpose::EmailChange;
    let drawn = challenge::draw(bank, challenge_id, permit.facade, purpose);
    let expires_at = now + purpose.life();
    let new = NewChallenge {
        challenge_id,
        user_id: Some(permit.user_id),
        session_id: Some(permit.session_id),
        purpose,
        facade: permit.facade,
        code_hash: Some(&drawn.hash),
        new_email: Some(email),
        device: &Device::default(),
        at: now,
        expires_at,
    };
    challenges::put(s, &new).await?;
    let to = email.as_str();
    let letter = if user::email_taken(s, email).await? {
        templates::address_in_use(to)
    } else {
        templates::email_change_code(to, &drawn.text)
    };
    outbox::write(bank, s, &letter, now, expires_at).await?;
    let (act, subject) = (permit.act("requestEmailChange"), permit.user_id.uuid());
    act::done(bank, s, act, Some(subject), None).await?;
    Ok(())
}

/// Makes the new address the caller's own, by the code that was sent there in this session.
pub async fn confirm_change(bank: &Bank, permit: &Permit, code: &Secret) -> Result<User, Failure> {
    attempt::count_address(bank, &permit.visitor, Attempt::Confirm).await?;
    let mut changed = confirm_unaudited(bank, permit, code).await;
    // Somebody who took the address at the same instant is seen by a second look.
    if changed.as_ref().is_err_and(Failure::is_duplicate) {
        changed = Err(Refusal::AlreadyExists { field: "code", noun: "email address" }.into());
    }
    let user = act::audited(bank, permit.act("confirmEmailChange"), changed).await?;
    outbox::wake(bank);
    Ok(user)
}

async fn confirm_unaudited(bank: &Bank, permit: &Permit, code: &Secret) -> Result<User, Failure> {
    let mut s = bank.db.read().await?;
    let waiting = challenges::in_session(&mut s, permit.session_id, Purpose::EmailChange).await?;
    drop(s);
    let id = waiting.ok_or(Refusal::BadCode)?;
    let reply = Reply { code: code.clone(), method: Some(SecondFactorKind::Email) };
    let session_id = Some(permit.session_id);
    let answered = challenge::answer(bank, id, Purpose::EmailChange, session_id, &reply).await?;
    let new_email = answered.challenge.new_email.as_deref().unwrap_or_default();
    let new_email = &Email::parse(new_email)
        .map_err(|_| Broken::Inconsistent("an email change without an address"))?;
    let answered = &answered;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                challenge::spend(bank, s, answered).await?;
                session::require_alive(bank, s, permit).await?;
                if user::email_taken(s, new_email).await? {
                    let noun = "email address";
                    return Err(Failure::from(Refusal::AlreadyExists { field: "code", noun }));
                }
                let user_id = permit.user_id;
                let before = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
                user::set_email(s, user_id, new_email, bank.now()).await?;
                // Codes and tokens that went to the old address are of no use any more.
                challenges::drop_of(s, user_id).await?;
                let notice = notices::email_changed(&before.email, &new_email.masked());
                outbox::notify(bank, s, &notice).await?;
                let act = permit.act("confirmEmailChange");
                act::done(bank, s, act, Some(user_id.uuid()), None).await?;
                let user = user::lookup(s, user_id).await?;
                user.ok_or_else(|| Broken::Inconsistent("a person who was just written").into())
            })
        })
        .await
}

/// Notes that something mailed to a person came back: from here on money moves for them,
/// and they have a wallet. The person is locked.
pub(super) async fn prove(bank: &Bank, s: &mut Session, user_id: UserId) -> Result<(), Failure> {
    let now = bank.now();
    let user = user::lookup(s, user_id).await?;
    let user = user.ok_or(Broken::Inconsistent("a person who is locked"))?;
    if user.email_verified_at.is_none() {
        user::prove_email(s, user_id, now).await?;
    }
    let accounts = account::of_owner(s, user_id).await?;
    if accounts.iter().any(|account| account.kind == AccountKind::Wallet) {
        return Ok(());
    }
    let wallet = AccountId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let currency = bank.rules.default_currency();
    Ok(account::open(s, wallet, user_id, AccountKind::Wallet, currency, now).await?)
}
