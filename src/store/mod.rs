//! Floor 3: every SQL statement, once, one file for each noun.
//!
//! A function here runs one named statement in a session and turns its rows into
//! the domain's types. This floor decides nothing: whether a row may be written
//! is known before, and what follows from it is for the floors above. SQL never
//! asks for the time, and a forgotten value is refused.
//!
//! To add a statement: 1. write it into the `statements!` block of its noun's
//! file; 2. add a function that binds and runs it; 3. for a new file, add its
//! list to `catalogue`, so that the test which prepares every statement on both
//! databases finds it. To add a table: a pair of migrations with equal names.

pub mod statements;
pub mod key_ring;
pub mod event_sqlite;
pub mod event_postgres;
pub mod event;
pub mod user;
pub mod standing;
pub mod particulars;
pub mod invite;
pub mod registration;
pub mod signup;
pub mod attempt;
pub mod session;
pub mod door_session;
pub mod challenge;
pub mod second_factor;
pub mod limit;
pub mod account;
pub mod card;
pub mod savings;
pub mod bill;
pub mod operation;
pub mod hold;
pub mod audit;
pub mod posting_sqlite;
pub mod posting_postgres;
pub mod posting_rows;
pub mod claim;
pub mod posting;
pub mod quote;
pub mod entry;
pub mod card_history;
pub mod history_sqlite;
pub mod history_postgres;
pub mod history;
pub mod seal;
pub mod outbox;
pub mod inbox;
pub mod leaving;
pub mod file;
pub mod sandbox_clock;
pub mod pulse;
pub mod rekey;
pub mod books;
pub mod catalogue;
