//! One-time secrets and what answers them: a mailed code, an authenticator, or a
//! recovery code.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    act, attempt, authenticator,
    authenticator::Spent,
    context::Bank,
    error::{Broken, Failure},
    outbox,
    permit::Permit,
};
use crate::{
    crypto::{mac, mac::Hash},
    db::session::Session,
    domain::{
        attempt::Attempt,
        challenge::{
            Asked, Form, GUESSES_MAX, Guess, Purpose, SecondFactorKind, form, judge, method,
            methods,
        },
        link_key::{ALPHABET, LENGTH},
        refusal::Refusal,
        session::Facade,
    },
    mail::{card_bank, templates},
    store::{
        challenge,
        challenge::{Challenge, NewChallenge},
        second_factor, session,
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

/// What the hashes of links' keys are made for; it never changes.
const LINK: &str = "challenges.link";
/// Bytes of a token: 256 bits.
const TOKEN_LENGTH: usize = 32;

/// Who is asked what.
pub(super) struct Question<'q> {
    /// The person.
    pub user_id: UserId,
    /// Their address.
    pub email: &'q Email,
    /// What the answer will open.
    pub purpose: Purpose,
    /// The door at which it is asked.
    pub facade: Facade,
    /// The session in which it is asked; none for a login.
    pub session_id: Option<SessionId>,
    /// The device that signs in.
    pub device: &'q Device,
}

/// What somebody answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The code.
    pub code: Secret,
    /// Which second factor it is of; what it looks like where nothing is said.
    pub method: Option<SecondFactorKind>,
}

impl Reply {
    fn code(&self) -> &str {
        self.code.expose().trim()
    }
}

/// A right answer, which is still to be used up.
#[derive(Debug)]
pub(super) struct Answered {
    /// Who answered.
    pub user_id: UserId,
    /// What was asked.
    pub challenge: Challenge,
    spent: Option<Spent>,
}

/// A fresh secret, and what is stored of it.
pub(super) struct Drawn {
    /// The secret itself, for a letter.
    pub text: String,
    /// What is stored.
    pub hash: Hash,
}

/// Draws a secret of the form that a door has for a purpose.
///
/// The hash of a short code is keyed and bound to its challenge. A token is found by its
/// hash, and carries so much chance that it needs no key.
pub(super) fn draw(bank: &Bank, id: ChallengeId, facade: Facade, purpose: Purpose) -> Drawn {
    match form(facade, purpose) {
        Form::Digits(count) => {
            let text = entropy::digits(bank.entropy.as_ref(), count);
            let hash = mac::code(&bank.ring, id.as_bytes(), &text);
            Drawn { text, hash }
        }
        Form::Mixed => {
            let text = entropy::mixed(bank.entropy.as_ref());
            let hash = mac::code(&bank.ring, id.as_bytes(), &text);
            Drawn { text, hash }
        }
        Form::Token => {
            let bytes: [u8; TOKEN_LENGTH] = entropy::bytes(bank.entropy.as_ref());
            let text = URL_SAFE_NO_PAD.encode(bytes);
            let hash = token_hash(&text);
            Drawn { text, hash }
        }
        Form::LinkKey => {
            let text = entropy::characters(bank.entropy.as_ref(), ALPHABET, LENGTH);
            let hash = link_hash(bank, &text);
            Drawn { text, hash }
        }
    }
}

/// What finds a token.
pub(super) fn token_hash(token: &str) -> Hash {
    mac::sha256(token.trim().as_bytes())
}

/// What finds the key of a link; keyed, as such a key carries less chance than a token.
pub(super) fn link_hash(bank: &Bank, key: &str) -> Hash {
    mac::index(&bank.ring, LINK, key)
}

/// Asks for a second factor: of who has an authenticator for a code of it, of everybody
/// else for a fresh code that goes out by letter. Either takes the place of an older one.
pub(super) async fn ask(
    bank: &Bank,
    s: &mut Session,
    question: &Question<'_>,
) -> Result<Asked, Failure> {
    let now = bank.now();
    let challenge_id = ChallengeId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let expires_at = now + question.purpose.life();
    // Two that ask at once would each find nothing to replace, and both codes be good.
    user::lock(s, question.user_id).await?;
    let has_totp = second_factor::confirmed_at(s, question.user_id).await?.is_some();
    let drawn = draw(bank, challenge_id, question.facade, question.purpose);
    let new = NewChallenge {
        challenge_id,
        user_id: Some(question.user_id),
        session_id: question.session_id,
        purpose: question.purpose,
        facade: question.facade,
        code_hash: (!has_totp).then_some(&drawn.hash[..]),
        new_email: None,
        device: question.device,
        at: now,
        expires_at,
    };
    challenge::put(s, &new).await?;
    let methods = methods(has_totp).to_vec();
    if has_totp {
        return Ok(Asked { challenge_id, methods, sent_to: None, expires_at });
    }
    let to = question.email.as_str();
    let letter = match question.purpose {
        Purpose::StepUp => templates::step_up_code(to, &drawn.text),
        Purpose::Login if question.facade == Facade::CardBank => {
            card_bank::login_code(to, &drawn.text)
        }
        Purpose::Login
        | Purpose::EmailChange
        | Purpose::PasswordReset
        | Purpose::ResetCode
        | Purpose::EmailProof
        | Purpose::ResetLink
        | Purpose::ResetSession => templates::login_code(to, &drawn.text),
    };
    outbox::write(bank, s, &letter, now, expires_at).await?;
    Ok(Asked { challenge_id, methods, sent_to: Some(question.email.masked()), expires_at })
}

/// A guess that was counted and is still to be judged.
pub(super) struct Guessed {
    user_id: UserId,
    challenge: Challenge,
    guesses: i64,
    /// None where the code of a letter is meant.
    counted: Option<authenticator::Counted>,
}

/// Counts a guess in a transaction of its own.
///
/// The count is committed before anything is compared, so neither a restart nor another
/// process nor an abandoned request gives a guess more.
pub(super) async fn count(
    bank: &Bank,
    s: &mut Session,
    challenge: Challenge,
    by_totp: bool,
    reply: &Reply,
) -> Result<Guessed, Failure> {
    let user_id = challenge.user_id.ok_or(Refusal::BadCode)?;
    let meant = method(by_totp, reply.method, reply.code()).ok_or_else(|| {
        let names = if by_totp { "TOTP or RECOVERY_CODE" } else { "EMAIL" };
        Refusal::invalid("method", format!("must be {names}: this challenge takes no other"))
    })?;
    let guesses = challenge::count_guess(s, challenge.challenge_id, GUESSES_MAX).await?;
    let guesses = guesses.ok_or(Refusal::TooManyAttempts)?;
    let counted = match meant {
        SecondFactorKind::Email => None,
        SecondFactorKind::Totp | SecondFactorKind::RecoveryCode => {
            Some(authenticator::count(bank, s, user_id, meant, reply.code()).await?)
        }
    };
    Ok(Guessed { user_id, challenge, guesses, counted })
}

/// Judges a guess that was counted.
pub(super) fn settle(bank: &Bank, guessed: Guessed, reply: &Reply) -> Result<Answered, Failure> {
    let Guessed { user_id, challenge, guesses, counted } = guessed;
    let (fits, spent) = if let Some(counted) = &counted {
        let spent = authenticator::compare(bank, user_id, counted, reply.code())?;
        (spent.is_some(), spent)
    } else {
        let row = challenge.challenge_id.as_bytes();
        let fits = |known: &Vec<u8>| mac::code_fits(&bank.ring, row, reply.code(), known);
        (challenge.code_hash.as_ref().is_some_and(fits), None)
    };
    let life = (challenge.created_at, challenge.expires_at);
    refuse_unless_right(judge(guesses, life, bank.now(), fits))?;
    Ok(Answered { user_id, challenge, spent })
}

/// Judges an answer to a challenge, for what it was asked for and where it was asked.
pub(super) async fn answer(
    bank: &Bank,
    id: ChallengeId,
    purpose: Purpose,
    session_id: Option<SessionId>,
    reply: &Reply,
) -> Result<Answered, Failure> {
    let guessed = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = challenge::lookup(s, id, purpose, session_id).await?;
                let found = found.ok_or(Refusal::BadCode)?;
                let by_totp = found.code_hash.is_none();
                count(bank, s, found, by_totp, reply).await
            })
        })
        .await?;
    settle(bank, guessed, reply)
}

/// Uses up a right answer, in the transaction of what it opens; refused where another
/// request with the same answer was faster. The person is locked by it.
pub(super) async fn spend(
    bank: &Bank,
    s: &mut Session,
    answered: &Answered,
) -> Result<(), Failure> {
    user::lock(s, answered.user_id).await?;
    if !challenge::take(s, answered.challenge.challenge_id).await? {
        return Err(Refusal::BadCode.into());
    }
    match answered.spent {
        Some(spent) => authenticator::spend(bank, s, answered.user_id, spent).await,
        None => Ok(()),
    }
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
/// minutes; else it is asked for, and the step is refused with its challenge.
pub(super) async fn require_step_up(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let now = bank.now();
    if permit.facts.is_stepped_up(now) {
        return Ok(());
    }
    // What is remembered of the session may be a second old, and another process may
    // have confirmed it meanwhile.
    let mut s = bank.db.read().await?;
    let facts = session::facts(&mut s, permit.session_id, permit.user_id).await?;
    drop(s);
    let facts = facts.filter(|facts| facts.is_alive(now)).ok_or(Refusal::SessionEnded)?;
    if facts.is_stepped_up(now) {
        return Ok(());
    }
    Err(step_up(bank, permit).await?.into())
}

/// Asks for a second factor, whenever the last one was confirmed; the refusal that says so.
pub(super) async fn step_up(bank: &Bank, permit: &Permit) -> Result<Refusal, Failure> {
    let account = permit.user_id.to_wire();
    attempt::count(bank, &permit.visitor, Attempt::Code, &account).await?;
    let asked = bank.db.write_retrying(|s| Box::pin(ask_step_up(bank, s, permit))).await?;
    outbox::wake(bank);
    Ok(Refusal::StepUpRequired(asked))
}

/// Asks again in the transaction of the step, with the person locked: the session may
/// have ended meanwhile, even by another field of the same document.
pub(super) async fn require_still(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
) -> Result<(), Failure> {
    user::lock(s, permit.user_id).await?;
    let facts = session::facts(s, permit.session_id, permit.user_id).await?;
    let now = bank.now();
    let still = facts.is_some_and(|facts| facts.is_alive(now) && facts.is_stepped_up(now));
    if still { Ok(()) } else { Err(Refusal::SessionEnded.into()) }
}

async fn ask_step_up(bank: &Bank, s: &mut Session, permit: &Permit) -> Result<Asked, Failure> {
    let user = user::lookup(s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    let email =
        Email::parse(&user.email).map_err(|_| Broken::Inconsistent("a person's email address"))?;
    let question = Question {
        user_id: permit.user_id,
        email: &email,
        purpose: Purpose::StepUp,
        facade: permit.facade,
        session_id: Some(permit.session_id),
        device: &Device::default(),
    };
    ask(bank, s, &question).await
}

/// Confirms a second factor within the caller's session: for five minutes risky steps pass.
pub async fn confirm(
    bank: &Bank,
    permit: &Permit,
    id: Option<ChallengeId>,
    reply: &Reply,
) -> Result<(), Failure> {
    attempt::count_address(bank, &permit.visitor, Attempt::Confirm).await?;
    let act = permit.act("confirmChallenge");
    let confirmed = confirm_unaudited(bank, permit, id, reply).await;
    act::audited(bank, act, confirmed).await?;
    bank.sessions.invalidate(&(permit.session_id, permit.user_id));
    outbox::wake(bank);
    Ok(())
}

async fn confirm_unaudited(
    bank: &Bank,
    permit: &Permit,
    id: Option<ChallengeId>,
    reply: &Reply,
) -> Result<(), Failure> {
    let id = id.ok_or(Refusal::BadCode)?;
    let session_id = permit.session_id;
    let answered = answer(bank, id, Purpose::StepUp, Some(session_id), reply).await?;
    let answered = &answered;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                spend(bank, s, answered).await?;
                if !session::step_up(s, session_id, bank.now()).await? {
                    return Err(Failure::from(Refusal::SessionEnded));
                }
                let act = permit.act("confirmChallenge");
                act::done(bank, s, act, Some(session_id.uuid()), None).await?;
                Ok(())
            })
        })
        .await
}
