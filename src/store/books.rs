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
    /// Seals.
    pub seals: i64,
    /// Transactions and rows of the audit log that wait for their seal.
    pub unsealed: i64,
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
            (SELECT COUNT(*) FROM idempotency_keys) AS keys,
            (SELECT COUNT(*) FROM seals) AS seals,
            (SELECT COUNT(*) FROM unsealed) AS unsealed";

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

    SAVINGS = "
        SELECT a.account_id FROM accounts a
        WHERE (a.kind = 'SAVINGS') <> EXISTS (
            SELECT 1 FROM savings g WHERE g.account_id = a.account_id)
        ORDER BY a.account_id LIMIT 1";

    SAVINGS_KEYS = "
        SELECT k.result_id FROM idempotency_keys k
        WHERE k.result_kind = 'SAVINGS' AND NOT EXISTS (
            SELECT 1 FROM savings g WHERE g.account_id = k.result_id)
        ORDER BY k.result_id LIMIT 1";

    BILL_KEYS = "
        SELECT k.result_id FROM idempotency_keys k
        WHERE k.result_kind = 'BILL' AND NOT EXISTS (
            SELECT 1 FROM bills b WHERE b.bill_id = k.result_id)
        ORDER BY k.result_id LIMIT 1";

    /// From an account of whoever had to pay, the whole amount, in the bill's currency.
    PAID = "
        SELECT b.bill_id FROM bills b
        WHERE (b.status = 'PAID') <> EXISTS (
            SELECT 1 FROM transactions t
                JOIN entries e ON e.transaction_id = t.transaction_id AND e.amount = -b.amount
                JOIN accounts a ON a.account_id = e.account_id AND a.owner_id = b.owner_id
                    AND a.currency = b.currency
            WHERE t.transaction_id = b.transaction_id AND t.kind = 'BILL_PAYMENT'
                AND t.posted_at = b.paid_at)
        ORDER BY b.bill_id LIMIT 1";

    PAYMENTS = "
        SELECT t.transaction_id FROM transactions t
        WHERE t.kind = 'BILL_PAYMENT' AND NOT EXISTS (
            SELECT 1 FROM bills b WHERE b.transaction_id = t.transaction_id)
        ORDER BY t.transaction_id LIMIT 1";

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

    /// A balance and its last entry were written together, and each is found by an index.
    LATEST = "
        SELECT b.account_id FROM balances b LEFT JOIN entries e
            ON e.account_id = b.account_id AND e.version = b.version
        WHERE b.posted <> COALESCE(e.balance_after, 0)
            OR (b.version > 0) <> (e.version IS NOT NULL)
        ORDER BY b.account_id LIMIT 1";

    /// Customers' balances, the bank's folds and what is not folded yet, in each currency.
    WHOLE = "
        SELECT w.currency FROM (
            SELECT a.currency, b.posted AS amount
            FROM balances b JOIN accounts a ON a.account_id = b.account_id
            UNION ALL
            SELECT a.currency, f.sum
            FROM bank_folds f JOIN accounts a ON a.account_id = f.account_id
            UNION ALL
            SELECT a.currency, e.amount
            FROM unsealed u JOIN entries e ON e.transaction_id = u.subject_id AND NOT e.customer
                JOIN accounts a ON a.account_id = e.account_id) w
        GROUP BY w.currency HAVING SUM(w.amount) <> 0
        ORDER BY w.currency LIMIT 1";

    HELD = "
        SELECT b.account_id FROM balances b LEFT JOIN (
            SELECT o.account_id, SUM(o.amount) AS amount FROM holds o
            WHERE o.status = 'OPEN' GROUP BY o.account_id) h ON h.account_id = b.account_id
        WHERE b.held <> COALESCE(h.amount, 0)
        ORDER BY b.account_id LIMIT 1";

    CAPTURED = "
        SELECT h.hold_id FROM holds h
        WHERE (h.status = 'CAPTURED') <> EXISTS (
            SELECT 1 FROM transactions t JOIN entries e ON e.transaction_id = t.transaction_id
            WHERE t.transaction_id = h.transaction_id AND e.account_id = h.account_id
                AND e.amount = -h.captured)
        ORDER BY h.hold_id LIMIT 1";

    REVERSED = "
        SELECT r.reverses FROM (
            SELECT t.reverses, SUM(e.amount) AS amount FROM transactions t
                JOIN entries e ON e.transaction_id = t.transaction_id AND e.amount > 0
            WHERE t.reverses IS NOT NULL GROUP BY t.reverses) r
        WHERE r.amount > (
            SELECT COALESCE(SUM(e.amount), 0) FROM entries e
            WHERE e.transaction_id = r.reverses AND e.amount > 0)
        ORDER BY r.reverses LIMIT 1";

    STREAMS = "
        SELECT u.user_id FROM users u
        WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.owner_id = u.user_id)
        ORDER BY u.user_id LIMIT 1";

    /// Old events are swept from the front; where any is left, the last one is.
    NUMBERS = "
        SELECT e.owner_id FROM (
            SELECT owner_id, MIN(number) AS lowest, MAX(number) AS highest, COUNT(*) AS many
            FROM events GROUP BY owner_id) e
            LEFT JOIN streams s ON s.owner_id = e.owner_id
        WHERE s.last IS NULL OR s.last <> e.highest OR e.many <> e.highest - e.lowest + 1
        ORDER BY e.owner_id LIMIT 1";

    TRANSACTIONS_SEALED = "
        SELECT t.transaction_id FROM transactions t
            LEFT JOIN seals s ON s.subject_id = t.transaction_id AND s.kind = 'TRANSACTION'
            LEFT JOIN unsealed u ON u.subject_id = t.transaction_id AND u.kind = 'TRANSACTION'
        WHERE (s.subject_id IS NULL) = (u.subject_id IS NULL)
        ORDER BY t.transaction_id LIMIT 1";

    AUDIT_SEALED = "
        SELECT l.audit_id FROM audit_log l
            LEFT JOIN seals s ON s.subject_id = l.audit_id AND s.kind = 'AUDIT'
            LEFT JOIN unsealed u ON u.subject_id = l.audit_id AND u.kind = 'AUDIT'
        WHERE (s.subject_id IS NULL) = (u.subject_id IS NULL)
        ORDER BY l.audit_id LIMIT 1";

    SEALED_TWICE = "
        SELECT s.subject_id FROM seals s GROUP BY s.subject_id HAVING COUNT(*) > 1
        ORDER BY s.subject_id LIMIT 1";

    UNSEALED = "
        SELECT u.subject_id FROM unsealed u
        WHERE NOT EXISTS (
                SELECT 1 FROM transactions t
                WHERE t.transaction_id = u.subject_id AND u.kind = 'TRANSACTION')
            AND NOT EXISTS (
                SELECT 1 FROM audit_log l WHERE l.audit_id = u.subject_id AND u.kind = 'AUDIT')
        ORDER BY u.subject_id LIMIT 1";

    WITHOUT_FOLD = "
        SELECT a.account_id FROM accounts a LEFT JOIN bank_folds f ON f.account_id = a.account_id
        WHERE a.customer = (f.account_id IS NOT NULL)
        ORDER BY a.account_id LIMIT 1";

    FOLDED = "
        SELECT f.account_id FROM bank_folds f
        WHERE f.through_sequence > (SELECT COALESCE(MAX(s.sequence), 0) FROM seals s)
            OR f.sum <> (
                SELECT COALESCE(SUM(e.amount), 0) FROM entries e
                    JOIN seals s ON s.subject_id = e.transaction_id
                        AND s.sequence <= f.through_sequence
                WHERE e.account_id = f.account_id)
        ORDER BY f.account_id LIMIT 1";

    FOLDED_AND_REST = "
        SELECT f.account_id FROM bank_folds f
        WHERE f.sum + (
                SELECT COALESCE(SUM(e.amount), 0) FROM unsealed u
                    JOIN entries e ON e.transaction_id = u.subject_id
                        AND e.account_id = f.account_id)
            <> (SELECT COALESCE(SUM(e.amount), 0) FROM entries e
                WHERE e.account_id = f.account_id)
        ORDER BY f.account_id LIMIT 1";
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
    check("no balance is below its floor", "account", FLOOR),
    check("what is held is the sum of the open holds", "account", HELD),
    check("customers' accounts have a balance, the bank's have none", "account", WITHOUT_BALANCE),
    check("every transaction has the texts of both sides", "transaction", TEXTS),
    check("every text is of an account that the transaction moved", "transaction", TEXTS_ELSEWHERE),
    check("every account knows its last posting", "account", LAST_POSTED),
    check("every card's account has its card, and no other has one", "account", CARDS),
    check("every goal's account has its goal, and no other has one", "account", SAVINGS),
    check("every key that made a card names it", "card", CARD_KEYS),
    check("every key that began a goal names it", "savings goal", SAVINGS_KEYS),
    check("every key that made a bill names it", "bill", BILL_KEYS),
    check("every key that moved money names its movement", "transaction", KEYS),
    check("every captured hold, and no other, has its purchase", "hold", CAPTURED),
    check("every paid bill, and no other, has its payment", "bill", PAID),
    check("every payment of a bill has its bill", "transaction", PAYMENTS),
    check("no transaction is reversed beyond its amount", "transaction", REVERSED),
    check("every person has a stream of events", "user", STREAMS),
    check("every stream's numbers have no gap and end at its last", "user", NUMBERS),
    check("every transaction is sealed or waits for it", "transaction", TRANSACTIONS_SEALED),
    check("every row of the audit log is sealed or waits for it", "audit row", AUDIT_SEALED),
    check("nothing is sealed twice", "subject", SEALED_TWICE),
    check("everything that waits for its seal is there", "subject", UNSEALED),
    check("the bank's accounts have a folded sum, customers' have none", "account", WITHOUT_FOLD),
    check("every folded sum is that of its sealed entries", "account", FOLDED),
    check("folded sums and unsealed entries are all entries", "account", FOLDED_AND_REST),
];

/// The tables that balances are made of, but for the entries, which are many.
pub const BALANCES: &[&str] = &["accounts", "balances", "holds", "bank_folds", "unsealed"];

/// What a start asks, which costs a look at each account and not at each entry.
pub const AT_START: &[Check] = &[
    check("every balance is that of its last entry", "account", LATEST),
    check("what is held is the sum of the open holds", "account", HELD),
];

/// The first currency in which all balances do not sum to zero.
pub async fn unbalanced_currency(session: &mut Session) -> Result<Option<String>, DbError> {
    session.query(WHOLE).scalar().await
}

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
