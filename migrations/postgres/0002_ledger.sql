-- What a batch of postings writes beside its movements, and what proves it later.

-- One stream of events for each person. Its row is the last lock of a transaction
-- that tells something, so its numbers have no gap and stand in the order of commits.
CREATE TABLE streams (
    owner_id  UUID   NOT NULL PRIMARY KEY REFERENCES users (user_id),
    last      BIGINT NOT NULL CHECK (last >= 0)
);
INSERT INTO streams (owner_id, last) SELECT user_id, 0 FROM users;

CREATE TABLE events (
    owner_id     UUID        NOT NULL,
    number       BIGINT      NOT NULL CHECK (number > 0),
    kind         TEXT        NOT NULL,
    -- JSON; what it holds is said by its kind.
    body         TEXT        NOT NULL,
    occurred_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner_id, number)
);
CREATE INDEX events_by_age ON events (occurred_at);

-- Who did what, from where, and what came of it; written with the act itself.
CREATE TABLE audit_log (
    audit_id     UUID        NOT NULL PRIMARY KEY,
    -- Null for the bank itself.
    actor_id     UUID,
    session_id   UUID,
    action       TEXT        NOT NULL,
    -- DONE, or the code of the refusal.
    result       TEXT        NOT NULL,
    subject_id   UUID,
    ip_address   TEXT,
    request_id   TEXT,
    occurred_at  TIMESTAMPTZ NOT NULL
);

-- What the sealer has not taken yet: transactions and rows of the audit log.
CREATE TABLE unsealed (
    subject_id  UUID NOT NULL PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('TRANSACTION', 'AUDIT'))
);
-- It is filled and emptied all the time, and must stay small.
ALTER TABLE unsealed SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
INSERT INTO unsealed (subject_id, kind) SELECT transaction_id, 'TRANSACTION' FROM transactions;

-- The chain: each hash covers the one before it.
CREATE TABLE seals (
    sequence    BIGINT      NOT NULL PRIMARY KEY CHECK (sequence > 0),
    kind        TEXT        NOT NULL CHECK (kind IN ('TRANSACTION', 'AUDIT')),
    subject_id  UUID        NOT NULL UNIQUE,
    hash        BYTEA       NOT NULL CHECK (length(hash) = 32),
    sealed_at   TIMESTAMPTZ NOT NULL
);

-- The sealed part of the bank's own accounts, which no movement locks.
CREATE TABLE bank_folds (
    account_id        UUID   NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    through_sequence  BIGINT NOT NULL CHECK (through_sequence >= 0),
    sum               BIGINT NOT NULL
);
INSERT INTO bank_folds (account_id, through_sequence, sum)
SELECT account_id, 0, 0 FROM accounts WHERE NOT customer;

-- Money of a card that is reserved for a merchant.
CREATE TABLE holds (
    hold_id         UUID        NOT NULL PRIMARY KEY,
    account_id      UUID        NOT NULL REFERENCES accounts (account_id),
    status          TEXT        NOT NULL,
    amount          BIGINT      NOT NULL CHECK (amount > 0),
    captured        BIGINT      NOT NULL CHECK (captured BETWEEN 0 AND amount),
    merchant        TEXT        NOT NULL,
    -- The purchase that captured it.
    transaction_id  UUID        REFERENCES transactions (transaction_id),
    created_at      TIMESTAMPTZ NOT NULL,
    expires_at      TIMESTAMPTZ NOT NULL,
    CHECK ((status = 'CAPTURED') = (transaction_id IS NOT NULL)),
    CHECK ((status = 'CAPTURED') = (captured > 0))
);
CREATE INDEX holds_by_account ON holds (account_id, created_at);
CREATE INDEX holds_open_by_expiry ON holds (expires_at) WHERE status = 'OPEN';

-- What was used of a limit in its window; a row of an earlier window counts as nothing.
CREATE TABLE limit_counters (
    -- A person, or a card.
    subject_id    UUID   NOT NULL,
    kind          TEXT   NOT NULL,
    currency      TEXT   NOT NULL,
    window_start  DATE   NOT NULL,
    used          BIGINT NOT NULL CHECK (used >= 0),
    PRIMARY KEY (subject_id, kind, currency)
);
INSERT INTO limit_counters (subject_id, kind, currency, window_start, used)
SELECT DISTINCT a.owner_id, k.kind, a.currency, DATE '1970-01-01', 0
FROM accounts a CROSS JOIN (VALUES ('TRANSFER'), ('TOP_UP')) k (kind)
WHERE a.customer;

-- An entry of a customer's account follows the one before it: the next version, and
-- the balance before plus the amount. Looked up row by row through the index, so that
-- no plan that was cached while the table was small can read the whole of it.
CREATE FUNCTION entries_follow_each_other() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM new_rows n LEFT JOIN LATERAL (
            SELECT p.balance_after FROM entries p
            WHERE p.account_id = n.account_id AND p.version = n.version - 1 LIMIT 1) p ON TRUE
        WHERE n.customer
            AND (n.balance_after IS DISTINCT FROM COALESCE(p.balance_after, 0) + n.amount
                OR (p.balance_after IS NULL) <> (n.version = 1)))
    THEN
        RAISE EXCEPTION 'an entry must follow the one before it: next version, running balance'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_follow_each_other AFTER INSERT ON entries
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION entries_follow_each_other();

CREATE TRIGGER audit_log_is_never_updated BEFORE UPDATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the audit log is never updated');
CREATE TRIGGER audit_log_is_never_deleted BEFORE DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the audit log is never deleted');
CREATE TRIGGER seals_are_never_updated BEFORE UPDATE ON seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse('seals are never updated');
CREATE TRIGGER seals_are_never_deleted BEFORE DELETE OR TRUNCATE ON seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse('seals are never deleted');

-- Names beside the books are written with every movement, and each of these keys locked
-- a row of another table for it, which cost as much as the entries' own keys. The audit
-- asks both: that every transaction has its texts, and no text stands elsewhere.
ALTER TABLE transaction_texts
    DROP CONSTRAINT transaction_texts_transaction_id_fkey,
    DROP CONSTRAINT transaction_texts_account_id_fkey;

-- One transfer between two cards in one call, for a client that is alone: every round
-- trip would cost it as much as the writing itself. It does what can be done at once
-- and nothing else. Where anything is in the way (a key that was used, a card that is
-- frozen, too little money, a limit, a session that has ended) it takes everything
-- back by TL001, and whoever called asks in the usual way, which knows the reasons.
-- The locks are taken in the order of the house.
CREATE FUNCTION post_transfer(
    p_transaction UUID, p_audit UUID, p_at TIMESTAMPTZ, p_today DATE,
    p_scope UUID, p_key TEXT, p_fingerprint BYTEA,
    p_user UUID, p_session UUID, p_action TEXT, p_ip TEXT, p_request TEXT,
    p_from UUID, p_to UUID, p_note TEXT, p_salt_from BYTEA, p_salt_to BYTEA,
    -- What the amount and the day's limit are in each currency of the bank.
    p_currencies TEXT[], p_amounts BIGINT[], p_limits BIGINT[]
) RETURNS TABLE (
    account_id UUID, owner_id UUID, kind TEXT, currency TEXT, created_at TIMESTAMPTZ,
    status TEXT, posted BIGINT, held BIGINT, overdraft_limit BIGINT, version BIGINT,
    last_posted_at TIMESTAMPTZ, legacy_id BIGINT, holder_first_name TEXT, holder_last_name TEXT,
    last4 TEXT, expires_on DATE, first_name TEXT, last_name TEXT
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    payer     RECORD;
    payee     RECORD;
    one       RECORD;
    at        TIMESTAMPTZ := p_at;
    v_amount  BIGINT;
    v_limit   BIGINT;
    told      INT;
BEGIN
    INSERT INTO idempotency_keys AS i
        (scope_id, idempotency_key, fingerprint, result_kind, result_id, created_at)
    VALUES (p_scope, p_key, p_fingerprint, 'TRANSACTION', p_transaction, p_at)
    ON CONFLICT (scope_id, idempotency_key) DO NOTHING;
    IF NOT FOUND THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    FOR one IN
        SELECT b.account_id, a.owner_id, a.kind, a.currency, a.created_at, b.status, b.posted,
            b.held, b.overdraft_limit, b.version, b.last_posted_at, c.legacy_id,
            c.holder_first_name, c.holder_last_name, c.last4, c.expires_on, u.first_name,
            u.last_name
        FROM balances b
            JOIN accounts a ON a.account_id = b.account_id
            JOIN cards c ON c.account_id = b.account_id
            JOIN users u ON u.user_id = a.owner_id
        WHERE b.account_id IN (p_from, p_to)
        ORDER BY b.account_id FOR UPDATE OF b
    LOOP
        IF one.account_id = p_from THEN payer := one; ELSE payee := one; END IF;
        at := GREATEST(at, one.last_posted_at);
    END LOOP;
    IF payer IS NULL OR payee IS NULL THEN
        RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001';
    END IF;
    v_amount := p_amounts[array_position(p_currencies, payer.currency)];
    v_limit := p_limits[array_position(p_currencies, payer.currency)];
    IF v_amount IS NULL OR payer.owner_id <> p_user
        OR payer.kind <> 'CARD' OR payee.kind <> 'CARD'
        OR payer.status <> 'ACTIVE' OR payee.status <> 'ACTIVE'
        OR payer.currency <> payee.currency
        OR payer.posted - payer.held + payer.overdraft_limit < v_amount
        OR payee.posted > 9000000000000000000 - v_amount
    THEN
        RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001';
    END IF;
    -- A move between a person's own cards is not counted.
    IF payer.owner_id <> payee.owner_id THEN
        UPDATE limit_counters l
        SET used = CASE WHEN l.window_start < p_today THEN 0 ELSE l.used END + v_amount,
            window_start = GREATEST(l.window_start, p_today)
        WHERE l.subject_id = p_user AND l.kind = 'TRANSFER' AND l.currency = payer.currency
            AND CASE WHEN l.window_start < p_today THEN 0 ELSE l.used END + v_amount <= v_limit;
        IF NOT FOUND THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    END IF;
    PERFORM 1 FROM sessions s JOIN users u ON u.user_id = s.user_id
    WHERE s.session_id = p_session AND s.user_id = p_user AND s.ended_at IS NULL
        AND s.expires_at > p_at AND s.refresh_expires_at > p_at AND u.status <> 'DEACTIVATED';
    IF NOT FOUND THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    payer.posted := payer.posted - v_amount;
    payee.posted := payee.posted + v_amount;
    payer.version := payer.version + 1;
    payee.version := payee.version + 1;
    payer.last_posted_at := at;
    payee.last_posted_at := at;
    INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
        posted_at, salt)
    VALUES
        (p_transaction, p_from, TRUE, -v_amount, payer.posted, payer.version, at, p_salt_from),
        (p_transaction, p_to, TRUE, v_amount, payee.posted, payee.version, at, p_salt_to);
    UPDATE balances b SET posted = n.posted, version = n.version, last_posted_at = at
    FROM (VALUES (p_from, payer.posted, payer.version), (p_to, payee.posted, payee.version))
        AS n (account_id, posted, version)
    WHERE b.account_id = n.account_id;
    INSERT INTO transactions (transaction_id, kind, posted_at)
    VALUES (p_transaction, 'TRANSFER', at);
    INSERT INTO transaction_texts (transaction_id, side, account_id, label, last4, party, note)
    SELECT p_transaction, n.side, n.account_id, '•••• •••• •••• ' || n.last4, n.last4,
        n.first_name || ' ' || n.last_name, p_note
    FROM (VALUES
        ('FROM', p_from, payer.last4, payer.holder_first_name, payer.holder_last_name),
        ('TO', p_to, payee.last4, payee.holder_first_name, payee.holder_last_name))
        AS n (side, account_id, last4, first_name, last_name);
    INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id, ip_address,
        request_id, occurred_at)
    VALUES (p_audit, p_user, p_session, p_action, 'DONE', p_transaction, p_ip, p_request, p_at);
    INSERT INTO unsealed (subject_id, kind)
    VALUES (p_transaction, 'TRANSACTION'), (p_audit, 'AUDIT');
    WITH n AS (
        SELECT * FROM (VALUES
            (1, payer.owner_id, p_from, payer.posted, payer.held, payer.overdraft_limit,
                payer.version),
            (2, payee.owner_id, p_to, payee.posted, payee.held, payee.overdraft_limit,
                payee.version))
            AS v (place, owner_id, account_id, posted, held, overdraft_limit, version)),
    locked AS MATERIALIZED (
        SELECT s.owner_id FROM streams s WHERE s.owner_id IN (payer.owner_id, payee.owner_id)
        ORDER BY s.owner_id FOR UPDATE),
    advanced AS (
        UPDATE streams s
        SET last = s.last + (SELECT COUNT(*) FROM n WHERE n.owner_id = s.owner_id)
        FROM locked l WHERE s.owner_id = l.owner_id
        RETURNING s.owner_id, s.last)
    INSERT INTO events (owner_id, number, kind, body, occurred_at)
    SELECT a.owner_id,
        a.last - (SELECT COUNT(*) FROM n m WHERE m.owner_id = n.owner_id AND m.place > n.place),
        'ENTRY_POSTED',
        format('{"transaction":"%s","account":"%s","posted":%s,"held":%s,"overdraft_limit":%s,"version":%s}',
            p_transaction, n.account_id, n.posted, n.held, n.overdraft_limit, n.version),
        at
    FROM n JOIN advanced a ON a.owner_id = n.owner_id;
    GET DIAGNOSTICS told = ROW_COUNT;
    IF told <> 2 THEN RAISE EXCEPTION 'in the usual way' USING ERRCODE = 'TL001'; END IF;
    RETURN QUERY SELECT payer.account_id, payer.owner_id, payer.kind, payer.currency,
        payer.created_at, payer.status, payer.posted, payer.held, payer.overdraft_limit,
        payer.version, payer.last_posted_at, payer.legacy_id, payer.holder_first_name,
        payer.holder_last_name, payer.last4, payer.expires_on, payer.first_name, payer.last_name;
    RETURN QUERY SELECT payee.account_id, payee.owner_id, payee.kind, payee.currency,
        payee.created_at, payee.status, payee.posted, payee.held, payee.overdraft_limit,
        payee.version, payee.last_posted_at, payee.legacy_id, payee.holder_first_name,
        payee.holder_last_name, payee.last4, payee.expires_on, payee.first_name, payee.last_name;
END $$;
