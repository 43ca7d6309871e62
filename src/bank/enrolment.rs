//! Becoming a customer at a door that asks for no proof of the address first.
//!
//! Such a person has no wallet, and no money of theirs moves, until a code or a link that
//! was mailed to them comes back.

use super::{
    act, attempt,
    context::Bank,
    error::{Broken, Failure, unless_faulty},
    permit::Visitor,
    registration,
};
use crate::{
    db::session::Session,
    domain::{
        attempt::Attempt, fault::Faults, password, password::Known, refusal::Refusal,
        second_factor::PasswordDialect,
    },
    store::{
        registration as registrations, second_factor, signup, user,
        user::{NewUser, User},
    },
    types::{id::UserId, secret::Secret, text::Email},
};

const ENROL: &str = "register";
const TAKEN: Refusal = Refusal::AlreadyExists { field: "email", noun: "email address" };

/// What a person says to become a customer.
#[derive(Debug, Clone)]
pub struct Form {
    /// Their address.
    pub email: String,
    /// Where they can be called; it is reserved for nobody, and taken as it is.
    pub contact: Option<String>,
    /// Their password.
    pub password: Secret,
}

/// Refuses an address that a customer has, or that waits to become a customer's. Each time
/// that somebody asks is counted, as the answer tells who is a customer.
pub async fn require_free(bank: &Bank, visitor: &Visitor, email: &str) -> Result<(), Failure> {
    let email = Email::parse(email).map_err(|error| Refusal::invalid("email", error.0))?;
    attempt::count(bank, visitor, Attempt::Registration, email.as_str()).await?;
    let mut s = bank.db.read().await?;
    refuse_taken(bank, &mut s, &email).await
}

/// Refuses an address that a customer has, or that waits to become a customer's.
pub(super) async fn refuse_taken(
    bank: &Bank,
    s: &mut Session,
    email: &Email,
) -> Result<(), Failure> {
    let now = bank.now();
    let waits = !registrations::of_email(s, email, now).await?.is_empty()
        || signup::waits(s, email, now).await?;
    if waits || user::email_taken(s, email).await? { Err(TAKEN.into()) } else { Ok(()) }
}

/// Makes a customer whom the dialects that know a password alone may sign in.
pub async fn enrol(bank: &Bank, visitor: &Visitor, form: &Form) -> Result<User, Failure> {
    let enrolled = enrol_unaudited(bank, visitor, form).await;
    act::audited(bank, visitor.act(ENROL), enrolled).await
}

async fn enrol_unaudited(bank: &Bank, visitor: &Visitor, form: &Form) -> Result<User, Failure> {
    let mut faults = Faults::default();
    let email = faults.read("email", Email::parse(&form.email));
    let known = Known { email: email.as_ref(), ..Known::default() };
    faults.read("password", password::check(form.password.expose(), &known));
    let email = &unless_faulty(email, faults)?;
    let hash = &bank.hasher.hash(bank.entropy.as_ref(), form.password.clone()).await?;
    bank.db.write_retrying(|s| Box::pin(insert(bank, s, visitor, email, hash, form))).await
}

async fn insert(
    bank: &Bank,
    s: &mut Session,
    visitor: &Visitor,
    email: &Email,
    password_hash: &str,
    form: &Form,
) -> Result<User, Failure> {
    registrations::take_turn(s, email, None).await?;
    refuse_taken(bank, s, email).await?;
    let user_id = UserId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let customer_id = registration::free_customer_id(bank, s).await?;
    let new = NewUser {
        contact: form.contact.as_deref(),
        ..NewUser::known_by((user_id, &customer_id), email, password_hash, bank.now())
    };
    if !user::insert(s, &new).await? {
        // Somebody took it between the look and the write.
        return Err(TAKEN.into());
    }
    for dialect in PasswordDialect::ALL {
        second_factor::grant(s, user_id, dialect, new.at).await?;
    }
    act::done(bank, s, visitor.act(ENROL), Some(user_id.uuid()), None).await?;
    let user = user::lookup(s, user_id).await?;
    user.ok_or_else(|| Broken::Inconsistent("a person who was just written").into())
}
