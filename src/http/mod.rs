//! Floor 7: the doors. Routes, transports, callers, limits and pages.
//!
//! `router` has all routes on one page. This floor turns bytes into requests and
//! answers into bytes; it decides nothing about money and knows no SQL.
//!
//! To add a route: 1. a handler in the file of its subject; 2. a line in
//! `router`, with a word on who uses it.

pub mod limits;
pub mod negotiation;
pub mod nesting;
pub mod strings;
pub mod answer;
pub mod web;
pub mod cookies;
pub mod cors;
pub mod line;
pub mod caller;
pub mod persisted;
pub mod trusted;
pub mod parameters;
pub mod library;
pub mod document;
pub mod document_cache;
pub mod crowd;
pub mod tally;
pub mod shared;
pub mod threads;
pub mod patience;
pub mod farewell;
pub mod certificate;
pub mod server;
pub mod graphql;
pub mod inbox;
pub mod sandbox;
pub mod playground;
pub mod file;
pub mod host;
pub mod legacy;
pub mod docs;
pub mod home;
pub mod health;
pub mod process;
pub mod metrics;
pub mod live;
pub mod router;
pub mod operator;
