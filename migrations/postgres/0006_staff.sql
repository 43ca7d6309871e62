-- Where a person stands with the bank's staff, who may invite, and whose letters wait.

-- When staff let the person move money; null where they still have to.
ALTER TABLE users ADD COLUMN approved_at TIMESTAMPTZ;
UPDATE users SET approved_at = created_at;
-- The role that the person asked for when they registered.
ALTER TABLE users ADD COLUMN role_asked TEXT;
-- Since when nobody signs in as this person, although they have not left yet.
ALTER TABLE users ADD COLUMN barred_at TIMESTAMPTZ;
-- When the person was forgotten: nothing but numbers is left of them then.
ALTER TABLE users ADD COLUMN deleted_at TIMESTAMPTZ;

-- What finds the letters to an address that wait, so that they go with their person.
ALTER TABLE outbox ADD COLUMN recipient_index BYTEA;

CREATE TABLE invite_codes (
    code        TEXT    NOT NULL PRIMARY KEY CHECK (length(code) BETWEEN 3 AND 16),
    -- The person who invites; null for the bank itself.
    owner_id    UUID    REFERENCES users (user_id),
    -- How many may come with it: those who have come and those who are on their way.
    uses_max    BIGINT  NOT NULL CHECK (uses_max > 0),
    reserved    BIGINT  NOT NULL CHECK (reserved >= 0),
    issued      BIGINT  NOT NULL CHECK (issued >= 0),
    expires_at  TIMESTAMPTZ,
    created_at  TIMESTAMPTZ NOT NULL
);
CREATE INDEX invite_codes_by_owner ON invite_codes (owner_id) WHERE owner_id IS NOT NULL;
