//! People who have not yet opened the link that was mailed to them, and the language in
//! which a person is written to.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{
        clock::Instant,
        id::{RegistrationId, UserId},
        language::Language,
        text::Email,
    },
};

/// A signup that is about to be written.
#[derive(Debug)]
pub struct NewSignup<'n> {
    /// Names the signup.
    pub signup_id: RegistrationId,
    /// The address that must prove itself.
    pub email: &'n Email,
    /// The code that invites, where one was sent.
    pub invite_code: Option<&'n str>,
    /// What the person reads.
    pub language: Language,
    /// What finds the key of the link.
    pub key_index: &'n [u8],
    /// Now.
    pub at: Instant,
    /// When the link stops being good.
    pub expires_at: Instant,
}

/// A signup as its link finds it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Signup {
    /// Names the signup.
    pub signup_id: RegistrationId,
    /// The address as it was written.
    pub email: String,
    /// The code that invited, where one was sent.
    pub invite_code: Option<String>,
    /// What the person reads.
    pub language: Language,
    /// When the link stops being good.
    pub expires_at: Instant,
}

statements! {
    DROP_EXPIRED = "DELETE FROM signups WHERE email_key = $1 AND expires_at <= $2";

    INSERT = "
        INSERT INTO signups (signup_id, email, email_key, invite_code, language, key_index,
            created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT DO NOTHING";

    BY_KEY = "
        SELECT signup_id, email, invite_code, language, expires_at
        FROM signups WHERE key_index = $1";

    WAITS = "SELECT 1 FROM signups WHERE email_key = $1 AND expires_at > $2";

    TAKE = "DELETE FROM signups WHERE signup_id = $1";

    TAKE_OF_EMAIL = "DELETE FROM signups WHERE email_key = $1";

    SWEEP = "DELETE FROM signups WHERE expires_at <= $1";

    SET_LANGUAGE = "UPDATE users SET language = $2 WHERE user_id = $1";

    LANGUAGE = "SELECT language FROM users WHERE user_id = $1 AND language IS NOT NULL";
}

/// Writes a signup in place of one that has expired; false where one waits with the address.
pub async fn insert(session: &mut Session, new: &NewSignup<'_>) -> Result<bool, DbError> {
    let key = new.email.key();
    session.query(DROP_EXPIRED).bind(key.as_str()).bind(new.at).execute().await?;
    let rows = session
        .query(INSERT)
        .bind(new.signup_id)
        .bind(new.email.as_str())
        .bind(key)
        .bind(new.invite_code)
        .bind(new.language)
        .bind(new.key_index)
        .bind(new.at)
        .bind(new.expires_at)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// Finds a signup by the key of its link.
pub async fn by_key(session: &mut Session, index: &[u8]) -> Result<Option<Signup>, DbError> {
    session.query(BY_KEY).bind(index).maybe().await
}

/// A link that is still good was mailed to this address.
pub async fn waits(session: &mut Session, email: &Email, now: Instant) -> Result<bool, DbError> {
    let found = session.query(WAITS).bind(email.key()).bind(now).scalar::<i32>().await?;
    Ok(found.is_some())
}

/// Takes a signup away; false where somebody else has taken it.
pub async fn take(session: &mut Session, id: RegistrationId) -> Result<bool, DbError> {
    Ok(session.query(TAKE).bind(id).execute().await? == 1)
}

/// Takes away what waits with an address that proved itself at another door.
pub async fn take_of_email(session: &mut Session, email: &Email) -> Result<(), DbError> {
    session.query(TAKE_OF_EMAIL).bind(email.key()).execute().await?;
    Ok(())
}

/// Removes what has expired and tells how many.
pub async fn sweep(session: &mut Session, now: Instant) -> Result<u64, DbError> {
    session.query(SWEEP).bind(now).execute().await
}

/// Notes what a person reads.
pub async fn set_language(
    session: &mut Session,
    id: UserId,
    language: Language,
) -> Result<(), DbError> {
    session.query(SET_LANGUAGE).bind(id).bind(language).execute().await?;
    Ok(())
}

/// What a person reads, where they have said it.
pub async fn language(session: &mut Session, id: UserId) -> Result<Option<Language>, DbError> {
    session.query(LANGUAGE).bind(id).scalar().await
}
