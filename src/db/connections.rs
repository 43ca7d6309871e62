//! How many connections there are, and how many wait for one.

use super::{pool::Db, turns};

/// The connections of a process to its database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Those that are open.
    pub open: usize,
    /// Those among them that nobody uses.
    pub idle: usize,
    /// How many wait for one.
    pub waiting: usize,
}

impl Db {
    /// How many connections there are now, and how many wait for one.
    pub fn connections(&self) -> Connections {
        let waiting = turns::waiting();
        match self {
            Self::Sqlite { writer, readers, lone, .. } => Connections {
                open: size(writer.size()) + size(readers.size()),
                idle: writer.num_idle() + readers.num_idle() + lone.idle(),
                waiting,
            },
            Self::Postgres { cluster, .. } => Connections {
                open: size(cluster.pool().size()),
                idle: cluster.pool().num_idle() + cluster.at_hand(),
                waiting,
            },
        }
    }
}

fn size(connections: u32) -> usize {
    usize::try_from(connections).unwrap_or(usize::MAX)
}
