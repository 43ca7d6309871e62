//! What is measured, and how long.

use std::time::Duration;

use crate::config::settings::Settings;

/// The groups that `--only` names.
pub const GROUPS: [&str; 6] = ["many", "hot", "me", "history", "memory", "live"];

/// The seed of the load: the same for everybody, so that a run can be repeated.
pub const SEED: u64 = 20_261_121;

/// What was typed.
#[derive(Debug, Clone)]
pub struct Options {
    /// One JSON object in place of the table.
    pub json: bool,
    /// Tiny numbers, which show that it runs and measure nothing.
    pub quick: bool,
    /// One group of rows alone.
    pub only: Option<String>,
    /// How long each load of each round lasts.
    pub seconds: Option<u64>,
    /// The settings; of these the database's URL counts, and its connections.
    pub settings: Settings,
}

/// How large everything is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// People, each with one card.
    pub people: u32,
    /// Clients at once, where a target says 64.
    pub some: usize,
    /// Clients at once, where a target says 256.
    pub lots: usize,
    /// Rounds in which everybody takes their turn.
    pub rounds: usize,
    /// How long each load of each round lasts.
    pub load: Duration,
    /// Transfers of each client of `pgbench`; none where it runs as long as a load.
    pub peer_transfers: Option<u32>,
    /// Entries of the account with the long history.
    pub entries: u32,
    /// Requests of each kind, where one client reads.
    pub reads: usize,
    /// Events that each subscriber is told at once.
    pub burst: usize,
}

impl Options {
    /// Whether a group is asked for.
    pub fn wants(&self, group: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == group)
    }

    /// How large everything is.
    pub fn size(&self) -> Size {
        let seconds = self.seconds.unwrap_or(5).max(1);
        if self.quick {
            return Size {
                people: 8,
                some: 4,
                lots: 8,
                rounds: 1,
                load: Duration::from_millis(120),
                peer_transfers: Some(5),
                entries: 20_000,
                reads: 10,
                burst: 5,
            };
        }
        Size {
            people: 1_000,
            some: 64,
            lots: 256,
            rounds: 3,
            load: Duration::from_secs(seconds),
            peer_transfers: None,
            entries: 1_000_000,
            reads: 300,
            burst: 50,
        }
    }
}
