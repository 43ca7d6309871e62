//! What people of fintract say of themselves beside what everybody does.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{clock::Instant, id::UserId},
};

/// The particulars of a person; the national identity number is sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Particulars {
    /// What they said of it.
    pub gender: Option<String>,
    /// Whose citizen they are.
    pub citizenship: Option<String>,
    /// Their bank.
    pub bank_name: Option<String>,
    /// The number of their identity, sealed.
    pub national_id: Option<Vec<u8>>,
}

statements! {
    LOOKUP = "
        SELECT gender, citizenship, bank_name, national_id FROM users WHERE user_id = $1";

    SET = "
        UPDATE users SET gender = $2, citizenship = $3, bank_name = $4, national_id = $5
        WHERE user_id = $1";

    LAST_LOGIN = "
        SELECT created_at FROM sessions WHERE user_id = $1 ORDER BY created_at DESC LIMIT 1";
}

/// What a person has said.
pub async fn lookup(session: &mut Session, id: UserId) -> Result<Particulars, DbError> {
    Ok(session.query(LOOKUP).bind(id).maybe().await?.unwrap_or_default())
}

/// Writes what a person says.
pub async fn set(session: &mut Session, id: UserId, new: &Particulars) -> Result<(), DbError> {
    let query = session.query(SET).bind(id).bind(new.gender.as_deref());
    let query = query.bind(new.citizenship.as_deref()).bind(new.bank_name.as_deref());
    query.bind(new.national_id.as_deref()).execute().await?;
    Ok(())
}

/// When a person came in last, as far as it is known.
pub async fn last_login(session: &mut Session, id: UserId) -> Result<Option<Instant>, DbError> {
    session.query(LAST_LOGIN).bind(id).scalar().await
}
