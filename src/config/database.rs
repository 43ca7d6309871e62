//! The settings of a database that is more than one server.

use clap::ValueEnum;

use crate::db::place::Place;

/// What stands between Teller and PostgreSQL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Pooler {
    /// Nothing that matters: a connection is one session of PostgreSQL.
    #[default]
    None,
    /// A pooler that lends a connection for one transaction, such as PgBouncer in transaction mode.
    Transaction,
}

/// The settings as they are typed.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DatabaseSettings {
    /// PostgreSQL itself, where the database URL names a pooler: it is listened to there, and `migrate` works there; the database URL where nothing is said.
    #[arg(
        long,
        global = true,
        env = "TELLER_DATABASE_DIRECT_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_direct_url: Option<String>,

    /// What the database URL names: none for PostgreSQL itself, transaction for a pooler that lends a connection for one transaction.
    #[arg(
        long,
        global = true,
        env = "TELLER_DATABASE_POOLER",
        value_name = "KIND",
        default_value = "none",
        hide_possible_values = true
    )]
    pub database_pooler: Pooler,

    /// A standby of PostgreSQL on which long histories are read where it is not behind.
    #[arg(
        long,
        global = true,
        env = "TELLER_DATABASE_REPLICA_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_replica_url: Option<String>,
}

impl DatabaseSettings {
    /// Where the database is.
    pub fn place(&self, url: String, connections: u32) -> Place {
        Place {
            url,
            direct_url: self.database_direct_url.clone(),
            pooled: self.database_pooler == Pooler::Transaction,
            replica_url: self.database_replica_url.clone(),
            connections,
        }
    }

    /// Notes what is wrong with them beside this database.
    pub fn check(&self, url: &str, faults: &mut Vec<String>) {
        let is_postgres =
            |url: &str| url.starts_with("postgres:") || url.starts_with("postgresql:");
        let more = [
            ("TELLER_DATABASE_DIRECT_URL", &self.database_direct_url),
            ("TELLER_DATABASE_REPLICA_URL", &self.database_replica_url),
        ];
        for (name, value) in more {
            let Some(value) = value else { continue };
            if !is_postgres(value) {
                faults.push(format!("{name} must begin with postgres:"));
            } else if !is_postgres(url) {
                faults.push(format!("{name} needs a TELLER_DATABASE_URL of PostgreSQL"));
            }
        }
        if self.database_pooler == Pooler::Transaction {
            if !is_postgres(url) {
                let what = "TELLER_DATABASE_POOLER=transaction needs a TELLER_DATABASE_URL of \
                    PostgreSQL";
                faults.push(what.to_owned());
            }
            if self.database_direct_url.is_none() {
                let what = "TELLER_DATABASE_POOLER=transaction needs TELLER_DATABASE_DIRECT_URL: \
                    nobody can listen through such a pooler";
                faults.push(what.to_owned());
            }
        }
    }
}
