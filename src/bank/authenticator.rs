//! What a code of an authenticator, or a recovery code, proves: counted before it is
//! compared, and used up in the transaction of what it opens.

use super::{
    context::Bank,
    error::{Broken, Failure},
    outbox,
};
use crate::{
    crypto::{mac::Hash, recovery, seal, seal::Place, totp},
    db::session::Session,
    domain::{
        challenge::SecondFactorKind,
        refusal::Refusal,
        second_factor::{may_confirm, rest_after},
    },
    mail::notices,
    store::{second_factor, second_factor::Authenticator, user},
    types::id::UserId,
};

/// The column of sealed secrets of authenticators.
const SECRET: &str = "totp_factors.secret";

/// A code that was counted and is still to be compared.
#[derive(Debug)]
pub(super) enum Counted {
    /// With what this authenticator shows.
    Totp(Authenticator),
    /// With the recovery codes: the hash of one that waits, where there is one.
    Recovery(Option<Hash>),
}

/// What a right code uses up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spent {
    /// A time step of the authenticator.
    Step(i64),
    /// A recovery code.
    Code(Hash),
}

/// Where a person's sealed secret belongs.
fn place(user_id: &UserId) -> Place<'_> {
    Place { column: SECRET, row: user_id.as_bytes() }
}

/// Seals the secret of a person's authenticator.
pub(super) fn sealed(bank: &Bank, user_id: UserId, secret: &[u8]) -> Vec<u8> {
    seal::seal(&bank.ring, bank.entropy.as_ref(), place(&user_id), secret)
}

/// Counts a code in a transaction of its own, so that nothing takes the count back.
///
/// Recovery codes carry too much chance to be guessed, so only the challenge that they
/// answer counts them: who has lost the authenticator gets in while it rests.
pub(super) async fn count(
    bank: &Bank,
    s: &mut Session,
    user_id: UserId,
    method: SecondFactorKind,
    code: &str,
) -> Result<Counted, Failure> {
    match method {
        SecondFactorKind::Email => Err(Refusal::BadCode.into()),
        SecondFactorKind::RecoveryCode => {
            let hash = recovery::hash(user_id.as_bytes(), code);
            let waits = match &hash {
                Some(hash) => second_factor::code_waits(s, user_id, hash).await?,
                None => false,
            };
            Ok(Counted::Recovery(hash.filter(|_| waits)))
        }
        SecondFactorKind::Totp => {
            let now = bank.now();
            let found = second_factor::count_miss(s, user_id, now).await?;
            let found = found.ok_or(Refusal::TooManyAttempts)?;
            if let Some(rest) = rest_after(found.misses) {
                second_factor::rest(s, user_id, now + rest).await?;
            }
            Ok(Counted::Totp(found))
        }
    }
}

/// Compares a code that was counted; `None` where it is wrong.
pub(super) fn compare(
    bank: &Bank,
    user_id: UserId,
    counted: &Counted,
    code: &str,
) -> Result<Option<Spent>, Failure> {
    match counted {
        Counted::Recovery(hash) => Ok(hash.map(Spent::Code)),
        Counted::Totp(found) => {
            let secret = seal::open(&bank.ring, place(&user_id), &found.secret)?;
            let step = totp::step(&secret, code, bank.now())
                .map_err(|_| Broken::Inconsistent("an authenticator's secret is not usable"))?;
            Ok(step.map(Spent::Step))
        }
    }
}

/// Uses up what a right code was; refused where another request did so before.
pub(super) async fn spend(
    bank: &Bank,
    s: &mut Session,
    user_id: UserId,
    spent: Spent,
) -> Result<(), Failure> {
    match spent {
        Spent::Step(step) if second_factor::spend_step(s, user_id, step).await? => Ok(()),
        Spent::Code(hash) if second_factor::use_code(s, user_id, &hash, bank.now()).await? => {
            let remaining = second_factor::remaining(s, user_id).await?.remaining;
            let user = user::lookup(s, user_id).await?;
            let user = user.ok_or(Broken::Inconsistent("a recovery code of nobody"))?;
            let letter = notices::recovery_code_used(&user.email, remaining);
            outbox::notify(bank, s, &letter).await
        }
        Spent::Step(_) | Spent::Code(_) => Err(Refusal::BadCode.into()),
    }
}

/// Judges a code of an authenticator or a recovery code by itself.
///
/// There is no challenge whose guesses it could use up: the person's wrong codes in a
/// row are counted over everything.
pub(super) async fn judge(
    bank: &Bank,
    user_id: UserId,
    method: SecondFactorKind,
    code: &str,
) -> Result<Spent, Failure> {
    let counted =
        bank.db.write_retrying(|s| Box::pin(count(bank, s, user_id, method, code))).await?;
    compare(bank, user_id, &counted, code)?.ok_or_else(|| Refusal::BadCode.into())
}

/// Judges the first code of an authenticator that is being set up.
pub(super) async fn judge_first(
    bank: &Bank,
    user_id: UserId,
    code: &str,
) -> Result<Spent, Failure> {
    let now = bank.now();
    let waiting = async |s: &mut Session| {
        let found = second_factor::lookup(s, user_id).await?;
        let found = found.filter(|found| found.confirmed_at.is_none());
        let found = found.ok_or(Refusal::Conflict {
            reason: "No authenticator is being set up: begin with beginTotp.",
        })?;
        if !may_confirm(found.begun_at, found.misses, now) {
            return Err(Failure::from(Refusal::Conflict {
                reason: "This took too long or too many codes: begin anew with beginTotp.",
            }));
        }
        second_factor::count_miss(s, user_id, now).await?.ok_or(Refusal::TooManyAttempts.into())
    };
    let counted = bank.db.write_retrying(|s| Box::pin(waiting(s))).await?;
    let counted = Counted::Totp(counted);
    compare(bank, user_id, &counted, code)?.ok_or_else(|| Refusal::BadCode.into())
}
