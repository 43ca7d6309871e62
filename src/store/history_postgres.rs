//! The statements of histories, in the words of PostgreSQL.
//!
//! Each account is read for itself by `LATERAL`, along the index and no further than the
//! page needs, and what was found is merged: a page costs the same wherever it lies, and
//! however long the histories are.

use super::statements::statements;

/// The accounts with their stretches.
macro_rules! stretches {
    () => {
        "UNNEST($1::uuid[], $2::timestamptz[], $3::bigint[], $4::timestamptz[], $5::bigint[],
                $6::bigint[], $7::bigint[])
            AS k (account_id, newest_at, newest_version, oldest_at, oldest_version, least, most)"
    };
}

/// Which entries of an account.
macro_rules! within {
    () => {
        "e.account_id = k.account_id
                    AND (e.posted_at, e.version) < (k.newest_at, k.newest_version)
                    AND (e.posted_at, e.version) > (k.oldest_at, k.oldest_version)
                    AND ABS(e.amount) BETWEEN k.least AND k.most
                    AND ($8::text IS NULL OR $8 LIKE '%,' || t.kind || ',%')
                    AND ($9::bigint = 0 OR ($9 > 0) = (e.amount > 0))"
    };
}

macro_rules! page {
    ($order:literal) => {
        concat!(
            "
        SELECT e.transaction_id, e.account_id, e.amount, e.balance_after, e.version, e.posted_at,
            a.currency, e.kind, x.account_id AS counterparty_id, x.label AS counterparty_label,
            x.last4 AS counterparty_last4, x.note
        FROM ",
            stretches!(),
            "
            CROSS JOIN LATERAL (
                SELECT a.currency FROM accounts a WHERE a.account_id = k.account_id LIMIT 1) a
            CROSS JOIN LATERAL (
                SELECT e.*, t.kind FROM entries e
                    CROSS JOIN LATERAL (
                        SELECT t.kind FROM transactions t
                        WHERE t.transaction_id = e.transaction_id LIMIT 1) t
                WHERE ",
            within!(),
            "
                ORDER BY e.posted_at ",
            $order,
            ", e.version ",
            $order,
            " LIMIT $10) e
            CROSS JOIN LATERAL (
                SELECT * FROM transaction_texts x
                WHERE x.transaction_id = e.transaction_id AND x.account_id <> e.account_id
                LIMIT 1) x
        ORDER BY e.posted_at ",
            $order,
            ", e.account_id ",
            $order,
            ", e.version ",
            $order,
            " LIMIT $11"
        )
    };
}

statements! {
    NEWEST_FIRST = page!("DESC");

    OLDEST_FIRST = page!("ASC");

    COUNT = concat!(
        "SELECT COUNT(*) FROM (
            SELECT 1 FROM ", stretches!(), "
                CROSS JOIN LATERAL (
                    SELECT 1 FROM entries e
                        CROSS JOIN LATERAL (
                            SELECT t.kind FROM transactions t
                            WHERE t.transaction_id = e.transaction_id LIMIT 1) t
                    WHERE ", within!(), "
                    LIMIT $10) e
            LIMIT $10) n"
    );
}
