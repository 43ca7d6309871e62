//! People who have not yet sent the emailed code back.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::session::Facade,
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
    /// The door that the person came in by.
    pub facade: Facade,
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
    /// The door that the person came in by.
    pub facade: Facade,
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
    /// Asked again with the same details, a registration takes the place of the older one.
    /// Beyond those that may wait with one address the newest go, so that nobody can
    /// crowd out one that was there before.
    MAKE_ROOM = "
        DELETE FROM registrations
        WHERE email_key = $1 AND (
            (phone_number = $2 AND social_security_index = $3)
            OR registration_id NOT IN (
                SELECT r.registration_id FROM registrations r
                WHERE r.email_key = $1
                    AND NOT (r.phone_number = $2 AND r.social_security_index = $3)
                ORDER BY r.created_at, r.registration_id LIMIT $4))";

    INSERT = "
        INSERT INTO registrations (
            registration_id, facade, email, email_key, phone_number, social_security,
            social_security_index, code_hash, guesses, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)";

    /// A guess is one of each registration of the address at the door that has any left.
    COUNT_GUESS = "
        UPDATE registrations SET guesses = guesses + 1
        WHERE email_key = $1 AND guesses < $2 AND facade = $3
        RETURNING registration_id, facade, email, phone_number, social_security, social_security_index,
            code_hash, guesses, expires_at";

    OF_EMAIL = "
        SELECT registration_id, facade, email, phone_number, social_security, social_security_index,
            code_hash, guesses, expires_at
        FROM registrations WHERE email_key = $1 AND expires_at > $2
        ORDER BY created_at, registration_id";

    /// A fresh code gives no guess more; where all are used up it begins anew.
    RENEW = "
        UPDATE registrations
        SET code_hash = $2, guesses = CASE WHEN guesses >= $3 THEN 0 ELSE guesses END
        WHERE registration_id = $1";

    WAITS = "SELECT 1 FROM registrations WHERE email_key = $1 AND facade = $2 LIMIT 1";

    /// What waits for its code, at whichever door, and has any of these.
    TAKEN = "
        SELECT 1 FROM registrations
        WHERE (email_key = $1 OR phone_number = $2 OR social_security_index = $3)
            AND guesses < $4 AND expires_at > $5
        LIMIT 1";

    DROP_SPENT = "
        DELETE FROM registrations WHERE email_key = $1 AND facade = $2 AND guesses >= $3";

    TAKE = "DELETE FROM registrations WHERE registration_id = $1";

    TAKE_OTHERS = "DELETE FROM registrations WHERE email_key = $1";

    SWEEP = "DELETE FROM registrations WHERE expires_at <= $1";
}

/// Waits until nobody else registers with this address, or with this phone number or social
/// security number by its index, and keeps others waiting until the transaction ends. The
/// first thing of a transaction that looks whether they are free.
pub async fn take_turn(
    session: &mut Session,
    email: &Email,
    numbers: Option<(&Phone, &[u8])>,
) -> Result<(), DbError> {
    let mut names = vec![format!("registration.email {}", email.key())];
    if let Some((phone, social_security_index)) = numbers {
        names.push(format!("registration.phone {}", phone.as_str()));
        names.push(format!("registration.number {}", hex::encode(social_security_index)));
    }
    session.take_turns(names).await
}

/// Writes a registration; at most `waiting_max` wait with one address.
pub async fn put(
    session: &mut Session,
    new: &NewRegistration<'_>,
    waiting_max: i64,
) -> Result<(), DbError> {
    session
        .query(MAKE_ROOM)
        .bind(new.email.key())
        .bind(new.phone.as_str())
        .bind(new.social_security_index)
        .bind(waiting_max - 1)
        .execute()
        .await?;
    session
        .query(INSERT)
        .bind(new.registration_id)
        .bind(new.facade)
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

/// Counts a guess in every registration of an address at a door that has any left, and
/// gives those.
pub async fn count_guess(
    session: &mut Session,
    facade: Facade,
    email: &Email,
    guesses_max: i64,
) -> Result<Vec<Registration>, DbError> {
    let query = session.query(COUNT_GUESS).bind(email.key()).bind(guesses_max);
    query.bind(facade).all().await
}

/// A registration of this address waits at a door, with guesses left or without.
pub async fn waits(session: &mut Session, facade: Facade, email: &Email) -> Result<bool, DbError> {
    let found = session.query(WAITS).bind(email.key()).bind(facade).scalar::<i32>().await?;
    Ok(found.is_some())
}

/// A registration waits for its code that has this address, this phone number, or the
/// social security number that this index finds.
pub async fn taken(
    session: &mut Session,
    (email, phone, social_security_index): (&Email, &Phone, &[u8]),
    guesses_max: i64,
    now: Instant,
) -> Result<bool, DbError> {
    let query = session.query(TAKEN).bind(email.key()).bind(phone.as_str());
    let query = query.bind(social_security_index).bind(guesses_max).bind(now);
    Ok(query.scalar::<i32>().await?.is_some())
}

/// Removes what waits with an address at a door and has no guess left.
pub async fn drop_spent(
    session: &mut Session,
    facade: Facade,
    email: &Email,
    guesses_max: i64,
) -> Result<(), DbError> {
    let query = session.query(DROP_SPENT).bind(email.key()).bind(facade).bind(guesses_max);
    query.execute().await?;
    Ok(())
}

/// What waits with an address and has not expired, the oldest first.
pub async fn of_email(
    session: &mut Session,
    email: &Email,
    now: Instant,
) -> Result<Vec<Registration>, DbError> {
    session.query(OF_EMAIL).bind(email.key()).bind(now).all().await
}

/// Gives a registration another code.
pub async fn renew(
    session: &mut Session,
    id: RegistrationId,
    code_hash: &[u8],
    guesses_max: i64,
) -> Result<(), DbError> {
    session.query(RENEW).bind(id).bind(code_hash).bind(guesses_max).execute().await?;
    Ok(())
}

/// Takes a registration away; false where somebody else has taken it.
pub async fn take(session: &mut Session, id: RegistrationId) -> Result<bool, DbError> {
    Ok(session.query(TAKE).bind(id).execute().await? == 1)
}

/// Takes away whatever else waits with an address.
pub async fn take_others(session: &mut Session, email: &Email) -> Result<u64, DbError> {
    session.query(TAKE_OTHERS).bind(email.key()).execute().await
}

/// Removes what has expired and tells how many.
pub async fn sweep(session: &mut Session, now: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(now).execute().await
}
