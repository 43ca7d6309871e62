//! Becoming a customer at a door that tells whoever asks with what is somebody's already,
//! and keeps it for whoever asked first until the code comes back or is void.

use super::{
    act, attempt,
    context::Bank,
    error::Failure,
    outbox,
    permit::Visitor,
    registration,
    registration::{Again, Asked, Form, LIFE, Pending, Proof, REGISTER, WAITING_MAX},
    session::SignedIn,
};
use crate::{
    db::session::Session,
    domain::{attempt::Attempt, challenge::GUESSES_MAX, refusal::Refusal, session::Facade},
    mail::card_bank,
    store::{registration as registrations, registration::NewRegistration, signup, user},
    types::{
        entropy,
        secret::Secret,
        text::{Email, Phone, SocialSecurity},
    },
};

const SWEEP: &str = "cleanupUnverified";
const DOOR: Facade = Facade::CardBank;
const TAKEN: Refusal = Refusal::AlreadyExists { field: "email", noun: "email address" };

/// Takes a registration, and mails the code that must come back. Each one is counted, as
/// the answer tells who is a customer.
pub async fn register(bank: &Bank, visitor: &Visitor, form: &Form) -> Result<(), Failure> {
    let asked = &registration::read_form(form)?;
    attempt::count(bank, visitor, Attempt::Registration, asked.email.as_str()).await?;
    let code = &entropy::mixed(bank.entropy.as_ref());
    let pending = &Pending::new(bank, asked, code);
    let new = &pending.row(DOOR, asked, bank.now());
    let taken =
        bank.db.write_retrying(|s| Box::pin(reserve(bank, s, visitor, asked, new, code))).await;
    act::audited(bank, visitor.act(REGISTER), taken).await?;
    outbox::wake(bank);
    Ok(())
}

async fn reserve(
    bank: &Bank,
    s: &mut Session,
    visitor: &Visitor,
    asked: &Asked,
    new: &NewRegistration<'_>,
    code: &str,
) -> Result<(), Failure> {
    let Asked { email, phone, .. } = asked;
    let index = new.social_security_index;
    registrations::take_turn(s, email, Some((phone, index))).await?;
    let waits = registrations::taken(s, (email, phone, index), GUESSES_MAX, new.at).await?
        || signup::waits(s, email, new.at).await?;
    let known = user::email_taken(s, email).await?
        || user::phone_taken(s, phone).await?
        || user::social_security_taken(s, index).await?;
    if waits || known {
        return Err(TAKEN.into());
    }
    registrations::put(s, new, WAITING_MAX).await?;
    let letter = card_bank::verify_email(email.as_str(), code);
    outbox::write(bank, s, &letter, new.at, new.at + LIFE).await?;
    let subject = Some(new.registration_id.uuid());
    Ok(act::done(bank, s, visitor.act(REGISTER), subject, None).await?)
}

/// Makes a customer of whoever sends the code back with what they registered, and signs
/// them in. After five wrong codes the registration is dropped, so that the person can
/// begin again at once.
pub async fn verify_email(
    bank: &Bank,
    visitor: &Visitor,
    proof: &Proof,
    phone_number: &str,
    social_security: &Secret,
) -> Result<SignedIn, Failure> {
    let again = Again {
        phone: Phone::parse(phone_number).ok(),
        social_security: SocialSecurity::parse(social_security.expose()).ok(),
    };
    let verified = registration::verify_all(bank, visitor, DOOR, proof, Some(&again)).await;
    if let (Err(Failure::Refused(Refusal::BadCode)), Ok(email)) =
        (&verified, Email::parse(&proof.email))
    {
        let email = &email;
        bank.db
            .write_retrying(|s| {
                Box::pin(
                    async move { registrations::drop_spent(s, DOOR, email, GUESSES_MAX).await },
                )
            })
            .await?;
    }
    verified
}

/// Removes what waited for its code for a day, and tells how many they were. The bank does
/// it by itself as well, so nobody gains anything by asking.
pub async fn sweep(bank: &Bank, visitor: &Visitor) -> Result<u64, Failure> {
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    let now = bank.now();
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let removed = registrations::sweep(s, now).await?;
                act::done(bank, s, visitor.act(SWEEP), None, None).await?;
                Ok::<_, Failure>(removed)
            })
        })
        .await
}
