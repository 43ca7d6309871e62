-- What a batch of postings writes beside its movements, and what proves it later.

-- One stream of events for each person. Its row is the last lock of a transaction
-- that tells something, so its numbers have no gap and stand in the order of commits.
CREATE TABLE streams (
    owner_id  BLOB    NOT NULL PRIMARY KEY REFERENCES users (user_id),
    last      INTEGER NOT NULL CHECK (last >= 0)
) STRICT;
INSERT INTO streams (owner_id, last) SELECT user_id, 0 FROM users;

CREATE TABLE events (
    owner_id     BLOB    NOT NULL,
    number       INTEGER NOT NULL CHECK (number > 0),
    kind         TEXT    NOT NULL,
    -- JSON; what it holds is said by its kind.
    body         TEXT    NOT NULL,
    occurred_at  TEXT    NOT NULL,
    PRIMARY KEY (owner_id, number)
) STRICT;
CREATE INDEX events_by_age ON events (occurred_at);

-- Who did what, from where, and what came of it; written with the act itself.
CREATE TABLE audit_log (
    audit_id     BLOB    NOT NULL PRIMARY KEY,
    -- Null for the bank itself.
    actor_id     BLOB,
    session_id   BLOB,
    action       TEXT    NOT NULL,
    -- DONE, or the code of the refusal.
    result       TEXT    NOT NULL,
    subject_id   BLOB,
    ip_address   TEXT,
    request_id   TEXT,
    occurred_at  TEXT    NOT NULL
) STRICT;

-- What the sealer has not taken yet: transactions and rows of the audit log.
CREATE TABLE unsealed (
    subject_id  BLOB    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('TRANSACTION', 'AUDIT'))
) STRICT;
INSERT INTO unsealed (subject_id, kind) SELECT transaction_id, 'TRANSACTION' FROM transactions;

-- The chain: each hash covers the one before it.
CREATE TABLE seals (
    sequence    INTEGER NOT NULL PRIMARY KEY CHECK (sequence > 0),
    kind        TEXT    NOT NULL CHECK (kind IN ('TRANSACTION', 'AUDIT')),
    subject_id  BLOB    NOT NULL UNIQUE,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    sealed_at   TEXT    NOT NULL
) STRICT;

-- The sealed part of the bank's own accounts, which no movement locks.
CREATE TABLE bank_folds (
    account_id        BLOB    NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    through_sequence  INTEGER NOT NULL CHECK (through_sequence >= 0),
    sum               INTEGER NOT NULL
) STRICT;
INSERT INTO bank_folds (account_id, through_sequence, sum)
SELECT account_id, 0, 0 FROM accounts WHERE NOT customer;

-- Money of a card that is reserved for a merchant.
CREATE TABLE holds (
    hold_id         BLOB    NOT NULL PRIMARY KEY,
    account_id      BLOB    NOT NULL REFERENCES accounts (account_id),
    status          TEXT    NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount > 0),
    captured        INTEGER NOT NULL CHECK (captured BETWEEN 0 AND amount),
    merchant        TEXT    NOT NULL,
    -- The purchase that captured it.
    transaction_id  BLOB    REFERENCES transactions (transaction_id),
    created_at      TEXT    NOT NULL,
    expires_at      TEXT    NOT NULL,
    CHECK ((status = 'CAPTURED') = (transaction_id IS NOT NULL)),
    CHECK ((status = 'CAPTURED') = (captured > 0))
) STRICT;
CREATE INDEX holds_by_account ON holds (account_id, created_at);
CREATE INDEX holds_open_by_expiry ON holds (expires_at) WHERE status = 'OPEN';

-- What was used of a limit in its window; a row of an earlier window counts as nothing.
CREATE TABLE limit_counters (
    -- A person, or a card.
    subject_id    BLOB    NOT NULL,
    kind          TEXT    NOT NULL,
    currency      TEXT    NOT NULL,
    window_start  TEXT    NOT NULL,
    used          INTEGER NOT NULL CHECK (used >= 0),
    PRIMARY KEY (subject_id, kind, currency)
) STRICT;
INSERT INTO limit_counters (subject_id, kind, currency, window_start, used)
SELECT DISTINCT a.owner_id, k.kind, a.currency, '1970-01-01', 0
FROM accounts a CROSS JOIN (SELECT 'TRANSFER' AS kind UNION ALL SELECT 'TOP_UP') k
WHERE a.customer;

-- Names beside the books are written with every movement, and need no keys of the books'
-- own: the audit asks that every transaction has its texts, and no text stands elsewhere.
CREATE TABLE texts_without_keys (
    transaction_id  BLOB    NOT NULL,
    side            TEXT    NOT NULL CHECK (side IN ('FROM', 'TO')),
    account_id      BLOB    NOT NULL,
    label           TEXT    NOT NULL,
    last4           TEXT,
    -- The person's name as it was; null for the bank.
    party           TEXT,
    note            TEXT,
    PRIMARY KEY (transaction_id, side)
) STRICT;
INSERT INTO texts_without_keys
SELECT transaction_id, side, account_id, label, last4, party, note FROM transaction_texts;
DROP TABLE transaction_texts;
ALTER TABLE texts_without_keys RENAME TO transaction_texts;

-- An entry of a customer's account follows the one before it: the next version, and
-- the balance before plus the amount.
CREATE TRIGGER entries_follow_each_other BEFORE INSERT ON entries
WHEN NEW.customer AND NEW.version IS NOT NULL AND NEW.balance_after IS NOT NULL AND (
    NEW.balance_after IS NOT NEW.amount + COALESCE((
        SELECT p.balance_after FROM entries p
        WHERE p.account_id = NEW.account_id AND p.version = NEW.version - 1), 0)
    OR (NEW.version = 1) = EXISTS (
        SELECT 1 FROM entries p
        WHERE p.account_id = NEW.account_id AND p.version = NEW.version - 1))
BEGIN
    SELECT RAISE(ABORT, 'an entry must follow the one before it: next version, running balance');
END;

CREATE TRIGGER audit_log_is_never_updated BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is never updated'); END;
CREATE TRIGGER audit_log_is_never_deleted BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is never deleted'); END;
CREATE TRIGGER seals_are_never_updated BEFORE UPDATE ON seals
BEGIN SELECT RAISE(ABORT, 'seals are never updated'); END;
CREATE TRIGGER seals_are_never_deleted BEFORE DELETE ON seals
BEGIN SELECT RAISE(ABORT, 'seals are never deleted'); END;
