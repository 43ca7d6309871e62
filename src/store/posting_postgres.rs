//! The statements of a batch of postings, in the words of PostgreSQL.
//!
//! Rows come as one array for each column. What is locked is locked in the order
//! in which it is given, which is ascending: `LATERAL` looks it up row by row
//! through the index, so that no plan that was cached while a table was small can
//! read the whole of it, and two batches never wait for each other crosswise.

use super::statements::statements;

statements! {
    CLAIM = "
        INSERT INTO idempotency_keys (
            scope_id, idempotency_key, fingerprint, result_kind, result_id, created_at)
        SELECT k.scope_id, k.idempotency_key, k.fingerprint, k.result_kind, k.result_id,
            k.created_at
        FROM UNNEST($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::uuid[], $6::timestamptz[])
            WITH ORDINALITY AS k (scope_id, idempotency_key, fingerprint, result_kind, result_id,
                created_at, place)
        ORDER BY k.place
        ON CONFLICT (scope_id, idempotency_key) DO NOTHING
        RETURNING result_id";

    LOOKUP_KEYS = "
        SELECT i.scope_id, i.idempotency_key, i.fingerprint, i.result_kind, i.result_id,
            i.created_at
        FROM UNNEST($1::uuid[], $2::text[]) AS k (scope_id, idempotency_key)
            CROSS JOIN LATERAL (
                SELECT * FROM idempotency_keys i
                WHERE i.scope_id = k.scope_id AND i.idempotency_key = k.idempotency_key
                LIMIT 1) i";

    RELEASE_KEYS = "
        DELETE FROM idempotency_keys i
        USING UNNEST($1::uuid[], $2::text[]) AS k (scope_id, idempotency_key)
        WHERE i.scope_id = k.scope_id AND i.idempotency_key = k.idempotency_key";

    BY_NUMBER = "
        SELECT k.number_index, c.account_id FROM UNNEST($1::bytea[]) AS k (number_index)
            CROSS JOIN LATERAL (
                SELECT c.account_id FROM cards c WHERE c.number_index = k.number_index LIMIT 1) c";

    LOCK_ACCOUNTS = "
        SELECT b.account_id, a.owner_id, a.kind, a.currency, a.created_at,
            b.status, b.posted, b.held, b.overdraft_limit, b.version, b.last_posted_at,
            b.spending_limit,
            c.legacy_id, c.holder_first_name, c.holder_last_name, c.last4, c.expires_on,
            u.first_name, u.last_name
        FROM UNNEST($1::uuid[]) AS k (account_id)
            CROSS JOIN LATERAL (
                SELECT * FROM balances b WHERE b.account_id = k.account_id LIMIT 1 FOR UPDATE) b
            CROSS JOIN LATERAL (
                SELECT * FROM accounts a WHERE a.account_id = b.account_id LIMIT 1) a
            CROSS JOIN LATERAL (
                SELECT * FROM users u WHERE u.user_id = a.owner_id LIMIT 1) u
            LEFT JOIN LATERAL (
                SELECT * FROM cards c WHERE c.account_id = a.account_id LIMIT 1) c ON TRUE";

    SESSIONS = "
        SELECT k.session_id, s.user_id, s.ended_at, s.expires_at, s.refresh_expires_at,
            s.refreshed_at, s.second_factor_at,
            CASE WHEN u.barred_at IS NULL THEN u.status ELSE 'DEACTIVATED' END AS status,
            u.email_verified_at, u.approved_at
        FROM UNNEST($1::uuid[]) AS k (session_id)
            CROSS JOIN LATERAL (
                SELECT * FROM sessions s WHERE s.session_id = k.session_id LIMIT 1) s
            CROSS JOIN LATERAL (
                SELECT * FROM users u WHERE u.user_id = s.user_id LIMIT 1) u";

    LOCK_BILLS = "
        SELECT b.bill_id, b.legacy_id, b.owner_id, b.name, b.amount, b.currency, b.due_at,
            b.status, b.transaction_id, b.paid_at, b.created_at
        FROM UNNEST($1::uuid[]) AS k (bill_id)
            CROSS JOIN LATERAL (
                SELECT * FROM bills b WHERE b.bill_id = k.bill_id LIMIT 1 FOR UPDATE) b";

    LOCK_HOLDS = "
        SELECT h.hold_id, h.account_id, h.status, h.amount, h.captured, h.merchant,
            h.transaction_id, h.created_at, h.expires_at
        FROM UNNEST($1::uuid[]) AS k (hold_id)
            CROSS JOIN LATERAL (
                SELECT * FROM holds h WHERE h.hold_id = k.hold_id LIMIT 1 FOR UPDATE) h";

    LOCK_TRANSACTIONS = "
        SELECT t.transaction_id FROM UNNEST($1::uuid[]) AS k (transaction_id)
            CROSS JOIN LATERAL (
                SELECT * FROM transactions t WHERE t.transaction_id = k.transaction_id
                LIMIT 1 FOR UPDATE) t";

    LOCK_LIMITS = "
        SELECT c.subject_id, c.kind, c.currency, c.window_start, c.used
        FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS k (subject_id, kind, currency)
            CROSS JOIN LATERAL (
                SELECT * FROM limit_counters c
                WHERE c.subject_id = k.subject_id AND c.kind = k.kind AND c.currency = k.currency
                LIMIT 1 FOR UPDATE) c";

    /// Entries, balances and limits in one round trip; all rows are locked already.
    ENTRIES = "
        WITH entered AS (
            INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after,
                version, posted_at, salt)
            SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::boolean[], $4::bigint[], $5::bigint[],
                $6::bigint[], $7::timestamptz[], $8::bytea[])),
        balanced AS (
            UPDATE balances b SET posted = n.posted, held = n.held, version = n.version,
                last_posted_at = n.last_posted_at
            FROM UNNEST($9::uuid[], $10::bigint[], $11::bigint[], $12::bigint[],
                $13::timestamptz[]) AS n (account_id, posted, held, version, last_posted_at)
            WHERE b.account_id = n.account_id)
        UPDATE limit_counters c SET window_start = n.window_start, used = n.used
        FROM UNNEST($14::uuid[], $15::text[], $16::text[], $17::date[], $18::bigint[])
            AS n (subject_id, kind, currency, window_start, used)
        WHERE c.subject_id = n.subject_id AND c.kind = n.kind AND c.currency = n.currency";

    /// What closes the entries, what it is called, who did it, and what is to be sealed.
    TRANSACTIONS = "
        WITH closed AS (
            INSERT INTO transactions (transaction_id, kind, reverses, posted_at)
            SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[])),
        named AS (
            INSERT INTO transaction_texts (transaction_id, side, account_id, label, last4, party,
                note, named)
            SELECT * FROM UNNEST($5::uuid[], $6::text[], $7::uuid[], $8::text[], $9::text[],
                $10::text[], $11::text[], $12::boolean[])),
        noted AS (
            INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id,
                ip_address, request_id, occurred_at)
            SELECT * FROM UNNEST($13::uuid[], $14::uuid[], $15::uuid[], $16::text[], $17::text[],
                $18::uuid[], $19::text[], $20::text[], $21::timestamptz[]))
        INSERT INTO unsealed (subject_id, kind) SELECT * FROM UNNEST($22::uuid[], $23::text[])";

    /// One transfer, whole, as a transaction of its own.
    TRANSFER = "
        SELECT t.*, pg_notify('teller_events', $21 || ' ' || t.owner_id) AS told
        FROM post_transfer($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
            $17, $18, $19, $20) t";

    BILLS = "
        UPDATE bills b SET status = 'PAID', transaction_id = n.transaction_id, paid_at = n.paid_at
        FROM UNNEST($1::uuid[], $2::uuid[], $3::timestamptz[])
            AS n (bill_id, transaction_id, paid_at)
        WHERE b.bill_id = n.bill_id AND b.status = 'DUE'";

    HOLDS = "
        UPDATE holds h SET status = 'CAPTURED', captured = n.captured,
            transaction_id = n.transaction_id
        FROM UNNEST($1::uuid[], $2::bigint[], $3::uuid[]) AS n (hold_id, captured, transaction_id)
        WHERE h.hold_id = n.hold_id";

    /// The last lock of the transaction: an UPDATE by itself would lock in no order. Once a
    /// batch the other processes are told whom it concerns, which they hear with its commit.
    EVENTS = "
        WITH told AS MATERIALIZED (
            SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[],
                $5::timestamptz[]) AS k (owner_id, back, kind, body, occurred_at)),
        wanted AS MATERIALIZED (
            SELECT owner_id, COUNT(*) AS count FROM told GROUP BY owner_id ORDER BY owner_id),
        locked AS MATERIALIZED (
            SELECT w.owner_id, w.count FROM wanted w CROSS JOIN LATERAL (
                SELECT 1 FROM streams s WHERE s.owner_id = w.owner_id LIMIT 1 FOR UPDATE) s),
        advanced AS (
            UPDATE streams s SET last = s.last + l.count FROM locked l
            WHERE s.owner_id = l.owner_id
            RETURNING s.owner_id, s.last),
        hinted AS MATERIALIZED (
            SELECT COUNT(pg_notify('teller_events', m)) FROM UNNEST($6::text[]) AS m)
        INSERT INTO events (owner_id, number, kind, body, occurred_at)
        SELECT t.owner_id, a.last - t.back, t.kind, t.body, t.occurred_at
        FROM told t JOIN advanced a ON a.owner_id = t.owner_id CROSS JOIN hinted";
}
