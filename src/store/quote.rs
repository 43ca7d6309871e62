//! How accounts stand just now, without a lock: for whoever asks what would happen.

use super::{
    posting::{Customer, CustomerRow},
    statements::statements,
};
use crate::{
    db::{error::DbError, session::Session},
    types::id::AccountId,
};

statements! {
    CUSTOMERS = "
        SELECT b.account_id, a.owner_id, a.kind, a.currency, a.created_at,
            b.status, b.posted, b.held, b.overdraft_limit, b.version, b.last_posted_at,
            b.spending_limit,
            c.legacy_id, c.holder_first_name, c.holder_last_name, c.last4, c.expires_on,
            u.first_name, u.last_name
        FROM balances b
            JOIN accounts a ON a.account_id = b.account_id
            JOIN users u ON u.user_id = a.owner_id
            LEFT JOIN cards c ON c.account_id = a.account_id
        WHERE b.account_id IN ($1..)";
}

/// Customers' accounts as they stand, in no particular order.
pub async fn customers(session: &mut Session, ids: &[AccountId]) -> Result<Vec<Customer>, DbError> {
    let found: Vec<CustomerRow> = session.query(CUSTOMERS).bind_list(ids).all().await?;
    Ok(found.into_iter().map(CustomerRow::read).collect())
}
