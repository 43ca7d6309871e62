//! The settings once they were checked, all of them at once.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    settings::{Funding, Settings},
    watch::Watch,
};
use crate::{
    bank::context::Rules,
    compat::wire::doors,
    crypto::keyring::Keyring,
    db::place::Place,
    domain::attempt::Allowances,
    files::objects::Bucket,
    http::{limits::Limits, server::Connections},
    ledger::engine::Capacity,
    types::{entropy::Entropy, money::Currency, secret::Secret},
};

/// Where files are kept.
#[derive(Debug, Clone)]
pub enum FileStore {
    /// A folder.
    Folder(PathBuf),
    /// A bucket of an S3-compatible store.
    Bucket(Bucket),
}

/// Settings that were checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The database.
    pub database: Place,
    /// All keys.
    pub ring: Keyring,
    /// The SMTP server for letters.
    pub smtp_url: Option<String>,
    /// The sender of letters.
    pub mail_from: String,
    /// Where clients reach this server; none where that is the listening address.
    pub public_url: Option<String>,
    /// Where links in letters lead: the first front end.
    pub frontend_url: Option<String>,
    /// The front ends, whose origins are allowed.
    pub frontend_urls: Vec<String>,
    /// Where files are kept.
    pub file_store: FileStore,
    /// What an operator sets of the legacy dialects.
    pub dialects: doors::Settings,
    /// What an operator sets of the bank's rules.
    pub rules: Rules,
    /// How much the ledger takes on.
    pub ledger: Capacity,
    /// How much a request may bring.
    pub limits: Limits,
    /// How many may be connected.
    pub connections: Connections,
    /// The documents that alone may run, where there is such a file.
    pub trusted_documents: Option<PathBuf>,
    /// How operators watch the server.
    pub watch: Watch,
}

/// Everything that is wrong with the settings, a sentence each.
#[derive(Debug, thiserror::Error)]
#[error("the settings are not usable:\n{}", .0.iter().map(|fault| format!("  - {fault}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Settings {
    /// Checks all settings at once and lists everything that is wrong.
    pub fn check(&self, entropy: &dyn Entropy) -> Result<Config, ConfigError> {
        let mut faults = Vec::new();
        let currencies = self.read_currencies(&mut faults);
        self.check_urls(&mut faults);
        self.check_production(&mut faults);
        let file_store = self.read_file_store(&mut faults);
        let dialects = self.read_dialects(&mut faults);
        let watch = self.watch.check(self.production, &mut faults);
        let ring = self.secrets.ring(&self.data_dir, self.production, entropy, &mut faults);
        let (Some(ring), Some(file_store), true) = (ring, file_store, faults.is_empty()) else {
            return Err(ConfigError(faults));
        };
        let default_funding = if self.production { Funding::Staff } else { Funding::Open };
        let funding = self.funding.unwrap_or(default_funding);
        // The sandbox is generous, so that a load can be put on it.
        let allowances = if self.production { Allowances::PRODUCTION } else { Allowances::SANDBOX };
        let by_mode = |production| if self.production { production } else { 1_000_000 };
        Ok(Config {
            listen: self.listen,
            database: self.database.place(self.database_url(), self.database_connections),
            ring,
            smtp_url: self.smtp_url.clone(),
            mail_from: self.mail_from.clone(),
            public_url: self.public_url.clone(),
            frontend_url: self.frontend_url.first().cloned(),
            frontend_urls: self.frontend_url.clone(),
            file_store,
            dialects,
            rules: Rules {
                sandbox: !self.production,
                currencies,
                funding_open: funding == Funding::Open,
                transfer_limit: self.transfer_limit.unwrap_or(by_mode(10_000)),
                top_up_limit: self.top_up_limit.unwrap_or(by_mode(5_000)),
                allowances: self.attempts.allowances(&allowances),
                trusted_proxies: self.attempts.trusted_proxies.clone(),
                file_bytes_max: self.file_bytes,
                file_pixels_max: self.file_pixels,
                file_quota: self.file_quota,
                events_kept: self.live.kept(),
                events_poll: self.live.poll(),
            },
            ledger: Capacity {
                waiting: self.ledger_queue as usize,
                batches: self.ledger_batches as usize,
            },
            limits: Limits {
                sockets: self.live.sockets(self.production),
                ..self.intake.limits(!self.production)
            },
            connections: self.intake.connections(),
            trusted_documents: self.intake.trusted_documents.clone(),
            watch,
        })
    }

    fn read_dialects(&self, faults: &mut Vec<String>) -> doors::Settings {
        let limits = self.intake.limits(!self.production);
        doors::Settings {
            open: self.dialects.open(faults),
            deprecated_at: self.dialects.dialects_deprecated.timestamp(),
            body_max: limits.body,
            time: limits.time,
            secure: self.public_url.as_ref().is_some_and(|url| url.starts_with("https://")),
            invite_required: self.dialects.invite_required,
        }
    }

    fn read_currencies(&self, faults: &mut Vec<String>) -> Vec<Currency> {
        let mut currencies = Vec::new();
        for code in &self.currencies {
            match Currency::parse(&code.trim().to_ascii_uppercase()) {
                Some(currency) if currencies.contains(&currency) => {
                    faults.push(format!("TELLER_CURRENCIES names {currency} twice"));
                }
                Some(currency) => currencies.push(currency),
                None => {
                    faults.push(format!("TELLER_CURRENCIES: {code} is no code of ISO 4217"));
                }
            }
        }
        if self.currencies.is_empty() {
            faults.push("TELLER_CURRENCIES must name one currency at least".to_owned());
        }
        currencies
    }

    fn check_urls(&self, faults: &mut Vec<String>) {
        let public = self.public_url.iter().map(|url| ("TELLER_PUBLIC_URL", url));
        let frontends = self.frontend_url.iter().map(|url| ("TELLER_FRONTEND_URL", url));
        let stores = self.s3_endpoint.iter().map(|url| ("TELLER_S3_ENDPOINT", url));
        for (name, url) in public.chain(frontends).chain(stores) {
            let parsed = url::Url::parse(url).ok();
            let web = parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https"));
            if !web {
                faults.push(format!("{name} must begin with http:// or https://"));
            }
        }
        if let Some(url) = &self.smtp_url
            && !(url.starts_with("smtp://") || url.starts_with("smtps://"))
        {
            faults.push("TELLER_SMTP_URL must begin with smtp:// or smtps://".to_owned());
        }
        let known = ["sqlite:", "postgres:", "postgresql:"];
        if !known.iter().any(|scheme| self.database_url().starts_with(scheme)) {
            faults.push("TELLER_DATABASE_URL must begin with sqlite: or postgres:".to_owned());
        }
        self.database.check(&self.database_url(), faults);
    }

    /// A folder, or a bucket with all that opens it.
    fn read_file_store(&self, faults: &mut Vec<String>) -> Option<FileStore> {
        let Some(place) = &self.file_store else {
            return Some(FileStore::Folder(self.data_dir.join("files")));
        };
        let Some(place) = place.strip_prefix("s3://") else {
            if place.contains("://") {
                faults.push("TELLER_FILE_STORE must be a folder or s3://BUCKET/PREFIX".to_owned());
                return None;
            }
            return Some(FileStore::Folder(PathBuf::from(place)));
        };
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        if name.is_empty() {
            faults.push("TELLER_FILE_STORE names no bucket: s3://BUCKET/PREFIX".to_owned());
        }
        let mut needed = |name: &str, value: &Option<String>| {
            if value.is_none() {
                faults.push(format!("TELLER_FILE_STORE=s3://… needs {name}"));
            }
            value.clone()
        };
        let access_key_id = needed("TELLER_S3_ACCESS_KEY_ID", &self.s3_access_key_id);
        let secret = needed("TELLER_S3_SECRET_ACCESS_KEY", &self.s3_secret_access_key);
        Some(FileStore::Bucket(Bucket {
            name: name.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            access_key_id: access_key_id?,
            secret_access_key: Secret::new(secret?),
        }))
    }

    fn check_production(&self, faults: &mut Vec<String>) {
        if !self.production {
            return;
        }
        if !self.secrets.is_set() {
            faults.push("--production needs TELLER_SECRET_KEY: 32 random bytes or more".to_owned());
        }
        if self.smtp_url.is_none() {
            faults.push("--production needs TELLER_SMTP_URL: letters carry the codes".to_owned());
        }
        if self.frontend_url.is_empty() {
            faults.push("--production needs TELLER_FRONTEND_URL: the allowed origins".to_owned());
        }
    }

    /// The database of the settings, or a SQLite file in the data folder.
    fn database_url(&self) -> String {
        let otherwise = || format!("sqlite://{}", self.data_dir.join("teller.db").display());
        self.database_url.clone().unwrap_or_else(otherwise)
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::Config;
    use crate::{config::arguments::read, types::entropy::SystemEntropy};

    fn arguments(texts: &[&str]) -> Vec<OsString> {
        ["teller"].iter().chain(texts).map(OsString::from).collect()
    }

    #[test]
    fn production_says_everything_that_it_misses_at_once() {
        let settings =
            read(&arguments(&["--production", "--currencies", "USD,XYZ"])).unwrap().settings;
        let told = settings.check(&SystemEntropy).unwrap_err().to_string();
        for needed in ["TELLER_SECRET_KEY", "TELLER_SMTP_URL", "TELLER_FRONTEND_URL", "XYZ"] {
            assert!(told.contains(needed), "{told}");
        }
    }

    #[test]
    fn production_takes_no_money_from_anybody_unless_told() {
        let mut texts = vec![
            "--production",
            "--secret-key",
            "0123456789abcdef0123456789abcdef",
            "--smtp-url",
            "smtp://127.0.0.1:25",
            "--frontend-url",
            "https://bank.example.org",
        ];
        let rules = |texts: &[&str]| {
            read(&arguments(texts)).unwrap().settings.check(&SystemEntropy).unwrap().rules
        };
        assert!(!rules(&texts).funding_open);
        assert!(!rules(&texts).sandbox);
        texts.extend(["--funding", "open"]);
        assert!(rules(&texts).funding_open);
    }

    #[test]
    fn the_sandbox_makes_its_secret_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let settings = read(&arguments(&["--data-dir", data.to_str().unwrap()])).unwrap().settings;
        let one = settings.check(&SystemEntropy).unwrap();
        assert_eq!(one.database.url, format!("sqlite://{}/teller.db", data.display()));
        let two = settings.check(&SystemEntropy).unwrap();
        assert_eq!(one.ring.key_id, two.ring.key_id);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(data.join("secret.key")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }

    const NEW: &str = "0123456789abcdef0123456789abcdef";
    const OLD: &str = "fedcba9876543210fedcba9876543210";

    fn check(folder: &Path, texts: &[&str]) -> Result<Config, String> {
        let data = folder.join("data");
        let all = ["teller", "--data-dir", data.to_str().unwrap()]
            .into_iter()
            .chain(texts.iter().copied());
        let arguments: Vec<OsString> = all.map(OsString::from).collect();
        let settings = read(&arguments).unwrap().settings;
        settings.check(&SystemEntropy).map_err(|error| error.to_string())
    }

    fn file(folder: &Path, name: &str, text: &str, mode: u32) -> String {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_secret_comes_from_a_file_that_not_everybody_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let private = file(folder, "private", &format!("{NEW}\n"), 0o640);
        let typed = check(folder, &["--secret-key", NEW]).unwrap();
        let read = check(folder, &["--secret-key-file", &private]).unwrap();
        assert_eq!(read.ring.key_id, typed.ring.key_id);
        let open = file(folder, "open", NEW, 0o644);
        let short = file(folder, "short", "secret", 0o600);
        let sample = file(folder, "sample", "change-me-0123456789abcdef0123456789", 0o600);
        for (texts, told) in [
            (vec!["--secret-key-file", open.as_str()], "chmod o="),
            (vec!["--secret-key-file", short.as_str()], "at least 32 bytes"),
            (vec!["--secret-key-file", sample.as_str()], "never replaced"),
            (vec!["--secret-key-file", "/nowhere/at/all"], "/nowhere/at/all"),
            (vec!["--secret-key", NEW, "--secret-key-file", &private], "set one"),
            (vec!["--secret-key", "secret"], "at least 32 bytes"),
            (
                vec!["--secret-key", NEW, "--old-secret-keys", "short"],
                "TELLER_OLD_SECRET_KEYS must",
            ),
            (vec!["--secret-key", NEW, "--old-secret-key-files", &open], "chmod o="),
        ] {
            let error = check(folder, &texts).unwrap_err();
            assert!(error.contains(told), "{texts:?}: {error}");
            assert!(!error.contains(NEW), "{error}");
        }
    }

    #[test]
    fn a_pooler_and_a_replica_stand_beside_postgresql_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let (near, far) = ("postgres://a/b", "postgres://c/d");
        for (texts, told) in [
            (vec!["--database-replica-url", near], "TELLER_DATABASE_REPLICA_URL needs"),
            (vec!["--database-url", near, "--database-direct-url", "x"], "DIRECT_URL must begin"),
            (
                vec!["--database-url", near, "--database-pooler", "transaction"],
                "needs TELLER_DATABASE_DIRECT_URL",
            ),
        ] {
            let error = check(folder, &texts).unwrap_err();
            assert!(error.contains(told), "{texts:?}: {error}");
        }
        let texts = [
            ["--database-url", near],
            ["--database-direct-url", far],
            ["--database-pooler", "transaction"],
        ];
        let place = check(folder, &texts.concat()).unwrap().database;
        assert!(place.pooled);
        assert_eq!(place.direct_url.as_deref(), Some(far));
    }

    #[test]
    fn older_secrets_stand_behind_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let old = check(folder, &["--secret-key", OLD]).unwrap().ring;
        let kept = file(folder, "old", OLD, 0o600);
        for texts in [
            ["--secret-key", NEW, "--old-secret-keys", OLD],
            ["--secret-key", NEW, "--old-secret-key-files", &kept],
        ] {
            let ring = check(folder, &texts).unwrap().ring;
            assert_ne!(ring.key_id, old.key_id);
            assert!(ring.of(&old.key_id).is_some());
        }
        let same = check(folder, &["--secret-key", NEW, "--old-secret-keys", NEW]).unwrap().ring;
        assert_eq!(same.all().count(), 1);
    }
}
