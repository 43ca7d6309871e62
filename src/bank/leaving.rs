//! Leaving the bank: asked for, confirmed by staff, taken back; or at once and for good.
//!
//! Who asks to leave stays a customer until staff confirm it, and can empty their accounts
//! until then: only a person whom staff, an operator or themselves have deactivated is
//! refused everywhere. A dialect whose document says so bars the person at once.

use super::{
    act,
    act::Told,
    challenge,
    context::Bank,
    error::{Broken, Failure},
    file, outbox, password,
    permit::Permit,
    session,
    session::Ended,
};
use crate::{
    db::session::Session,
    domain::{
        refusal::Refusal,
        session::Facade,
        user::{UserRole, UserStatus},
    },
    mail::leaving as letters,
    store::{account, challenge as challenges, leaving, posting, standing, user, user::User},
    types::{
        entropy,
        id::{AccountId, UserId},
        money::Minor,
        secret::Secret,
    },
};

const REQUEST: &str = "requestDeactivation";
const DELETE: &str = "deleteAccount";
/// How many letters and digits the password has that replaces the one of who is forgotten.
const PASSWORD_LENGTH: usize = 40;

/// What a person who asks to leave may do until staff confirm it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meanwhile {
    /// All that they could before.
    Stays,
    /// Nothing: their sessions end at once, and no door lets them in.
    Barred,
}

/// Asks the bank to let the caller go; staff confirm it. Asking again changes nothing.
pub async fn request(bank: &Bank, permit: &Permit, meanwhile: Meanwhile) -> Result<User, Failure> {
    let asked = bank.db.write_retrying(|s| Box::pin(request_in(bank, s, permit, meanwhile))).await;
    let (user, ended) = act::audited(bank, permit.act(REQUEST), asked).await?;
    if let Some(ended) = ended {
        ended.forget(bank);
    }
    outbox::wake(bank);
    Ok(user)
}

async fn request_in(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    meanwhile: Meanwhile,
) -> Result<(User, Option<Ended>), Failure> {
    let now = bank.now();
    user::lock(s, permit.user_id).await?;
    let user = again(s, permit.user_id).await?;
    session::require_alive(bank, s, permit).await?;
    let (barred_at, ended) = match meanwhile {
        Meanwhile::Stays => (None, None),
        Meanwhile::Barred => {
            challenges::drop_of(s, user.user_id).await?;
            (Some(now), Some(session::end_all(bank, s, user.user_id, None).await?))
        }
    };
    let status = UserStatus::DeactivationRequested;
    if user.status == status && barred_at.is_none() {
        let (act, subject) = (permit.act(REQUEST), Some(user.user_id.uuid()));
        act::done(bank, s, act, subject, None::<Told>).await?;
        return Ok((user, None));
    }
    standing::set_status(s, user.user_id, status, barred_at).await?;
    outbox::notify(bank, s, &letters::deactivation_requested(&user.email)).await?;
    let told = ended.iter().flat_map(Ended::told).collect::<Vec<_>>();
    act::done(bank, s, permit.act(REQUEST), Some(user.user_id.uuid()), told).await?;
    Ok((again(s, user.user_id).await?, ended))
}

async fn again(s: &mut Session, id: UserId) -> Result<User, Failure> {
    let found = user::lookup(s, id).await?;
    found.ok_or_else(|| Broken::Inconsistent("a person who was just there").into())
}

/// Makes a person who is locked one that has left: no session of theirs lives on, and no
/// question that they were asked opens another.
pub(super) async fn deactivate(
    bank: &Bank,
    s: &mut Session,
    user: &User,
) -> Result<Ended, Failure> {
    standing::set_status(s, user.user_id, UserStatus::Deactivated, None).await?;
    challenges::drop_of(s, user.user_id).await?;
    let ended = session::end_all(bank, s, user.user_id, None).await?;
    outbox::notify(bank, s, &letters::deactivated(&user.email)).await?;
    Ok(ended)
}

/// Makes a person who is locked a customer again.
pub(super) async fn reactivate(bank: &Bank, s: &mut Session, user: &User) -> Result<(), Failure> {
    standing::set_status(s, user.user_id, UserStatus::Active, None).await?;
    outbox::notify(bank, s, &letters::reactivated(&user.email)).await
}

/// Forgets the caller: nothing is left of them but numbers and the books, in which nothing
/// of theirs may be left either.
pub async fn delete(bank: &Bank, permit: &Permit, given: &Secret) -> Result<(), Failure> {
    let deleted = delete_unaudited(bank, permit, given).await;
    let subject = Some(permit.user_id.uuid());
    let ended = act::audited_on(bank, permit.act(DELETE), subject, deleted).await?;
    ended.forget(bank);
    outbox::wake(bank);
    Ok(())
}

async fn delete_unaudited(bank: &Bank, permit: &Permit, given: &Secret) -> Result<Ended, Failure> {
    challenge::require_step_up(bank, permit).await?;
    password::require(bank, permit, given).await?;
    delete_now(bank, permit).await
}

/// The same at a door whose sessions are made by a second factor and short, and whose
/// document asks for nothing more.
pub async fn delete_at_once(bank: &Bank, permit: &Permit) -> Result<(), Failure> {
    let deleted = delete_now(bank, permit).await;
    let subject = Some(permit.user_id.uuid());
    let ended = act::audited_on(bank, permit.act(DELETE), subject, deleted).await?;
    ended.forget(bank);
    outbox::wake(bank);
    Ok(())
}

async fn delete_now(bank: &Bank, permit: &Permit) -> Result<Ended, Failure> {
    // Nobody knows it, and nobody can sign in by it.
    let chance = entropy::letters(bank.entropy.as_ref(), PASSWORD_LENGTH);
    let nobodys = &bank.hasher.hash(bank.entropy.as_ref(), Secret::new(chance)).await?;
    bank.db.write_retrying(|s| Box::pin(delete_in(bank, s, permit, nobodys))).await
}

async fn delete_in(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    no_password: &str,
) -> Result<Ended, Failure> {
    let id = permit.user_id;
    match permit.facade {
        Facade::Fintract => {
            user::lock(s, id).await?;
            session::require_alive(bank, s, permit).await?;
        }
        _ => challenge::require_still(bank, s, permit).await?,
    }
    let user = again(s, id).await?;
    refuse_staff(&user)?;
    let ended = session::end_all(bank, s, id, None).await?;
    require_empty(s, id).await?;
    leaving::close_accounts(s, id).await?;
    challenges::drop_of(s, id).await?;
    file::forget_all(bank, s, id).await?;
    leaving::forget_letters(s, &outbox::recipient_index(bank, &user.email)).await?;
    let no_address = format!("{}@deleted.invalid", id.to_wire());
    leaving::forget(s, id, &no_address, no_password, bank.now()).await?;
    outbox::notify(bank, s, &letters::deleted(&user.email)).await?;
    act::done(bank, s, permit.act(DELETE), Some(id.uuid()), ended.told()).await?;
    Ok(ended)
}

/// What staff have done stands under their name: first they give their role back.
fn refuse_staff(user: &User) -> Result<(), Refusal> {
    match user.role {
        UserRole::Customer | UserRole::Developer => Ok(()),
        UserRole::DeveloperAdmin | UserRole::BankAdmin | UserRole::PlatformAdmin => {
            let reason = "Staff are not deleted: a colleague takes the role away first.";
            Err(Refusal::Forbidden { reason })
        }
    }
}

/// Locks all accounts of a person, and refuses where one has money or an open hold.
async fn require_empty(s: &mut Session, id: UserId) -> Result<(), Failure> {
    let all = account::of_owner(s, id).await?;
    let mut ids: Vec<AccountId> = all.iter().map(|account| account.account_id).collect();
    ids.sort_unstable();
    let locked = posting::lock_accounts(s, &ids).await?;
    let empty = |balance: crate::domain::account::Balance| {
        balance.posted == Minor::ZERO && balance.held == Minor::ZERO
    };
    if locked.iter().all(|customer| empty(customer.account.balance)) {
        Ok(())
    } else {
        Err(Refusal::AccountNotEmpty.into())
    }
}
