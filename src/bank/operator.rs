//! What an operator does at a terminal to people: made, given a role, listed.
//!
//! An operator has the database and the secret, so nobody is asked for a permit; each act
//! stands in the audit log as one of the bank itself.

use super::{
    act,
    act::Told,
    context::Bank,
    error::{Broken, Failure, unless_faulty},
    leaving, registration, session,
};
use crate::{
    db::session::Session,
    domain::{
        account::AccountKind,
        fault::Faults,
        password,
        password::Known,
        refusal::Refusal,
        second_factor::PasswordDialect,
        user::{UserRole, UserStatus},
    },
    store::{
        account, second_factor, standing, user,
        user::{NewUser, User},
    },
    types::{
        entropy,
        id::{AccountId, UserId},
        secret::Secret,
        text::{Email, PersonName},
    },
};

/// How many letters and digits a password has that the bank makes: a hundred bits.
const PASSWORD_LENGTH: usize = 20;
/// How many people a list shows at most.
pub const LISTED_MAX: i64 = 10_000;

/// Whom an operator wants to make.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Their address, for which the operator vouches.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Their password; one is made where none is given.
    pub password: Option<Secret>,
    /// What they may do.
    pub role: UserRole,
    /// The dialects that may sign them in by the password alone.
    pub legacy: Vec<PasswordDialect>,
}

/// What became of a person who was to be made.
#[derive(Debug, Clone)]
pub enum Made {
    /// They are new, with this password where it was made for them.
    New(Box<User>, Option<Secret>),
    /// They were there before, with the same role; nothing was changed.
    Known(Box<User>),
}

/// Makes a person whose address counts as verified, with an e-wallet.
pub async fn add(bank: &Bank, asked: &NewPerson) -> Result<Made, Failure> {
    let mut faults = Faults::default();
    let email = faults.read("email", Email::parse(&asked.email));
    let first = faults.read("firstName", PersonName::parse(&asked.first_name));
    let last = faults.read("lastName", PersonName::parse(&asked.last_name));
    if let Some(password) = &asked.password {
        let known = Known {
            email: email.as_ref(),
            first_name: Some(&asked.first_name),
            last_name: Some(&asked.last_name),
            username: None,
        };
        faults.read("password", password::check(password.expose(), &known));
    }
    let ((email, first), last) = unless_faulty(email.zip(first).zip(last), faults)?;
    let mut s = bank.db.read().await?;
    let known = user::by_email(&mut s, &email).await?;
    drop(s);
    if let Some(known) = known {
        return before(known, asked.role);
    }
    let made = asked.password.is_none();
    let password = asked.password.clone();
    let password = password
        .unwrap_or_else(|| Secret::new(entropy::letters(bank.entropy.as_ref(), PASSWORD_LENGTH)));
    let password_hash = &bank.hasher.hash(bank.entropy.as_ref(), password.clone()).await?;
    let (email, names) = (&email, (&first, &last));
    let user = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let user = insert(bank, s, email, names, password_hash, asked.role).await?;
                if let Some(user) = &user {
                    for dialect in &asked.legacy {
                        second_factor::grant(s, user.user_id, *dialect, bank.now()).await?;
                    }
                }
                Ok::<_, Failure>(user)
            })
        })
        .await?;
    match user {
        Some(user) => Ok(Made::New(Box::new(user), made.then_some(password))),
        None => Err(Refusal::AlreadyExists { field: "email", noun: "email address" }.into()),
    }
}

/// Somebody has this address.
pub async fn is_known(bank: &Bank, email: &str) -> Result<bool, Failure> {
    let email = read_email(email)?;
    Ok(user::by_email(&mut bank.db.read().await?, &email).await?.is_some())
}

fn before(known: User, role: UserRole) -> Result<Made, Failure> {
    if known.role == role {
        return Ok(Made::Known(Box::new(known)));
    }
    let reason = "This person is there already with another role: set it by `teller user role`.";
    Err(Refusal::Conflict { reason }.into())
}

/// Writes a person with a wallet; `None` where the address was taken meanwhile.
async fn insert(
    bank: &Bank,
    s: &mut Session,
    email: &Email,
    names: (&PersonName, &PersonName),
    password_hash: &str,
    role: UserRole,
) -> Result<Option<User>, Failure> {
    let user_id = UserId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let customer_id = registration::free_customer_id(bank, s).await?;
    let new = NewUser {
        email_verified: true,
        names: Some(names),
        role,
        ..NewUser::known_by((user_id, &customer_id), email, password_hash, bank.now())
    };
    if !user::insert(s, &new).await? {
        return Ok(None);
    }
    let wallet = AccountId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let currency = bank.rules.default_currency();
    account::open(s, wallet, user_id, AccountKind::Wallet, currency, new.at).await?;
    noted(bank, s, "addUser", user_id).await?;
    let user = user::lookup(s, user_id).await?;
    Ok(Some(user.ok_or(Broken::Inconsistent("a person who was just written"))?))
}

async fn noted(
    bank: &Bank,
    s: &mut Session,
    action: &'static str,
    user_id: UserId,
) -> Result<(), Failure> {
    let act = bank.act(action);
    Ok(act::done(bank, s, act, Some(user_id.uuid()), None::<Told>).await?)
}

/// The person with this address, locked.
async fn find(s: &mut Session, email: &Email) -> Result<User, Failure> {
    let missing = || Failure::from(Refusal::NotFound { field: "email", noun: "person" });
    let found = user::by_email(s, email).await?.ok_or_else(missing)?;
    user::lock(s, found.user_id).await?;
    user::lookup(s, found.user_id).await?.ok_or_else(missing)
}

fn read_email(email: &str) -> Result<Email, Failure> {
    Ok(Email::parse(email).map_err(|error| Refusal::invalid("email", error.0))?)
}

/// Gives a person a role; false where they had it already.
pub async fn set_role(bank: &Bank, email: &str, role: UserRole) -> Result<bool, Failure> {
    let email = &read_email(email)?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = find(s, email).await?;
                if found.role == role && found.role_asked.is_none() {
                    return Ok(false);
                }
                standing::set_role(s, found.user_id, role).await?;
                noted(bank, s, "setRole", found.user_id).await?;
                Ok(true)
            })
        })
        .await
}

/// Lets a person move money, and gives them the role that they asked for, whatever it is;
/// false where nothing was open.
pub async fn approve(bank: &Bank, email: &str) -> Result<bool, Failure> {
    let email = &read_email(email)?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = find(s, email).await?;
                if found.approved_at.is_some() && found.role_asked.is_none() {
                    return Ok(false);
                }
                let role = found.role_asked.unwrap_or(found.role);
                standing::approve(s, found.user_id, role, bank.now()).await?;
                noted(bank, s, "approveUser", found.user_id).await?;
                Ok(true)
            })
        })
        .await
}

/// Lets dialects sign a person in by the password alone, or no more; tells what they may
/// use then.
pub async fn set_legacy(
    bank: &Bank,
    email: &str,
    granted: &[PasswordDialect],
    cleared: &[PasswordDialect],
) -> Result<Vec<PasswordDialect>, Failure> {
    let email = &read_email(email)?;
    let (ended, dialects) = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = find(s, email).await?;
                let mut changed = false;
                for dialect in granted {
                    changed |= second_factor::grant(s, found.user_id, *dialect, bank.now()).await?;
                }
                for dialect in cleared {
                    changed |= second_factor::revoke(s, found.user_id, *dialect).await?;
                }
                // The sessions that they opened end with them.
                let ended = session::end_of(bank, s, found.user_id, cleared).await?;
                if changed {
                    let (act, subject) = (bank.act("setLegacyAccess"), Some(found.user_id.uuid()));
                    act::done(bank, s, act, subject, ended.told()).await?;
                }
                Ok::<_, Failure>((ended, second_factor::dialects(s, found.user_id).await?))
            })
        })
        .await?;
    ended.forget(bank);
    Ok(dialects)
}

/// Ends all sessions of a person, and lets nobody sign in as them; false where it was so.
pub async fn deactivate(bank: &Bank, email: &str) -> Result<bool, Failure> {
    let email = &read_email(email)?;
    let ended = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = find(s, email).await?;
                if found.status == UserStatus::Deactivated {
                    return Ok(None);
                }
                let ended = leaving::deactivate(bank, s, &found).await?;
                let act = bank.act("deactivateUser");
                act::done(bank, s, act, Some(found.user_id.uuid()), ended.told()).await?;
                Ok::<_, Failure>(Some(ended))
            })
        })
        .await?;
    if let Some(ended) = &ended {
        ended.forget(bank);
    }
    Ok(ended.is_some())
}

/// Makes a person a customer again who has left, or has asked to; false where nothing was
/// to be done.
pub async fn reactivate(bank: &Bank, email: &str) -> Result<bool, Failure> {
    let email = &read_email(email)?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = find(s, email).await?;
                if found.status == UserStatus::Active {
                    return Ok(false);
                }
                leaving::reactivate(bank, s, &found).await?;
                noted(bank, s, "reactivateUser", found.user_id).await?;
                Ok(true)
            })
        })
        .await
}

/// People of a role and of a state, in the order of their making, ten thousand at most.
pub async fn list(
    bank: &Bank,
    role: Option<UserRole>,
    status: Option<UserStatus>,
) -> Result<Vec<User>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(user::list(&mut s, role, status, LISTED_MAX).await?)
}
