//! Floor 1: the only floor that knows which database is underneath.
//!
//! A `pool::Db` is a pool, a `session::Session` is one open transaction on it,
//! and a `query::Query` is one statement with its bound values. Everything above
//! writes SQL once, in the dialect that both databases share (`$1`
//! placeholders), and never names a driver. This floor knows no table, no noun
//! and no rule of the bank.
//!
//! To add a type that may be stored: make it `sqlx::Type` for both drivers; the
//! compiler refuses one that either lacks. To add a database: an arm in `pool`,
//! `session` and `query`, and a folder of migrations.

pub mod error;
pub mod place;
pub mod patience;
pub mod begin;
pub mod values;
pub mod fault;
pub mod rows;
pub mod home;
pub mod lone;
pub mod query;
pub mod bell;
pub mod session;
pub mod turns;
pub mod postgres;
pub mod wal;
pub mod pool;
pub mod connections;
pub mod migrate;
pub mod copy;
pub mod listen;
pub mod retry;
pub mod scratch;
