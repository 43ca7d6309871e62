-- People, their sessions, the ledger and the letters.
-- Amounts are whole minor units.

-- Which secret keys this database was written with.
CREATE TABLE key_ring (
    key_id      TEXT NOT NULL PRIMARY KEY,
    created_at  TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    legacy_id              BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id                UUID    NOT NULL UNIQUE,
    customer_id            TEXT    NOT NULL UNIQUE,
    email                  TEXT    NOT NULL,
    email_key              TEXT    NOT NULL UNIQUE,
    email_verified_at      TIMESTAMPTZ,
    username               TEXT,
    username_key           TEXT    UNIQUE,
    first_name             TEXT,
    last_name              TEXT,
    phone_number           TEXT,
    -- Set only where the number is reserved for this person alone.
    phone_key              TEXT    UNIQUE,
    date_of_birth          DATE,
    address_line           TEXT,
    city                   TEXT,
    state                  TEXT,
    post_code              TEXT,
    country                TEXT,
    social_security        BYTEA,
    social_security_index  BYTEA    UNIQUE,
    password_hash          TEXT    NOT NULL,
    role                   TEXT    NOT NULL,
    status                 TEXT    NOT NULL,
    created_at             TIMESTAMPTZ    NOT NULL
);

-- A person who has not yet sent the emailed code back.
CREATE TABLE registrations (
    registration_id        UUID    NOT NULL PRIMARY KEY,
    email                  TEXT    NOT NULL,
    email_key              TEXT    NOT NULL UNIQUE,
    phone_number           TEXT    NOT NULL,
    social_security        BYTEA    NOT NULL,
    social_security_index  BYTEA    NOT NULL,
    code_hash              BYTEA    NOT NULL,
    guesses                BIGINT NOT NULL CHECK (guesses BETWEEN 0 AND 5),
    created_at             TIMESTAMPTZ    NOT NULL,
    expires_at             TIMESTAMPTZ    NOT NULL
);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

-- One sign-in of one person on one device.
CREATE TABLE sessions (
    session_id         UUID    NOT NULL PRIMARY KEY,
    user_id            UUID    NOT NULL REFERENCES users (user_id),
    facade             TEXT    NOT NULL,
    platform           TEXT,
    language           TEXT,
    timezone           TEXT,
    screen_width       BIGINT,
    screen_height      BIGINT,
    user_agent         TEXT,
    client_id          TEXT,
    ip_address         TEXT    NOT NULL,
    generation         BIGINT NOT NULL,
    refresh_hash       BYTEA    NOT NULL UNIQUE,
    refresh_expires_at TIMESTAMPTZ    NOT NULL,
    second_factor_at   TIMESTAMPTZ    NOT NULL,
    created_at         TIMESTAMPTZ    NOT NULL,
    last_active_at     TIMESTAMPTZ    NOT NULL,
    expires_at         TIMESTAMPTZ    NOT NULL,
    ended_at           TIMESTAMPTZ
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- One question for a second factor, bound to what it was asked for.
CREATE TABLE challenges (
    challenge_id  UUID    NOT NULL PRIMARY KEY,
    user_id       UUID    NOT NULL REFERENCES users (user_id),
    session_id    UUID    REFERENCES sessions (session_id),
    purpose       TEXT    NOT NULL,
    code_hash     BYTEA    NOT NULL,
    guesses       BIGINT NOT NULL CHECK (guesses BETWEEN 0 AND 5),
    platform      TEXT,
    language      TEXT,
    timezone      TEXT,
    screen_width  BIGINT,
    screen_height BIGINT,
    client_id     TEXT,
    created_at    TIMESTAMPTZ    NOT NULL,
    expires_at    TIMESTAMPTZ    NOT NULL,
    CHECK ((purpose = 'STEP_UP') = (session_id IS NOT NULL))
);
CREATE INDEX challenges_by_user ON challenges (user_id);
CREATE INDEX challenges_by_session ON challenges (session_id);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

-- What holds money: a person's card, goal or wallet, or one of the bank's own.
CREATE TABLE accounts (
    account_id  UUID    NOT NULL PRIMARY KEY,
    -- A customer's account has a running balance, versions and a floor; the
    -- bank's own have none, so that no movement has to lock them.
    customer    BOOLEAN NOT NULL,
    owner_id    UUID    REFERENCES users (user_id),
    kind        TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    created_at  TIMESTAMPTZ    NOT NULL,
    CHECK ((owner_id IS NOT NULL) = customer)
);
-- What entries refer to, so that an entry cannot claim the other sort of account.
CREATE UNIQUE INDEX accounts_by_sort ON accounts (account_id, customer);
CREATE INDEX accounts_by_owner ON accounts (owner_id, created_at);
CREATE UNIQUE INDEX accounts_one_wallet ON accounts (owner_id) WHERE kind = 'WALLET';
CREATE UNIQUE INDEX accounts_one_of_the_bank ON accounts (kind, currency) WHERE NOT customer;

-- One refusal for every trigger that forbids: its argument is the sentence.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER accounts_keep_their_nature
BEFORE UPDATE OF account_id, customer, owner_id, kind, currency ON accounts
FOR EACH STATEMENT EXECUTE FUNCTION refuse('an account keeps its owner, kind and currency');

-- Everything about a customer's account that changes, in one row and so under one lock.
CREATE TABLE balances (
    account_id      UUID    NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    status          TEXT    NOT NULL,
    posted          BIGINT NOT NULL,
    held            BIGINT NOT NULL CONSTRAINT balances_held CHECK (held >= 0),
    overdraft_limit BIGINT NOT NULL CONSTRAINT balances_overdraft_limit CHECK (overdraft_limit >= 0),
    version         BIGINT NOT NULL CONSTRAINT balances_version CHECK (version >= 0),
    last_posted_at  TIMESTAMPTZ,
    CONSTRAINT balances_floor CHECK (posted - held + overdraft_limit >= 0)
);

CREATE TABLE cards (
    legacy_id         BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id        UUID    NOT NULL UNIQUE REFERENCES accounts (account_id),
    -- The holder's names as they were when the card was made.
    holder_first_name TEXT    NOT NULL,
    holder_last_name  TEXT    NOT NULL,
    number            BYTEA    NOT NULL,
    number_index      BYTEA    NOT NULL UNIQUE,
    last4             TEXT    NOT NULL,
    expires_on        DATE    NOT NULL
);

-- The books. An entry comes before its transaction, and the transaction closes it.
CREATE TABLE transactions (
    transaction_id  UUID NOT NULL PRIMARY KEY,
    kind            TEXT NOT NULL,
    reverses        UUID REFERENCES transactions (transaction_id),
    posted_at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX transactions_by_reversed ON transactions (reverses) WHERE reverses IS NOT NULL;

CREATE TABLE entries (
    transaction_id  UUID    NOT NULL REFERENCES transactions (transaction_id) DEFERRABLE INITIALLY DEFERRED,
    account_id      UUID    NOT NULL,
    customer        BOOLEAN NOT NULL,
    -- What comes in is positive, what goes out negative.
    amount          BIGINT NOT NULL CONSTRAINT entries_amount CHECK (amount <> 0),
    balance_after   BIGINT,
    version         BIGINT,
    posted_at       TIMESTAMPTZ    NOT NULL,
    salt            BYTEA    NOT NULL CONSTRAINT entries_salt CHECK (length(salt) = 16),
    PRIMARY KEY (transaction_id, account_id),
    FOREIGN KEY (account_id, customer) REFERENCES accounts (account_id, customer),
    CHECK (customer = (version IS NOT NULL) AND customer = (balance_after IS NOT NULL))
);
CREATE UNIQUE INDEX entries_by_version ON entries (account_id, version);
CREATE INDEX entries_by_time ON entries (account_id, posted_at, version);

-- What a movement is called, apart from the books, so that a person can be forgotten.
CREATE TABLE transaction_texts (
    transaction_id  UUID NOT NULL REFERENCES transactions (transaction_id),
    side            TEXT NOT NULL CHECK (side IN ('FROM', 'TO')),
    account_id      UUID NOT NULL REFERENCES accounts (account_id),
    label           TEXT NOT NULL,
    last4           TEXT,
    -- The person's name as it was; null for the bank.
    party           TEXT,
    note            TEXT,
    PRIMARY KEY (transaction_id, side)
);

-- The look-ups are written for each new row and may only use an index, so that
-- no plan that was cached while the tables were small can read a whole one.
CREATE FUNCTION entries_come_before_their_transaction() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    -- Whoever adds an entry to a transaction that somebody else is just closing
    -- waits here for that commit, and then finds it closed.
    PERFORM pg_advisory_xact_lock(hashtextextended(d.transaction_id::text, 0))
    FROM (SELECT DISTINCT transaction_id FROM new_rows ORDER BY transaction_id) d;
    IF EXISTS (
        SELECT 1 FROM new_rows n CROSS JOIN LATERAL (
            SELECT 1 FROM transactions t WHERE t.transaction_id = n.transaction_id LIMIT 1) closed)
    THEN
        RAISE EXCEPTION 'the transaction is closed: its entries come before it'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_come_before_their_transaction AFTER INSERT ON entries
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION entries_come_before_their_transaction();

CREATE FUNCTION transactions_balance() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM new_rows n CROSS JOIN LATERAL (
            SELECT COUNT(*) AS entries FROM entries e
            WHERE e.transaction_id = n.transaction_id) counted
        WHERE counted.entries < 2)
    OR EXISTS (
        SELECT 1 FROM new_rows n CROSS JOIN LATERAL (
            SELECT 1 FROM entries e JOIN accounts a ON a.account_id = e.account_id
            WHERE e.transaction_id = n.transaction_id
            GROUP BY a.currency HAVING SUM(e.amount) <> 0 LIMIT 1) unbalanced)
    THEN
        RAISE EXCEPTION 'a transaction needs two entries or more that sum to zero in each currency'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER transactions_balance AFTER INSERT ON transactions
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION transactions_balance();

CREATE TRIGGER entries_are_never_updated BEFORE UPDATE ON entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse('entries are never updated');
CREATE TRIGGER entries_are_never_deleted BEFORE DELETE OR TRUNCATE ON entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse('entries are never deleted');
CREATE TRIGGER transactions_are_never_updated BEFORE UPDATE ON transactions
FOR EACH STATEMENT EXECUTE FUNCTION refuse('transactions are never updated');
CREATE TRIGGER transactions_are_never_deleted BEFORE DELETE OR TRUNCATE ON transactions
FOR EACH STATEMENT EXECUTE FUNCTION refuse('transactions are never deleted');

-- What a keyed mutation made, written in the transaction that made it.
CREATE TABLE idempotency_keys (
    -- The person whose key it is, or the nil UUID for the bank's own.
    scope_id         UUID NOT NULL,
    idempotency_key  TEXT NOT NULL,
    fingerprint      BYTEA NOT NULL,
    result_kind      TEXT NOT NULL,
    result_id        UUID NOT NULL,
    created_at       TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (scope_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Letters that wait to be sent, sealed; a row goes when its letter has gone.
CREATE TABLE outbox (
    letter_id    UUID    NOT NULL PRIMARY KEY,
    letter       BYTEA    NOT NULL,
    tries        BIGINT NOT NULL,
    next_try_at  TIMESTAMPTZ    NOT NULL,
    created_at   TIMESTAMPTZ    NOT NULL,
    expires_at   TIMESTAMPTZ    NOT NULL
);
CREATE INDEX outbox_by_turn ON outbox (next_try_at);

-- The sandbox's captured letters, sealed, found by a keyed index of the address.
CREATE TABLE inbox (
    letter_id        UUID NOT NULL PRIMARY KEY,
    recipient_index  BYTEA NOT NULL,
    letter           BYTEA NOT NULL,
    sent_at          TIMESTAMPTZ NOT NULL,
    expires_at       TIMESTAMPTZ NOT NULL
);
CREATE INDEX inbox_by_recipient ON inbox (recipient_index, sent_at);
CREATE INDEX inbox_by_expiry ON inbox (expires_at);
