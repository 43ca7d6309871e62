-- Each process writes its own row about once a second, to know that writes succeed. Nobody
-- waits for another's row, and what processes that ended have left is swept.
CREATE TABLE pulses (
    process_id UUID        NOT NULL PRIMARY KEY,
    beaten_at  TIMESTAMPTZ NOT NULL
);
