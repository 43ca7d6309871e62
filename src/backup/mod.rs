//! Floor 8: backups of a SQLite bank: made while it is served, looked at, and put back.
//!
//! A backup is one file, a database by itself, and beside it a folder `FILE.files` with
//! what people brought, where files are kept in a folder. PostgreSQL and buckets have
//! tools of their own, which are named and not copied here.
//!
//! To add what a backup must fulfil: 1. in `check`, with a word on what is wrong; 2. a
//! backup that breaks it in the tests.

pub mod error;
pub mod place;
pub mod check;
pub mod make;
pub mod restore;
