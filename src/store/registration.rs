//! People who have not yet sent the emailed code back.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{
        clock::Instant,
        id::RegistrationId,
        text::{Email, Phone},
    },
};

/// A registration that is about to be written.
#[derive(Debug)]
pub struct NewRegistration<'n> {
    /// Names the registration; its code is bound to it.
    pub registration_id: RegistrationId,
    /// The address that must prove itself.
    pub email: &'n Email,
    /// The phone number.
    pub phone: &'n Phone,
    /// The social security number, sealed.
    pub social_security: &'n [u8],
    /// What finds it.
    pub social_security_index: &'n [u8],
    /// The code's hash.
    pub code_hash: &'n [u8],
    /// Now.
    pub at: Instant,
    /// When the code stops being good.
    pub expires_at: Instant,
}

/// A registration as a guess finds it; the guess is counted in it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Registration {
    /// Names the registration.
    pub registration_id: RegistrationId,
    /// The address as it was written.
    pub email: String,
    /// The phone number.
    pub phone_number: String,
    /// The social security number, sealed.
    pub social_security: Vec<u8>,
    /// What finds it.
    pub social_security_index: Vec<u8>,
    /// The code's hash.
    pub code_hash: Vec<u8>,
    /// Guesses so far, this one included.
    pub guesses: i64,
    /// When the code stops being good.
    pub expires_at: Instant,
}

statements! {
    /// A new registration of an address takes the place of the old one.
    PUT = "
        INSERT INTO registrations (
            registration_id, email, email_key, phone_number, social_security,
            social_security_index, code_hash, guesses, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)
        ON CONFLICT (email_key) DO UPDATE SET
            registration_id = excluded.registration_id, email = excluded.email,
            phone_number = excluded.phone_number, social_security = excluded.social_security,
            social_security_index = excluded.social_security_index,
            code_hash = excluded.code_hash, guesses = 0,
            created_at = excluded.created_at, expires_at = excluded.expires_at";

    COUNT_GUESS = "
        UPDATE registrations SET guesses = guesses + 1
        WHERE email_key = $1 AND guesses < $2
        RETURNING registration_id, email, phone_number, social_security, social_security_index,
            code_hash, guesses, expires_at";

    WAITS = "SELECT 1 FROM registrations WHERE email_key = $1";

    TAKE = "DELETE FROM registrations WHERE registration_id = $1";

    SWEEP = "DELETE FROM registrations WHERE expires_at <= $1";
}

/// Writes a registration in place of an older one of the same address.
pub async fn put(session: &mut Session, new: &NewRegistration<'_>) -> Result<(), DbError> {
    session
        .query(PUT)
        .bind(new.registration_id)
        .bind(new.email.as_str())
        .bind(new.email.key())
        .bind(new.phone.as_str())
        .bind(new.social_security)
        .bind(new.social_security_index)
        .bind(new.code_hash)
        .bind(new.at)
        .bind(new.expires_at)
        .execute()
        .await?;
    Ok(())
}

/// Counts a guess and gives what it is about; `None` where no guess is left or nothing waits.
pub async fn count_guess(
    session: &mut Session,
    email: &Email,
    guesses_max: i64,
) -> Result<Option<Registration>, DbError> {
    session.query(COUNT_GUESS).bind(email.key()).bind(guesses_max).maybe().await
}

/// A registration of this address waits, with guesses left or without.
pub async fn waits(session: &mut Session, email: &Email) -> Result<bool, DbError> {
    Ok(session.query(WAITS).bind(email.key()).scalar::<i32>().await?.is_some())
}

/// Takes a registration away; false where somebody else has taken it.
pub async fn take(session: &mut Session, id: RegistrationId) -> Result<bool, DbError> {
    Ok(session.query(TAKE).bind(id).execute().await? == 1)
}

/// Removes what has expired and tells how many.
pub async fn sweep(session: &mut Session, now: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(now).execute().await
}
