//! Faults: what breaks below or around the server, and what must hold all the same.
//!
//! Each file breaks one kind of thing while clients move money, writes its seed down,
//! and then checks the books: no cent lost or made, no acknowledged transfer missing,
//! no key moved twice. Each has a short form in `make test`; its full form in
//! `make prove` notes the figure it reached beside its target in tests/PROOF.md.

mod backends;
mod backups;
mod clock;
mod disk;
mod drain;
mod failover;
mod kills;
mod mail;
mod memory;
mod migrations;
mod network;
mod pooler;
mod postgres;
mod replica;
mod rot;
mod short_writes;
mod soak;
mod stopped;
