//! Wiring: settings become a bank, and a bank becomes a server.

use std::{future::pending, io::Write, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Notify, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    bank::{
        account, books, clock,
        context::{Annexes, Bank, FileRoom, PostOffice},
        error::Failure,
        heart::Pulse,
        invite, key_ring, outbox, pulse, sweep,
    },
    compat::wire::doors::Doors,
    config::checked::{Config, FileStore},
    db::{error::DbError, pool::Db},
    files::objects::{Objects, StoreSettingError},
    http::{
        document, document_cache,
        graphql::Graphql,
        library::Library,
        metrics,
        metrics::{Counted, Readers, Sights},
        operator, router,
        router::Figures,
        server,
        server::Site,
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
const DRAIN: Duration = Duration::from_secs(7);
/// How long movements that were taken, a letter on its way and a page of seals may take then.
const REST: Duration = Duration::from_secs(2);
/// And the farewell to the database: the process has ended within ten seconds in all.
const FAREWELL: Duration = Duration::from_millis(500);

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
    /// No money is served from what is broken.
    #[error(
        "the books are not sound, so nothing is served: {0}; run `teller audit`, and restore a \
         backup by `teller restore`"
    )]
    Unsound(String),
    /// A second signal.
    #[error("told to stop twice: what was under way is broken off")]
    Hurried,
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
    let opened = Db::open_at(&config.database).await;
    opened.map_err(|source| AppError::Open { place: place(&config.database.url), source })
}

/// Opens the database of the settings as it is, or says that it is not there.
pub async fn open_existing_database(config: &Config) -> Result<Db, AppError> {
    let opened = Db::open_existing_at(&config.database, false).await;
    let place = || place(&config.database.url);
    let db = opened.map_err(|source| AppError::Open { place: place(), source })?;
    if db.pending_migrations().await?.is_empty() { Ok(db) } else { Err(AppError::NotMigrated) }
}

/// Puts the bank together over an open database whose schema is up to date; writes nothing.
pub fn assemble(config: &Config, db: Db) -> Result<Bank, AppError> {
    let objects = match &config.file_store {
        FileStore::Folder(folder) => Objects::in_folder(folder)?,
        FileStore::Bucket(bucket) => Objects::in_bucket(bucket)?,
    };
    assemble_with(config, db, objects)
}

/// The same over another store of files.
pub fn assemble_with(config: &Config, db: Db, objects: Objects) -> Result<Bank, AppError> {
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

/// The routes of a server.
struct Routes {
    /// Where everybody is served.
    public: Router,
    /// Where the operator alone is.
    operator: Router,
}

/// All routes over a bank, with the limits of the settings.
fn routes_of(config: &Config, bank: Bank, web: Web, counted: Counted) -> Result<Routes, AppError> {
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
    let transport = Graphql { web, ..transport };
    let token = config.watch.token.clone();
    let sights = Sights {
        bank: transport.bank.clone(),
        crowd: transport.open.crowd.clone(),
        usage: doors.usage.clone(),
    };
    let readers = Readers { counted: counted.clone(), sights, token: token.clone() };
    let pulse = transport.bank.pulse.clone();
    let operator = operator::routes(pulse, readers, transport.tally.clone());
    let figures = config.watch.in_public.then_some(Figures { counted, token });
    Ok(Routes { public: router::with_figures(transport, doors, figures), operator })
}

/// Listens on an address.
async fn listen(at: SocketAddr, flag: &str) -> Result<(TcpListener, SocketAddr), AppError> {
    let io = |source| AppError::Io {
        what: format!("cannot listen on {at}; name another place by {flag}"),
        source,
    };
    let listener = TcpListener::bind(at).await.map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    Ok((listener, address))
}

/// Serves until the process is told to stop; told twice, it stops at once.
pub async fn serve(config: &Config, out: &mut impl Write) -> Result<(), AppError> {
    let io = |what: &str| {
        let what = what.to_owned();
        move |source| AppError::Io { what, source }
    };
    // Whoever counts must be there before there is anything to be counted.
    let counted = metrics::begin();
    let mut bank = open(config).await?;
    if let Some(reason) = books::unsound(&bank).await? {
        return Err(AppError::Unsound(reason));
    }
    let (listener, address) = listen(config.listen, "--listen").await?;
    let operators = match config.watch.listen {
        Some(at) => Some(listen(at, "--metrics-listen").await?),
        None => None,
    };
    // The port is known only now where the system chose it.
    bank.files.public_url = public_url(config, address);
    let routes = routes_of(config, bank.clone(), web(config, address), counted.clone())?;
    let database = bank.db.describe().await?;
    // Before anybody is told that the server runs, or a stop that comes at once
    // would end it without a word.
    let signals = stop_signals();
    let own = operators.as_ref().map(|(_, address)| *address);
    announce(out, config, (address, own), &database).map_err(io("standard output"))?;
    // Each connection is a file to the system, which gives few of them unless it is asked.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let (certificate, connections) = (config.certificate.clone(), config.connections);
    let site = Site { router: routes.public, connections, certificate };
    let mut workers = JoinSet::new();
    workers.spawn(counted.work());
    if let Some((listener, _)) = operators {
        let site = Site { router: routes.operator, connections, certificate: None };
        workers.spawn(async move {
            // As long as there is anything to be seen.
            server::serve(listener, site, pending(), DRAIN).await;
        });
    }
    let whole = books::rot(bank.clone());
    let stop = told_to_stop(signals.clone(), bank.pulse.clone(), config.watch.stop_delay);
    tokio::select! {
        () = serve_bank(bank, listener, site, workers, stop) => Ok(()),
        () = told(signals, 2) => Err(AppError::Hurried),
        reason = whole => Err(AppError::Unsound(reason)),
    }
}

/// Serves a bank until it is told to stop, and lets go of everything in order.
async fn serve_bank(
    bank: Bank,
    listener: TcpListener,
    site: Site,
    mut workers: JoinSet<()>,
    stop_signal: impl Future<Output = ()>,
) {
    let (stop, stopped) = watch::channel(false);
    let (db, ledger) = (bank.db.clone(), bank.ledger.clone());
    let sealer = Sealer::new(db.clone(), Arc::clone(&bank.clock)).work(stopped.clone());
    let sealer = tokio::spawn(sealer);
    let outbox = tokio::spawn(outbox::work(bank.clone(), stopped));
    workers.spawn(clock::work(bank.clone()));
    workers.spawn(pulse::work(bank.clone()));
    workers.spawn(sweep::work(bank));
    if let Some(shown) = site.certificate.clone() {
        workers.spawn(shown.work());
    }
    if !server::serve(listener, site, stop_signal, DRAIN).await {
        tracing::warn!("some requests did not end in time");
    }
    let rest = async {
        workers.shutdown().await;
        // What was taken is done, although its client may have gone.
        ledger.emptied().await;
        // A letter that is on its way is let go there, or it would be sent twice.
        stop.send_replace(true);
        let _ = tokio::join!(outbox, sealer);
    };
    if timeout(REST, rest).await.is_err() {
        tracing::warn!(
            "what was under way did not end in time: it is sealed later, a letter may come twice"
        );
    }
    if timeout(FAREWELL, db.close()).await.is_err() {
        tracing::warn!("the database did not say goodbye in time");
    }
}

/// What browsers may: pages of the front ends and of this server itself.
fn web(config: &Config, address: SocketAddr) -> Web {
    let scheme = scheme(config);
    let own = || Web::own_urls(scheme, address);
    let own = config.public_url.clone().map_or_else(own, |url| vec![url]);
    let https = own.iter().all(|url| url.starts_with("https://"));
    let urls = config.frontend_urls.iter().chain(&own).map(String::as_str);
    let secure = https || config.certificate.is_some() || !config.rules.sandbox;
    Web::new(urls, secure).over_https(https)
}

/// Counts the signals that end the process; what comes from here on is not missed.
fn stop_signals() -> watch::Receiver<usize> {
    let mut terminate = signal(SignalKind::terminate()).expect("the runtime handles signals");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the runtime handles signals");
    let (count, counted) = watch::channel(0);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            count.send_modify(|count| *count += 1);
        }
    });
    counted
}

/// Waits until the process was told to end so many times.
async fn told(mut signals: watch::Receiver<usize>, times: usize) {
    if signals.wait_for(|count| *count >= times).await.is_err() {
        // Nobody counts any more, because the runtime ends.
        pending::<()>().await;
    }
}

/// Waits for the first signal, and then for proxies to have heard of it.
async fn told_to_stop(signals: watch::Receiver<usize>, pulse: Pulse, delay: Duration) {
    told(signals, 1).await;
    // Proxies send nothing new to who says so, and what they have sent is still taken.
    pulse.drain();
    tokio::time::sleep(delay).await;
}

/// What is spoken where the server listens.
const fn scheme(config: &Config) -> &'static str {
    if config.certificate.is_some() { "https" } else { "http" }
}

/// Where clients reach a server that listens on this address.
fn public_url(config: &Config, address: SocketAddr) -> String {
    let url = config.public_url.clone();
    let url = url.unwrap_or_else(|| format!("{}://{address}", scheme(config)));
    url.trim_end_matches('/').to_owned()
}

/// Says where everything is.
fn announce(
    out: &mut impl Write,
    config: &Config,
    (address, own): (SocketAddr, Option<SocketAddr>),
    database: &str,
) -> std::io::Result<()> {
    let url = public_url(config, address);
    let place = place(&config.database.url);
    if config.rules.sandbox {
        writeln!(
            out,
            "Teller is a sandbox: letters are captured, and money from outside is free."
        )?;
    } else {
        writeln!(out, "Teller serves in production.")?;
    }
    writeln!(out, "  listening on  {}://{address}", scheme(config))?;
    writeln!(out, "  GraphQL       {url}/graphql")?;
    if config.rules.sandbox {
        writeln!(out, "  inbox         {url}/dev/inbox")?;
        writeln!(out, "  playground    {url}/playground")?;
    }
    if let Some(own) = own {
        writeln!(out, "  metrics       http://{own}/metrics")?;
    } else if config.watch.in_public {
        writeln!(out, "  metrics       {url}/metrics")?;
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
