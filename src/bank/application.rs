//! Becoming a customer of whom staff still approve: with a name to sign in by, and with
//! what one asks to be. Nothing is given by asking: until then such a person is a customer
//! for whom no money moves.

use super::{
    act,
    context::Bank,
    email_link, enrolment,
    error::{Broken, Failure, unless_faulty},
    outbox,
    permit::Visitor,
    registration,
};
use crate::{
    db::session::Session,
    domain::{fault::Faults, password, password::Known, refusal::Refusal, user::UserRole},
    store::{
        particulars,
        particulars::Particulars,
        registration as registrations, user,
        user::{Details, NewUser, User},
    },
    types::{id::UserId, secret::Secret, text::Email},
};

const APPLY: &str = "register";

/// What a person says to become a customer.
#[derive(Debug, Clone)]
pub struct Form {
    /// Their address.
    pub email: String,
    /// The name that they choose; taken as it is.
    pub username: String,
    /// Their first name and their last, as far as they are said.
    pub names: (Option<String>, Option<String>),
    /// Where they can be called; reserved for nobody.
    pub contact: String,
    /// What they ask to be.
    pub role: UserRole,
    /// Their customer number; one is made where none is given.
    pub customer_id: Option<String>,
    /// What they say of it.
    pub gender: Option<String>,
    /// Their password.
    pub password: Secret,
}

/// What of a form is somebody else's already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// The name.
    pub username: bool,
    /// The customer number.
    pub customer_id: bool,
}

fn nobody() -> UserId {
    UserId::from_uuid(uuid::Uuid::nil())
}

/// Asks whether a name and a customer number are somebody's.
pub async fn taken(
    bank: &Bank,
    username: Option<&str>,
    customer_id: Option<&str>,
    but: Option<UserId>,
) -> Result<Taken, Failure> {
    let mut s = bank.db.read().await?;
    let mut taken = Taken::default();
    if let Some(name) = username {
        let key = name.to_lowercase();
        taken.username = user::username_taken(&mut s, &key, but.unwrap_or(nobody())).await?;
    }
    if let Some(id) = customer_id {
        taken.customer_id = user::customer_id_taken(&mut s, id).await?;
    }
    Ok(taken)
}

/// Makes such a customer, and mails a link that proves the address.
pub async fn apply(
    bank: &Bank,
    visitor: &Visitor,
    path: &str,
    form: &Form,
) -> Result<User, Failure> {
    let mut applied = apply_unaudited(bank, visitor, path, form).await;
    if applied.as_ref().is_err_and(Failure::is_duplicate) {
        // Somebody took the name at the same instant.
        applied = Err(Refusal::AlreadyExists { field: "username", noun: "name" }.into());
    }
    let user = act::audited(bank, visitor.act(APPLY), applied).await?;
    outbox::wake(bank);
    Ok(user)
}

async fn apply_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    path: &str,
    form: &Form,
) -> Result<User, Failure> {
    let mut faults = Faults::default();
    let email = faults.read("email", Email::parse(&form.email));
    let known = Known {
        email: email.as_ref(),
        first_name: form.names.0.as_deref(),
        last_name: form.names.1.as_deref(),
        username: Some(&form.username),
    };
    faults.read("password", password::check(form.password.expose(), &known));
    let email = &unless_faulty(email, faults)?;
    let hash = &bank.hasher.hash(bank.entropy.as_ref(), form.password.clone()).await?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let user_id = insert(bank, s, email, hash, form).await?;
                email_link::send_proof(bank, s, path, user_id, email.as_str()).await?;
                act::done(bank, s, visitor.act(APPLY), Some(user_id.uuid()), None).await?;
                let user = user::lookup(s, user_id).await?;
                let user = user.ok_or(Broken::Inconsistent("a person who was just written"))?;
                Ok::<_, Failure>(user)
            })
        })
        .await
}

async fn insert(
    bank: &Bank,
    s: &mut Session,
    email: &Email,
    password_hash: &str,
    form: &Form,
) -> Result<UserId, Failure> {
    registrations::take_turn(s, email, None).await?;
    enrolment::refuse_taken(bank, s, email).await?;
    let username_key = form.username.to_lowercase();
    if user::username_taken(s, &username_key, nobody()).await? {
        return Err(Refusal::AlreadyExists { field: "username", noun: "name" }.into());
    }
    let customer_id = match &form.customer_id {
        Some(id) if user::customer_id_taken(s, id).await? => {
            let noun = "customer number";
            return Err(Refusal::AlreadyExists { field: "customerId", noun }.into());
        }
        Some(id) => id.clone(),
        None => registration::free_customer_id(bank, s).await?,
    };
    let user_id = UserId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let new = NewUser {
        contact: Some(&form.contact),
        role_asked: (form.role != UserRole::Customer).then_some(form.role),
        approved: false,
        ..NewUser::known_by((user_id, &customer_id), email, password_hash, bank.now())
    };
    if !user::insert(s, &new).await? {
        return Err(Refusal::AlreadyExists { field: "email", noun: "email address" }.into());
    }
    let details = Details {
        username: Some(&form.username),
        username_key: Some(username_key),
        first_name: form.names.0.as_deref(),
        last_name: form.names.1.as_deref(),
        phone_number: Some(&form.contact),
        phone_key: None,
        address: [None; 5],
    };
    user::set_details(s, user_id, &details).await?;
    let said = Particulars { gender: form.gender.clone(), ..Particulars::default() };
    particulars::set(s, user_id, &said).await?;
    Ok(user_id)
}
