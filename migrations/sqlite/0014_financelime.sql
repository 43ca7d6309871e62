-- What financelime keeps beside what everybody has.

-- A person who has not yet opened the mailed link; such a one says neither a phone number
-- nor a social security number.
CREATE TABLE signups (
    signup_id    BLOB NOT NULL PRIMARY KEY,
    email        TEXT NOT NULL,
    email_key    TEXT NOT NULL UNIQUE,
    -- Null where the bank asks for none. Until the link expires one of the code's uses is reserved.
    invite_code  TEXT REFERENCES invite_codes (code),
    language     TEXT NOT NULL CHECK (language IN ('EN', 'RU')),
    -- What finds the key of the link.
    key_index    BLOB NOT NULL UNIQUE,
    created_at   TEXT NOT NULL,
    expires_at   TEXT NOT NULL
) STRICT;
CREATE INDEX signups_by_invite ON signups (invite_code);
CREATE INDEX signups_by_expiry ON signups (expires_at);

-- How many are on their way is counted where they wait.
ALTER TABLE invite_codes DROP COLUMN reserved;

-- The language of letters; null for English.
ALTER TABLE users ADD COLUMN language TEXT;

-- Until when the access that was given before a session's end opens its door still; null
-- where the end of the session is the end of it.
ALTER TABLE sessions ADD COLUMN access_until TEXT;

-- The key of a mailed link has no other name than itself.
CREATE UNIQUE INDEX challenges_by_link ON challenges (code_hash) WHERE purpose = 'RESET_LINK';
