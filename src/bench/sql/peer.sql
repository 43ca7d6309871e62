-- What the peers on PostgreSQL work with, in a copy of the product's own database.

-- pgbench draws numbers; this tells which card is meant, and spares the peers the
-- look-ups of names, sessions and limits that the product makes.
CREATE TABLE bench_cards (
    n           INT  NOT NULL PRIMARY KEY,
    account_id  UUID NOT NULL,
    owner_id    UUID NOT NULL,
    session_id  UUID NOT NULL,
    last4       TEXT NOT NULL,
    party       TEXT NOT NULL
);
INSERT INTO bench_cards (n, account_id, owner_id, session_id, last4, party)
SELECT row_number() OVER (ORDER BY a.account_id), a.account_id, a.owner_id, s.session_id,
    c.last4, u.first_name || ' ' || u.last_name
FROM accounts a
JOIN cards c ON c.account_id = a.account_id
JOIN users u ON u.user_id = a.owner_id
JOIN sessions s ON s.user_id = a.owner_id;
ANALYZE bench_cards;

-- A random id that begins with the time, as the product's do: ids without an order
-- would cost the peers more in every index.
CREATE FUNCTION bench_id() RETURNS UUID LANGUAGE sql VOLATILE AS $$
    SELECT encode(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 'hex')::uuid
$$;

CREATE FUNCTION bench_event(account UUID, transaction UUID, direction TEXT, amount BIGINT, posted BIGINT)
RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT '{"accountId":"' || account || '","transactionId":"' || transaction
        || '","direction":"' || direction || '","amount":' || amount || ',"posted":' || posted || '}'
$$;

-- One transfer, whole: the rows that the product writes, under the same triggers and
-- keys, in the bank's one lock order. 0 done, 1 repeated, 2 not enough, 3 no account.
CREATE FUNCTION bench_transfer(p_from INT, p_to INT, p_amount BIGINT) RETURNS INT
LANGUAGE plpgsql AS $$
DECLARE
    f   bench_cards;
    t   bench_cards;
    tx  UUID := bench_id();
    log UUID := bench_id();
    at  TIMESTAMPTZ := clock_timestamp();
    r   RECORD;
    -- Posted and version of the two sides after it.
    fp  BIGINT;
    fv  BIGINT;
    tp  BIGINT;
    tv  BIGINT;
BEGIN
    SELECT * INTO f FROM bench_cards WHERE n = p_from;
    SELECT * INTO t FROM bench_cards WHERE n = p_to;
    INSERT INTO idempotency_keys
        (scope_id, idempotency_key, fingerprint, result_kind, result_id, created_at)
    VALUES (f.owner_id, tx::text, sha256(uuid_send(tx)), 'TRANSACTION', tx, at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN 1; END IF;
    FOR r IN
        SELECT * FROM balances WHERE account_id IN (f.account_id, t.account_id)
        ORDER BY account_id FOR UPDATE
    LOOP
        at := greatest(at, r.last_posted_at);
        IF r.account_id = f.account_id THEN
            IF r.posted - r.held + r.overdraft_limit < p_amount THEN
                DELETE FROM idempotency_keys
                WHERE scope_id = f.owner_id AND idempotency_key = tx::text;
                RETURN 2;
            END IF;
            fp := r.posted - p_amount;
            fv := r.version + 1;
        ELSE
            tp := r.posted + p_amount;
            tv := r.version + 1;
        END IF;
    END LOOP;
    IF fp IS NULL OR tp IS NULL THEN RETURN 3; END IF;
    UPDATE balances SET posted = fp, version = fv, last_posted_at = at
    WHERE account_id = f.account_id;
    UPDATE balances SET posted = tp, version = tv, last_posted_at = at
    WHERE account_id = t.account_id;
    INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
        posted_at, salt)
    VALUES (tx, f.account_id, TRUE, -p_amount, fp, fv, at, uuid_send(gen_random_uuid())),
        (tx, t.account_id, TRUE, p_amount, tp, tv, at, uuid_send(gen_random_uuid()));
    INSERT INTO transactions (transaction_id, kind, posted_at) VALUES (tx, 'TRANSFER', at);
    INSERT INTO transaction_texts (transaction_id, side, account_id, label, last4, party)
    VALUES (tx, 'FROM', f.account_id, '•••• •••• •••• ' || f.last4, f.last4, f.party),
        (tx, 'TO', t.account_id, '•••• •••• •••• ' || t.last4, t.last4, t.party);
    UPDATE limit_counters
    SET used = CASE WHEN window_start = at::date THEN used ELSE 0 END + p_amount,
        window_start = at::date
    WHERE subject_id = f.owner_id AND kind = 'TRANSFER' AND currency = 'USD';
    INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id, ip_address,
        request_id, occurred_at)
    VALUES (log, f.owner_id, f.session_id, 'TRANSFER', 'DONE', tx, '127.0.0.1', tx::text, at);
    INSERT INTO unsealed (subject_id, kind) VALUES (tx, 'TRANSACTION'), (log, 'AUDIT');
    WITH l AS MATERIALIZED (
        SELECT owner_id FROM streams WHERE owner_id IN (f.owner_id, t.owner_id)
        ORDER BY owner_id FOR UPDATE),
    n AS (
        UPDATE streams s SET last = last + 1 FROM l WHERE s.owner_id = l.owner_id
        RETURNING s.owner_id, s.last)
    INSERT INTO events (owner_id, number, kind, body, occurred_at)
    SELECT n.owner_id, n.last, 'BALANCE_CHANGED',
        CASE WHEN n.owner_id = f.owner_id
            THEN bench_event(f.account_id, tx, 'OUT', p_amount, fp)
            ELSE bench_event(t.account_id, tx, 'IN', p_amount, tp) END, at
    FROM n;
    RETURN 0;
END $$;
