-- When the refresh token of a session was last renewed; never, where it is the first one.
ALTER TABLE sessions ADD COLUMN refreshed_at TIMESTAMPTZ;
-- The hash of the token before it, which is known for what it is even where the secret
-- that made it has gone.
ALTER TABLE sessions ADD COLUMN spent_hash BYTEA;
