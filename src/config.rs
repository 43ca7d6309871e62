//! Settings: flags, `TELLER_…` variables and a file, in this order of weight.

use std::{
    ffi::OsString,
    fs, io,
    io::{Read as _, Write as _},
    net::{SocketAddr, ToSocketAddrs as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use clap::{
    ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    builder::{BoolishValueParser, Resettable},
};

use crate::{
    bank::context::Rules,
    crypto::keyring::Keyring,
    ledger::engine::Capacity,
    types::{entropy, entropy::Entropy, money::Currency, secret::Secret},
};

/// A GraphQL banking API server over a double-entry ledger.
///
/// Without any setting it runs as a sandbox: SQLite in ./data, captured mail at
/// /dev/inbox, opening credits and free top-ups.
#[derive(Debug, Clone, Parser)]
#[command(name = "teller", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// What to do; serve where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The settings of all commands.
    #[command(flatten)]
    pub settings: Settings,
}

const AFTER_HELP: &str = "Each setting is taken from its flag, else from its TELLER_… variable, \
    else from the file of --config, else it has the default shown. The file is TOML with the \
    flags' names: listen = \"127.0.0.1:9000\".";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve the API (the default).
    Serve,
    /// Bring the database's schema up to date, and stop.
    Migrate,
    /// Print the GraphQL schema.
    Schema,
    /// Make demo people with cards and a little history; sandbox only.
    Seed,
    /// Compute every sum and balance of the books again; exit 1 on a difference.
    Audit,
    /// Measure a server of its own against its peers: on SQLite in a temporary folder, or on databases that it makes on the server of a postgres:// URL and drops again.
    Bench {
        /// Print one JSON object with every round in place of the table.
        #[arg(long)]
        json: bool,
        /// Use tiny numbers, which show that it runs and judge nothing.
        #[arg(long)]
        quick: bool,
        /// Measure one group of rows alone: many, hot, me, history or memory.
        #[arg(long, value_name = "GROUP")]
        only: Option<String>,
        /// How long each load of each round lasts; 5 where nothing is said.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=3600))]
        seconds: Option<u64>,
    },
    /// Serve the plain JSON that `bench` compares with.
    #[command(hide = true)]
    BenchTwin,
}

/// Who may pay money in from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Funding {
    /// Everybody, free of charge.
    Open,
    /// Only the bank's staff, who record deposits.
    Staff,
}

/// The settings as they are typed.
#[expect(clippy::doc_markdown, reason = "`--help` shows these lines as they stand here")]
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// A TOML file with further settings.
    #[arg(long, global = true, env = "TELLER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where to listen.
    #[arg(
        long,
        global = true,
        env = "TELLER_LISTEN",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080",
        value_parser = listen_address
    )]
    pub listen: SocketAddr,

    /// The database: sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/NAME; teller.db in the data folder where nothing is said.
    #[arg(
        long,
        global = true,
        env = "TELLER_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_url: Option<String>,

    /// Connections to the database that are open at most (readers, on SQLite).
    #[arg(long, global = true, env = "TELLER_DATABASE_CONNECTIONS", value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,

    /// Where the sandbox keeps its secret and its SQLite file.
    #[arg(
        long,
        global = true,
        env = "TELLER_DATA_DIR",
        value_name = "FOLDER",
        default_value = "data"
    )]
    pub data_dir: PathBuf,

    /// The secret that all keys are made of, 32 random bytes or more; the sandbox makes its own.
    #[arg(
        long,
        global = true,
        env = "TELLER_SECRET_KEY",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub secret_key: Option<String>,

    /// The SMTP server for letters: smtp://HOST:PORT, or smtps://USER:PASSWORD@HOST.
    #[arg(
        long,
        global = true,
        env = "TELLER_SMTP_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub smtp_url: Option<String>,

    /// The sender of letters.
    #[arg(
        long,
        global = true,
        env = "TELLER_MAIL_FROM",
        value_name = "MAILBOX",
        default_value = "Teller <teller@localhost>"
    )]
    pub mail_from: String,

    /// Where clients reach this server; http:// and the listening address where nothing is said.
    #[arg(long, global = true, env = "TELLER_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// A front end: the target of links and an allowed origin; repeatable, or with commas.
    #[arg(
        long,
        global = true,
        env = "TELLER_FRONTEND_URL",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub frontend_url: Vec<String>,

    /// What accounts may be counted in, ISO 4217 codes with commas; the first is the default.
    #[arg(
        long,
        global = true,
        env = "TELLER_CURRENCIES",
        value_name = "CODES",
        value_delimiter = ',',
        default_value = "USD,EUR"
    )]
    pub currencies: Vec<String>,

    /// Who may pay money in from outside: open in the sandbox, staff in production, where nothing is said.
    #[arg(long, global = true, env = "TELLER_FUNDING", value_name = "WHO")]
    pub funding: Option<Funding>,

    /// What a person may pay to others in a day, in whole units of each currency; 10000 in production and 1000000 in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_TRANSFER_LIMIT", value_name = "UNITS", value_parser = clap::value_parser!(i64).range(1..=LIMIT_MAX))]
    pub transfer_limit: Option<i64>,

    /// What a person may bring in from outside in a day, in whole units of each currency; 5000 in production and 1000000 in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_TOP_UP_LIMIT", value_name = "UNITS", value_parser = clap::value_parser!(i64).range(1..=LIMIT_MAX))]
    pub top_up_limit: Option<i64>,

    /// Movements that may wait to be written to the books; one more is told to come later.
    #[arg(long, global = true, env = "TELLER_LEDGER_QUEUE", value_name = "NUMBER", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub ledger_queue: u32,

    /// Batches of movements that are written side by side; more than one helps only on PostgreSQL with processors to spare.
    #[arg(long, global = true, env = "TELLER_LEDGER_BATCHES", value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub ledger_batches: u32,

    /// Production: explicit secrets, SMTP and origins; no /dev routes, no opening credits.
    #[arg(
        long,
        global = true,
        env = "TELLER_PRODUCTION",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value = "false",
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "BOOL",
        value_parser = BoolishValueParser::new()
    )]
    pub production: bool,

    /// What to log: error, warn, info, debug, trace, or a filter such as teller=debug.
    #[arg(
        long,
        global = true,
        env = "TELLER_LOG",
        value_name = "FILTER",
        default_value = "warn,teller=info"
    )]
    pub log: String,
}

/// The largest limit, in whole units: what every currency can hold as minor units.
const LIMIT_MAX: i64 = 10_000_000_000;

/// Settings that were checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The database.
    pub database_url: String,
    /// Connections to it that are open at most.
    pub database_connections: u32,
    /// All keys.
    pub ring: Keyring,
    /// The SMTP server for letters.
    pub smtp_url: Option<String>,
    /// The sender of letters.
    pub mail_from: String,
    /// Where clients reach this server; none where that is the listening address.
    pub public_url: Option<String>,
    /// What an operator sets of the bank's rules.
    pub rules: Rules,
    /// How much the ledger takes on.
    pub ledger: Capacity,
}

/// Everything that is wrong with the settings, a sentence each.
#[derive(Debug, thiserror::Error)]
#[error("the settings are not usable:\n{}", .0.iter().map(|fault| format!("  - {fault}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Reads flags, variables and the file.
///
/// Help, versions and malformed flags come back as clap's own errors, which know
/// how to show themselves.
pub fn read(arguments: &[OsString]) -> Result<Arguments, clap::Error> {
    let command = without_empty_variables(Arguments::command());
    // The file's place is known before its settings can be; so flags are read twice.
    let first = command.clone().ignore_errors(true).try_get_matches_from(arguments)?;
    let file: Option<&PathBuf> = first.get_one("config");
    let command = match file {
        Some(file) => with_file(command, file)?,
        None => command,
    };
    let matches: ArgMatches = command.try_get_matches_from(arguments)?;
    Arguments::from_arg_matches(&matches)
}

/// A variable that is set to nothing is as one that is not set: files that start
/// containers pass such for every setting that they leave alone.
fn without_empty_variables(mut command: clap::Command) -> clap::Command {
    let is_empty = |argument: &clap::Arg| {
        argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    let empty: Vec<clap::Id> =
        command.get_arguments().filter(|a| is_empty(a)).map(|a| a.get_id().clone()).collect();
    for id in empty {
        command = command.mut_arg(id, |argument| argument.env(Resettable::Reset));
    }
    command
}

/// Reads `127.0.0.1:8080`, or a name such as `localhost:8080`.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| "write an address and a port, such as 127.0.0.1:8080".to_owned())
}

/// Makes the values of a file the defaults of their flags.
fn with_file(mut command: clap::Command, file: &Path) -> Result<clap::Command, clap::Error> {
    let mut fail = |message: String| {
        let kind = clap::error::ErrorKind::InvalidValue;
        command.error(kind, format!("{}: {message}", file.display()))
    };
    let text = fs::read_to_string(file).map_err(|error| fail(error.to_string()))?;
    let table: toml::Table = text.parse().map_err(|error| fail(format!("{error}")))?;
    for (name, value) in table {
        let id = name.replace('-', "_");
        let known = command.get_arguments().any(|argument| argument.get_id() == id.as_str());
        let plain = match value {
            toml::Value::String(text) => Some(text),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(flag) => Some(flag.to_string()),
            toml::Value::Array(list) => {
                let texts: Option<Vec<&str>> = list.iter().map(toml::Value::as_str).collect();
                texts.map(|texts| texts.join(","))
            }
            _ => None,
        };
        let mut fail = |message: String| {
            let kind = clap::error::ErrorKind::UnknownArgument;
            command.error(kind, format!("{}: {message}", file.display()))
        };
        if !known || id == "config" {
            return Err(fail(format!("there is no setting {name}")));
        }
        let Some(plain) = plain else {
            return Err(fail(format!("{name} must be a text, a number, true or false, or a list")));
        };
        command = command.mut_arg(id, |argument| argument.default_value(plain));
    }
    Ok(command)
}

impl Settings {
    /// Checks all settings at once and lists everything that is wrong.
    pub fn check(&self, entropy: &dyn Entropy) -> Result<Config, ConfigError> {
        let mut faults = Vec::new();
        let currencies = self.read_currencies(&mut faults);
        self.check_urls(&mut faults);
        self.check_production(&mut faults);
        let ring = match self.secret(entropy) {
            Ok(Some(secret)) => Keyring::from_secret(&secret)
                .map_err(|weak| faults.push(format!("TELLER_SECRET_KEY {weak}")))
                .ok(),
            Ok(None) => None,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let (Some(ring), true) = (ring, faults.is_empty()) else {
            return Err(ConfigError(faults));
        };
        let default_funding = if self.production { Funding::Staff } else { Funding::Open };
        let funding = self.funding.unwrap_or(default_funding);
        // The sandbox is generous, so that a load can be put on it.
        let by_mode = |production| if self.production { production } else { 1_000_000 };
        Ok(Config {
            listen: self.listen,
            database_url: self.database_url(),
            database_connections: self.database_connections,
            ring,
            smtp_url: self.smtp_url.clone(),
            mail_from: self.mail_from.clone(),
            public_url: self.public_url.clone(),
            rules: Rules {
                sandbox: !self.production,
                currencies,
                funding_open: funding == Funding::Open,
                transfer_limit: self.transfer_limit.unwrap_or(by_mode(10_000)),
                top_up_limit: self.top_up_limit.unwrap_or(by_mode(5_000)),
            },
            ledger: Capacity {
                waiting: self.ledger_queue as usize,
                batches: self.ledger_batches as usize,
            },
        })
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
        for (name, url) in public.chain(frontends) {
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
    }

    fn check_production(&self, faults: &mut Vec<String>) {
        if !self.production {
            return;
        }
        if self.secret_key.is_none() {
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

    /// The secret of the settings, or the sandbox's own, made once and kept.
    fn secret(&self, entropy: &dyn Entropy) -> Result<Option<Secret>, String> {
        match (&self.secret_key, self.production) {
            (Some(secret), _) => Ok(Some(Secret::new(secret))),
            (None, true) => Ok(None),
            (None, false) => {
                let file = self.data_dir.join("secret.key");
                let secret = kept_secret(&self.data_dir, &file, entropy);
                secret.map(Some).map_err(|error| format!("{}: {error}", file.display()))
            }
        }
    }
}

/// Makes a folder that its owner alone may look into: it will hold people's data.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Reads the sandbox's secret, or makes it where there is none.
fn kept_secret(folder: &Path, file: &Path, entropy: &dyn Entropy) -> io::Result<Secret> {
    make_private_folder(folder)?;
    let drawn: [u8; 32] = entropy::bytes(entropy);
    let drawn = hex::encode(drawn);
    // Written whole under another name and then linked, so that two that start at
    // once agree, and one that dies half-way leaves no half of a secret.
    let unique: [u8; 8] = entropy::bytes(entropy);
    let draft = folder.join(format!("secret.key.{:016x}", u64::from_be_bytes(unique)));
    if !file.exists() {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut writer = options.open(&draft)?;
        writer.write_all(drawn.as_bytes())?;
        writer.sync_all()?;
        let linked = fs::hard_link(&draft, file);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let mut text = String::new();
    fs::File::open(file)?.read_to_string(&mut text)?;
    Ok(Secret::new(text.trim()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::read;
    use crate::types::entropy::SystemEntropy;

    fn arguments(texts: &[&str]) -> Vec<OsString> {
        ["teller"].iter().chain(texts).map(OsString::from).collect()
    }

    #[test]
    fn a_file_stands_behind_flags() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teller.toml");
        let text = "listen = \"127.0.0.1:9000\"\ncurrencies = [\"EUR\", \"JPY\"]\n\
            database-connections = 3\nproduction = true\n";
        std::fs::write(&file, text).unwrap();
        let path = file.to_str().unwrap();
        let read = |more: &[&str]| {
            let texts = [&["--config", path], more].concat();
            read(&arguments(&texts)).unwrap().settings
        };
        let settings = read(&["audit"]);
        assert_eq!(settings.listen.port(), 9000);
        assert_eq!(settings.currencies, ["EUR", "JPY"]);
        assert_eq!(settings.database_connections, 3);
        assert!(settings.production);
        assert_eq!(read(&["serve", "--listen", "127.0.0.1:1"]).listen.port(), 1);
    }

    #[test]
    fn a_file_with_an_unknown_setting_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teller.toml");
        std::fs::write(&file, "lisen = \"127.0.0.1:9000\"\n").unwrap();
        let error = read(&arguments(&["--config", file.to_str().unwrap()])).unwrap_err();
        assert!(error.to_string().contains("there is no setting lisen"), "{error}");
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
    fn a_switch_is_set_by_its_name_alone_or_by_a_word() {
        let production = |texts: &[&str]| read(&arguments(texts)).unwrap().settings.production;
        assert!(!production(&[]));
        assert!(production(&["--production"]));
        assert!(production(&["--production", "audit"]));
        assert!(production(&["--production=yes"]));
        assert!(!production(&["--production=0"]));
    }

    #[test]
    fn the_sandbox_makes_its_secret_once() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let settings = read(&arguments(&["--data-dir", data.to_str().unwrap()])).unwrap().settings;
        let one = settings.check(&SystemEntropy).unwrap();
        assert_eq!(one.database_url, format!("sqlite://{}/teller.db", data.display()));
        let two = settings.check(&SystemEntropy).unwrap();
        assert_eq!(one.ring.key_id, two.ring.key_id);
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(data.join("secret.key")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }
}
