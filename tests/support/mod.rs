//! What the tests stand on: databases, a whole bank in memory, a real server,
//! people who live in it, clients that move money all at once, broken disks, and
//! the record of what was proved.

pub mod programs;
pub mod proof;
pub mod cluster;
pub mod pooler;
pub mod databases;
pub mod factors;
pub mod bank;
pub mod cardbank;
pub mod people;
pub mod uploads;
pub mod server;
pub mod smtp;
pub mod live;
pub mod strangers;
pub mod load;
pub mod tomorrow;
pub mod injury;
pub mod chance;
pub mod proxy;
pub mod crowd;
pub mod ledgers;
pub mod model;
pub mod bad_input;
pub mod world;
pub mod wire;
pub mod financelime;
