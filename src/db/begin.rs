//! How a transaction begins on PostgreSQL, and how it is planned and abandoned.

/// How PostgreSQL plans our statements: once for each connection, because planning one of
/// them costs more than running it; by indexes, because a plan that was made while a
/// table was small must not read the whole of it once it has grown; and never compiled.
pub(super) const PLANS: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("jit", "off"),
];

/// How PostgreSQL finds out that a server of ours is gone without a word, so that the locks
/// of its last transaction keep nobody waiting: it asks the other end of a connection that
/// says nothing, and ends a transaction in which nothing is asked.
pub(super) const ABANDONED: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "60s"),
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30s"),
];

/// The same through a pooler, which refuses what a session would keep: it is said at the
/// start of each transaction, and ends with it. Who is at the other end of PostgreSQL's
/// connection is the pooler's to find out.
macro_rules! here {
    ($begin:literal) => {
        concat!(
            $begin,
            "; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; \
             SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off; \
             SET LOCAL idle_in_transaction_session_timeout = '60s'"
        )
    };
}

/// Starts a transaction that reads, in one snapshot.
pub(super) const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Starts one that writes.
pub(super) const WRITE: &str = "BEGIN";
/// Starts one that reads, through a pooler.
pub(super) const READ_POOLED: &str = here!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
/// Starts one that writes, through a pooler.
pub(super) const WRITE_POOLED: &str = here!("BEGIN");

#[cfg(test)]
mod tests {
    use super::{PLANS, READ, READ_POOLED, WRITE, WRITE_POOLED};

    #[test]
    fn a_transaction_through_a_pooler_is_planned_as_one_without() {
        for (pooled, plain) in [(READ_POOLED, READ), (WRITE_POOLED, WRITE)] {
            assert!(pooled.starts_with(&format!("{plain};")), "{pooled}");
            for (name, value) in PLANS {
                assert!(pooled.contains(&format!("SET LOCAL {name} = {value}")), "{pooled}");
            }
        }
    }
}
