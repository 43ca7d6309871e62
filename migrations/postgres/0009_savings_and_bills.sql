-- What a savings goal has beyond the money of its account.
CREATE TABLE savings (
    legacy_id   BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  UUID   NOT NULL UNIQUE REFERENCES accounts (account_id),
    name        TEXT   NOT NULL,
    -- In minor units of the account's currency.
    goal        BIGINT NOT NULL CHECK (goal > 0)
);

-- What a person has to pay, once. That a bill is overdue is told by the clock.
CREATE TABLE bills (
    legacy_id       BIGINT      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bill_id         UUID        NOT NULL UNIQUE,
    owner_id        UUID        NOT NULL REFERENCES users (user_id),
    name            TEXT        NOT NULL,
    amount          BIGINT      NOT NULL CHECK (amount > 0),
    currency        TEXT        NOT NULL,
    due_at          TIMESTAMPTZ NOT NULL,
    status          TEXT        NOT NULL CHECK (status IN ('DUE', 'PAID', 'CANCELLED')),
    -- The movement that paid it.
    transaction_id  UUID        UNIQUE REFERENCES transactions (transaction_id),
    paid_at         TIMESTAMPTZ,
    created_at      TIMESTAMPTZ NOT NULL,
    CHECK ((status = 'PAID') = (transaction_id IS NOT NULL)),
    CHECK ((status = 'PAID') = (paid_at IS NOT NULL))
);
CREATE INDEX bills_by_owner ON bills (owner_id, due_at, bill_id);
CREATE INDEX bills_open_by_owner ON bills (owner_id, due_at, bill_id) WHERE status = 'DUE';
