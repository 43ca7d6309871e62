//! What the audit asks of the books: figures, and the first row of each sort that is wrong.

use uuid::Uuid;

use super::statements::statements;
use crate::db::{error::DbError, session::Session};

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Figures {
    /// Accounts, the bank's own included.
    pub accounts: i64,
    /// Transactions.
    pub transactions: i64,
    /// Entries.
    pub entries: i64,
    /// Idempotency keys.
    pub keys: i64,
}

/// A question to the books whose every answer names a row that is wrong.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// What must hold, as a sentence.
    pub promise: &'static str,
    /// What its answers name.
    pub noun: &'static str,
    sql: &'static str,
}

statements! {
    FIGURES = "
        SELECT (SELECT COUNT(*) FROM accounts) AS accounts,
            (SELECT COUNT(*) FROM transactions) AS transactions,
            (SELECT COUNT(*) FROM entries) AS entries,
            (SELECT COUNT(*) FROM idempotency_keys) AS keys";

    TOTALS = "
        SELECT a.currency, CAST(SUM(e.amount) AS BIGINT)
        FROM entries e JOIN accounts a ON a.account_id = e.account_id
        GROUP BY a.currency ORDER BY a.currency";

    UNBALANCED = "
        SELECT e.transaction_id FROM entries e JOIN accounts a ON a.account_id = e.account_id
        GROUP BY e.transaction_id, a.currency HAVING SUM(e.amount) <> 0
        ORDER BY e.transaction_id LIMIT 1";

    TOO_FEW = "
        SELECT t.transaction_id FROM transactions t
        WHERE (SELECT COUNT(*) FROM entries e WHERE e.transaction_id = t.transaction_id) < 2
        ORDER BY t.transaction_id LIMIT 1";

    ORPHANS = "
        SELECT e.transaction_id FROM entries e
        WHERE NOT EXISTS (SELECT 1 FROM transactions t WHERE t.transaction_id = e.transaction_id)
        ORDER BY e.transaction_id LIMIT 1";

    POSTED = "
        SELECT b.account_id FROM balances b
        WHERE b.posted <> (
            SELECT COALESCE(SUM(e.amount), 0) FROM entries e WHERE e.account_id = b.account_id)
        ORDER BY b.account_id LIMIT 1";

    VERSIONS = "
        SELECT b.account_id FROM balances b
        WHERE b.version <> (SELECT COUNT(*) FROM entries e WHERE e.account_id = b.account_id)
            OR b.version <> (
                SELECT COALESCE(MAX(e.version), 0) FROM entries e
                WHERE e.account_id = b.account_id)
            OR EXISTS (
                SELECT 1 FROM entries e WHERE e.account_id = b.account_id AND e.version < 1)
        ORDER BY b.account_id LIMIT 1";

    RUNNING = "
        SELECT r.account_id FROM (
            SELECT e.account_id, e.balance_after,
                SUM(e.amount) OVER (PARTITION BY e.account_id ORDER BY e.version) AS running
            FROM entries e WHERE e.version IS NOT NULL) r
        WHERE r.balance_after <> r.running
        ORDER BY r.account_id LIMIT 1";

    TIMES = "
        SELECT e.account_id FROM entries e
            JOIN entries n ON n.account_id = e.account_id AND n.version = e.version + 1
        WHERE n.posted_at < e.posted_at
        ORDER BY e.account_id LIMIT 1";

    POSTED_AT = "
        SELECT e.transaction_id FROM entries e
            JOIN transactions t ON t.transaction_id = e.transaction_id
        WHERE t.posted_at <> e.posted_at
        ORDER BY e.transaction_id LIMIT 1";

    FLOOR = "
        SELECT b.account_id FROM balances b
        WHERE b.posted - b.held + b.overdraft_limit < 0
            OR b.held <> (
                SELECT COALESCE(SUM(h.amount), 0) FROM holds h
                WHERE h.account_id = b.account_id AND h.status = 'OPEN')
        ORDER BY b.account_id LIMIT 1";

    WITHOUT_BALANCE = "
        SELECT a.account_id FROM accounts a
        WHERE (a.customer AND NOT EXISTS (
                SELECT 1 FROM balances b WHERE b.account_id = a.account_id))
            OR (NOT a.customer AND EXISTS (
                SELECT 1 FROM balances b WHERE b.account_id = a.account_id))
        ORDER BY a.account_id LIMIT 1";

    TEXTS = "
        SELECT t.transaction_id FROM transactions t
        WHERE (SELECT COUNT(*) FROM transaction_texts x
            WHERE x.transaction_id = t.transaction_id) <> 2
        ORDER BY t.transaction_id LIMIT 1";

    TEXTS_ELSEWHERE = "
        SELECT x.transaction_id FROM transaction_texts x
        WHERE NOT EXISTS (
            SELECT 1 FROM entries e
            WHERE e.transaction_id = x.transaction_id AND e.account_id = x.account_id)
        ORDER BY x.transaction_id LIMIT 1";

    LAST_POSTED = "
        SELECT b.account_id FROM balances b
        WHERE (b.last_posted_at IS NULL) <> (b.version = 0)
            OR b.last_posted_at <> (
                SELECT MAX(e.posted_at) FROM entries e WHERE e.account_id = b.account_id)
        ORDER BY b.account_id LIMIT 1";

    CARDS = "
        SELECT a.account_id FROM accounts a
        WHERE (a.kind = 'CARD') <> EXISTS (
            SELECT 1 FROM cards c WHERE c.account_id = a.account_id)
        ORDER BY a.account_id LIMIT 1";

    CARD_KEYS = "
        SELECT k.result_id FROM idempotency_keys k
        WHERE k.result_kind = 'CARD' AND NOT EXISTS (
            SELECT 1 FROM cards c WHERE c.account_id = k.result_id)
        ORDER BY k.result_id LIMIT 1";

    KEYS = "
        SELECT k.result_id FROM idempotency_keys k
        WHERE k.result_kind = 'TRANSACTION' AND NOT EXISTS (
            SELECT 1 FROM transactions t WHERE t.transaction_id = k.result_id)
        ORDER BY k.result_id LIMIT 1";
}

const fn check(promise: &'static str, noun: &'static str, sql: &'static str) -> Check {
    Check { promise, noun, sql }
}

/// Everything that must hold of the books.
pub const CHECKS: &[Check] = &[
    check("every transaction sums to zero in each currency", "transaction", UNBALANCED),
    check("every transaction has two entries or more", "transaction", TOO_FEW),
    check("every entry has its transaction", "transaction", ORPHANS),
    check("every balance is the sum of its entries", "account", POSTED),
    check("every version counts its entries without a gap", "account", VERSIONS),
    check("every running balance follows from the one before", "account", RUNNING),
    check("every account's postings are in the order of time", "account", TIMES),
    check("every entry has the instant of its transaction", "transaction", POSTED_AT),
    check("no balance is below its floor, and open holds hold what is held", "account", FLOOR),
    check("customers' accounts have a balance, the bank's have none", "account", WITHOUT_BALANCE),
    check("every transaction has the texts of both sides", "transaction", TEXTS),
    check("every text is of an account that the transaction moved", "transaction", TEXTS_ELSEWHERE),
    check("every account knows its last posting", "account", LAST_POSTED),
    check("every card's account has its card, and no other has one", "account", CARDS),
    check("every key that made a card names it", "card", CARD_KEYS),
    check("every key that moved money names its movement", "transaction", KEYS),
];

/// How much there is.
pub async fn figures(session: &mut Session) -> Result<Figures, DbError> {
    session.query(FIGURES).one().await
}

/// The sum of all entries in each currency; each must be zero.
pub async fn totals(session: &mut Session) -> Result<Vec<(String, i64)>, DbError> {
    session.query(TOTALS).all().await
}

/// The first row that breaks a promise; `None` where it holds.
pub async fn first_broken(session: &mut Session, check: &Check) -> Result<Option<Uuid>, DbError> {
    let row: Option<(Option<Uuid>,)> = session.query(check.sql).maybe().await?;
    Ok(row.and_then(|(id,)| id))
}
