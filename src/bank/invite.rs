//! Codes that invite people to become customers, as an operator makes them.

use chrono::Duration;

use super::{act, act::Told, context::Bank, error::Failure};
use crate::{
    domain::{invite::check, refusal::Refusal},
    store::{invite, invite::Invite, user},
    types::{id::UserId, text::Email},
};

/// The code that every sandbox has.
const SANDBOX: &str = "testInviteCode";
/// How many may come with it.
const SANDBOX_USES: i64 = 1_000_000_000;

/// What became of a code that an operator wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is new.
    Made,
    /// It was there, and allows now what was said.
    Changed,
}

/// Makes a code, or changes what it allows.
pub async fn write(
    bank: &Bank,
    code: &str,
    uses_max: u32,
    life: Option<Duration>,
    owner: Option<&str>,
) -> Result<Written, Failure> {
    check(code).map_err(|reason| Refusal::invalid("code", reason))?;
    let owner = owner.map(Email::parse).transpose();
    let owner = owner.map_err(|error| Refusal::invalid("owner", error.0))?;
    let owner = owner.as_ref();
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let owner_id = match owner {
                    Some(email) => {
                        let missing = Refusal::NotFound { field: "owner", noun: "person" };
                        Some(user::by_email(s, email).await?.ok_or(missing)?.user_id)
                    }
                    None => None,
                };
                let now = bank.now();
                let new = Invite {
                    code: code.to_owned(),
                    owner_id,
                    uses_max: uses_max.into(),
                    reserved: 0,
                    issued: 0,
                    expires_at: life.map(|life| now + life),
                    created_at: now,
                };
                let made = invite::insert(s, &new).await?;
                if !made {
                    invite::update(s, &new).await?;
                }
                let subject = owner_id.map(UserId::uuid);
                act::done(bank, s, bank.act("writeInvite"), subject, None::<Told>).await?;
                Ok::<_, Failure>(if made { Written::Made } else { Written::Changed })
            })
        })
        .await
}

/// All codes, the oldest first.
pub async fn list(bank: &Bank) -> Result<Vec<Invite>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(invite::all(&mut s, bank.now()).await?)
}

/// Gives a sandbox its code, with which everybody may come.
pub async fn open_the_sandboxs(bank: &Bank) -> Result<(), Failure> {
    if !bank.rules.sandbox {
        return Ok(());
    }
    let new = Invite {
        code: SANDBOX.to_owned(),
        owner_id: None,
        uses_max: SANDBOX_USES,
        reserved: 0,
        issued: 0,
        expires_at: None,
        created_at: bank.now(),
    };
    let mut s = bank.db.write().await?;
    invite::insert(&mut s, &new).await?;
    s.commit().await?;
    Ok(())
}
