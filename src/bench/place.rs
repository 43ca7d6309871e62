//! The databases and the folder of a run, all removed when it is over.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    error::{BenchError, io, unexpected},
    options::Options,
};
use crate::{
    config::{
        checked::Config, database::DatabaseSettings, secret::SecretSettings, settings::Settings,
    },
    db::{error::DbError, scratch},
    types::{entropy, entropy::SystemEntropy},
};

/// How often a copy is tried again while the server still sees a connection that was closed.
const COPIES: u32 = 50;
const BETWEEN_COPIES: Duration = Duration::from_millis(100);

/// Where a run does its work.
#[derive(Debug, Clone)]
pub struct Place {
    folder: PathBuf,
    /// The server on which databases are made; none on SQLite.
    server: Option<url::Url>,
    /// What is dropped at the end.
    made: Arc<Mutex<Vec<String>>>,
    secret: String,
    settings: Settings,
}

/// One database of the run.
#[derive(Debug, Clone)]
pub struct Home {
    /// Whose it is.
    pub who: &'static str,
    /// Its URL.
    pub url: String,
    /// Its name or its file.
    pub name: String,
}

impl Place {
    /// Makes a folder; on which server databases are made, the settings say.
    pub fn make(options: &Options) -> Result<Self, BenchError> {
        let url = options.settings.database_url.as_deref().unwrap_or_default();
        let server = if url.starts_with("postgres") {
            let parsed = url::Url::parse(url);
            Some(parsed.map_err(|error| unexpected(format!("--database-url: {error}")))?)
        } else {
            None
        };
        let drawn: [u8; 4] = entropy::bytes(&SystemEntropy);
        let name = format!("teller-bench-{}-{}", std::process::id(), hex::encode(drawn));
        let folder = std::env::temp_dir().join(name);
        let made = fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(io("the temporary folder"))?;
        let secret: [u8; 32] = entropy::bytes(&SystemEntropy);
        Ok(Self {
            folder,
            server,
            made: Arc::default(),
            secret: hex::encode(secret),
            settings: options.settings.clone(),
        })
    }

    /// The folder that goes with the run.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The databases are PostgreSQL's.
    pub const fn is_postgres(&self) -> bool {
        self.server.is_some()
    }

    /// The settings of a child process, as its variables.
    pub fn variables(&self, home: &Home) -> Vec<(&'static str, String)> {
        vec![
            ("TELLER_DATABASE_URL", home.url.clone()),
            ("TELLER_DATABASE_CONNECTIONS", self.settings.database_connections.to_string()),
            ("TELLER_LEDGER_BATCHES", self.settings.ledger_batches.to_string()),
            ("TELLER_DATA_DIR", self.folder.display().to_string()),
            ("TELLER_SECRET_KEY", self.secret.clone()),
            ("TELLER_LISTEN", "127.0.0.1:0".to_owned()),
            ("TELLER_SOCKETS_PERSON", "10000".to_owned()),
            ("TELLER_SOCKETS_ADDRESS", "100000".to_owned()),
            ("TELLER_EVENTS_POLL", "1".to_owned()),
            ("TELLER_LOG", "error".to_owned()),
        ]
    }

    /// The same settings for a bank in this process.
    pub fn config(&self, home: &Home) -> Result<Config, BenchError> {
        let settings = Settings {
            config: None,
            database_url: Some(home.url.clone()),
            database: DatabaseSettings::default(),
            data_dir: self.folder.clone(),
            secrets: SecretSettings {
                secret_key: Some(self.secret.clone()),
                ..SecretSettings::default()
            },
            smtp_url: None,
            public_url: None,
            frontend_url: Vec::new(),
            currencies: vec!["USD".to_owned(), "EUR".to_owned()],
            funding: None,
            production: false,
            ..self.settings.clone()
        };
        Ok(settings.check(&SystemEntropy)?)
    }

    fn home(&self, who: &'static str, short: &str) -> Home {
        if let Some(server) = &self.server {
            let name = format!("teller_bench_{}_{short}", std::process::id());
            let mut url = server.clone();
            url.set_path(&name);
            Home { who, url: url.to_string(), name }
        } else {
            let file = self.folder.join(format!("{short}.db")).display().to_string();
            Home { who, url: format!("sqlite://{file}"), name: file }
        }
    }

    fn remember(&self, home: &Home) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push(home.name.clone());
    }

    /// An empty database.
    pub async fn empty(&self, who: &'static str, short: &str) -> Result<Home, BenchError> {
        let home = self.home(who, short);
        if let Some(server) = &self.server {
            self.remember(&home);
            scratch::run(server.as_str(), &format!("CREATE DATABASE {}", home.name)).await?;
        }
        Ok(home)
    }

    /// A copy of a database to which nobody is connected.
    pub async fn copy(
        &self,
        from: &Home,
        who: &'static str,
        short: &str,
    ) -> Result<Home, BenchError> {
        let home = self.home(who, short);
        let Some(server) = &self.server else {
            fs::copy(&from.name, &home.name).map_err(io("the copy of a database"))?;
            return Ok(home);
        };
        self.remember(&home);
        let sql = format!("CREATE DATABASE {} TEMPLATE {}", home.name, from.name);
        let mut tries = 0;
        loop {
            match scratch::run(server.as_str(), &sql).await {
                // A server needs a moment to see that a connection is gone.
                Err(DbError::Driver(_)) if tries < COPIES => tries += 1,
                done => {
                    done?;
                    return Ok(home);
                }
            }
            tokio::time::sleep(BETWEEN_COPIES).await;
        }
    }

    /// Removes everything that was made, whoever still uses it.
    pub async fn remove(&self) -> Result<(), BenchError> {
        let names = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for name in names.iter().rev() {
            if let Some(server) = &self.server {
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                scratch::run(server.as_str(), &sql).await?;
            }
        }
        fs::remove_dir_all(&self.folder).map_err(io("the temporary folder"))
    }
}
