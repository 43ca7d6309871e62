-- What a savings goal has beyond the money of its account.
CREATE TABLE savings (
    legacy_id   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id  BLOB    NOT NULL UNIQUE REFERENCES accounts (account_id),
    name        TEXT    NOT NULL,
    -- In minor units of the account's currency.
    goal        INTEGER NOT NULL CHECK (goal > 0)
) STRICT;

-- What a person has to pay, once. That a bill is overdue is told by the clock.
CREATE TABLE bills (
    legacy_id       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    bill_id         BLOB    NOT NULL UNIQUE,
    owner_id        BLOB    NOT NULL REFERENCES users (user_id),
    name            TEXT    NOT NULL,
    amount          INTEGER NOT NULL CHECK (amount > 0),
    currency        TEXT    NOT NULL,
    due_at          TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('DUE', 'PAID', 'CANCELLED')),
    -- The movement that paid it.
    transaction_id  BLOB    UNIQUE REFERENCES transactions (transaction_id),
    paid_at         TEXT,
    created_at      TEXT    NOT NULL,
    CHECK ((status = 'PAID') = (transaction_id IS NOT NULL)),
    CHECK ((status = 'PAID') = (paid_at IS NOT NULL))
) STRICT;
CREATE INDEX bills_by_owner ON bills (owner_id, due_at, bill_id);
CREATE INDEX bills_open_by_owner ON bills (owner_id, due_at, bill_id) WHERE status = 'DUE';
