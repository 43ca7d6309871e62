//! Teller: a banking backend in one binary.
//!
//! The floors stand in this order, from the ground up; a file imports only from
//! the floors below its own. Each floor's page says what it is, what it refuses
//! to know, and how to add one more of what it holds.

pub mod types;
pub mod db;
pub mod domain;
pub mod crypto;
pub mod mail;
pub mod files;
pub mod store;
pub mod ledger;
pub mod bank;
pub mod graphql;
pub mod compat;
pub mod http;
pub mod config;
pub mod app;
pub mod report;
pub mod backup;
pub mod seed;
pub mod bench;
pub mod people;
pub mod log;
pub mod trace;
pub mod cli;
