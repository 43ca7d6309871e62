//! What a person changes of themselves at a door that knows no second factor.
//!
//! Only who has no second factor anywhere may change there where they are written to or
//! called: codes go to the address, and the phone number helps to set a lost password. For
//! everybody else that stays behind the doors that ask.

use super::{
    act, attempt,
    context::Bank,
    enrolment,
    error::{Broken, Failure},
    outbox,
    permit::Permit,
    session,
};
use crate::{
    db::session::Session,
    domain::{attempt::Attempt, refusal::Refusal},
    mail::notices,
    store::{
        challenge as challenges, second_factor, user,
        user::{Credentials, Details, User},
    },
    types::text::{Email, Line},
};

const CHANGE_EMAIL: &str = "changeEmail";
const UPDATE: &str = "updateProfile";
const TAKEN: Refusal = Refusal::AlreadyExists { field: "email", noun: "email address" };

/// Why the address stays.
pub const EMAIL_STAYS: &str = "Change your email where your second factor is asked for.";
/// Why the phone number stays.
pub const PHONE_STAYS: &str = "Change your phone number where your second factor is asked for.";
/// What a name may be, in characters.
const NAME_MAX: usize = 150;

/// What a person asks to change; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// First name; empty clears it.
    pub first_name: Option<String>,
    /// Last name; empty clears it.
    pub last_name: Option<String>,
    /// Where they can be called, taken as it is; none inside clears it.
    pub contact: Option<Option<String>>,
}

/// The caller as they are shown to themselves.
pub async fn of(bank: &Bank, permit: &Permit) -> Result<User, Failure> {
    let mut s = bank.db.read().await?;
    Ok(user::lookup(&mut s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?)
}

/// A second factor is asked for somewhere before this person comes in: an authenticator,
/// or the codes that everybody is sent who registered with a social security number.
async fn has_second_factor(s: &mut Session, known: &Credentials) -> Result<bool, Failure> {
    let totp = second_factor::confirmed_at(s, known.user_id).await?.is_some();
    Ok(totp || known.social_security_index.is_some())
}

/// Gives the caller another address at once. It is unproven until something mailed there
/// comes back; the old one is told.
pub async fn change_email(bank: &Bank, permit: &Permit, email: &str) -> Result<(), Failure> {
    let mut changed = change_email_unaudited(bank, permit, email).await;
    // Somebody who took the address at the same instant is seen by a second look.
    if changed.as_ref().is_err_and(Failure::is_duplicate) {
        changed = Err(TAKEN.into());
    }
    act::audited(bank, permit.act(CHANGE_EMAIL), changed).await?;
    bank.sessions.invalidate(&(permit.session_id, permit.user_id));
    outbox::wake(bank);
    Ok(())
}

async fn change_email_unaudited(bank: &Bank, permit: &Permit, email: &str) -> Result<(), Failure> {
    let email = &Email::parse(email).map_err(|error| Refusal::invalid("email", error.0))?;
    // Counted, as the answer tells who is a customer.
    attempt::count(bank, &permit.visitor, Attempt::Registration, email.as_str()).await?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                user::lock(s, permit.user_id).await?;
                session::require_alive(bank, s, permit).await?;
                let before = user::credentials_of(s, permit.user_id).await?;
                let before = before.ok_or(Refusal::SessionEnded)?;
                if Email::parse(&before.email).is_ok_and(|now| now.key() == email.key()) {
                    return Ok(());
                }
                if has_second_factor(s, &before).await? {
                    return Err(Failure::from(Refusal::Forbidden { reason: EMAIL_STAYS }));
                }
                enrolment::refuse_taken(bank, s, email).await?;
                user::set_unproven_email(s, permit.user_id, email).await?;
                // Codes that went to the old address are of no use any more.
                challenges::drop_of(s, permit.user_id).await?;
                let letter = notices::email_changed(&before.email, &email.masked());
                outbox::notify(bank, s, &letter).await?;
                let subject = Some(permit.user_id.uuid());
                act::done(bank, s, permit.act(CHANGE_EMAIL), subject, None).await?;
                Ok(())
            })
        })
        .await
}

/// Changes names and the number to be called under; gives the person as they are then.
pub async fn update(bank: &Bank, permit: &Permit, form: &Form) -> Result<User, Failure> {
    let updated = update_unaudited(bank, permit, form).await;
    let user = act::audited(bank, permit.act(UPDATE), updated).await?;
    outbox::wake(bank);
    Ok(user)
}

/// A name as it is kept; none where it is empty.
fn name(field: &'static str, text: &str) -> Result<Option<String>, Refusal> {
    let read = Line::parse_optional(Some(text));
    let line = read.map_err(|error| Refusal::invalid(field, error.0))?;
    let name = line.map(|line| line.as_str().to_owned());
    match name {
        Some(name) if name.chars().count() > NAME_MAX => {
            Err(Refusal::invalid(field, "must have at most 150 characters"))
        }
        name => Ok(name),
    }
}

async fn update_unaudited(bank: &Bank, permit: &Permit, form: &Form) -> Result<User, Failure> {
    let first = form.first_name.as_deref().map(|text| name("firstName", text)).transpose()?;
    let last = form.last_name.as_deref().map(|text| name("lastName", text)).transpose()?;
    if let Some(Some(contact)) = &form.contact {
        let read = Line::parse(contact);
        read.map_err(|error| Refusal::invalid("phoneNumber", error.0))?;
    }
    let (first, last) = (&first, &last);
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let user_id = permit.user_id;
                user::lock(s, user_id).await?;
                session::require_alive(bank, s, permit).await?;
                let before = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
                let present = before.phone_number.as_deref();
                let contact = form.contact.as_ref().map_or(present, Option::as_deref);
                let known = user::credentials_of(s, user_id).await?;
                let known = known.ok_or(Refusal::SessionEnded)?;
                // Their number is reserved for them.
                let reserves = known.social_security_index.is_some();
                if contact != present {
                    if reserves || has_second_factor(s, &known).await? {
                        return Err(Failure::from(Refusal::invalid("phoneNumber", PHONE_STAYS)));
                    }
                    outbox::notify(bank, s, &notices::phone_changed(&before.email)).await?;
                }
                let or = |new: &'_ Option<Option<String>>, old: &Option<String>| {
                    new.clone().unwrap_or_else(|| old.clone())
                };
                let (first, last) = (or(first, &before.first_name), or(last, &before.last_name));
                let username = before.username.as_deref();
                let details = Details {
                    username,
                    username_key: username.map(str::to_ascii_lowercase),
                    first_name: first.as_deref(),
                    last_name: last.as_deref(),
                    phone_number: contact,
                    phone_key: contact.filter(|_| reserves),
                    address: [
                        before.address_line.as_deref(),
                        before.city.as_deref(),
                        before.state.as_deref(),
                        before.post_code.as_deref(),
                        before.country.as_deref(),
                    ],
                };
                user::set_details(s, user_id, &details).await?;
                act::done(bank, s, permit.act(UPDATE), Some(user_id.uuid()), None).await?;
                let user = user::lookup(s, user_id).await?;
                user.ok_or_else(|| Broken::Inconsistent("a person who was just written").into())
            })
        })
        .await
}
