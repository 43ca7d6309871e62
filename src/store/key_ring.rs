//! Which secret keys the database was written with.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::clock::Instant,
};

statements! {
    ALL = "SELECT key_id FROM key_ring ORDER BY key_id";

    ADD = "
        INSERT INTO key_ring (key_id, created_at) VALUES ($1, $2)
        ON CONFLICT (key_id) DO NOTHING";
}

/// The ids of all keys that were ever used here.
pub async fn all(session: &mut Session) -> Result<Vec<String>, DbError> {
    let rows: Vec<(String,)> = session.query(ALL).all().await?;
    Ok(rows.into_iter().map(|(key_id,)| key_id).collect())
}

/// Notes that a key is in use.
pub async fn add(session: &mut Session, key_id: &str, at: Instant) -> Result<(), DbError> {
    session.query(ADD).bind(key_id).bind(at).execute().await?;
    Ok(())
}
