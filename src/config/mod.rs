//! Floor 8: the settings, from what is typed to what was checked.
//!
//! To add a setting: 1. its flag, variable and default in the file of its
//! group (`intake`, `attempts`, `live`, `dialects`, `database`, `secret`, `tls`,
//! `watch`) or else in `settings`; 2. what may be wrong with it, and where it goes, in `checked`; 3. its row in the README's table.

pub mod live;
pub mod intake;
pub mod attempts;
pub mod secret;
pub mod tls;
pub mod dialects;
pub mod watch;
pub mod database;
pub mod settings;
pub mod people;
pub mod arguments;
pub mod checked;
