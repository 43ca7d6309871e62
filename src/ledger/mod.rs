//! Floor 4: the posting engine, the only place where money moves.
//!
//! Every use case hands over a `posting::Posting` and gets an `Answer`: done,
//! refused with the facts, or replayed. What must hold beside the balances (the
//! session lives, the account is opened with it) travels with the posting as
//! data, so that the engine may commit many of them together. This floor knows
//! accounts and their floors; it does not know who asked or why.
//!
//! One lock order for every transaction of the bank: idempotency keys (sorted),
//! the person who opens an account, accounts (by id). Whoever takes a lock
//! elsewhere keeps the same order.
//!
//! To add a condition: 1. a field in `posting::Posting` that says it as data;
//! 2. its check in `engine`, under the lock that it needs, in the order above;
//! 3. where it can fail, a `Refusal` in `domain`.

pub mod posting;
pub mod engine;
