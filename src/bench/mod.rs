//! Floor 8: what `teller bench` measures, and against whom.
//!
//! A real server process is loaded over real sockets, and each figure stands
//! beside that of a peer which did the same work in the same round: `pgbench`, a
//! bare transaction, a plain JSON server. `benches/README.md` says what each peer
//! is. This folder reaches the server as every client does, and knows the tables
//! only where a peer has to write the same rows.
//!
//! To add a row: 1. a file that measures it and gives `report::Row`s; 2. its group
//! in `options::GROUPS` and its call in `run`; 3. its line in `benches/README.md`.

pub mod error;
pub mod options;
pub mod chance;
pub mod figures;
pub mod report;
pub mod machine;
pub mod place;
pub mod people;
pub mod wire;
pub mod child;
pub mod load;
pub mod pgbench;
pub mod bare;
pub mod twin;
pub mod rows_written;
pub mod transfers;
pub mod reads;
pub mod history;
pub mod live;
pub mod run;
