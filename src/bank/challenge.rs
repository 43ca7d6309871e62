//! Questions for a second factor: asked by a letter, answered by a code.

use super::{context::Bank, error::Failure, outbox, permit::Permit};
use crate::{
    crypto::mac,
    db::session::Session,
    domain::{
        challenge::{
            Asked, CODE_DIGITS, CODE_LIFE, GUESSES_MAX, Guess, Purpose, SecondFactorKind, judge,
        },
        refusal::Refusal,
    },
    mail::templates,
    store::{
        challenge,
        challenge::{Challenge, NewChallenge},
        session::Device,
        user,
    },
    types::{
        entropy,
        id::{ChallengeId, SessionId, UserId},
        text::Email,
    },
};

/// Who is asked what.
pub(super) struct Question<'q> {
    /// The person.
    pub user_id: UserId,
    /// Their address.
    pub email: &'q Email,
    /// What the answer will open.
    pub purpose: Purpose,
    /// The session in which it is asked; none for a login.
    pub session_id: Option<SessionId>,
    /// The device that signs in.
    pub device: &'q Device,
}

/// Asks: a fresh code takes the place of an older one and goes out by letter.
pub(super) async fn ask(
    bank: &Bank,
    s: &mut Session,
    question: &Question<'_>,
) -> Result<Asked, Failure> {
    let now = bank.now();
    let challenge_id = ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let code = entropy::digits(bank.entropy.as_ref(), CODE_DIGITS);
    let code_hash = mac::code(&bank.ring, challenge_id.as_bytes(), &code);
    let expires_at = now + CODE_LIFE;
    let new = NewChallenge {
        challenge_id,
        user_id: question.user_id,
        session_id: question.session_id,
        purpose: question.purpose,
        code_hash: &code_hash,
        device: question.device,
        at: now,
        expires_at,
    };
    // Two that ask at once would each find nothing to replace, and both codes be good.
    user::lock(s, question.user_id).await?;
    challenge::put(s, &new).await?;
    let to = question.email.as_str();
    let letter = match question.purpose {
        Purpose::Login => templates::login_code(to, &code),
        Purpose::StepUp => templates::step_up_code(to, &code),
    };
    outbox::write(bank, s, &letter, now, expires_at).await?;
    let methods = vec![SecondFactorKind::Email];
    Ok(Asked { challenge_id, methods, sent_to: question.email.masked(), expires_at })
}

/// Judges a code for a challenge; the guess counts before anything is compared.
///
/// The count is committed by itself, so neither a restart nor another process nor
/// an abandoned request gives a guess more.
pub(super) async fn answer(
    bank: &Bank,
    id: ChallengeId,
    purpose: Purpose,
    code: &str,
) -> Result<Challenge, Failure> {
    let counted = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = challenge::count_guess(s, id, purpose, GUESSES_MAX).await?;
                let waits = found.is_some() || challenge::exists(s, id, purpose).await?;
                Ok::<_, Failure>((found, waits))
            })
        })
        .await?;
    let found = match counted {
        (Some(found), _) => found,
        (None, true) => return Err(Refusal::TooManyAttempts.into()),
        (None, false) => return Err(Refusal::BadCode.into()),
    };
    let hash = mac::code(&bank.ring, id.as_bytes(), code.trim());
    let fits = mac::same(&hash, &found.code_hash);
    refuse_unless_right(judge(found.guesses, found.expires_at, bank.now(), fits))?;
    Ok(found)
}

/// What a guess that was not right is told.
pub(super) fn refuse_unless_right(guess: Guess) -> Result<(), Failure> {
    match guess {
        Guess::Right => Ok(()),
        Guess::Wrong => Err(Refusal::BadCode.into()),
        Guess::UsedUp => Err(Refusal::TooManyAttempts.into()),
        Guess::Expired => Err(Refusal::CodeExpired.into()),
    }
}

/// Lets a risky step pass where a second factor was confirmed within five
/// minutes; else a code is mailed and the step is refused with its challenge.
pub(super) async fn require_step_up(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    if permit.facts.is_stepped_up(bank.now()) {
        return Ok(());
    }
    let asked = bank.db.write_retrying(|s| Box::pin(ask_step_up(bank, s, permit))).await?;
    outbox::wake(bank);
    Err(Refusal::StepUpRequired(asked).into())
}

async fn ask_step_up(bank: &Bank, s: &mut Session, permit: &Permit) -> Result<Asked, Failure> {
    let user = user::lookup(s, permit.user_id).await?;
    let email = user.and_then(|user| Email::parse(&user.email).ok());
    let email = email.ok_or(Refusal::SessionEnded)?;
    let question = Question {
        user_id: permit.user_id,
        email: &email,
        purpose: Purpose::StepUp,
        session_id: Some(permit.session_id),
        device: &Device::default(),
    };
    ask(bank, s, &question).await
}
