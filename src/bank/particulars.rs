//! What people of fintract see and change of themselves.

use super::{
    act, attempt,
    contact::PHONE_STAYS,
    context::Bank,
    email_link, enrolment,
    error::{Broken, Failure},
    file, outbox,
    permit::Permit,
    session,
};
use crate::{
    crypto::{seal, seal::Place},
    db::session::Session,
    domain::{attempt::Attempt, refusal::Refusal},
    mail::notices,
    store::{
        account, particulars,
        particulars::Particulars,
        user,
        user::{Details, User},
    },
    types::{clock::Instant, text::Email},
};

const UPDATE: &str = "updateProfile";
const NATIONAL_ID: &str = "users.national_id";

/// A person with all that they said.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The person.
    pub user: User,
    /// What they said beside; the number of their identity as they wrote it.
    pub gender: Option<String>,
    /// Whose citizen they are.
    pub citizenship: Option<String>,
    /// Their bank.
    pub bank_name: Option<String>,
    /// The number of their identity.
    pub national_id: Option<String>,
    /// Shows their image.
    pub avatar: Option<String>,
    /// When they came in last.
    pub last_login: Option<Instant>,
    /// What all their accounts in the default currency have, in whole units, rounded down.
    pub net_units: i64,
}

/// What a person asks to change; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Another address, from the moment on that the link sent to it is opened.
    pub email: Option<String>,
    /// The name they choose.
    pub username: Option<String>,
    /// Their names.
    pub names: Option<(Option<String>, Option<String>)>,
    /// Where they can be called.
    pub contact: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Whose citizen they are.
    pub citizenship: Option<String>,
    /// The number of their identity.
    pub national_id: Option<String>,
    /// Where they live, on one line.
    pub address: Option<String>,
}

/// The caller with all that they said.
pub async fn of(bank: &Bank, permit: &Permit) -> Result<Whole, Failure> {
    let id = permit.user_id;
    let mut s = bank.db.read().await?;
    let user = user::lookup(&mut s, id).await?.ok_or(Refusal::SessionEnded)?;
    let said = particulars::lookup(&mut s, id).await?;
    let last_login = particulars::last_login(&mut s, id).await?;
    let accounts = account::of_owner(&mut s, id).await?;
    drop(s);
    let currency = bank.rules.default_currency();
    let counted = accounts.iter().filter(|one| one.balance.currency == currency);
    let total: i128 = counted.map(|one| i128::from(one.balance.posted.0)).sum();
    let units = total.div_euclid(10_i128.pow(currency.digits()));
    let national_id = said.national_id.as_deref().map(|sealed| {
        let place = Place { column: NATIONAL_ID, row: id.as_bytes() };
        seal::open(&bank.ring, place, sealed)
    });
    let national_id = national_id.transpose()?.map(String::from_utf8).transpose();
    Ok(Whole {
        user,
        gender: said.gender,
        citizenship: said.citizenship,
        bank_name: said.bank_name,
        national_id: national_id.map_err(|_| Broken::Inconsistent("a national identity"))?,
        avatar: file::avatar_url(bank, id).await?,
        last_login,
        net_units: i64::try_from(units).unwrap_or(i64::MAX),
    })
}

/// Changes what a person says of themselves. `path` stands before the token of the link
/// that a new address is sent.
pub async fn update(bank: &Bank, permit: &Permit, path: &str, form: &Form) -> Result<(), Failure> {
    let mut updated = update_unaudited(bank, permit, path, form).await;
    if updated.as_ref().is_err_and(Failure::is_duplicate) {
        updated = Err(Refusal::AlreadyExists { field: "username", noun: "name" }.into());
    }
    act::audited(bank, permit.act(UPDATE), updated).await?;
    outbox::wake(bank);
    Ok(())
}

async fn update_unaudited(
    bank: &Bank,
    permit: &Permit,
    path: &str,
    form: &Form,
) -> Result<(), Failure> {
    count(bank, permit, form).await?;
    bank.db.write_retrying(|s| Box::pin(write(bank, s, permit, path, form))).await
}

/// Counts what tells who is a customer, and letters to who has not asked for them: by the
/// address that is new, and by the person whose name is.
async fn count(bank: &Bank, permit: &Permit, form: &Form) -> Result<(), Failure> {
    if form.email.is_none() && form.username.is_none() {
        return Ok(());
    }
    let mut s = bank.db.read().await?;
    let before = user::lookup(&mut s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    drop(s);
    let attempt = Attempt::Registration;
    if let Some(email) = &form.email {
        let email = Email::parse(email).map_err(|error| Refusal::invalid("email", error.0))?;
        if email.key() != before.email.to_ascii_lowercase() {
            attempt::count(bank, &permit.visitor, attempt, email.as_str()).await?;
        }
    }
    let present = before.username.as_deref().map(str::to_lowercase);
    if form.username.as_deref().is_some_and(|name| Some(name.to_lowercase()) != present) {
        let person = permit.user_id.to_wire();
        attempt::count(bank, &permit.visitor, attempt, &person).await?;
    }
    Ok(())
}

async fn write(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    path: &str,
    form: &Form,
) -> Result<(), Failure> {
    let id = permit.user_id;
    user::lock(s, id).await?;
    session::require_alive(bank, s, permit).await?;
    let before = user::lookup(s, id).await?.ok_or(Refusal::SessionEnded)?;
    if let Some(name) = &form.username
        && user::username_taken(s, &name.to_lowercase(), id).await?
    {
        return Err(Refusal::AlreadyExists { field: "username", noun: "name" }.into());
    }
    let known = user::credentials_of(s, id).await?.ok_or(Refusal::SessionEnded)?;
    let reserves = known.social_security_index.is_some();
    let present = before.phone_number.as_deref();
    let contact = form.contact.as_deref().or(present);
    if contact != present {
        if reserves {
            // It helps to set a lost password, so it stays behind the doors that ask again.
            return Err(Refusal::invalid("phone", PHONE_STAYS).into());
        }
        outbox::notify(bank, s, &notices::phone_changed(&before.email)).await?;
    }
    let username = form.username.as_deref().or(before.username.as_deref());
    let (first, last) = match &form.names {
        Some((first, last)) => (first.as_deref(), last.as_deref()),
        None => (before.first_name.as_deref(), before.last_name.as_deref()),
    };
    let details = Details {
        username,
        username_key: username.map(str::to_lowercase),
        first_name: first,
        last_name: last,
        phone_number: contact,
        phone_key: contact.filter(|_| reserves),
        address: [
            form.address.as_deref().or(before.address_line.as_deref()),
            before.city.as_deref(),
            before.state.as_deref(),
            before.post_code.as_deref(),
            form.country.as_deref().or(before.country.as_deref()),
        ],
    };
    user::set_details(s, id, &details).await?;
    say(bank, s, permit, form).await?;
    if let Some(email) = &form.email {
        let email = Email::parse(email).map_err(|error| Refusal::invalid("email", error.0))?;
        if email.key() != before.email.to_ascii_lowercase() {
            enrolment::refuse_taken(bank, s, &email).await?;
            email_link::send_move(bank, s, path, permit, &email).await?;
        }
    }
    act::done(bank, s, permit.act(UPDATE), Some(id.uuid()), None).await?;
    Ok(())
}

/// Writes what only people of fintract say.
async fn say(bank: &Bank, s: &mut Session, permit: &Permit, form: &Form) -> Result<(), Failure> {
    let id = permit.user_id;
    let mut said: Particulars = particulars::lookup(s, id).await?;
    if let Some(citizenship) = &form.citizenship {
        said.citizenship = Some(citizenship.clone());
    }
    if let Some(number) = &form.national_id {
        let place = Place { column: NATIONAL_ID, row: id.as_bytes() };
        let sealed = seal::seal(&bank.ring, bank.entropy.as_ref(), place, number.as_bytes());
        said.national_id = Some(sealed);
    }
    Ok(particulars::set(s, id, &said).await?)
}
