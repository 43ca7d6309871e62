//! Signing in: a password, then a code that was mailed.

use super::{
    act, challenge,
    challenge::Question,
    context::Bank,
    error::{Broken, Failure},
    outbox,
    permit::Visitor,
    session,
    session::{Entrance, SignedIn},
};
use crate::{
    domain::{
        challenge::{Asked, Purpose},
        refusal::Refusal,
        session::Facade,
        user::UserStatus,
    },
    store::{challenge as challenges, session::Device, user},
    types::{
        id::{ChallengeId, UserId},
        secret::Secret,
        text::Email,
    },
};

const LOGIN: &str = "login";
const CONFIRM_LOGIN: &str = "confirmLogin";

/// What a person says to sign in.
#[derive(Debug, Clone)]
pub struct Form {
    /// Their address.
    pub email: String,
    /// Their password.
    pub password: Secret,
    /// The device in their hand.
    pub device: Device,
}

/// The first step: the right password gets a code by letter.
///
/// A wrong password, an unknown address and a person who has left get the same
/// answer after the same time.
pub async fn log_in(bank: &Bank, visitor: &Visitor, form: &Form) -> Result<Asked, Failure> {
    let mut known = None;
    let asked = log_in_unaudited(bank, visitor, form, &mut known).await;
    act::audited_on(bank, visitor.act(LOGIN), known.map(UserId::uuid), asked).await
}

/// `known` becomes the person whom the address names, whatever comes of it.
async fn log_in_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    form: &Form,
    known: &mut Option<UserId>,
) -> Result<Asked, Failure> {
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
    let person = found.filter(|found| fits && found.status != UserStatus::Deactivated);
    let person = person.ok_or(Refusal::BadCredentials)?;
    let email = Email::parse(&person.email)
        .map_err(|_| Broken::Inconsistent("a person's email address"))?;
    let device = session::tidy(&form.device);
    let question = &Question {
        user_id: person.user_id,
        email: &email,
        purpose: Purpose::Login,
        session_id: None,
        device: &device,
    };
    let asked = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let asked = challenge::ask(bank, s, question).await?;
                let subject = Some(question.user_id.uuid());
                act::done(bank, s, visitor.act(LOGIN), subject, None).await?;
                Ok::<_, Failure>(asked)
            })
        })
        .await?;
    outbox::wake(bank);
    Ok(asked)
}

/// The second step: the code opens a session.
pub async fn confirm(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    challenge_id: Option<ChallengeId>,
    code: &Secret,
) -> Result<SignedIn, Failure> {
    let subject = challenge_id.map(ChallengeId::uuid);
    let signed_in = confirm_unaudited(bank, visitor, facade, challenge_id, code).await;
    let act = visitor.act(CONFIRM_LOGIN);
    let signed_in = act::audited_on(bank, act, subject, signed_in).await?;
    signed_in.ended.forget(bank);
    Ok(signed_in)
}

async fn confirm_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    challenge_id: Option<ChallengeId>,
    code: &Secret,
) -> Result<SignedIn, Failure> {
    let id = challenge_id.ok_or(Refusal::BadCode)?;
    let answered = challenge::answer(bank, id, Purpose::Login, code.expose()).await?;
    let answered = &answered;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                if !challenges::take(s, id).await? {
                    // Another request with the same code was faster.
                    return Err(Refusal::BadCode.into());
                }
                let user = user::lookup(s, answered.user_id).await?;
                let user = user.filter(|user| user.status != UserStatus::Deactivated);
                let user = user.ok_or(Refusal::BadCode)?;
                let entrance = Entrance { facade, action: CONFIRM_LOGIN, device: &answered.device };
                session::open(bank, s, user, visitor, &entrance).await
            })
        })
        .await
}
