//! What is asked of many streams at once, in the words of SQLite.

use super::statements::statements;

statements! {
    /// Numbers have no gap, so a hundred of them are a hundred events at most.
    AFTER_EACH = "
        SELECT e.owner_id, e.number, e.kind, e.body, e.occurred_at
        FROM json_each($1) k CROSS JOIN events e
        WHERE e.owner_id = unhex(k.value ->> 0) AND e.number > (k.value ->> 1)
            AND e.number <= (k.value ->> 1) + 100
        ORDER BY e.owner_id, e.number";
}
