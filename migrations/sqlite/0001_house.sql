-- People, their sessions, the ledger and the letters.
-- Instants are RFC 3339 text in UTC with microseconds, days are ISO 8601 text,
-- identifiers are UUIDs as 16 bytes, amounts are whole minor units.

-- Which secret keys this database was written with.
CREATE TABLE key_ring (
    key_id      TEXT NOT NULL PRIMARY KEY,
    created_at  TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    legacy_id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id                BLOB    NOT NULL UNIQUE,
    customer_id            TEXT    NOT NULL UNIQUE,
    email                  TEXT    NOT NULL,
    email_key              TEXT    NOT NULL UNIQUE,
    email_verified_at      TEXT,
    username               TEXT,
    username_key           TEXT    UNIQUE,
    first_name             TEXT,
    last_name              TEXT,
    phone_number           TEXT,
    -- Set only where the number is reserved for this person alone.
    phone_key              TEXT    UNIQUE,
    date_of_birth          TEXT,
    address_line           TEXT,
    city                   TEXT,
    state                  TEXT,
    post_code              TEXT,
    country                TEXT,
    social_security        BLOB,
    social_security_index  BLOB    UNIQUE,
    password_hash          TEXT    NOT NULL,
    role                   TEXT    NOT NULL,
    status                 TEXT    NOT NULL,
    created_at             TEXT    NOT NULL
) STRICT;

-- A person who has not yet sent the emailed code back.
CREATE TABLE registrations (
    registration_id        BLOB    NOT NULL PRIMARY KEY,
    email                  TEXT    NOT NULL,
    email_key              TEXT    NOT NULL UNIQUE,
    phone_number           TEXT    NOT NULL,
    social_security        BLOB    NOT NULL,
    social_security_index  BLOB    NOT NULL,
    code_hash              BLOB    NOT NULL,
    guesses                INTEGER NOT NULL CHECK (guesses BETWEEN 0 AND 5),
    created_at             TEXT    NOT NULL,
    expires_at             TEXT    NOT NULL
) STRICT;
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

-- One sign-in of one person on one device.
CREATE TABLE sessions (
    session_id         BLOB    NOT NULL PRIMARY KEY,
    user_id            BLOB    NOT NULL REFERENCES users (user_id),
    facade             TEXT    NOT NULL,
    platform           TEXT,
    language           TEXT,
    timezone           TEXT,
    screen_width       INTEGER,
    screen_height      INTEGER,
    user_agent         TEXT,
    client_id          TEXT,
    ip_address         TEXT    NOT NULL,
    generation         INTEGER NOT NULL,
    refresh_hash       BLOB    NOT NULL UNIQUE,
    refresh_expires_at TEXT    NOT NULL,
    second_factor_at   TEXT    NOT NULL,
    created_at         TEXT    NOT NULL,
    last_active_at     TEXT    NOT NULL,
    expires_at         TEXT    NOT NULL,
    ended_at           TEXT
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- One question for a second factor, bound to what it was asked for.
CREATE TABLE challenges (
    challenge_id  BLOB    NOT NULL PRIMARY KEY,
    user_id       BLOB    NOT NULL REFERENCES users (user_id),
    session_id    BLOB    REFERENCES sessions (session_id),
    purpose       TEXT    NOT NULL,
    code_hash     BLOB    NOT NULL,
    guesses       INTEGER NOT NULL CHECK (guesses BETWEEN 0 AND 5),
    platform      TEXT,
    language      TEXT,
    timezone      TEXT,
    screen_width  INTEGER,
    screen_height INTEGER,
    client_id     TEXT,
    created_at    TEXT    NOT NULL,
    expires_at    TEXT    NOT NULL,
    CHECK ((purpose = 'STEP_UP') = (session_id IS NOT NULL))
) STRICT;
CREATE INDEX challenges_by_user ON challenges (user_id);
CREATE INDEX challenges_by_session ON challenges (session_id);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

-- What holds money: a person's card, goal or wallet, or one of the bank's own.
CREATE TABLE accounts (
    account_id  BLOB    NOT NULL PRIMARY KEY,
    -- A customer's account has a running balance, versions and a floor; the
    -- bank's own have none, so that no movement has to lock them.
    customer    INTEGER NOT NULL CHECK (customer IN (FALSE, TRUE)),
    owner_id    BLOB    REFERENCES users (user_id),
    kind        TEXT    NOT NULL,
    currency    TEXT    NOT NULL,
    created_at  TEXT    NOT NULL,
    CHECK ((owner_id IS NOT NULL) = customer)
) STRICT;
-- What entries refer to, so that an entry cannot claim the other sort of account.
CREATE UNIQUE INDEX accounts_by_sort ON accounts (account_id, customer);
CREATE INDEX accounts_by_owner ON accounts (owner_id, created_at);
CREATE UNIQUE INDEX accounts_one_wallet ON accounts (owner_id) WHERE kind = 'WALLET';
CREATE UNIQUE INDEX accounts_one_of_the_bank ON accounts (kind, currency) WHERE NOT customer;

CREATE TRIGGER accounts_keep_their_nature
BEFORE UPDATE OF account_id, customer, owner_id, kind, currency ON accounts
BEGIN
    SELECT RAISE(ABORT, 'an account keeps its owner, kind and currency');
END;

-- Everything about a customer's account that changes, in one row and so under one lock.
CREATE TABLE balances (
    account_id      BLOB    NOT NULL PRIMARY KEY REFERENCES accounts (account_id),
    status          TEXT    NOT NULL,
    posted          INTEGER NOT NULL,
    held            INTEGER NOT NULL CONSTRAINT balances_held CHECK (held >= 0),
    overdraft_limit INTEGER NOT NULL CONSTRAINT balances_overdraft_limit CHECK (overdraft_limit >= 0),
    version         INTEGER NOT NULL CONSTRAINT balances_version CHECK (version >= 0),
    last_posted_at  TEXT,
    CONSTRAINT balances_floor CHECK (posted - held + overdraft_limit >= 0)
) STRICT;

CREATE TABLE cards (
    legacy_id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id        BLOB    NOT NULL UNIQUE REFERENCES accounts (account_id),
    -- The holder's names as they were when the card was made.
    holder_first_name TEXT    NOT NULL,
    holder_last_name  TEXT    NOT NULL,
    number            BLOB    NOT NULL,
    number_index      BLOB    NOT NULL UNIQUE,
    last4             TEXT    NOT NULL,
    expires_on        TEXT    NOT NULL
) STRICT;

-- The books. An entry comes before its transaction, and the transaction closes it.
CREATE TABLE transactions (
    transaction_id  BLOB NOT NULL PRIMARY KEY,
    kind            TEXT NOT NULL,
    reverses        BLOB REFERENCES transactions (transaction_id),
    posted_at       TEXT NOT NULL
) STRICT;
CREATE INDEX transactions_by_reversed ON transactions (reverses) WHERE reverses IS NOT NULL;

CREATE TABLE entries (
    transaction_id  BLOB    NOT NULL REFERENCES transactions (transaction_id) DEFERRABLE INITIALLY DEFERRED,
    account_id      BLOB    NOT NULL,
    customer        INTEGER NOT NULL,
    -- What comes in is positive, what goes out negative.
    amount          INTEGER NOT NULL CONSTRAINT entries_amount CHECK (amount <> 0),
    balance_after   INTEGER,
    version         INTEGER,
    posted_at       TEXT    NOT NULL,
    salt            BLOB    NOT NULL CONSTRAINT entries_salt CHECK (length(salt) = 16),
    PRIMARY KEY (transaction_id, account_id),
    FOREIGN KEY (account_id, customer) REFERENCES accounts (account_id, customer),
    CHECK (customer = (version IS NOT NULL) AND customer = (balance_after IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX entries_by_version ON entries (account_id, version);
CREATE INDEX entries_by_time ON entries (account_id, posted_at, version);

-- What a movement is called, apart from the books, so that a person can be forgotten.
CREATE TABLE transaction_texts (
    transaction_id  BLOB NOT NULL REFERENCES transactions (transaction_id),
    side            TEXT NOT NULL CHECK (side IN ('FROM', 'TO')),
    account_id      BLOB NOT NULL REFERENCES accounts (account_id),
    label           TEXT NOT NULL,
    last4           TEXT,
    -- The person's name as it was; null for the bank.
    party           TEXT,
    note            TEXT,
    PRIMARY KEY (transaction_id, side)
) STRICT;

CREATE TRIGGER entries_come_before_their_transaction BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM transactions t WHERE t.transaction_id = NEW.transaction_id)
BEGIN
    SELECT RAISE(ABORT, 'the transaction is closed: its entries come before it');
END;

CREATE TRIGGER transactions_balance BEFORE INSERT ON transactions
WHEN (SELECT COUNT(*) FROM entries e WHERE e.transaction_id = NEW.transaction_id) < 2
  OR EXISTS (
    SELECT 1 FROM entries e JOIN accounts a ON a.account_id = e.account_id
    WHERE e.transaction_id = NEW.transaction_id
    GROUP BY a.currency HAVING SUM(e.amount) <> 0)
BEGIN
    SELECT RAISE(ABORT, 'a transaction needs two entries or more that sum to zero in each currency');
END;

CREATE TRIGGER entries_are_never_updated BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never updated'); END;
CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;
CREATE TRIGGER transactions_are_never_updated BEFORE UPDATE ON transactions
BEGIN SELECT RAISE(ABORT, 'transactions are never updated'); END;
CREATE TRIGGER transactions_are_never_deleted BEFORE DELETE ON transactions
BEGIN SELECT RAISE(ABORT, 'transactions are never deleted'); END;

-- What a keyed mutation made, written in the transaction that made it.
CREATE TABLE idempotency_keys (
    -- The person whose key it is, or the nil UUID for the bank's own.
    scope_id         BLOB NOT NULL,
    idempotency_key  TEXT NOT NULL,
    fingerprint      BLOB NOT NULL,
    result_kind      TEXT NOT NULL,
    result_id        BLOB NOT NULL,
    created_at       TEXT NOT NULL,
    PRIMARY KEY (scope_id, idempotency_key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Letters that wait to be sent, sealed; a row goes when its letter has gone.
CREATE TABLE outbox (
    letter_id    BLOB    NOT NULL PRIMARY KEY,
    letter       BLOB    NOT NULL,
    tries        INTEGER NOT NULL,
    next_try_at  TEXT    NOT NULL,
    created_at   TEXT    NOT NULL,
    expires_at   TEXT    NOT NULL
) STRICT;
CREATE INDEX outbox_by_turn ON outbox (next_try_at);

-- The sandbox's captured letters, sealed, found by a keyed index of the address.
CREATE TABLE inbox (
    letter_id        BLOB NOT NULL PRIMARY KEY,
    recipient_index  BLOB NOT NULL,
    letter           BLOB NOT NULL,
    sent_at          TEXT NOT NULL,
    expires_at       TEXT NOT NULL
) STRICT;
CREATE INDEX inbox_by_recipient ON inbox (recipient_index, sent_at);
CREATE INDEX inbox_by_expiry ON inbox (expires_at);
