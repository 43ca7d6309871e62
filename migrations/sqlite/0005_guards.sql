-- What guards the doors: how often something was tried, who waits to become a
-- customer, and the key that outlives the secret.

-- How often something was tried, for an account or for an address. The key is a keyed
-- hash, so that nobody can read here who tried.
CREATE TABLE attempts (
    attempt_key  BLOB    NOT NULL PRIMARY KEY,
    tries        INTEGER NOT NULL CHECK (tries > 0),
    -- Until then the tries count.
    ends_at      TEXT    NOT NULL
) STRICT;
CREATE INDEX attempts_by_end ON attempts (ends_at);

-- Several may wait with one address: a stranger who registers somebody else's must not
-- make the code of its owner void.
CREATE TABLE registrations_of_facades (
    registration_id        BLOB    NOT NULL PRIMARY KEY,
    -- The door that the person came in by.
    facade                 TEXT    NOT NULL,
    email                  TEXT    NOT NULL,
    email_key              TEXT    NOT NULL,
    phone_number           TEXT    NOT NULL,
    social_security        BLOB    NOT NULL,
    social_security_index  BLOB    NOT NULL,
    code_hash              BLOB    NOT NULL,
    guesses                INTEGER NOT NULL CHECK (guesses BETWEEN 0 AND 5),
    created_at             TEXT    NOT NULL,
    expires_at             TEXT    NOT NULL
) STRICT;
INSERT INTO registrations_of_facades
SELECT registration_id, 'GRAPHQL', email, email_key, phone_number, social_security,
    social_security_index, code_hash, guesses, created_at, expires_at FROM registrations;
DROP TABLE registrations;
ALTER TABLE registrations_of_facades RENAME TO registrations;
CREATE INDEX registrations_by_email ON registrations (email_key, created_at);
CREATE INDEX registrations_by_expiry ON registrations (expires_at);

-- The key behind indexes, fingerprints and card codes, which stay as they are when the
-- secret changes: sealed with the secret that key_id names.
CREATE TABLE data_keys (
    -- There is one.
    number      INTEGER NOT NULL PRIMARY KEY CHECK (number = 1),
    key_id      TEXT    NOT NULL REFERENCES key_ring (key_id),
    sealed      BLOB    NOT NULL,
    created_at  TEXT    NOT NULL
) STRICT;
