//! The settings once they were checked, all of them at once.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    secret,
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
    http::{certificate::Certificate, limits::Limits, server::Connections},
    ledger::engine::Capacity,
    mail::carrier::Smtp,
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
    /// The certificate, where this server speaks TLS itself.
    pub certificate: Option<Certificate>,
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
        let mut faults = self.unreadable.clone();
        let currencies = self.read_currencies(&mut faults);
        self.check_urls(&mut faults);
        self.check_production(&mut faults);
        self.check_files(&mut faults);
        let file_store = self.read_file_store(&mut faults);
        let dialects = self.read_dialects(&mut faults);
        let watch = self.watch.check(self.production, &mut faults);
        let certificate = self.tls.certificate(&mut faults);
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
            certificate,
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
            secure: self.tls.is_set()
                || self.public_url.as_ref().is_some_and(|url| url.starts_with("https://")),
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
        if self.mail_from.contains("@localhost") {
            let told = "--production needs TELLER_MAIL_FROM: the bank's address, which letters \
                come from";
            faults.push(told.to_owned());
        }
        if self.frontend_url.is_empty() {
            faults.push("--production needs TELLER_FRONTEND_URL: the allowed origins".to_owned());
        }
        if self.public_url.is_none() {
            let told = "--production needs TELLER_PUBLIC_URL: where clients reach this server";
            faults.push(told.to_owned());
        }
        let public = self.public_url.iter().map(|url| ("TELLER_PUBLIC_URL", url));
        let frontends = self.frontend_url.iter().map(|url| ("TELLER_FRONTEND_URL", url));
        for (name, url) in public.chain(frontends) {
            if is_in_clear(url) {
                faults.push(format!("{name} must begin with https:// in production: {url}"));
            }
        }
        if self.attempts.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
            let told = "TELLER_TRUSTED_PROXIES believes everybody: name the networks of your \
                proxies alone";
            faults.push(told.to_owned());
        }
    }

    /// Files that hold secrets must not be open to others, and those that are named be there.
    fn check_files(&self, faults: &mut Vec<String>) {
        if let Some(file) = &self.config {
            secret::check_config(file, self.production, faults);
        }
        if let Some(file) = &self.intake.trusted_documents
            && !file.is_file()
        {
            faults.push(format!("TELLER_TRUSTED_DOCUMENTS: {} is no file", file.display()));
        }
        if let Some(url) = self.smtp_url.as_ref().filter(|url| url.starts_with("smtp"))
            && let Err(error) = Smtp::check(url, &self.mail_from)
        {
            faults.push(format!("TELLER_SMTP_URL or TELLER_MAIL_FROM {error}"));
        }
    }

    /// The database of the settings, or a SQLite file in the data folder.
    fn database_url(&self) -> String {
        let otherwise = || format!("sqlite://{}", self.data_dir.join("teller.db").display());
        self.database_url.clone().unwrap_or_else(otherwise)
    }
}

/// A URL that carries everything in clear over a network.
fn is_in_clear(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else {
        return false;
    };
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !here
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
        for needed in [
            "TELLER_SECRET_KEY",
            "TELLER_SMTP_URL",
            "TELLER_MAIL_FROM",
            "TELLER_FRONTEND_URL",
            "TELLER_PUBLIC_URL",
            "XYZ",
        ] {
            assert!(told.contains(needed), "{told}");
        }
    }

    /// Settings that production takes.
    const GOOD: [(&str, &str); 5] = [
        ("--secret-key", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
        ("--smtp-url", "smtps://teller:pass@mail.example.org"),
        ("--mail-from", "Example Bank <bank@example.org>"),
        ("--frontend-url", "https://bank.example.org"),
        ("--public-url", "https://api.example.org"),
    ];

    /// What is told of these settings, but for those that stand in place of them.
    fn told_of(instead: &[(&str, Option<&str>)]) -> Result<Config, String> {
        let mut texts = vec!["--production".to_owned()];
        let given = |name: &str| instead.iter().find(|(other, _)| *other == name);
        for (name, value) in GOOD.iter().filter(|(name, _)| given(name).is_none()) {
            texts.push(format!("{name}={value}"));
        }
        for (name, value) in instead {
            texts.extend(value.map(|value| format!("{name}={value}")));
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let settings = read(&arguments(&texts)).unwrap().settings;
        settings.check(&SystemEntropy).map_err(|error| error.to_string())
    }

    #[test]
    fn production_refuses_each_setting_that_is_missing_or_weak_by_its_name() {
        assert!(told_of(&[]).is_ok());
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let of_group = file(folder, "group", NEW, 0o640);
        let of_all = file(folder, "all", NEW, 0o604);
        let private = file(folder, "private", NEW, 0o400);
        assert!(told_of(&[("--secret-key", None), ("--secret-key-file", Some(&private))]).is_ok());
        for (instead, told) in [
            (vec![("--secret-key", None)], "needs TELLER_SECRET_KEY"),
            (vec![("--secret-key", Some("secret"))], "at least 32 bytes"),
            (vec![("--secret-key", Some("aaaaaaaabbbbbbbbccccccccdddddddd"))], "a few characters"),
            (vec![("--secret-key", Some("k3Jq9ZpTk3Jq9ZpTk3Jq9ZpTk3Jq9ZpT"))], "repeated"),
            (vec![("--secret-key", Some("supersecret-0a1b2c3d4e5f60718293"))], "never replaced"),
            (vec![("--secret-key", None), ("--secret-key-file", Some(&of_group))], "chmod go="),
            (vec![("--secret-key", None), ("--secret-key-file", Some(&of_all))], "chmod go="),
            (vec![("--old-secret-key-files", Some(&of_group))], "TELLER_OLD_SECRET_KEY_FILES"),
            (vec![("--smtp-url", None)], "needs TELLER_SMTP_URL"),
            (vec![("--smtp-url", Some("mail.example.org"))], "TELLER_SMTP_URL must begin"),
            (vec![("--mail-from", None)], "needs TELLER_MAIL_FROM"),
            (vec![("--mail-from", Some("nobody"))], "TELLER_MAIL_FROM is not usable"),
            (vec![("--frontend-url", None)], "needs TELLER_FRONTEND_URL"),
            (vec![("--frontend-url", Some("*"))], "TELLER_FRONTEND_URL must begin"),
            (vec![("--frontend-url", Some("http://bank.example.org"))], "TELLER_FRONTEND_URL must"),
            (vec![("--public-url", None)], "needs TELLER_PUBLIC_URL"),
            (vec![("--public-url", Some("http://api.example.org"))], "TELLER_PUBLIC_URL must"),
            (vec![("--trusted-documents", Some("/nowhere"))], "TELLER_TRUSTED_DOCUMENTS"),
        ] {
            let error = told_of(&instead).expect_err(told);
            assert!(error.contains(told), "{instead:?}: {error}");
            assert_eq!(error.lines().count(), 2, "one thing is wrong: {error}");
        }
        let all = read(&arguments(&["--production", "--trusted-proxies=10.0.0.0/8,0.0.0.0/0"]));
        let error = all.expect_err("everybody is no proxy").to_string();
        assert!(error.contains("--trusted-proxies") && error.contains("everybody"), "{error}");
    }

    #[test]
    fn a_file_of_settings_with_a_secret_in_it_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let secret = format!("secret-key = \"{NEW}\"\n");
        let open = file(folder, "open.toml", &secret, 0o644);
        let error = check(folder, &["--config", &open]).unwrap_err();
        assert!(error.contains("chmod o=") && error.contains("secret-key"), "{error}");
        let url = "database-url = \"sqlite://x.db\"\n";
        let harmless = file(folder, "harmless.toml", url, 0o644);
        assert!(check(folder, &["--config", &harmless]).is_ok());
        let url = "database-url = \"postgres://teller:word@db/teller\"\n";
        let open = file(folder, "url.toml", url, 0o644);
        let error = check(folder, &["--config", &open]).unwrap_err();
        assert!(error.contains("database-url"), "{error}");
        let private = file(folder, "private.toml", &secret, 0o600);
        assert!(check(folder, &["--config", &private]).is_ok());
    }

    #[test]
    fn production_takes_no_money_from_anybody_unless_told() {
        let mut texts = vec![
            "--production",
            "--secret-key",
            "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "--smtp-url",
            "smtp://127.0.0.1:25",
            "--frontend-url",
            "https://bank.example.org",
            "--public-url",
            "https://api.example.org",
            "--mail-from",
            "bank@example.org",
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

    const NEW: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
    const OLD: &str = "f9e8d7c6b5a493827160504f3e2d1c0b";

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
        let sample = file(folder, "sample", "change-me-0a1b2c3d4e5f60718293a4b5", 0o600);
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
