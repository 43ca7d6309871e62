//! The settings as they are typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, ValueEnum, builder::BoolishValueParser};

use super::{
    attempts::AttemptSettings, database::DatabaseSettings, dialects::DialectSettings,
    intake::Intake, live::LiveSettings, secret::SecretSettings, tls::TlsSettings,
    watch::WatchSettings, watch::listen_address,
};

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

    /// What there is beside the database.
    #[command(flatten)]
    pub database: DatabaseSettings,

    /// Where the sandbox keeps its secret and its SQLite file.
    #[arg(
        long,
        global = true,
        env = "TELLER_DATA_DIR",
        value_name = "FOLDER",
        default_value = "data"
    )]
    pub data_dir: PathBuf,

    /// The secrets.
    #[command(flatten)]
    pub secrets: SecretSettings,

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

    /// How often strangers may try something.
    #[command(flatten)]
    pub attempts: AttemptSettings,

    /// Movements that may wait to be written to the books; one more is told to come later.
    #[arg(long, global = true, env = "TELLER_LEDGER_QUEUE", value_name = "NUMBER", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub ledger_queue: u32,

    /// Batches of movements that are written side by side; more than one helps only on PostgreSQL with processors to spare.
    #[arg(long, global = true, env = "TELLER_LEDGER_BATCHES", value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub ledger_batches: u32,

    /// Where files are kept: a folder, or s3://BUCKET/PREFIX; files in the data folder where nothing is said.
    #[arg(long, global = true, env = "TELLER_FILE_STORE", value_name = "PLACE")]
    pub file_store: Option<String>,

    /// Where the S3-compatible store of files answers; AWS where nothing is said.
    #[arg(long, global = true, env = "TELLER_S3_ENDPOINT", value_name = "URL")]
    pub s3_endpoint: Option<String>,

    /// The region of the S3-compatible store of files.
    #[arg(
        long,
        global = true,
        env = "TELLER_S3_REGION",
        value_name = "NAME",
        default_value = "us-east-1"
    )]
    pub s3_region: String,

    /// Who Teller is to the S3-compatible store of files.
    #[arg(long, global = true, env = "TELLER_S3_ACCESS_KEY_ID", value_name = "TEXT")]
    pub s3_access_key_id: Option<String>,

    /// What proves it; prefer the variable.
    #[arg(
        long,
        global = true,
        env = "TELLER_S3_SECRET_ACCESS_KEY",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub s3_secret_access_key: Option<String>,

    /// Bytes that a file may have.
    #[arg(long, global = true, env = "TELLER_FILE_BYTES", value_name = "NUMBER", default_value_t = 10 * 1024 * 1024, value_parser = clap::value_parser!(u64).range(1..=1024 * 1024 * 1024))]
    pub file_bytes: u64,

    /// Pixels that an image may have; making one anew takes up to twelve bytes of memory for each.
    #[arg(long, global = true, env = "TELLER_FILE_PIXELS", value_name = "NUMBER", default_value_t = 25_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub file_pixels: u64,

    /// Bytes that all files of a person may have together; each counts 4 KiB at least.
    #[arg(long, global = true, env = "TELLER_FILE_QUOTA", value_name = "NUMBER", default_value_t = 100 * 1024 * 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 50))]
    pub file_quota: u64,

    /// TLS.
    #[command(flatten)]
    pub tls: TlsSettings,

    /// The legacy dialects.
    #[command(flatten)]
    pub dialects: DialectSettings,

    /// How much may come in.
    #[command(flatten)]
    pub intake: Intake,

    /// What clients wait for.
    #[command(flatten)]
    pub live: LiveSettings,

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

    /// How operators watch the server.
    #[command(flatten)]
    pub watch: WatchSettings,

    /// What is wrong with variables and lines of the file that could not be read at all.
    #[arg(skip)]
    pub unreadable: Vec<String>,
}

/// The largest limit, in whole units: what every currency can hold as minor units.
const LIMIT_MAX: i64 = 10_000_000_000;
