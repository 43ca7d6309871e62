//! Wiring: settings become a bank, and a bank becomes a server.

use std::{io::Write, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Notify, watch},
};

use crate::{
    bank::{
        account, clock,
        context::{Annexes, Bank, FileRoom, PostOffice},
        error::Failure,
        invite, key_ring, outbox, sweep,
    },
    compat::wire::doors::Doors,
    config::checked::{Config, FileStore},
    db::{error::DbError, pool::Db},
    files::objects::{Objects, StoreSettingError},
    http::{
        document, document_cache,
        graphql::Graphql,
        library::Library,
        router, server,
        trusted::{Trusted, TrustedError},
        web::Web,
    },
    ledger::sealer::Sealer,
    mail::carrier::Smtp,
    types::{
        clock::{Clock, LeadingClock, SystemClock},
        entropy::SystemEntropy,
    },
};

/// How long requests that were accepted may take after the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// The server cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database cannot be opened.
    #[error("the database {place} cannot be opened: {source}")]
    Open {
        /// Where it is said to be.
        place: String,
        /// What the driver says.
        source: DbError,
    },
    /// The database cannot be read or written.
    #[error("the database failed: {0}")]
    Db(#[from] DbError),
    /// The schema is older than this program.
    #[error("the database's schema is not up to date: run `teller migrate` first")]
    NotMigrated,
    /// A use case of the start was refused, or broke.
    #[error("{0}")]
    Bank(String),
    /// A folder or a socket.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The allow-list of documents.
    #[error("TELLER_TRUSTED_DOCUMENTS: {0}")]
    Trusted(#[from] TrustedError),
    /// The store of files.
    #[error("TELLER_FILE_STORE {0}")]
    Files(#[from] StoreSettingError),
    /// The settings of the letters' carrier.
    #[error("TELLER_SMTP_URL or TELLER_MAIL_FROM {0}")]
    Mail(#[from] crate::mail::carrier::CarrierSettingError),
}

impl From<Failure> for AppError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Bank(refusal.sentence()),
            Failure::Broken(broken) => Self::Bank(format!("the bank cannot open: {broken}")),
        }
    }
}

/// Opens the database of the settings.
pub async fn open_database(config: &Config) -> Result<Db, AppError> {
    let opened = Db::open(&config.database_url, config.database_connections).await;
    opened.map_err(|source| AppError::Open { place: place(&config.database_url), source })
}

/// Opens the database of the settings as it is, or says that it is not there.
pub async fn open_existing_database(config: &Config) -> Result<Db, AppError> {
    let (url, connections) = (&config.database_url, config.database_connections);
    let opened = Db::open_existing(url, connections, false).await;
    let db = opened.map_err(|source| AppError::Open { place: place(url), source })?;
    if db.pending_migrations().await?.is_empty() { Ok(db) } else { Err(AppError::NotMigrated) }
}

/// Puts the bank together over an open database whose schema is up to date; writes nothing.
pub fn assemble(config: &Config, db: Db) -> Result<Bank, AppError> {
    let smtp = match &config.smtp_url {
        Some(url) => Some(Smtp::from_url(url, &config.mail_from)?),
        None => None,
    };
    let post_office = PostOffice {
        captures: config.rules.sandbox,
        smtp,
        frontend_url: config.frontend_url.clone(),
        wake: Arc::new(Notify::new()),
    };
    let objects = match &config.file_store {
        FileStore::Folder(folder) => Objects::in_folder(folder)?,
        FileStore::Bucket(bucket) => Objects::in_bucket(bucket)?,
    };
    let files = FileRoom::new(objects, &config.rules, public_url(config, config.listen));
    let clock: Arc<dyn Clock> = if config.rules.sandbox {
        Arc::new(LeadingClock::default())
    } else {
        Arc::new(SystemClock)
    };
    Ok(Bank::new(
        db,
        clock,
        Arc::new(SystemEntropy),
        config.ring.clone(),
        Annexes { post_office, files },
        config.rules.clone(),
        config.ledger,
    ))
}

/// Opens a bank that is there already, for a command that runs beside its servers.
pub async fn open_existing(config: &Config) -> Result<Bank, AppError> {
    let mut bank = assemble(config, open_existing_database(config).await?)?;
    clock::follow(&bank).await?;
    bank.ring = key_ring::open(&bank).await?;
    Ok(bank)
}

/// Opens the bank with its schema up to date: the sandbox migrates by itself, in
/// production an operator decides when.
pub async fn open(config: &Config) -> Result<Bank, AppError> {
    let db = open_database(config).await?;
    if config.rules.sandbox {
        db.migrate().await?;
    } else if !db.pending_migrations().await?.is_empty() {
        return Err(AppError::NotMigrated);
    }
    let mut bank = assemble(config, db)?;
    clock::follow(&bank).await?;
    bank.ring = key_ring::open(&bank).await?;
    account::open_those_of_the_bank(&bank).await?;
    invite::open_the_sandboxs(&bank).await?;
    Ok(bank)
}

/// All routes over a bank, with the limits of the settings.
fn router_of(config: &Config, bank: Bank, web: Web) -> Result<Router, AppError> {
    let library = match &config.trusted_documents {
        Some(file) => {
            let judge = |text: &str| document::judge(text, &config.limits.document);
            Library::Trusted(Trusted::from_file(file, judge)?)
        }
        None => Library::default(),
    };
    let doors = Doors::new(bank.clone(), config.dialects.clone());
    let transport = Graphql::new(bank, document_cache::BYTES_MAX)
        .with_limits(config.limits)
        .with_library(library);
    Ok(router::with_doors(Graphql { web, ..transport }, doors))
}

/// Serves until the process is told to stop.
pub async fn serve(config: &Config, out: &mut impl Write) -> Result<(), AppError> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |source| AppError::Io { what, source }
    };
    let mut bank = open(config).await?;
    let listener = TcpListener::bind(config.listen).await.map_err(io(&format!(
        "cannot listen on {}; name another place by --listen",
        config.listen
    )))?;
    let address = listener.local_addr().map_err(io("the listening socket"))?;
    // The port is known only now where the system chose it.
    bank.files.public_url = public_url(config, address);
    let router = router_of(config, bank.clone(), web(config, address))?;
    let database = bank.db.describe().await?;
    // Before anybody is told that the server runs, or a stop that comes at once
    // would end it without a word.
    let stop_signal = stop_signal();
    announce(out, config, address, &database).map_err(io("standard output"))?;
    let (stop, stopped) = watch::channel(false);
    let db = bank.db.clone();
    let sealer = Sealer::new(db.clone(), Arc::clone(&bank.clock)).work(stopped.clone());
    let sealer = tokio::spawn(sealer);
    let outbox = tokio::spawn(outbox::work(bank.clone(), stopped));
    let follower = tokio::spawn(clock::work(bank.clone()));
    let sweeper = tokio::spawn(sweep::work(bank));
    // Each connection is a file to the system, which gives few of them unless it is asked.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let drained = server::serve(listener, router, config.connections, stop_signal, DRAIN).await;
    if !drained {
        tracing::warn!("some requests did not end in time");
    }
    sweeper.abort();
    follower.abort();
    // A letter that is on its way is let go there, or it would be sent twice.
    stop.send_replace(true);
    if tokio::time::timeout(DRAIN, outbox).await.is_err() {
        tracing::warn!("a letter was on its way for too long: it may be sent again");
    }
    if tokio::time::timeout(DRAIN, sealer).await.is_err() {
        tracing::warn!("the sealer did not end in time: what it was at is sealed later");
    }
    db.close().await;
    Ok(())
}

/// What browsers may: pages of the front ends and of this server itself.
fn web(config: &Config, address: SocketAddr) -> Web {
    let own = config.public_url.clone().map_or_else(|| Web::own_urls(address), |url| vec![url]);
    let over_tls = config.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    let urls = config.frontend_urls.iter().chain(&own).map(String::as_str);
    Web::new(urls, over_tls || !config.rules.sandbox)
}

/// Listens for the signals that end the process; what comes from here on is not missed.
fn stop_signal() -> impl Future<Output = ()> {
    let mut terminate = signal(SignalKind::terminate()).expect("the runtime handles signals");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the runtime handles signals");
    async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// Where clients reach a server that listens on this address.
fn public_url(config: &Config, address: SocketAddr) -> String {
    let url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    url.trim_end_matches('/').to_owned()
}

/// Says where everything is.
fn announce(
    out: &mut impl Write,
    config: &Config,
    address: SocketAddr,
    database: &str,
) -> std::io::Result<()> {
    let url = public_url(config, address);
    let place = place(&config.database_url);
    if config.rules.sandbox {
        writeln!(
            out,
            "Teller is a sandbox: letters are captured, and money from outside is free."
        )?;
    } else {
        writeln!(out, "Teller serves in production.")?;
    }
    writeln!(out, "  listening on  http://{address}")?;
    writeln!(out, "  GraphQL       {url}/graphql")?;
    if config.rules.sandbox {
        writeln!(out, "  inbox         {url}/dev/inbox")?;
        writeln!(out, "  playground    {url}/playground")?;
    }
    if config.smtp_url.is_some() {
        writeln!(out, "  letters       sent by SMTP")?;
    }
    writeln!(out, "  database      {database}, {place}")?;
    out.flush()
}

/// Where the database is, without what a stranger must not read: a password can
/// stand before the host and among the parameters.
fn place(database_url: &str) -> String {
    let Ok(url) = url::Url::parse(database_url) else {
        return "at an unusual address".to_owned();
    };
    if url.scheme() == "sqlite" {
        return database_url.split('?').next().unwrap_or_default().to_owned();
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}
