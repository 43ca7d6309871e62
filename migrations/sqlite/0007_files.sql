-- Files that people brought. The bytes are in the store of files, under the file's name.

CREATE TABLE files (
    file_id     BLOB    NOT NULL PRIMARY KEY,
    owner_id    BLOB    NOT NULL REFERENCES users (user_id),
    name        TEXT    NOT NULL UNIQUE,
    format      TEXT    NOT NULL,
    size        INTEGER NOT NULL CHECK (size > 0),
    -- The key of its URL, sealed.
    access_key  BLOB    NOT NULL,
    -- The row is written before the bytes and deleted after them, so that bytes without
    -- a row cannot be.
    state       TEXT    NOT NULL CHECK (state IN ('ARRIVING', 'KEPT', 'LEAVING')),
    avatar      INTEGER NOT NULL CHECK (avatar IN (FALSE, TRUE)),
    created_at  TEXT    NOT NULL,
    changed_at  TEXT    NOT NULL,
    CHECK (NOT avatar OR state = 'KEPT')
) STRICT;
CREATE INDEX files_by_owner ON files (owner_id);
CREATE UNIQUE INDEX files_one_avatar ON files (owner_id) WHERE avatar;
CREATE INDEX files_on_the_move ON files (changed_at) WHERE state <> 'KEPT';
