//! The statements of histories, in the words of SQLite.
//!
//! Each account is read for itself, along the index and no further than the page needs,
//! and what was found is merged: a page costs the same wherever it lies, and however long
//! the histories are. SQLite is told the indexes by name, as it would guess.

use super::statements::statements;

/// Which entries of an account; `k` is one row of what was asked.
macro_rules! within {
    () => {
        "f.account_id = unhex(k.value ->> 0)
                    AND (f.posted_at, f.version) < (k.value ->> 1, k.value ->> 2)
                    AND (f.posted_at, f.version) > (k.value ->> 3, k.value ->> 4)
                    AND ABS(f.amount) BETWEEN k.value ->> 5 AND k.value ->> 6
                    AND ($2 IS NULL OR $2 LIKE '%,' || u.kind || ',%')
                    AND ($3 = 0 OR ($3 > 0) = (f.amount > 0))"
    };
}

macro_rules! page {
    ($order:literal) => {
        concat!(
            "
        SELECT e.transaction_id, e.account_id, e.amount, e.balance_after, e.version, e.posted_at,
            a.currency, t.kind, x.account_id AS counterparty_id, x.label AS counterparty_label,
            x.last4 AS counterparty_last4, x.note
        FROM json_each($1) k
            CROSS JOIN accounts a ON a.account_id = unhex(k.value ->> 0)
            CROSS JOIN entries e INDEXED BY entries_by_version
                ON e.account_id = a.account_id AND e.version IN (
                SELECT f.version FROM entries f INDEXED BY entries_by_time
                    CROSS JOIN transactions u ON u.transaction_id = f.transaction_id
                WHERE ",
            within!(),
            "
                ORDER BY f.posted_at ",
            $order,
            ", f.version ",
            $order,
            " LIMIT $4)
            CROSS JOIN transactions t ON t.transaction_id = e.transaction_id
            CROSS JOIN transaction_texts x
                ON x.transaction_id = e.transaction_id AND x.account_id <> e.account_id
        ORDER BY e.posted_at ",
            $order,
            ", e.account_id ",
            $order,
            ", e.version ",
            $order,
            " LIMIT $5"
        )
    };
}

statements! {
    NEWEST_FIRST = page!("DESC");

    OLDEST_FIRST = page!("ASC");

    COUNT = concat!(
        "SELECT COUNT(*) FROM (
            SELECT 1 FROM json_each($1) k
                CROSS JOIN entries f INDEXED BY entries_by_time
                CROSS JOIN transactions u ON u.transaction_id = f.transaction_id
            WHERE ", within!(), "
            LIMIT $4) n"
    );
}
