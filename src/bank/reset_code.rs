//! A new password by a short code that was mailed, for clients that have four boxes for it.
//!
//! The code lives two minutes, and within them it is sent again as it was. So few digits
//! are safe only by what stands beside them: five guesses a code, few codes an hour and a
//! day, and only for people whom a dialect that knows a password alone may sign in.

use super::{
    act, attempt, challenge, challenge::refuse_unless_right, context::Bank, email as addresses,
    error::Failure, outbox, password, permit::Visitor, session,
};
use crate::{
    crypto::mac,
    db::session::Session,
    domain::{
        attempt::Attempt,
        challenge::{GUESSES_MAX, Purpose, judge},
        refusal::Refusal,
        second_factor::PasswordDialect,
        session::Facade,
        user::UserStatus,
    },
    mail::{accounts as letters, notices},
    store::{
        challenge as challenges,
        challenge::{Challenge, NewChallenge},
        second_factor,
        session::Device,
        user,
        user::Credentials,
    },
    types::{
        entropy,
        id::{ChallengeId, UserId},
        secret::Secret,
        text::Email,
    },
};

const REQUEST: &str = "requestPasswordReset";
const CONFIRM: &str = "confirmResetCode";
const RESET: &str = "resetPassword";
/// Letters and digits of what a right code is exchanged for.
const TOKEN_LENGTH: usize = 32;
/// What the codes are made for; it never changes.
const CODE: &str = "challenges.reset_code";

fn missing() -> Failure {
    Refusal::NotFound { field: "email", noun: "user" }.into()
}

/// The person with this address.
async fn find(s: &mut Session, email: &str) -> Result<Credentials, Failure> {
    let email = Email::parse(email).map_err(|_| missing())?;
    let found = user::credentials(s, &email).await?;
    found.filter(|found| found.status != UserStatus::Deactivated).ok_or_else(missing)
}

/// Refuses an address that is nobody's; counted, as the answer tells who is a customer.
pub async fn require_known(bank: &Bank, visitor: &Visitor, email: &str) -> Result<(), Failure> {
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    find(&mut bank.db.read().await?, email).await.map(drop)
}

/// The four digits of a challenge, which can be made again without being stored.
fn digits(bank: &Bank, id: ChallengeId) -> String {
    let hash = mac::index(&bank.ring, CODE, &id.to_wire());
    let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
    format!("{:04}", u64::from_be_bytes(*first) % 10_000)
}

/// Mails a code, the same one while it lives. Nothing is sent to a person whom the dialect
/// may not sign in, and the answer does not tell.
pub async fn request(bank: &Bank, visitor: &Visitor, email: &str) -> Result<(), Failure> {
    attempt::count(bank, visitor, Attempt::Reset, email).await?;
    let mut s = bank.db.read().await?;
    let found = &find(&mut s, email).await?;
    let allowed = second_factor::dialects(&mut s, found.user_id).await?;
    drop(s);
    if !allowed.contains(&PasswordDialect::Accounts) {
        return Ok(());
    }
    let sent = bank.db.write_retrying(|s| Box::pin(send(bank, s, visitor, found))).await;
    act::audited_on(bank, visitor.act(REQUEST), Some(found.user_id.uuid()), sent).await??;
    outbox::wake(bank);
    Ok(())
}

/// Writes the letter; what is refused was counted, so the transaction stands either way.
async fn send(
    bank: &Bank,
    s: &mut Session,
    visitor: &Visitor,
    found: &Credentials,
) -> Result<Result<(), Failure>, Failure> {
    let now = bank.now();
    user::lock(s, found.user_id).await?;
    let waiting = challenges::of_user(s, found.user_id, Purpose::ResetCode).await?;
    let lives = waiting.filter(|waiting| now < waiting.expires_at);
    let (id, expires_at) = if let Some(waiting) = lives {
        (waiting.challenge_id, waiting.expires_at)
    } else {
        let account = found.user_id.to_wire();
        if let Err(refused) = attempt::short_code(bank, s, &account).await? {
            return Ok(Err(refused.into()));
        }
        let id = ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
        let hash = mac::code(&bank.ring, id.as_bytes(), &digits(bank, id));
        put(bank, s, found.user_id, id, Purpose::ResetCode, &hash).await?;
        (id, now + Purpose::ResetCode.life())
    };
    let letter = letters::reset_code(&found.email, &digits(bank, id));
    outbox::write(bank, s, &letter, now, expires_at).await?;
    let subject = Some(found.user_id.uuid());
    act::done(bank, s, visitor.act(REQUEST), subject, None).await?;
    Ok(Ok(()))
}

/// Writes a secret in place of the older one of its purpose.
async fn put(
    bank: &Bank,
    s: &mut Session,
    user_id: UserId,
    challenge_id: ChallengeId,
    purpose: Purpose,
    hash: &[u8],
) -> Result<(), Failure> {
    let at = bank.now();
    let new = NewChallenge {
        challenge_id,
        user_id: Some(user_id),
        session_id: None,
        purpose,
        facade: Facade::Accounts,
        code_hash: Some(hash),
        new_email: None,
        device: &Device::default(),
        at,
        expires_at: at + purpose.life(),
    };
    Ok(challenges::put(s, &new).await?)
}

/// Takes a code, and gives what a new password is set by. The address is proven by it.
pub async fn confirm(
    bank: &Bank,
    visitor: &Visitor,
    email: &str,
    code: &Secret,
) -> Result<Secret, Failure> {
    let mut known = None;
    let confirmed = confirm_unaudited(bank, visitor, email, code, &mut known).await;
    act::audited_on(bank, visitor.act(CONFIRM), known.map(UserId::uuid), confirmed).await
}

async fn confirm_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    email: &str,
    code: &Secret,
    known: &mut Option<UserId>,
) -> Result<Secret, Failure> {
    let user_id = find(&mut bank.db.read().await?, email).await?.user_id;
    *known = Some(user_id);
    // The count is committed before anything is compared.
    let (found, guesses) = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = challenges::of_user(s, user_id, Purpose::ResetCode).await?;
                let found = found.ok_or(Refusal::BadCode)?;
                let guesses = challenges::count_guess(s, found.challenge_id, GUESSES_MAX).await?;
                Ok::<_, Failure>((found, guesses.ok_or(Refusal::TooManyAttempts)?))
            })
        })
        .await?;
    let row = found.challenge_id.as_bytes();
    let fits = |known: &Vec<u8>| mac::code_fits(&bank.ring, row, code.expose(), known);
    let fits = found.code_hash.as_ref().is_some_and(fits);
    let life = (found.created_at, found.expires_at);
    refuse_unless_right(judge(guesses, life, bank.now(), fits))?;
    let token = &entropy::alphanumerics(bank.entropy.as_ref(), TOKEN_LENGTH);
    let id = found.challenge_id;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                user::lock(s, user_id).await?;
                if !challenges::take(s, id).await? {
                    return Err(Failure::from(Refusal::BadCode));
                }
                addresses::prove(bank, s, user_id).await?;
                let id = ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
                let hash = challenge::token_hash(token);
                put(bank, s, user_id, id, Purpose::ResetSession, &hash).await?;
                act::done(bank, s, visitor.act(CONFIRM), Some(user_id.uuid()), None).await?;
                Ok(())
            })
        })
        .await?;
    Ok(Secret::new(token.as_str()))
}

/// Refuses a new password that the bank does not take from the person with this address.
pub async fn require_fit(bank: &Bank, email: &str, new: &Secret) -> Result<(), Failure> {
    let mut s = bank.db.read().await?;
    let found = find(&mut s, email).await?;
    let user = user::lookup(&mut s, found.user_id).await?.ok_or_else(missing)?;
    password::refuse_of(new, &user)
}

/// Sets a new password by what a right code was exchanged for. All sessions end.
pub async fn reset(
    bank: &Bank,
    visitor: &Visitor,
    email: &str,
    token: &Secret,
    new: &Secret,
) -> Result<(), Failure> {
    let mut known = None;
    let done = reset_unaudited(bank, visitor, (email, token, new), &mut known).await;
    act::audited_on(bank, visitor.act(RESET), known.map(UserId::uuid), done).await?;
    outbox::wake(bank);
    Ok(())
}

async fn reset_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    (email, token, new): (&str, &Secret, &Secret),
    known: &mut Option<UserId>,
) -> Result<(), Failure> {
    let mut s = bank.db.read().await?;
    let person = &find(&mut s, email).await?;
    *known = Some(person.user_id);
    let found = challenges::of_user(&mut s, person.user_id, Purpose::ResetSession).await?;
    let user = user::lookup(&mut s, person.user_id).await?.ok_or_else(missing)?;
    drop(s);
    let found: Challenge = found.ok_or(Refusal::BadToken)?;
    let hash = challenge::token_hash(token.expose());
    if !found.code_hash.as_ref().is_some_and(|known| mac::same(known, &hash)) {
        return Err(Refusal::BadToken.into());
    }
    if bank.now() >= found.expires_at {
        return Err(Refusal::TokenExpired.into());
    }
    password::refuse_of(new, &user)?;
    let hash = &bank.hasher.hash(bank.entropy.as_ref(), new.clone()).await?;
    let ended = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let user_id = person.user_id;
                user::lock(s, user_id).await?;
                if !challenges::take(s, found.challenge_id).await? {
                    return Err(Failure::from(Refusal::BadToken));
                }
                user::set_password(s, user_id, hash).await?;
                challenges::drop_of(s, user_id).await?;
                let ended = session::end_all(bank, s, user_id, None).await?;
                outbox::notify(bank, s, &notices::password_reset(&person.email)).await?;
                let act = visitor.act(RESET);
                act::done(bank, s, act, Some(user_id.uuid()), ended.told()).await?;
                Ok(ended)
            })
        })
        .await?;
    ended.forget(bank);
    Ok(())
}
