//! Who waits for what happens, in this process.
//!
//! `stream` is one person's stream as far as this process has read it, `registry` holds
//! the streams of all who are waited for and reads what is new for all of them at once,
//! and `watcher` is one who waits. Nothing is queued for anybody: a watcher holds a
//! position, takes what is in memory, and reads what is not from the database, so that one
//! who is slow costs no more than one who is quick.
//!
//! To wait for another kind of event nothing is to be done here: what an event says is
//! read in `domain`, and what is shown of it in `bank::event`.

pub mod stream;
pub mod registry;
pub mod watcher;
