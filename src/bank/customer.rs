//! Customers as the bank's staff see them, and what staff decide about them.

use super::{
    act,
    act::Told,
    context::Bank,
    error::{Broken, Failure},
    leaving, outbox,
    permit::Permit,
    session::Ended,
    staff,
};
use crate::{
    db::session::Session,
    domain::{
        refusal::Refusal,
        staff::{Party, Right, approve as decide_approval, require_over},
        user::UserStatus,
    },
    store::{standing, user, user::User},
};

const LOOK: &str = "customer";
const APPROVE: &str = "approveCustomer";
const CONFIRM: &str = "confirmDeactivation";
const REACTIVATE: &str = "reactivateCustomer";
/// The field that names a customer.
const FIELD: &str = "customerId";

/// A person whom staff look at.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The person.
    pub user: User,
    /// Reads the person's things for the staff that look; it must never do anything.
    pub reader: Permit,
}

impl Seen {
    fn by(permit: &Permit, user: User) -> Self {
        let reader = Permit { user_id: user.user_id, ..permit.clone() };
        Self { user, reader }
    }
}

fn missing() -> Failure {
    Refusal::NotFound { field: FIELD, noun: "customer" }.into()
}

/// Looks at a customer; each look stands in the audit log before anything is seen.
///
/// Staff themselves are seen by those alone who make staff.
pub async fn look(bank: &Bank, permit: &Permit, customer_id: &str) -> Result<Seen, Failure> {
    let looked = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let actor = staff::actor(bank, s, permit, Right::Read).await?;
                let user = user::by_customer_id(s, customer_id).await?.ok_or_else(missing)?;
                if user.role.is_staff() && user.user_id != actor.user_id {
                    actor.role.require(Right::MakeStaff).map_err(|_| missing())?;
                }
                let (act, subject) = (permit.act(LOOK), Some(user.user_id.uuid()));
                act::done(bank, s, act, subject, None::<Told>).await?;
                Ok::<_, Failure>(user)
            })
        })
        .await;
    let user = act::audited(bank, permit.act(LOOK), looked).await?;
    Ok(Seen::by(permit, user))
}

/// Lets a person move money, and gives them the role that they asked for.
///
/// Nobody approves themselves, and approving staff is for those who make staff.
pub async fn approve(bank: &Bank, permit: &Permit, customer_id: &str) -> Result<Seen, Failure> {
    let approved = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let (actor, found) = both(bank, s, permit, customer_id).await?;
                let subject = Party { user_id: found.user_id, role: found.role };
                let role = decide_approval(actor, subject, found.role_asked, found.status)?;
                standing::approve(s, found.user_id, role, bank.now()).await?;
                let (act, subject) = (permit.act(APPROVE), Some(found.user_id.uuid()));
                act::done(bank, s, act, subject, None::<Told>).await?;
                again(s, found).await
            })
        })
        .await;
    let user = act::audited(bank, permit.act(APPROVE), approved).await?;
    Ok(Seen::by(permit, user))
}

/// Confirms that a person leaves who has asked to: their sessions end at once, and nobody
/// signs in as them. Confirming it again changes nothing.
pub async fn confirm_deactivation(
    bank: &Bank,
    permit: &Permit,
    customer_id: &str,
) -> Result<Seen, Failure> {
    let confirmed = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let (actor, found) = both(bank, s, permit, customer_id).await?;
                let subject = Party { user_id: found.user_id, role: found.role };
                require_over(actor, subject, Right::Serve)?;
                let ended = match found.status {
                    UserStatus::Active => {
                        let reason = "The customer has not asked to leave.";
                        return Err(Refusal::Conflict { reason }.into());
                    }
                    UserStatus::DeactivationRequested => {
                        Some(leaving::deactivate(bank, s, &found).await?)
                    }
                    UserStatus::Deactivated => None,
                };
                let told: Vec<Told> = ended.iter().flat_map(Ended::told).collect();
                let (act, subject) = (permit.act(CONFIRM), Some(found.user_id.uuid()));
                act::done(bank, s, act, subject, told).await?;
                Ok::<_, Failure>((again(s, found).await?, ended))
            })
        })
        .await;
    let (user, ended) = act::audited(bank, permit.act(CONFIRM), confirmed).await?;
    if let Some(ended) = ended {
        ended.forget(bank);
    }
    outbox::wake(bank);
    Ok(Seen::by(permit, user))
}

/// Makes a person a customer again who has left, or has asked to.
pub async fn reactivate(bank: &Bank, permit: &Permit, customer_id: &str) -> Result<Seen, Failure> {
    let reactivated = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let (actor, found) = both(bank, s, permit, customer_id).await?;
                let subject = Party { user_id: found.user_id, role: found.role };
                require_over(actor, subject, Right::Serve)?;
                leaving::reactivate(bank, s, &found).await?;
                let (act, subject) = (permit.act(REACTIVATE), Some(found.user_id.uuid()));
                act::done(bank, s, act, subject, None::<Told>).await?;
                again(s, found).await
            })
        })
        .await;
    let user = act::audited(bank, permit.act(REACTIVATE), reactivated).await?;
    outbox::wake(bank);
    Ok(Seen::by(permit, user))
}

/// The member of the staff who asks, and the person whom they name, locked.
async fn both(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    customer_id: &str,
) -> Result<(Party, User), Failure> {
    let actor = staff::actor(bank, s, permit, Right::Serve).await?;
    let found = user::by_customer_id(s, customer_id).await?.ok_or_else(missing)?;
    user::lock(s, found.user_id).await?;
    Ok((actor, again(s, found).await?))
}

/// A person as they stand now.
async fn again(s: &mut Session, user: User) -> Result<User, Failure> {
    let found = user::lookup(s, user.user_id).await?;
    found.ok_or_else(|| Broken::Inconsistent("a person who was just there").into())
}
