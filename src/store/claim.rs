//! What clients of ewallet said of themselves when they moved money.

use super::{posting_rows::Claim, statements::statements};
use crate::{
    db::{error::DbError, session::Session},
    types::id::TransactionId,
};

statements! {
    INSERT = "
        INSERT INTO transaction_claims (transaction_id, ip_address, location, user_agent)
        VALUES ($1, $2, $3, $4)";
}

/// Writes what a client said when it made a movement, in the movement's transaction.
pub async fn insert(
    session: &mut Session,
    transaction_id: TransactionId,
    claim: &Claim,
) -> Result<(), DbError> {
    let query = session.query(INSERT).bind(transaction_id).bind(claim.ip_address.as_str());
    let query = query.bind(claim.location.as_str()).bind(claim.user_agent.as_deref());
    query.execute().await?;
    Ok(())
}
