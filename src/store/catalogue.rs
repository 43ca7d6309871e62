//! All statements by file and name, for the test that prepares them on both databases.

use super::{
    account, attempt, audit, bill, books, card, card_history, challenge, claim, door_session,
    entry, event, event_postgres, event_sqlite, file, history, history_postgres, history_sqlite,
    hold, inbox, invite, key_ring, leaving, limit, operation, outbox, particulars,
    posting_postgres, posting_sqlite, pulse, quote, registration, rekey, sandbox_clock, savings,
    seal, second_factor, session, signup, standing, user,
};

/// The statements of one file, by name.
pub type Statements = &'static [(&'static str, &'static str)];

/// Every file's statements.
pub const ALL: &[(&str, Statements)] = &[
    ("key_ring", key_ring::STATEMENTS),
    ("event", event::STATEMENTS),
    ("user", user::STATEMENTS),
    ("standing", standing::STATEMENTS),
    ("particulars", particulars::STATEMENTS),
    ("invite", invite::STATEMENTS),
    ("registration", registration::STATEMENTS),
    ("signup", signup::STATEMENTS),
    ("attempt", attempt::STATEMENTS),
    ("session", session::STATEMENTS),
    ("door_session", door_session::STATEMENTS),
    ("challenge", challenge::STATEMENTS),
    ("second_factor", second_factor::STATEMENTS),
    ("limit", limit::STATEMENTS),
    ("account", account::STATEMENTS),
    ("card", card::STATEMENTS),
    ("savings", savings::STATEMENTS),
    ("claim", claim::STATEMENTS),
    ("bill", bill::STATEMENTS),
    ("operation", operation::STATEMENTS),
    ("audit", audit::STATEMENTS),
    ("hold", hold::STATEMENTS),
    ("entry", entry::STATEMENTS),
    ("card_history", card_history::STATEMENTS),
    ("history", history::STATEMENTS),
    ("quote", quote::STATEMENTS),
    ("seal", seal::STATEMENTS),
    ("outbox", outbox::STATEMENTS),
    ("inbox", inbox::STATEMENTS),
    ("leaving", leaving::STATEMENTS),
    ("rekey", rekey::STATEMENTS),
    ("sandbox_clock", sandbox_clock::STATEMENTS),
    ("pulse", pulse::STATEMENTS),
    ("file", file::STATEMENTS),
    ("books", books::STATEMENTS),
];

/// What only SQLite is asked.
pub const SQLITE: &[(&str, Statements)] = &[
    ("event_sqlite", event_sqlite::STATEMENTS),
    ("posting_sqlite", posting_sqlite::STATEMENTS),
    ("history_sqlite", history_sqlite::STATEMENTS),
];

/// What only PostgreSQL is asked.
pub const POSTGRES: &[(&str, Statements)] = &[
    ("event_postgres", event_postgres::STATEMENTS),
    ("posting_postgres", posting_postgres::STATEMENTS),
    ("history_postgres", history_postgres::STATEMENTS),
];
