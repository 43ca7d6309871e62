//! Floor 4: the posting engine, the only place where money moves, and the sealer,
//! which chains what moved.
//!
//! Every use case hands over a `posting::Posting` and gets an `Answer`: done,
//! refused with the facts, or replayed. `engine` gathers what waits and commits
//! it together; `batch` reads the facts of all of them under their locks, `books`
//! decides one after the other in memory, and what came of it is written by a
//! handful of statements, however many there are. This floor knows accounts and
//! their floors; it does not know who asked or why.
//!
//! One lock order for every transaction of the bank: idempotency keys (sorted),
//! the person who opens an account, sessions, accounts, bills, holds, reversed
//! transactions, limit counters (each by id), streams (by owner). Whoever takes a lock
//! elsewhere keeps the same order.
//! The sealer takes none of them: it reads rows that never change again and writes
//! tables that are its own.
//!
//! To add a condition: 1. a field in `posting::Posting` that says it as data;
//! 2. its facts, read in `batch` by one statement for all postings that have it,
//! under the lock that it needs, in the order above; 3. its decision in `books`;
//! 4. where it can fail, a `Refusal` in `domain`.

pub mod posting;
pub mod bank_account;
pub mod books;
pub mod batch;
pub mod single;
pub mod figures;
pub mod engine;
pub mod sealer;
pub mod chain;
