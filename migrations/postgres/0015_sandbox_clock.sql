-- How far the clock of a sandbox stands before the machine's: one row, once it was moved.
-- It outlives the process, or what was made in the time to come would not be good yet.
CREATE TABLE sandbox_clock (
    only_row      BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    ahead_seconds BIGINT NOT NULL CHECK (ahead_seconds >= 0)
);
