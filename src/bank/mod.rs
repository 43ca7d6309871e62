//! Floor 5: the use cases, one file for each noun.
//!
//! Each public function is one thing that a person can ask of the bank. It reads
//! what was typed, looks up the facts, asks `domain`, and writes through `store`
//! and `ledger`. GraphQL and the legacy dialects cannot disagree, because both
//! only call this. This floor knows no wire format: it takes texts and gives
//! facts.
//!
//! To add a use case: 1. a function in the file of its noun that takes the
//! `context::Bank`, a `permit` and what was typed; 2. `Failure` for every no;
//! 3. a test named as its promise.

pub mod error;
pub mod permit;
pub mod session_cache;
pub mod session_reads;
pub mod session_touches;
pub mod live;
pub mod heart;
pub mod context;
pub mod trail;
pub mod key_ring;
pub mod rekey;
pub mod outbox;
pub mod inbox;
pub mod entry;
pub mod behind;
pub mod history;
pub mod operation;
pub mod act;
pub mod staff;
pub mod attempt;
pub mod account;
pub mod user;
pub mod session;
pub mod ticket;
pub mod csrf;
pub mod authenticator;
pub mod refresh;
pub mod challenge;
pub mod registration;
pub mod reservation;
pub mod password;
pub mod email;
pub mod sign_in;
pub mod password_sign_in;
pub mod profile;
pub mod enrolment;
pub mod contact;
pub mod email_link;
pub mod signup;
pub mod reset_link;
pub mod door_session;
pub mod application;
pub mod reset_code;
pub mod second_factor;
pub mod file;
pub mod file_check;
pub mod particulars;
pub mod leaving;
pub mod customer;
pub mod operator;
pub mod invite;
pub mod limit;
pub mod card;
pub mod card_state;
pub mod card_history;
pub mod plastic;
pub mod savings;
pub mod product;
pub mod event;
pub mod sentry;
pub mod seal;
pub mod rehearsal;
pub mod transfer;
pub mod quote;
pub mod bill;
pub mod deposit;
pub mod reversal;
pub mod hold;
pub mod log;
pub mod books;
pub mod clock;
pub mod pulse;
pub mod sweep;
