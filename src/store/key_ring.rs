//! Which secrets the database was written with, and the data key that outlives them.

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

    REMOVE_OTHERS = "DELETE FROM key_ring WHERE key_id <> $1";

    DATA_KEY = "SELECT sealed FROM data_keys WHERE number = 1";

    ADD_DATA_KEY = "
        INSERT INTO data_keys (number, key_id, sealed, created_at) VALUES (1, $1, $2, $3)
        ON CONFLICT (number) DO NOTHING";

    SEAL_DATA_KEY = "UPDATE data_keys SET key_id = $1, sealed = $2 WHERE number = 1";
}

/// The ids of all secrets that something here may be sealed with.
pub async fn all(session: &mut Session) -> Result<Vec<String>, DbError> {
    let rows: Vec<(String,)> = session.query(ALL).all().await?;
    Ok(rows.into_iter().map(|(key_id,)| key_id).collect())
}

/// Notes that a key is in use.
pub async fn add(session: &mut Session, key_id: &str, at: Instant) -> Result<(), DbError> {
    session.query(ADD).bind(key_id).bind(at).execute().await?;
    Ok(())
}

/// Forgets all secrets but one.
pub async fn remove_others(session: &mut Session, key_id: &str) -> Result<u64, DbError> {
    session.query(REMOVE_OTHERS).bind(key_id).execute().await
}

/// The data key, sealed.
pub async fn data_key(session: &mut Session) -> Result<Option<Vec<u8>>, DbError> {
    session.query(DATA_KEY).scalar().await
}

/// Keeps a data key where there is none yet; one that is there stays.
pub async fn add_data_key(
    session: &mut Session,
    key_id: &str,
    sealed: &[u8],
    at: Instant,
) -> Result<(), DbError> {
    session.query(ADD_DATA_KEY).bind(key_id).bind(sealed).bind(at).execute().await?;
    Ok(())
}

/// Keeps the data key sealed with another secret.
pub async fn seal_data_key(
    session: &mut Session,
    key_id: &str,
    sealed: &[u8],
) -> Result<(), DbError> {
    session.query(SEAL_DATA_KEY).bind(key_id).bind(sealed).execute().await?;
    Ok(())
}
