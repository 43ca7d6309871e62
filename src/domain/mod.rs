//! Floor 2: pure decisions, one file for each noun.
//!
//! Given facts, a function here answers yes or a `refusal::Refusal`. Nothing is
//! async, nothing reads a clock or a database, so every rule of the bank can be
//! tested by calling it. This floor knows the vocabulary of `types` and nothing
//! of how facts are kept or shown.
//!
//! To add a rule: 1. put it into the file of its noun as a function of the facts
//! it needs; 2. where it says no in a new way, add a variant to `Refusal`, and
//! the compiler names every face that must learn to say it; 3. test it here.

pub mod fault;
pub mod attempt;
pub mod account;
pub mod user;
pub mod session;
pub mod challenge;
pub mod link_key;
pub mod second_factor;
pub mod limit;
pub mod file;
pub mod refusal;
pub mod amount;
pub mod rehearsal;
pub mod password;
pub mod trust;
pub mod staff;
pub mod invite;
pub mod card;
pub mod savings;
pub mod bill;
pub mod hold;
pub mod event;
pub mod posting;
pub mod seal;
pub mod history;
