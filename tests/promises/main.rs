//! What Teller promises, each test named as its promise.
//!
//! One binary holds them all, because each one links the whole crate. To add a
//! promise: a file with its noun's name here, and a line below.

#[path = "../faults/mod.rs"]
mod faults;
#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod audit_log;
mod attempts;
mod bad_input;
mod balances;
mod batches;
mod bench;
mod bills;
mod browsers;
mod canaries;
mod cardbank_bodies;
mod cardbank_browser;
mod cardbank_money;
mod cardbank_numbers;
mod cardbank_others;
mod cardbank_people;
mod cardbank_story;
mod cards;
mod clients;
mod cluster;
mod commands;
mod connections;
mod contract;
mod cost;
mod databases;
mod docs;
mod document_cache;
mod deliveries;
mod dialects;
mod documents;
mod doors;
mod ewallet;
mod events;
mod factors;
mod financelime;
mod financelime_sessions;
mod fintract;
mod fintract_guards;
mod files;
mod guards;
mod health;
mod history;
mod leaving;
mod keys;
mod life;
mod loaders;
mod locks;
mod log_lines;
mod mail;
mod metrics;
mod migrating;
mod money;
mod moving;
mod openapi;
mod operator;
mod ownership;
mod packaging;
mod passwords;
mod people;
mod playground;
mod profile;
mod quotes;
mod protocol;
mod races;
mod readme;
mod restores;
mod roles;
mod sandbox;
mod savings;
mod registrations;
mod refresh;
mod seal;
mod seed;
mod sessions;
mod silence;
mod simulation;
mod sockets;
mod staff;
mod stopwatch;
mod story;
mod stops;
mod tamper;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod transport;
mod unsure;
mod uploads;
