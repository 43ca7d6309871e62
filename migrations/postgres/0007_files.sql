-- Files that people brought. The bytes are in the store of files, under the file's name.

CREATE TABLE files (
    file_id     UUID        NOT NULL PRIMARY KEY,
    owner_id    UUID        NOT NULL REFERENCES users (user_id),
    name        TEXT        NOT NULL UNIQUE,
    format      TEXT        NOT NULL,
    size        BIGINT      NOT NULL CHECK (size > 0),
    -- The key of its URL, sealed.
    access_key  BYTEA       NOT NULL,
    -- The row is written before the bytes and deleted after them, so that bytes without
    -- a row cannot be.
    state       TEXT        NOT NULL CHECK (state IN ('ARRIVING', 'KEPT', 'LEAVING')),
    avatar      BOOLEAN     NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    changed_at  TIMESTAMPTZ NOT NULL,
    CHECK (NOT avatar OR state = 'KEPT')
);
CREATE INDEX files_by_owner ON files (owner_id);
CREATE UNIQUE INDEX files_one_avatar ON files (owner_id) WHERE avatar;
CREATE INDEX files_on_the_move ON files (changed_at) WHERE state <> 'KEPT';
