//! The statements of a batch of postings, in the words of SQLite.
//!
//! Rows come as one JSON text, an array for each, with identifiers and bytes in
//! hexadecimal digits. Nothing is locked here: the writer is alone.

use super::statements::statements;

statements! {
    CLAIM = "
        INSERT INTO idempotency_keys (
            scope_id, idempotency_key, fingerprint, result_kind, result_id, created_at)
        SELECT unhex(k.value ->> 0), k.value ->> 1, unhex(k.value ->> 2), k.value ->> 3,
            unhex(k.value ->> 4), k.value ->> 5
        FROM json_each($1) k WHERE TRUE
        ON CONFLICT (scope_id, idempotency_key) DO NOTHING
        RETURNING result_id";

    LOOKUP_KEYS = "
        SELECT i.scope_id, i.idempotency_key, i.fingerprint, i.result_kind, i.result_id,
            i.created_at
        FROM json_each($1) k CROSS JOIN idempotency_keys i
        WHERE i.scope_id = unhex(k.value ->> 0) AND i.idempotency_key = k.value ->> 1";

    RELEASE_KEYS = "
        DELETE FROM idempotency_keys WHERE (scope_id, idempotency_key) IN (
            SELECT unhex(k.value ->> 0), k.value ->> 1 FROM json_each($1) k)";

    BY_NUMBER = "
        SELECT c.number_index, c.account_id FROM json_each($1) k CROSS JOIN cards c
        WHERE c.number_index = unhex(k.value ->> 0)";

    LOCK_ACCOUNTS = "
        SELECT a.account_id, a.owner_id, a.kind, a.currency, a.created_at,
            b.status, b.posted, b.held, b.overdraft_limit, b.version, b.last_posted_at,
            b.spending_limit,
            c.legacy_id, c.holder_first_name, c.holder_last_name, c.last4, c.expires_on,
            u.first_name, u.last_name
        FROM json_each($1) k
            CROSS JOIN balances b ON b.account_id = unhex(k.value ->> 0)
            CROSS JOIN accounts a ON a.account_id = b.account_id
            CROSS JOIN users u ON u.user_id = a.owner_id
            LEFT JOIN cards c ON c.account_id = a.account_id";

    SESSIONS = "
        SELECT s.session_id, s.user_id, s.ended_at, s.expires_at, s.refresh_expires_at,
            s.refreshed_at, s.second_factor_at,
            CASE WHEN u.barred_at IS NULL THEN u.status ELSE 'DEACTIVATED' END AS status,
            u.email_verified_at, u.approved_at
        FROM json_each($1) k
            CROSS JOIN sessions s ON s.session_id = unhex(k.value ->> 0)
            CROSS JOIN users u ON u.user_id = s.user_id";

    LOCK_BILLS = "
        SELECT b.bill_id, b.legacy_id, b.owner_id, b.name, b.amount, b.currency, b.due_at,
            b.status, b.transaction_id, b.paid_at, b.created_at
        FROM json_each($1) k CROSS JOIN bills b ON b.bill_id = unhex(k.value ->> 0)";

    LOCK_HOLDS = "
        SELECT h.hold_id, h.account_id, h.status, h.amount, h.captured, h.merchant,
            h.transaction_id, h.created_at, h.expires_at
        FROM json_each($1) k CROSS JOIN holds h ON h.hold_id = unhex(k.value ->> 0)";

    LOCK_TRANSACTIONS = "
        SELECT t.transaction_id FROM json_each($1) k
            CROSS JOIN transactions t ON t.transaction_id = unhex(k.value ->> 0)";

    LOCK_LIMITS = "
        SELECT c.subject_id, c.kind, c.currency, c.window_start, c.used
        FROM json_each($1) k CROSS JOIN limit_counters c
        WHERE c.subject_id = unhex(k.value ->> 0) AND c.kind = k.value ->> 1
            AND c.currency = k.value ->> 2";

    BILLS = "
        UPDATE bills SET status = 'PAID', transaction_id = n.transaction_id, paid_at = n.paid_at
        FROM (SELECT unhex(k.value ->> 0) AS bill_id, unhex(k.value ->> 1) AS transaction_id,
                k.value ->> 2 AS paid_at
            FROM json_each($1) k) n
        WHERE bills.bill_id = n.bill_id AND bills.status = 'DUE'";

    /// All that a batch writes, in one call: on SQLite a call costs more than most of these
    /// statements. The streams are advanced before the events, so that a number is counted
    /// back from the last one.
    WRITE = "
        INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
            posted_at, salt)
        SELECT unhex(k.value ->> 0), unhex(k.value ->> 1), k.value ->> 2, k.value ->> 3,
            k.value ->> 4, k.value ->> 5, k.value ->> 6, unhex(k.value ->> 7)
        FROM json_each($1) k;
        UPDATE balances SET posted = n.posted, held = n.held, version = n.version,
            last_posted_at = n.last_posted_at
        FROM (SELECT unhex(k.value ->> 0) AS account_id, k.value ->> 1 AS posted,
                k.value ->> 2 AS held, k.value ->> 3 AS version, k.value ->> 4 AS last_posted_at
            FROM json_each($2) k) n
        WHERE balances.account_id = n.account_id;
        UPDATE limit_counters SET window_start = n.window_start, used = n.used
        FROM (SELECT unhex(k.value ->> 0) AS subject_id, k.value ->> 1 AS kind,
                k.value ->> 2 AS currency, k.value ->> 3 AS window_start, k.value ->> 4 AS used
            FROM json_each($3) k) n
        WHERE limit_counters.subject_id = n.subject_id AND limit_counters.kind = n.kind
            AND limit_counters.currency = n.currency;
        INSERT INTO transactions (transaction_id, kind, reverses, posted_at)
        SELECT unhex(k.value ->> 0), k.value ->> 1, unhex(k.value ->> 2), k.value ->> 3
        FROM json_each($4) k;
        INSERT INTO transaction_texts (transaction_id, side, account_id, label, last4, party, note,
            named)
        SELECT unhex(k.value ->> 0), k.value ->> 1, unhex(k.value ->> 2), k.value ->> 3,
            k.value ->> 4, k.value ->> 5, k.value ->> 6, k.value ->> 7
        FROM json_each($5) k;
        INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id,
            ip_address, request_id, occurred_at)
        SELECT unhex(k.value ->> 0), unhex(k.value ->> 1), unhex(k.value ->> 2), k.value ->> 3,
            k.value ->> 4, unhex(k.value ->> 5), k.value ->> 6, k.value ->> 7, k.value ->> 8
        FROM json_each($6) k;
        INSERT INTO unsealed (subject_id, kind)
        SELECT unhex(k.value ->> 0), k.value ->> 1 FROM json_each($7) k;
        UPDATE holds SET status = 'CAPTURED', captured = n.captured,
            transaction_id = n.transaction_id
        FROM (SELECT unhex(k.value ->> 0) AS hold_id, k.value ->> 1 AS captured,
                unhex(k.value ->> 2) AS transaction_id
            FROM json_each($8) k) n
        WHERE holds.hold_id = n.hold_id;
        UPDATE streams SET last = last + n.count
        FROM (SELECT unhex(k.value ->> 0) AS owner_id, COUNT(*) AS count
            FROM json_each($9) k GROUP BY 1) n
        WHERE streams.owner_id = n.owner_id;
        INSERT INTO events (owner_id, number, kind, body, occurred_at)
        SELECT s.owner_id, s.last - (k.value ->> 1), k.value ->> 2, k.value ->> 3, k.value ->> 4
        FROM json_each($9) k CROSS JOIN streams s ON s.owner_id = unhex(k.value ->> 0)";
}
