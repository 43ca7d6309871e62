-- What the legacy dialects keep beside what everybody has.

-- What a page of ewallet repeats in a header, hashed: by it a session is found where the
-- browser does not send its tokens.
ALTER TABLE sessions ADD COLUMN csrf_access_hash BLOB;
ALTER TABLE sessions ADD COLUMN csrf_refresh_hash BLOB;
CREATE UNIQUE INDEX sessions_by_csrf_access ON sessions (csrf_access_hash);
CREATE UNIQUE INDEX sessions_by_csrf_refresh ON sessions (csrf_refresh_hash);

-- What a client of ewallet said of itself when it moved money; nobody has checked it.
CREATE TABLE transaction_claims (
    transaction_id  BLOB NOT NULL PRIMARY KEY REFERENCES transactions (transaction_id),
    ip_address      TEXT NOT NULL,
    location        TEXT NOT NULL,
    user_agent      TEXT
) STRICT;

-- What people of fintract say of themselves.
ALTER TABLE users ADD COLUMN gender TEXT;
ALTER TABLE users ADD COLUMN citizenship TEXT;
ALTER TABLE users ADD COLUMN bank_name TEXT;
-- Sealed.
ALTER TABLE users ADD COLUMN national_id BLOB;
