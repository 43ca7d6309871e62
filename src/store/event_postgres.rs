//! What is asked of many streams at once, in the words of PostgreSQL.

use super::statements::statements;

statements! {
    /// The limit stands inside, so that one person's many events leave the others' unread
    /// for one round at most, and so that no plan reads the whole table.
    AFTER_EACH = "
        SELECT e.owner_id, e.number, e.kind, e.body, e.occurred_at
        FROM UNNEST($1::uuid[], $2::bigint[]) AS w (owner_id, number) CROSS JOIN LATERAL (
            SELECT e.owner_id, e.number, e.kind, e.body, e.occurred_at FROM events e
            WHERE e.owner_id = w.owner_id AND e.number > w.number ORDER BY e.number LIMIT 100) e
        ORDER BY e.owner_id, e.number";
}
