//! What a person changes of themselves.

use super::{
    act, challenge,
    context::Bank,
    error::{Broken, Failure},
    outbox,
    permit::Permit,
    session,
};
use crate::{
    db::session::Session,
    domain::{
        fault::Faults,
        refusal::Refusal,
        user::{Address, AddressForm},
    },
    mail::notices,
    store::{
        user,
        user::{Details, User},
    },
    types::text::{Line, PersonName, Phone, TextError, Username},
};

/// What becomes of one field.
#[derive(Debug, Clone, Default)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Stays,
    /// It is empty from now on.
    Clears,
    /// It has this value from now on.
    Becomes(T),
}

impl<T> Change<T> {
    /// Reads the new value, where there is one, and notes a fault.
    fn read<U>(
        &self,
        field: &'static str,
        faults: &mut Faults,
        parse: impl Fn(&T) -> Result<U, TextError>,
    ) -> Change<U> {
        match self {
            Self::Stays => Change::Stays,
            Self::Clears => Change::Clears,
            // A fault refuses the whole, so what stands here then is of no account.
            Self::Becomes(value) => {
                faults.read(field, parse(value)).map_or(Change::Stays, Change::Becomes)
            }
        }
    }

    /// The value as it is to be, where it is `present` now.
    fn over<'c>(
        &'c self,
        present: Option<&'c str>,
        text: impl Fn(&'c T) -> &'c str,
    ) -> Option<&'c str> {
        match self {
            Self::Stays => present,
            Self::Clears => None,
            Self::Becomes(value) => Some(text(value)),
        }
    }
}

/// What a person asks to change.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// The name they choose.
    pub username: Change<String>,
    /// First name.
    pub first_name: Change<String>,
    /// Last name.
    pub last_name: Change<String>,
    /// Phone number.
    pub phone_number: Change<String>,
    /// Where they live.
    pub address: Change<AddressForm>,
}

/// The same once it was read.
struct Changes {
    username: Change<Username>,
    first_name: Change<PersonName>,
    last_name: Change<PersonName>,
    phone: Change<Phone>,
    address: Change<Address>,
}

fn read(form: &Form) -> Result<Changes, Failure> {
    let mut faults = Faults::default();
    let name = |name: &String| PersonName::parse(name);
    let changes = Changes {
        username: form.username.read("username", &mut faults, |text| Username::parse(text)),
        first_name: form.first_name.read("firstName", &mut faults, name),
        last_name: form.last_name.read("lastName", &mut faults, name),
        phone: form.phone_number.read("phoneNumber", &mut faults, |text| Phone::parse(text)),
        address: match &form.address {
            Change::Stays => Change::Stays,
            Change::Clears => Change::Clears,
            Change::Becomes(address) => {
                address.read(&mut faults).map_or(Change::Stays, Change::Becomes)
            }
        },
    };
    let faults = faults.into_list();
    if faults.is_empty() { Ok(changes) } else { Err(Refusal::Invalid(faults).into()) }
}

/// Changes what a person says of themselves. Another phone number asks for a second factor
/// that was confirmed lately, as a token for a new password may ask for it.
pub async fn update(bank: &Bank, permit: &Permit, form: &Form) -> Result<User, Failure> {
    let mut changed = update_unaudited(bank, permit, form).await;
    // Somebody who took the name or the number at the same instant is seen by a second look.
    if changed.as_ref().is_err_and(Failure::is_duplicate) {
        changed = update_unaudited(bank, permit, form).await;
    }
    let user = act::audited(bank, permit.act("updateProfile"), changed).await?;
    outbox::wake(bank);
    Ok(user)
}

async fn update_unaudited(bank: &Bank, permit: &Permit, form: &Form) -> Result<User, Failure> {
    let changes = &read(form)?;
    let mut s = bank.db.read().await?;
    let before = user::lookup(&mut s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    drop(s);
    let other_phone = changes_phone(changes, &before);
    if other_phone {
        challenge::require_step_up(bank, permit).await?;
    }
    bank.db.write_retrying(|s| Box::pin(write(bank, s, permit, changes, other_phone))).await
}

fn changes_phone(changes: &Changes, before: &User) -> bool {
    let present = before.phone_number.as_deref();
    changes.phone.over(present, Phone::as_str) != present
}

async fn write(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    changes: &Changes,
    other_phone: bool,
) -> Result<User, Failure> {
    let user_id = permit.user_id;
    user::lock(s, user_id).await?;
    session::require_alive(bank, s, permit).await?;
    let before = user::lookup(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
    if changes_phone(changes, &before) {
        if !other_phone {
            // It was changed from another session since it was looked at.
            return Err(Refusal::Conflict { reason: "The profile has just changed." }.into());
        }
        challenge::require_still(bank, s, permit).await?;
        outbox::notify(bank, s, &notices::phone_changed(&before.email)).await?;
    }
    refuse_if_taken(s, permit, changes).await?;
    // Only numbers of those who registered with a social security number are reserved:
    // the others gave theirs as a contact, and may share it.
    let credentials = user::credentials_of(s, user_id).await?.ok_or(Refusal::SessionEnded)?;
    let reserves = credentials.social_security_index.is_some();
    let phone_number = changes.phone.over(before.phone_number.as_deref(), Phone::as_str);
    let username = changes.username.over(before.username.as_deref(), Username::as_str);
    let details = Details {
        username,
        username_key: username.map(str::to_ascii_lowercase),
        first_name: changes.first_name.over(before.first_name.as_deref(), PersonName::as_str),
        last_name: changes.last_name.over(before.last_name.as_deref(), PersonName::as_str),
        phone_number,
        phone_key: phone_number.filter(|_| reserves),
        address: address(&changes.address, &before),
    };
    user::set_details(s, user_id, &details).await?;
    act::done(bank, s, permit.act("updateProfile"), Some(user_id.uuid()), None).await?;
    let user = user::lookup(s, user_id).await?;
    user.ok_or_else(|| Broken::Inconsistent("a person who was just written").into())
}

async fn refuse_if_taken(
    s: &mut Session,
    permit: &Permit,
    changes: &Changes,
) -> Result<(), Failure> {
    if let Change::Becomes(username) = &changes.username
        && user::username_taken(s, &username.key(), permit.user_id).await?
    {
        return Err(Refusal::AlreadyExists { field: "username", noun: "name" }.into());
    }
    if let Change::Becomes(phone) = &changes.phone
        && user::phone_of_another(s, phone, permit.user_id).await?
    {
        return Err(Refusal::AlreadyExists { field: "phoneNumber", noun: "phone number" }.into());
    }
    Ok(())
}

fn address<'a>(change: &'a Change<Address>, before: &'a User) -> [Option<&'a str>; 5] {
    match change {
        Change::Stays => [
            before.address_line.as_deref(),
            before.city.as_deref(),
            before.state.as_deref(),
            before.post_code.as_deref(),
            before.country.as_deref(),
        ],
        Change::Clears => [None; 5],
        Change::Becomes(address) => [
            Some(address.line.as_str()),
            Some(address.city.as_str()),
            Some(address.state.as_str()),
            Some(address.post_code.as_str()),
            address.country.as_ref().map(Line::as_str),
        ],
    }
}
