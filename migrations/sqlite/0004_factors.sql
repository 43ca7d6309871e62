-- One-time secrets of every purpose, second factors, and who may use a password alone.

-- Questions live for minutes, so those of the table as it was are asked anew.
DROP TABLE challenges;

-- A one-time secret: a mailed code or token, or a question that an authenticator
-- answers; bound to what it was made for.
CREATE TABLE challenges (
    challenge_id  BLOB    NOT NULL PRIMARY KEY,
    -- Null where somebody unknown asked: no secret that anybody has answers it.
    user_id       BLOB    REFERENCES users (user_id),
    session_id    BLOB    REFERENCES sessions (session_id),
    purpose       TEXT    NOT NULL,
    -- The door at which it was asked.
    facade        TEXT    NOT NULL,
    -- Null where an authenticator or a recovery code answers it.
    code_hash     BLOB,
    -- The address that the answer makes the person's own.
    new_email     TEXT,
    guesses       INTEGER NOT NULL CHECK (guesses BETWEEN 0 AND 5),
    platform      TEXT,
    language      TEXT,
    timezone      TEXT,
    screen_width  INTEGER,
    screen_height INTEGER,
    client_id     TEXT,
    created_at    TEXT    NOT NULL,
    expires_at    TEXT    NOT NULL,
    CHECK ((purpose IN ('STEP_UP', 'EMAIL_CHANGE')) = (session_id IS NOT NULL)),
    CHECK ((purpose = 'EMAIL_CHANGE') = (new_email IS NOT NULL)),
    CHECK (user_id IS NOT NULL OR purpose = 'PASSWORD_RESET')
) STRICT;
CREATE INDEX challenges_by_user ON challenges (user_id);
CREATE INDEX challenges_by_session ON challenges (session_id);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);
-- A token has no other name than itself.
CREATE UNIQUE INDEX challenges_by_token ON challenges (code_hash) WHERE purpose = 'PASSWORD_RESET';

-- A person's authenticator; one that is not confirmed yet opens nothing.
CREATE TABLE totp_factors (
    user_id       BLOB    NOT NULL PRIMARY KEY REFERENCES users (user_id),
    -- Sealed.
    secret        BLOB    NOT NULL,
    begun_at      TEXT    NOT NULL,
    confirmed_at  TEXT,
    -- The newest time step whose code was taken: no older one is, and it is not again.
    last_step     INTEGER NOT NULL,
    -- Wrong codes in a row, whatever they were sent for.
    misses        INTEGER NOT NULL CHECK (misses >= 0),
    rests_until   TEXT
) STRICT;

-- The codes for who has lost the authenticator, each good once.
CREATE TABLE recovery_codes (
    user_id     BLOB NOT NULL REFERENCES users (user_id),
    code_hash   BLOB NOT NULL,
    created_at  TEXT NOT NULL,
    used_at     TEXT,
    PRIMARY KEY (user_id, code_hash)
) STRICT;

-- The dialects that know a password alone and may sign this person in.
CREATE TABLE legacy_access (
    user_id     BLOB NOT NULL REFERENCES users (user_id),
    dialect     TEXT NOT NULL CHECK (dialect IN ('FINANCELIME', 'ACCOUNTS', 'EWALLET')),
    granted_at  TEXT NOT NULL,
    PRIMARY KEY (user_id, dialect)
) STRICT;
