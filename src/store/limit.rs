//! What was used of the limits that a person or a card has.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    types::{id::UserId, money::Currency},
};

statements! {
    /// A row that was there before stays as it is.
    OPEN = "
        INSERT INTO limit_counters (subject_id, kind, currency, window_start, used)
        SELECT $1, k.kind, $2, '1970-01-01', 0
        FROM (SELECT 'TRANSFER' AS kind UNION ALL SELECT 'TOP_UP') k WHERE TRUE
        ON CONFLICT DO NOTHING";
}

/// Makes the counters of a person for accounts in this currency, so that the
/// posting engine always finds a row to lock.
pub async fn open(
    session: &mut Session,
    owner_id: UserId,
    currency: Currency,
) -> Result<(), DbError> {
    session.query(OPEN).bind(owner_id).bind(currency.code().to_owned()).execute().await?;
    Ok(())
}
