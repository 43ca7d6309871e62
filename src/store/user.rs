//! People.

use chrono::NaiveDate;

use super::{event, statements::statements};
use crate::{
    db::{error::DbError, session::Session},
    domain::user::{Address, UserRole, UserStatus},
    types::{
        clock::Instant,
        id::UserId,
        text::{Email, Line, PersonName, Phone},
    },
};

/// What is shown of a person.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    /// Names the person.
    pub user_id: UserId,
    /// Their number for clients that know integers only.
    pub legacy_id: i64,
    /// Their customer number: sixteen digits.
    pub customer_id: String,
    /// Their address as they wrote it.
    pub email: String,
    /// When a mailed code came back from it.
    pub email_verified_at: Option<Instant>,
    /// The name they chose.
    pub username: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Phone number.
    pub phone_number: Option<String>,
    /// Day of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// Street and number.
    pub address_line: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State, province or region.
    pub state: Option<String>,
    /// Post code.
    pub post_code: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// What they may do.
    pub role: UserRole,
    /// What they asked to be when they registered; staff decide.
    pub role_asked: Option<UserRole>,
    /// Where they stand.
    pub status: UserStatus,
    /// When staff let them move money; from the beginning where nobody has to.
    pub approved_at: Option<Instant>,
    /// Since when.
    pub created_at: Instant,
}

/// A person who is about to be written.
#[derive(Debug)]
pub struct NewUser<'n> {
    /// Names the person.
    pub user_id: UserId,
    /// Their customer number.
    pub customer_id: &'n str,
    /// Their address.
    pub email: &'n Email,
    /// A mailed code came back from it, or an operator vouches for it.
    pub email_verified: bool,
    /// Their first name and their last.
    pub names: Option<(&'n PersonName, &'n PersonName)>,
    /// Their phone number, reserved for them alone.
    pub phone: Option<&'n Phone>,
    /// Where they can be called, where no number is reserved for them.
    pub contact: Option<&'n str>,
    /// Their day of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// Where they live.
    pub address: Option<&'n Address>,
    /// Their social security number, sealed, and what finds it.
    pub social_security: Option<(&'n [u8], &'n [u8])>,
    /// Their password's hash.
    pub password_hash: &'n str,
    /// What they may do.
    pub role: UserRole,
    /// What they ask to be; until staff approve they are what their role says.
    pub role_asked: Option<UserRole>,
    /// Whether staff have to approve them before their money moves.
    pub approved: bool,
    /// Now.
    pub at: Instant,
}

impl<'n> NewUser<'n> {
    /// A customer of whom no more is known than their address and their password: nobody has
    /// proven the address yet.
    pub const fn known_by(
        (user_id, customer_id): (UserId, &'n str),
        email: &'n Email,
        password_hash: &'n str,
        at: Instant,
    ) -> Self {
        Self {
            user_id,
            customer_id,
            email,
            email_verified: false,
            names: None,
            phone: None,
            contact: None,
            date_of_birth: None,
            address: None,
            social_security: None,
            password_hash,
            role: UserRole::Customer,
            role_asked: None,
            approved: true,
            at,
        }
    }
}

/// What a sign-in needs to know of a person.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Credentials {
    /// Names the person.
    pub user_id: UserId,
    /// Their address as they wrote it.
    pub email: String,
    /// Their password's hash.
    pub password_hash: String,
    /// Where they stand.
    pub status: UserStatus,
    /// Phone number.
    pub phone_number: Option<String>,
    /// What finds their social security number.
    pub social_security_index: Option<Vec<u8>>,
    /// What they may do.
    pub role: UserRole,
    /// What they asked to be.
    pub role_asked: Option<UserRole>,
}

/// What a person can change of themselves, as it is to be.
#[derive(Debug)]
pub struct Details<'d> {
    /// The name they chose.
    pub username: Option<&'d str>,
    /// The same as it is compared.
    pub username_key: Option<String>,
    /// First name.
    pub first_name: Option<&'d str>,
    /// Last name.
    pub last_name: Option<&'d str>,
    /// Phone number.
    pub phone_number: Option<&'d str>,
    /// The same where it is reserved for this person alone.
    pub phone_key: Option<&'d str>,
    /// Where they live: the line, the city, the state, the post code and the country.
    pub address: [Option<&'d str>; 5],
}

/// What is shown of people; what follows says of whom.
macro_rules! shown {
    () => {
        "
        SELECT user_id, legacy_id, customer_id, email, email_verified_at, username, first_name,
            last_name, phone_number, date_of_birth, address_line, city, state, post_code, country,
            role, role_asked, status, approved_at, created_at
        FROM users "
    };
}

statements! {
    INSERT = "
        INSERT INTO users (
            user_id, customer_id, email, email_key, email_verified_at, first_name, last_name,
            phone_number, phone_key, date_of_birth, address_line, city, state, post_code, country,
            social_security, social_security_index, password_hash, role, status, created_at,
            role_asked, approved_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            $19, $20, $21, $22, $23)
        ON CONFLICT DO NOTHING";

    LOOKUP = concat!(shown!(), "WHERE user_id = $1");

    BY_CUSTOMER_ID = concat!(shown!(), "WHERE customer_id = $1 AND deleted_at IS NULL");

    BY_LEGACY_ID = concat!(shown!(), "WHERE legacy_id = $1 AND deleted_at IS NULL");

    BY_EMAIL = concat!(shown!(), "WHERE email_key = $1");

    LIST = concat!(
        shown!(),
        "WHERE (role = $1 OR CAST($2 AS TEXT) = '') AND (status = $3 OR CAST($4 AS TEXT) = '')
            AND deleted_at IS NULL
        ORDER BY legacy_id LIMIT $5"
    );

    /// A person who is barred counts as one who has left.
    CREDENTIALS = "
        SELECT user_id, email, password_hash, phone_number, social_security_index, role,
            role_asked, CASE WHEN barred_at IS NULL THEN status ELSE 'DEACTIVATED' END AS status
        FROM users WHERE email_key = $1";

    CREDENTIALS_OF = "
        SELECT user_id, email, password_hash, phone_number, social_security_index, role,
            role_asked, CASE WHEN barred_at IS NULL THEN status ELSE 'DEACTIVATED' END AS status
        FROM users WHERE user_id = $1";

    SET_PASSWORD = "UPDATE users SET password_hash = $2 WHERE user_id = $1";

    SET_EMAIL = "
        UPDATE users SET email = $2, email_key = $3, email_verified_at = $4 WHERE user_id = $1";

    SET_UNPROVEN_EMAIL = "
        UPDATE users SET email = $2, email_key = $3, email_verified_at = NULL WHERE user_id = $1";

    PROVE_EMAIL = "UPDATE users SET email_verified_at = $2 WHERE user_id = $1";

    SET_DETAILS = "
        UPDATE users SET username = $2, username_key = $3, first_name = $4, last_name = $5,
            phone_number = $6, phone_key = $7, address_line = $8, city = $9, state = $10,
            post_code = $11, country = $12
        WHERE user_id = $1";

    USERNAME_TAKEN = "SELECT 1 FROM users WHERE username_key = $1 AND user_id <> $2";
    PHONE_OF_ANOTHER = "SELECT 1 FROM users WHERE phone_key = $1 AND user_id <> $2";

    EMAIL_TAKEN = "SELECT 1 FROM users WHERE email_key = $1";
    PHONE_TAKEN = "SELECT 1 FROM users WHERE phone_key = $1";
    SOCIAL_SECURITY_TAKEN = "SELECT 1 FROM users WHERE social_security_index = $1";
    CUSTOMER_ID_TAKEN = "SELECT 1 FROM users WHERE customer_id = $1";

    /// Changes nothing: the row's lock makes those who open accounts for one
    /// person wait for each other, so that what was counted stays true.
    LOCK = "UPDATE users SET created_at = created_at WHERE user_id = $1";
}

/// Writes a person with a stream of their own; false where something that must be unique is taken.
pub async fn insert(session: &mut Session, new: &NewUser<'_>) -> Result<bool, DbError> {
    let text = |line: &Line| line.as_str().to_owned();
    let address = new.address;
    let rows = session
        .query(INSERT)
        .bind(new.user_id)
        .bind(new.customer_id)
        .bind(new.email.as_str())
        .bind(new.email.key())
        .bind(new.email_verified.then_some(new.at))
        .bind(new.names.map(|(first, _)| first.as_str()))
        .bind(new.names.map(|(_, last)| last.as_str()))
        .bind(new.phone.map(Phone::as_str).or(new.contact))
        .bind(new.phone.map(Phone::as_str))
        .bind(new.date_of_birth)
        .bind(address.map(|address| text(&address.line)))
        .bind(address.map(|address| text(&address.city)))
        .bind(address.map(|address| text(&address.state)))
        .bind(address.map(|address| text(&address.post_code)))
        .bind(address.and_then(|address| address.country.as_ref().map(text)))
        .bind(new.social_security.map(|(sealed, _)| sealed))
        .bind(new.social_security.map(|(_, index)| index))
        .bind(new.password_hash)
        .bind(new.role)
        .bind(UserStatus::Active)
        .bind(new.at)
        .bind(new.role_asked)
        .bind(new.approved.then_some(new.at))
        .execute()
        .await?;
    if rows == 1 {
        event::open(session, new.user_id).await?;
    }
    Ok(rows == 1)
}

/// Finds a person.
pub async fn lookup(session: &mut Session, id: UserId) -> Result<Option<User>, DbError> {
    session.query(LOOKUP).bind(id).maybe().await
}

/// Finds a person by their customer number.
pub async fn by_customer_id(session: &mut Session, id: &str) -> Result<Option<User>, DbError> {
    session.query(BY_CUSTOMER_ID).bind(id).maybe().await
}

/// Finds a person by the number that clients know who know integers only.
pub async fn by_legacy_id(session: &mut Session, id: i64) -> Result<Option<User>, DbError> {
    session.query(BY_LEGACY_ID).bind(id).maybe().await
}

/// Finds a person by their address.
pub async fn by_email(session: &mut Session, email: &Email) -> Result<Option<User>, DbError> {
    session.query(BY_EMAIL).bind(email.key()).maybe().await
}

/// People of a role and of a state, in the order of their making; nobody who was forgotten.
pub async fn list(
    session: &mut Session,
    role: Option<UserRole>,
    status: Option<UserStatus>,
    limit: i64,
) -> Result<Vec<User>, DbError> {
    // What is not asked for is named by no text.
    let asked = |is: bool| if is { "asked" } else { "" };
    let query = session.query(LIST).bind(role).bind(asked(role.is_some()));
    let query = query.bind(status).bind(asked(status.is_some()));
    query.bind(limit).all().await
}

/// Finds what a sign-in needs, by the address.
pub async fn credentials(
    session: &mut Session,
    email: &Email,
) -> Result<Option<Credentials>, DbError> {
    session.query(CREDENTIALS).bind(email.key()).maybe().await
}

/// Finds what a change of credentials needs, by the person.
pub async fn credentials_of(
    session: &mut Session,
    id: UserId,
) -> Result<Option<Credentials>, DbError> {
    session.query(CREDENTIALS_OF).bind(id).maybe().await
}

/// Gives a person another password.
pub async fn set_password(session: &mut Session, id: UserId, hash: &str) -> Result<(), DbError> {
    session.query(SET_PASSWORD).bind(id).bind(hash).execute().await?;
    Ok(())
}

/// Notes that a mailed code came back from a person's address.
pub async fn prove_email(session: &mut Session, id: UserId, at: Instant) -> Result<(), DbError> {
    session.query(PROVE_EMAIL).bind(id).bind(at).execute().await?;
    Ok(())
}

/// Gives a person another address, which a code came back from.
pub async fn set_email(
    session: &mut Session,
    id: UserId,
    email: &Email,
    at: Instant,
) -> Result<(), DbError> {
    let changed = session.query(SET_EMAIL).bind(id).bind(email.as_str()).bind(email.key()).bind(at);
    changed.execute().await?;
    Ok(())
}

/// Gives a person another address, which nothing has come back from yet.
pub async fn set_unproven_email(
    session: &mut Session,
    id: UserId,
    email: &Email,
) -> Result<(), DbError> {
    let changed = session.query(SET_UNPROVEN_EMAIL).bind(id).bind(email.as_str());
    changed.bind(email.key()).execute().await?;
    Ok(())
}

/// Writes what a person has changed of themselves.
pub async fn set_details(
    session: &mut Session,
    id: UserId,
    details: &Details<'_>,
) -> Result<(), DbError> {
    let [line, city, state, post_code, country] = details.address;
    session
        .query(SET_DETAILS)
        .bind(id)
        .bind(details.username)
        .bind(details.username_key.as_deref())
        .bind(details.first_name)
        .bind(details.last_name)
        .bind(details.phone_number)
        .bind(details.phone_key)
        .bind(line)
        .bind(city)
        .bind(state)
        .bind(post_code)
        .bind(country)
        .execute()
        .await?;
    Ok(())
}

/// Another person has this name.
pub async fn username_taken(
    session: &mut Session,
    key: &str,
    but: UserId,
) -> Result<bool, DbError> {
    Ok(session.query(USERNAME_TAKEN).bind(key).bind(but).scalar::<i32>().await?.is_some())
}

/// Another customer has reserved this phone number.
pub async fn phone_of_another(
    session: &mut Session,
    phone: &Phone,
    but: UserId,
) -> Result<bool, DbError> {
    let found = session.query(PHONE_OF_ANOTHER).bind(phone.as_str()).bind(but);
    Ok(found.scalar::<i32>().await?.is_some())
}

/// A customer has this address.
pub async fn email_taken(session: &mut Session, email: &Email) -> Result<bool, DbError> {
    Ok(session.query(EMAIL_TAKEN).bind(email.key()).scalar::<i32>().await?.is_some())
}

/// A customer has reserved this phone number.
pub async fn phone_taken(session: &mut Session, phone: &Phone) -> Result<bool, DbError> {
    Ok(session.query(PHONE_TAKEN).bind(phone.as_str()).scalar::<i32>().await?.is_some())
}

/// A customer has the social security number that this index finds.
pub async fn social_security_taken(session: &mut Session, index: &[u8]) -> Result<bool, DbError> {
    Ok(session.query(SOCIAL_SECURITY_TAKEN).bind(index).scalar::<i32>().await?.is_some())
}

/// A customer has this number.
pub async fn customer_id_taken(session: &mut Session, id: &str) -> Result<bool, DbError> {
    Ok(session.query(CUSTOMER_ID_TAKEN).bind(id).scalar::<i32>().await?.is_some())
}

/// Waits until nobody else opens an account for this person.
pub async fn lock(session: &mut Session, id: UserId) -> Result<(), DbError> {
    session.query(LOCK).bind(id).execute().await?;
    Ok(())
}
