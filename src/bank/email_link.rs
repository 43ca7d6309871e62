//! Links that prove an address of who is a customer already, and open from a browser.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::{
    act, attempt, challenge,
    context::Bank,
    email as addresses,
    error::{Broken, Failure},
    outbox,
    permit::{Permit, Visitor},
};
use crate::{
    crypto::mac,
    db::session::Session,
    domain::{
        attempt::Attempt, challenge::Purpose, refusal::Refusal, session::Facade, user::UserStatus,
    },
    mail::{fintract as letters, letter::Letter, notices},
    store::{
        challenge as challenges,
        challenge::{Challenge, NewChallenge},
        session,
        session::Device,
        user,
    },
    types::{
        entropy,
        id::{ChallengeId, SessionId, UserId},
        secret::Secret,
        text::Email,
    },
};

const RESEND: &str = "resendVerification";
const VERIFY: &str = "verifyEmail";

/// A secret that is about to be mailed as a link.
struct Mailed<'m> {
    user_id: UserId,
    session_id: Option<SessionId>,
    purpose: Purpose,
    new_email: Option<&'m Email>,
}

/// Writes the secret of a link, and gives the link; `path` is what stands before the token.
async fn link(
    bank: &Bank,
    s: &mut Session,
    path: &str,
    mailed: &Mailed<'_>,
) -> Result<String, Failure> {
    let id = ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let chance: [u8; 16] = entropy::bytes(bank.entropy.as_ref());
    // It names its row, as no index finds it.
    let token = URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &chance].concat());
    let at = bank.now();
    let new = NewChallenge {
        challenge_id: id,
        user_id: Some(mailed.user_id),
        session_id: mailed.session_id,
        purpose: mailed.purpose,
        facade: Facade::Fintract,
        code_hash: Some(&challenge::token_hash(&token)),
        new_email: mailed.new_email,
        device: &Device::default(),
        at,
        expires_at: at + mailed.purpose.life(),
    };
    challenges::put(s, &new).await?;
    Ok(format!("{}{path}{token}", bank.files.public_url))
}

/// Mails a link that proves the address of a person who is locked.
pub(super) async fn send_proof(
    bank: &Bank,
    s: &mut Session,
    path: &str,
    user_id: UserId,
    to: &str,
) -> Result<(), Failure> {
    let purpose = Purpose::EmailProof;
    let mailed = Mailed { user_id, session_id: None, purpose, new_email: None };
    let link = link(bank, s, path, &mailed).await?;
    let now = bank.now();
    outbox::write(bank, s, &letters::verify_email(to, &link), now, now + purpose.life()).await
}

/// Mails a link that makes a new address the caller's own; the caller is locked.
pub(super) async fn send_move(
    bank: &Bank,
    s: &mut Session,
    path: &str,
    permit: &Permit,
    email: &Email,
) -> Result<(), Failure> {
    let purpose = Purpose::EmailChange;
    let mailed = Mailed {
        user_id: permit.user_id,
        session_id: Some(permit.session_id),
        purpose,
        new_email: Some(email),
    };
    let link = link(bank, s, path, &mailed).await?;
    let (now, letter) = (bank.now(), letters::move_email(email.as_str(), &link));
    outbox::write(bank, s, &letter, now, now + purpose.life()).await
}

/// Mails a fresh link to an address that is not verified, and answers the same for every
/// other after the same work.
pub async fn resend(
    bank: &Bank,
    visitor: &Visitor,
    path: &str,
    email: &str,
) -> Result<(), Failure> {
    let email = &Email::parse(email).map_err(|error| Refusal::invalid("email", error.0))?;
    attempt::count(bank, visitor, Attempt::Registration, email.as_str()).await?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = user::by_email(s, email).await?;
                let open = found.filter(|found| {
                    found.email_verified_at.is_none() && found.status == UserStatus::Active
                });
                let subject = open.as_ref().map(|found| found.user_id.uuid());
                if let Some(found) = open {
                    user::lock(s, found.user_id).await?;
                    send_proof(bank, s, path, found.user_id, &found.email).await?;
                } else {
                    user::lock(s, UserId::from_uuid(Uuid::nil())).await?;
                    let now = bank.now();
                    let letter = letters::verify_email(email.as_str(), path);
                    let letter = Letter { to: outbox::NOBODY.to_owned(), ..letter };
                    outbox::write(bank, s, &letter, now, now).await?;
                }
                act::done(bank, s, visitor.act(RESEND), subject, None).await?;
                Ok::<_, Failure>(())
            })
        })
        .await?;
    outbox::wake(bank);
    Ok(())
}

/// Opens a link, once.
pub async fn open(bank: &Bank, visitor: &Visitor, token: &Secret) -> Result<(), Failure> {
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    let mut known = None;
    let mut opened = open_unaudited(bank, visitor, token, &mut known).await;
    if opened.as_ref().is_err_and(Failure::is_duplicate) {
        opened = Err(Refusal::BadToken.into());
    }
    act::audited_on(bank, visitor.act(VERIFY), known.map(UserId::uuid), opened).await?;
    outbox::wake(bank);
    Ok(())
}

/// What a token was made for.
async fn find(s: &mut Session, token: &str) -> Result<(Challenge, Purpose), Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Refusal::BadToken)?;
    let (id, _) = bytes.split_first_chunk::<16>().ok_or(Refusal::BadToken)?;
    let id = ChallengeId::from_uuid(Uuid::from_bytes(*id));
    let hash = challenge::token_hash(token);
    for purpose in [Purpose::EmailProof, Purpose::EmailChange] {
        let found = challenges::by_id(s, id, purpose).await?;
        let is = |found: &Challenge| {
            found.code_hash.as_ref().is_some_and(|known| mac::same(known, &hash))
        };
        if let Some(found) = found.filter(is) {
            return Ok((found, purpose));
        }
    }
    Err(Refusal::BadToken.into())
}

/// Refuses a link that was asked for in a session which is over: whoever ended the session
/// wants nothing of it any more.
async fn require_asker(
    bank: &Bank,
    s: &mut Session,
    user_id: UserId,
    id: ChallengeId,
) -> Result<(), Failure> {
    let session_id = challenges::asked_in(s, id).await?.ok_or(Refusal::BadToken)?;
    let facts = session::facts(s, session_id, user_id).await?;
    let alive = facts.is_some_and(|facts| facts.is_alive(bank.now()));
    if alive { Ok(()) } else { Err(Refusal::BadToken.into()) }
}

async fn open_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    token: &Secret,
    known: &mut Option<UserId>,
) -> Result<(), Failure> {
    let mut s = bank.db.read().await?;
    let (found, purpose) = find(&mut s, token.expose()).await?;
    drop(s);
    let user_id = found.user_id.ok_or(Refusal::BadToken)?;
    *known = Some(user_id);
    if bank.now() >= found.expires_at {
        return Err(Refusal::TokenExpired.into());
    }
    let new_email = found.new_email.as_deref().map(Email::parse).transpose();
    let new_email = &new_email.map_err(|_| Broken::Inconsistent("a new address"))?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                user::lock(s, user_id).await?;
                if purpose == Purpose::EmailChange {
                    require_asker(bank, s, user_id, found.challenge_id).await?;
                }
                if !challenges::take(s, found.challenge_id).await? {
                    return Err(Failure::from(Refusal::BadToken));
                }
                let before = user::lookup(s, user_id).await?;
                let before = before.filter(|user| user.status != UserStatus::Deactivated);
                let before = before.ok_or(Refusal::BadToken)?;
                if let (Purpose::EmailChange, Some(email)) = (purpose, new_email) {
                    if user::email_taken(s, email).await? {
                        return Err(Refusal::BadToken.into());
                    }
                    user::set_email(s, user_id, email, bank.now()).await?;
                    challenges::drop_of(s, user_id).await?;
                    let notice = notices::email_changed(&before.email, &email.masked());
                    outbox::notify(bank, s, &notice).await?;
                }
                addresses::prove(bank, s, user_id).await?;
                act::done(bank, s, visitor.act(VERIFY), Some(user_id.uuid()), None).await?;
                Ok(())
            })
        })
        .await
}
