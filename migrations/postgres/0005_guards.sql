-- What guards the doors: how often something was tried, who waits to become a
-- customer, and the key that outlives the secret.

-- How often something was tried, for an account or for an address. The key is a keyed
-- hash, so that nobody can read here who tried.
CREATE TABLE attempts (
    attempt_key  BYTEA       NOT NULL PRIMARY KEY,
    tries        BIGINT  NOT NULL CHECK (tries > 0),
    -- Until then the tries count.
    ends_at      TIMESTAMPTZ NOT NULL
);
CREATE INDEX attempts_by_end ON attempts (ends_at);

-- Several may wait with one address: a stranger who registers somebody else's must not
-- make the code of its owner void.
ALTER TABLE registrations ADD COLUMN facade TEXT NOT NULL DEFAULT 'GRAPHQL';
ALTER TABLE registrations ALTER COLUMN facade DROP DEFAULT;
ALTER TABLE registrations DROP CONSTRAINT registrations_email_key_key;
CREATE INDEX registrations_by_email ON registrations (email_key, created_at);

-- The key behind indexes, fingerprints and card codes, which stay as they are when the
-- secret changes: sealed with the secret that key_id names.
CREATE TABLE data_keys (
    -- There is one.
    number      BIGINT      NOT NULL PRIMARY KEY CHECK (number = 1),
    key_id      TEXT        NOT NULL REFERENCES key_ring (key_id),
    sealed      BYTEA       NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL
);
