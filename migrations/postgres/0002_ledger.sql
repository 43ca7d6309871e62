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
