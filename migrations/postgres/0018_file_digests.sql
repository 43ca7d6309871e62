-- What a file was when it was brought, so that rot is found; none of those from before.
ALTER TABLE files ADD COLUMN digest BYTEA CONSTRAINT files_digest CHECK (length(digest) = 32);
