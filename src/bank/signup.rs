//! Becoming a customer by a link that is mailed, at a door where the bank makes the
//! password: whoever opens the link is a customer, and gets it by another letter.
//!
//! Such a person says an address, a language and, where the door asks for one, a code that
//! invites; until the link expires the address and one use of the code are reserved.

use chrono::Duration;

use super::{
    act, attempt,
    context::Bank,
    enrolment,
    error::{Broken, Failure},
    outbox,
    permit::Visitor,
    registration,
};
use crate::{
    crypto::{mac, mac::Hash},
    db::session::Session,
    domain::{
        account::AccountKind,
        attempt::Attempt,
        link_key,
        link_key::{ALPHABET, LENGTH},
        refusal::Refusal,
        second_factor::PasswordDialect,
    },
    mail::financelime as letters,
    store::{
        account, invite, registration as registrations, second_factor, signup,
        signup::{NewSignup, Signup},
        user,
        user::NewUser,
    },
    types::{
        clock::Instant,
        entropy,
        id::{AccountId, RegistrationId, UserId},
        language::Language,
        secret::Secret,
        text::Email,
    },
};

const SIGN_UP: &str = "register";
const CONFIRM: &str = "verifyEmail";
/// How long a link waits to be opened.
const LIFE: Duration = Duration::hours(24);
/// How long a letter with a password is of use to anybody.
pub(super) const PASSWORD_LETTER_LIFE: Duration = Duration::hours(24);
/// The column whose index finds a signup by the key of its link.
const KEY: &str = "signups.key";

/// The characters of a password that the bank makes.
const PASSWORD_ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
/// How many it has: 82 bits.
const PASSWORD_LENGTH: usize = 16;

/// What a person says to become a customer.
#[derive(Debug, Clone)]
pub struct Form {
    /// Their address.
    pub email: String,
    /// The code that invites them, where one is sent.
    pub invite_code: Option<String>,
    /// What they read.
    pub language: Language,
}

/// A password that the bank makes.
pub(super) fn draw_password(bank: &Bank) -> Secret {
    let entropy = bank.entropy.as_ref();
    Secret::new(entropy::characters(entropy, PASSWORD_ALPHABET, PASSWORD_LENGTH))
}

/// The address of a link, with a request id as the clients of the door make them.
pub(super) fn link(bank: &Bank, path: &str, key: &str) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let chance = bank.entropy.as_ref();
    let group = |_| entropy::characters(chance, LETTERS, 1) + &entropy::digits(chance, 4);
    let request_id = (0..5).map(group).collect::<Vec<_>>().join("-");
    format!("{}{path}{key}?rid={request_id}", bank.files.public_url)
}

fn key_index(bank: &Bank, key: &str) -> Hash {
    mac::index(&bank.ring, KEY, key)
}

/// Mails the link by which an address becomes a customer's; `path` is what stands before
/// its key. Each time is counted, as the answer tells who is a customer.
pub async fn request(
    bank: &Bank,
    visitor: &Visitor,
    path: &str,
    form: &Form,
) -> Result<(), Failure> {
    let email = &Email::parse(&form.email).map_err(|error| Refusal::invalid("email", error.0))?;
    attempt::count(bank, visitor, Attempt::Registration, email.as_str()).await?;
    let asked = bank
        .db
        .write_retrying(|s| Box::pin(request_in(bank, s, visitor, (path, email), form)))
        .await;
    act::audited(bank, visitor.act(SIGN_UP), asked).await?;
    outbox::wake(bank);
    Ok(())
}

async fn request_in(
    bank: &Bank,
    s: &mut Session,
    visitor: &Visitor,
    (path, email): (&str, &Email),
    form: &Form,
) -> Result<(), Failure> {
    let now = bank.now();
    registrations::take_turn(s, email, None).await?;
    if let Some(code) = &form.invite_code {
        require_use(s, code, now).await?;
    }
    enrolment::refuse_taken(bank, s, email).await?;
    let key = entropy::characters(bank.entropy.as_ref(), ALPHABET, LENGTH);
    let new = NewSignup {
        signup_id: RegistrationId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        email,
        invite_code: form.invite_code.as_deref(),
        language: form.language,
        key_index: &key_index(bank, &key),
        at: now,
        expires_at: now + LIFE,
    };
    if !signup::insert(s, &new).await? {
        // Somebody signed up with it between the look and the write.
        return Err(Refusal::AlreadyExists { field: "email", noun: "email address" }.into());
    }
    let link = link(bank, path, &key);
    let letter = letters::verify_email(form.language, email.as_str(), &link);
    outbox::write(bank, s, &letter, now, new.expires_at).await?;
    let subject = Some(new.signup_id.uuid());
    Ok(act::done(bank, s, visitor.act(SIGN_UP), subject, None).await?)
}

/// Refuses a code that invites nobody, or nobody more; it is locked by it.
async fn require_use(s: &mut Session, code: &str, now: Instant) -> Result<(), Failure> {
    let missing = || Refusal::NotFound { field: "inviteCode", noun: "invite code" };
    let allowed = invite::lock(s, code).await?.ok_or_else(missing)?;
    if allowed.expires_at.is_some_and(|expires_at| now >= expires_at) {
        return Err(missing().into());
    }
    let reserved = invite::reserved(s, code, now).await?;
    if allowed.issued + reserved >= allowed.uses_max {
        let noun = "people with this invite code";
        return Err(Refusal::TooMany { noun, limit: allowed.uses_max }.into());
    }
    Ok(())
}

/// Opens a link, once: its person becomes a customer, and their password is mailed. Tells
/// what they read.
pub async fn confirm(bank: &Bank, visitor: &Visitor, key: &Secret) -> Result<Language, Failure> {
    if !link_key::is_key(key.expose()) {
        return Err(Refusal::BadToken.into());
    }
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    let confirmed = confirm_unaudited(bank, visitor, key).await;
    let language = act::audited(bank, visitor.act(CONFIRM), confirmed).await?;
    outbox::wake(bank);
    Ok(language)
}

async fn confirm_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    key: &Secret,
) -> Result<Language, Failure> {
    let index = key_index(bank, key.expose());
    let found = signup::by_key(&mut bank.db.read().await?, &index).await?;
    let found = &found.ok_or(Refusal::BadToken)?;
    if bank.now() >= found.expires_at {
        return Err(Refusal::TokenExpired.into());
    }
    let password = &draw_password(bank);
    let hash = &bank.hasher.hash(bank.entropy.as_ref(), password.clone()).await?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let user_id = admit(bank, s, found, hash).await?;
                let letter =
                    letters::first_password(found.language, &found.email, password.expose());
                let now = bank.now();
                outbox::write(bank, s, &letter, now, now + PASSWORD_LETTER_LIFE).await?;
                act::done(bank, s, visitor.act(CONFIRM), Some(user_id.uuid()), None).await?;
                Ok::<_, Failure>(found.language)
            })
        })
        .await
}

/// Makes the customer, whom the dialects that know a password alone may sign in.
async fn admit(
    bank: &Bank,
    s: &mut Session,
    found: &Signup,
    password_hash: &str,
) -> Result<UserId, Failure> {
    let email =
        &Email::parse(&found.email).map_err(|_| Broken::Inconsistent("the address of a signup"))?;
    if !signup::take(s, found.signup_id).await? || user::email_taken(s, email).await? {
        // Another request with the same link was faster, or another door.
        return Err(Refusal::BadToken.into());
    }
    registrations::take_others(s, email).await?;
    let user_id = UserId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let customer_id = registration::free_customer_id(bank, s).await?;
    let new = NewUser {
        email_verified: true,
        ..NewUser::known_by((user_id, &customer_id), email, password_hash, bank.now())
    };
    if !user::insert(s, &new).await? {
        return Err(Refusal::BadToken.into());
    }
    signup::set_language(s, user_id, found.language).await?;
    for dialect in PasswordDialect::ALL {
        second_factor::grant(s, user_id, dialect, new.at).await?;
    }
    if let Some(code) = &found.invite_code {
        invite::issue(s, code).await?;
    }
    let wallet = AccountId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let currency = bank.rules.default_currency();
    account::open(s, wallet, user_id, AccountKind::Wallet, currency, new.at).await?;
    Ok(user_id)
}
