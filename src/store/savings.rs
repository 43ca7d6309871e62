//! Savings goals: what an account of that kind has beyond its money.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{id::AccountId, money::Minor},
};

/// A savings goal.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Savings {
    /// The account that it is.
    pub account_id: AccountId,
    /// Its number for clients that know integers only.
    pub legacy_id: i64,
    /// What it is for.
    pub name: String,
    /// How much shall come together, in minor units of the account's currency.
    pub goal: Minor,
}

/// A savings goal that is about to be written.
#[derive(Debug, Clone)]
pub struct NewSavings {
    /// What it is for.
    pub name: String,
    /// How much shall come together.
    pub goal: Minor,
}

statements! {
    INSERT = "INSERT INTO savings (account_id, name, goal) VALUES ($1, $2, $3)";

    LOOKUP_MANY = "
        SELECT account_id, legacy_id, name, goal FROM savings WHERE account_id IN ($1..)";

    BY_LEGACY_ID = "SELECT account_id FROM savings WHERE legacy_id = $1";

    CHANGE = "UPDATE savings SET name = $2, goal = $3 WHERE account_id = $1";
}

/// Writes a savings goal.
pub async fn insert(session: &mut Session, id: AccountId, new: &NewSavings) -> Result<(), DbError> {
    let query = session.query(INSERT).bind(id).bind(new.name.as_str());
    query.bind(new.goal).execute().await?;
    Ok(())
}

/// Finds savings goals, in no particular order.
pub async fn lookup_many(
    session: &mut Session,
    ids: &[AccountId],
) -> Result<Vec<Savings>, DbError> {
    session.query(LOOKUP_MANY).bind_list(ids).all().await
}

/// The account of the goal with this integer for an id, whoever's it is.
pub async fn by_legacy_id(
    session: &mut Session,
    legacy_id: i64,
) -> Result<Option<AccountId>, DbError> {
    session.query(BY_LEGACY_ID).bind(legacy_id).scalar().await
}

/// Changes a goal whose account is locked.
pub async fn change(session: &mut Session, changed: &Savings) -> Result<(), DbError> {
    let query = session.query(CHANGE).bind(changed.account_id).bind(changed.name.as_str());
    query.bind(changed.goal).execute().await?;
    Ok(())
}
