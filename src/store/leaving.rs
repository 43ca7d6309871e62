//! What is left of a person who is forgotten: numbers, and the books.

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session},
    domain::user::{UserRole, UserStatus},
    types::{clock::Instant, id::UserId},
};

/// The transactions that touch an account of a person.
macro_rules! touched {
    () => {
        "
            SELECT e.transaction_id FROM entries e
                JOIN accounts a ON a.account_id = e.account_id
            WHERE a.owner_id = $1"
    };
}

statements! {
    CLOSE_ACCOUNTS = "
        UPDATE balances SET status = 'CLOSED'
        WHERE account_id IN (SELECT a.account_id FROM accounts a WHERE a.owner_id = $1)";

    FORGET_HOLDER = "
        UPDATE cards SET holder_first_name = '', holder_last_name = ''
        WHERE account_id IN (SELECT a.account_id FROM accounts a WHERE a.owner_id = $1)";

    /// What another person wrote to this one stays that person's.
    FORGET_NOTES = concat!(
        "
        UPDATE transaction_texts SET note = NULL
        WHERE note IS NOT NULL AND transaction_id IN (", touched!(), ")
        AND NOT EXISTS (
            SELECT 1 FROM transaction_texts f
                JOIN accounts o ON o.account_id = f.account_id
            WHERE f.transaction_id = transaction_texts.transaction_id AND f.side = 'FROM'
                AND o.owner_id <> $1)"
    );

    FORGET_NAME = concat!(
        "
        UPDATE transaction_texts SET party = NULL
        WHERE party IS NOT NULL AND transaction_id IN (", touched!(), ")
        AND account_id IN (SELECT a.account_id FROM accounts a WHERE a.owner_id = $1)"
    );

    /// A goal is called as the person called it, and so is a bill.
    FORGET_GOAL_LABELS = concat!(
        "
        UPDATE transaction_texts SET label = 'Savings goal'
        WHERE transaction_id IN (",
        touched!(),
        ")
        AND account_id IN (
            SELECT a.account_id FROM accounts a WHERE a.owner_id = $1 AND a.kind = 'SAVINGS')"
    );

    FORGET_BILL_LABELS = concat!(
        "
        UPDATE transaction_texts SET label = 'Bill'
        WHERE transaction_id IN (",
        touched!(),
        ")
        AND account_id IN (SELECT a.account_id FROM accounts a WHERE a.kind = 'BILLS_PAYABLE')"
    );

    CANCEL_BILLS = "
        UPDATE bills SET status = 'CANCELLED' WHERE owner_id = $1 AND status = 'DUE'";

    FORGET_BILLS = "UPDATE bills SET name = 'Bill' WHERE owner_id = $1";

    FORGET_GOALS = "
        UPDATE savings SET name = 'Savings goal'
        WHERE account_id IN (SELECT a.account_id FROM accounts a WHERE a.owner_id = $1)";

    FORGET_CLAIMS = concat!(
        "DELETE FROM transaction_claims WHERE transaction_id IN (", touched!(), ")"
    );

    FORGET_TOTP = "DELETE FROM totp_factors WHERE user_id = $1";
    FORGET_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
    FORGET_DIALECTS = "DELETE FROM legacy_access WHERE user_id = $1";

    FORGET_DEVICES = "
        UPDATE sessions SET platform = NULL, language = NULL, timezone = NULL, screen_width = NULL,
            screen_height = NULL, user_agent = NULL, client_id = NULL, ip_address = '',
            csrf_access_hash = NULL, csrf_refresh_hash = NULL
        WHERE user_id = $1";

    /// The address is one that nobody can have, so that its own is free again.
    FORGET_PERSON = "
        UPDATE users SET email = $2, email_key = $2, email_verified_at = NULL, username = NULL,
            username_key = NULL, first_name = NULL, last_name = NULL, phone_number = NULL,
            phone_key = NULL, date_of_birth = NULL, address_line = NULL, city = NULL, state = NULL,
            post_code = NULL, country = NULL, social_security = NULL,
            social_security_index = NULL, gender = NULL, citizenship = NULL, bank_name = NULL,
            national_id = NULL, language = NULL, password_hash = $3, role = $4, role_asked = NULL,
            status = $5, barred_at = NULL, deleted_at = $6
        WHERE user_id = $1";

    FORGET_LETTERS = "DELETE FROM outbox WHERE recipient_index = $1";

    FORGET_CAPTURED = "DELETE FROM inbox WHERE recipient_index = $1";
}

/// Closes all accounts of a person, which are locked and empty, and cancels what they
/// still had to pay.
pub async fn close_accounts(session: &mut Session, id: UserId) -> Result<(), DbError> {
    session.query(CLOSE_ACCOUNTS).bind(id).execute().await?;
    session.query(CANCEL_BILLS).bind(id).execute().await?;
    Ok(())
}

/// Forgets the letters to an address that wait, and those that the sandbox captured.
pub async fn forget_letters(session: &mut Session, recipient: &[u8]) -> Result<(), DbError> {
    session.query(FORGET_LETTERS).bind(recipient).execute().await?;
    session.query(FORGET_CAPTURED).bind(recipient).execute().await?;
    Ok(())
}

/// Forgets who a person was; `no_address` and `no_password` are such that nobody has them.
pub async fn forget(
    session: &mut Session,
    id: UserId,
    no_address: &str,
    no_password: &str,
    at: Instant,
) -> Result<(), DbError> {
    let names = [FORGET_HOLDER, FORGET_NOTES, FORGET_NAME, FORGET_BILLS, FORGET_GOALS];
    let labels = [FORGET_GOAL_LABELS, FORGET_BILL_LABELS];
    let ways_in = [FORGET_DEVICES, FORGET_CLAIMS, FORGET_TOTP, FORGET_CODES, FORGET_DIALECTS];
    for sql in names.into_iter().chain(labels).chain(ways_in) {
        session.query(sql).bind(id).execute().await?;
    }
    let query = session.query(FORGET_PERSON).bind(id).bind(no_address).bind(no_password);
    query.bind(UserRole::Customer).bind(UserStatus::Deactivated).bind(at).execute().await?;
    Ok(())
}
