//! Second factors of a person: an authenticator with its recovery codes, and which
//! programs may do without.

use super::{
    act, authenticator, challenge,
    context::Bank,
    error::{Broken, Failure},
    outbox,
    permit::Permit,
    session,
    session::Ended,
};
use crate::{
    crypto::{recovery, totp, totp::Enrolment},
    db::session::Session,
    domain::{
        challenge::{SecondFactorKind, method},
        refusal::Refusal,
        second_factor::{PasswordDialect, RECOVERY_CODES},
    },
    mail::notices,
    store::{challenge as challenges, second_factor, user, user::User},
    types::{clock::Instant, id::UserId, secret::Secret},
};

/// A way in which a person can confirm that it is them.
#[derive(Debug, Clone, Copy)]
pub struct Factor {
    /// Which.
    pub kind: SecondFactorKind,
    /// Since when.
    pub confirmed_at: Instant,
    /// How many are left, of what is used up.
    pub remaining: Option<i64>,
}

const NO_TOTP: Refusal = Refusal::Conflict { reason: "There is no authenticator." };

/// The ways in which a person can confirm that it is them.
pub async fn list(bank: &Bank, user: UserId) -> Result<Vec<Factor>, Failure> {
    let mut s = bank.db.read().await?;
    let Some(confirmed_at) = second_factor::confirmed_at(&mut s, user).await? else {
        let found = user::lookup(&mut s, user).await?;
        let verified_at = found.and_then(|user| user.email_verified_at);
        let kind = SecondFactorKind::Email;
        let by_letter = |confirmed_at| Factor { kind, confirmed_at, remaining: None };
        return Ok(verified_at.map(by_letter).into_iter().collect());
    };
    let codes = second_factor::remaining(&mut s, user).await?;
    Ok(vec![
        Factor { kind: SecondFactorKind::Totp, confirmed_at, remaining: None },
        Factor {
            kind: SecondFactorKind::RecoveryCode,
            confirmed_at: codes.created_at.unwrap_or(confirmed_at),
            remaining: Some(codes.remaining),
        },
    ])
}

/// The dialects that may sign a person in with a password alone.
pub async fn legacy_access(bank: &Bank, user: UserId) -> Result<Vec<PasswordDialect>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(second_factor::dialects(&mut s, user).await?)
}

/// Begins to set up an authenticator: it opens nothing before a first code came.
pub async fn begin_totp(bank: &Bank, permit: &Permit) -> Result<Enrolment, Failure> {
    let begun = begin_unaudited(bank, permit).await;
    act::audited(bank, permit.act("beginTotp"), begun).await
}

async fn begin_unaudited(bank: &Bank, permit: &Permit) -> Result<Enrolment, Failure> {
    challenge::require_step_up(bank, permit).await?;
    let user_id = permit.user_id;
    let secret = totp::draw(bank.entropy.as_ref());
    let sealed = &authenticator::sealed(bank, user_id, &secret);
    let user = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                challenge::require_still(bank, s, permit).await?;
                if !second_factor::begin(s, user_id, sealed, bank.now()).await? {
                    let reason = "There is an authenticator: remove it first.";
                    return Err(Failure::from(Refusal::Conflict { reason }));
                }
                let user = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
                let act = permit.act("beginTotp");
                act::done(bank, s, act, Some(user_id.uuid()), None).await?;
                Ok(user)
            })
        })
        .await?;
    let told = totp::enrolment(&secret, &user.email);
    told.map_err(|_| Broken::Inconsistent("a fresh secret is not usable").into())
}

/// Ten fresh recovery codes, and what is stored of them.
fn draw_codes(bank: &Bank, user_id: UserId) -> (Vec<Secret>, Vec<[u8; 32]>) {
    let drawn = (0..RECOVERY_CODES).map(|_| {
        let code = recovery::draw(bank.entropy.as_ref());
        let hash = recovery::hash(user_id.as_bytes(), &code).expect("what was drawn is a code");
        (Secret::new(code), hash)
    });
    drawn.unzip()
}

/// Takes the first code of an authenticator: from here on it is the second factor, letters
/// open nothing, and no program may do with a password alone. Gives the recovery codes.
pub async fn confirm_totp(
    bank: &Bank,
    permit: &Permit,
    code: &Secret,
) -> Result<Vec<Secret>, Failure> {
    let confirmed = confirm_unaudited(bank, permit, code).await;
    let codes = act::audited(bank, permit.act("confirmTotp"), confirmed).await?;
    outbox::wake(bank);
    Ok(codes)
}

async fn confirm_unaudited(
    bank: &Bank,
    permit: &Permit,
    code: &Secret,
) -> Result<Vec<Secret>, Failure> {
    challenge::require_step_up(bank, permit).await?;
    let user_id = permit.user_id;
    let spent = authenticator::judge_first(bank, user_id, code.expose()).await?;
    let (codes, hashes) = draw_codes(bank, user_id);
    let hashes = &hashes;
    let ended = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                challenge::require_still(bank, s, permit).await?;
                // Codes that went out by letter would pass the authenticator by.
                challenges::drop_of(s, user_id).await?;
                let waiting = second_factor::lookup(s, user_id).await?;
                if waiting.is_none_or(|waiting| waiting.confirmed_at.is_some()) {
                    return Err(Failure::from(Refusal::BadCode));
                }
                authenticator::spend(bank, s, user_id, spent).await?;
                let now = bank.now();
                second_factor::confirm(s, user_id, now).await?;
                second_factor::replace_codes(s, user_id, hashes, now).await?;
                second_factor::revoke_all(s, user_id).await?;
                // Whoever came in by less than this shall not stay.
                let ended = session::end_of(bank, s, user_id, &PasswordDialect::ALL).await?;
                let user = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
                outbox::notify(bank, s, &notices::totp_added(&user.email)).await?;
                let act = permit.act("confirmTotp");
                act::done(bank, s, act, Some(user_id.uuid()), ended.told()).await?;
                Ok::<_, Failure>(ended)
            })
        })
        .await?;
    ended.forget(bank);
    Ok(codes)
}

/// Removes the authenticator and the recovery codes, by a code of either.
pub async fn remove_totp(bank: &Bank, permit: &Permit, code: &Secret) -> Result<(), Failure> {
    let removed = remove_unaudited(bank, permit, code).await;
    act::audited(bank, permit.act("removeTotp"), removed).await?;
    outbox::wake(bank);
    Ok(())
}

async fn remove_unaudited(bank: &Bank, permit: &Permit, code: &Secret) -> Result<(), Failure> {
    challenge::require_step_up(bank, permit).await?;
    let user_id = permit.user_id;
    let mut s = bank.db.read().await?;
    let has_totp = second_factor::confirmed_at(&mut s, user_id).await?.is_some();
    drop(s);
    if !has_totp {
        return Err(NO_TOTP.into());
    }
    let code = code.expose().trim();
    let meant = method(true, None, code).ok_or(Refusal::BadCode)?;
    let spent = authenticator::judge(bank, user_id, meant, code).await?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                challenge::require_still(bank, s, permit).await?;
                challenges::drop_of(s, user_id).await?;
                authenticator::spend(bank, s, user_id, spent).await?;
                second_factor::remove(s, user_id).await?;
                let user = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
                outbox::notify(bank, s, &notices::totp_removed(&user.email)).await?;
                let act = permit.act("removeTotp");
                act::done(bank, s, act, Some(user_id.uuid()), None).await?;
                Ok(())
            })
        })
        .await
}

/// Gives new recovery codes; the old ones open nothing any more.
pub async fn renew_recovery_codes(bank: &Bank, permit: &Permit) -> Result<Vec<Secret>, Failure> {
    let renewed = renew_unaudited(bank, permit).await;
    let codes = act::audited(bank, permit.act("renewRecoveryCodes"), renewed).await?;
    outbox::wake(bank);
    Ok(codes)
}

async fn renew_unaudited(bank: &Bank, permit: &Permit) -> Result<Vec<Secret>, Failure> {
    challenge::require_step_up(bank, permit).await?;
    let user_id = permit.user_id;
    let (codes, hashes) = draw_codes(bank, user_id);
    let hashes = &hashes;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                challenge::require_still(bank, s, permit).await?;
                if second_factor::confirmed_at(s, user_id).await?.is_none() {
                    return Err(Failure::from(NO_TOTP));
                }
                second_factor::replace_codes(s, user_id, hashes, bank.now()).await?;
                let user = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
                outbox::notify(bank, s, &notices::recovery_codes_renewed(&user.email)).await?;
                let act = permit.act("renewRecoveryCodes");
                act::done(bank, s, act, Some(user_id.uuid()), None).await?;
                Ok(())
            })
        })
        .await?;
    Ok(codes)
}

/// Lets a dialect that knows a password alone sign the caller in, or no more.
pub async fn set_legacy_access(
    bank: &Bank,
    permit: &Permit,
    dialect: PasswordDialect,
    enabled: bool,
) -> Result<User, Failure> {
    let set = set_unaudited(bank, permit, dialect, enabled).await;
    let user = act::audited(bank, permit.act("setLegacyAccess"), set).await?;
    outbox::wake(bank);
    Ok(user)
}

async fn set_unaudited(
    bank: &Bank,
    permit: &Permit,
    dialect: PasswordDialect,
    enabled: bool,
) -> Result<User, Failure> {
    challenge::require_step_up(bank, permit).await?;
    let user_id = permit.user_id;
    let (user, ended) = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                challenge::require_still(bank, s, permit).await?;
                let user = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
                let mut ended = Ended::none(user_id);
                if change_access(bank, s, user_id, dialect, enabled).await? {
                    let letter =
                        notices::legacy_access_changed(&user.email, dialect.name(), enabled);
                    outbox::notify(bank, s, &letter).await?;
                    if !enabled {
                        ended = session::end_of(bank, s, user_id, &[dialect]).await?;
                    }
                }
                let act = permit.act("setLegacyAccess");
                act::done(bank, s, act, Some(user_id.uuid()), ended.told()).await?;
                Ok::<_, Failure>((user, ended))
            })
        })
        .await?;
    ended.forget(bank);
    Ok(user)
}

async fn change_access(
    bank: &Bank,
    s: &mut Session,
    user_id: UserId,
    dialect: PasswordDialect,
    enabled: bool,
) -> Result<bool, Failure> {
    Ok(if enabled {
        second_factor::grant(s, user_id, dialect, bank.now()).await?
    } else {
        second_factor::revoke(s, user_id, dialect).await?
    })
}
