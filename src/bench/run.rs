//! The whole measurement, from an empty folder to the report.

use std::{io::Write, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use super::{
    bare::Bare,
    child,
    child::Server,
    error::{BenchError, io, unexpected},
    history, live, machine,
    options::{GROUPS, Options, SEED},
    people,
    people::Caller,
    pgbench::Pgbench,
    place::{Home, Place},
    reads,
    report::{Report, Row, RowsWritten, Target},
    rows_written, transfers,
    transfers::{Peers, Stage},
};
use crate::{
    config::checked::Config,
    db::{pool::Db, scratch},
    types::{
        clock,
        clock::{Clock as _, SystemClock},
    },
};

const PEER: &str = include_str!("sql/peer.sql");
const BARE: &str = include_str!("sql/bare.sql");

/// How long a server is left alone before its memory at rest is read.
const REST: Duration = Duration::from_secs(1);

const PRODUCT: &str = "teller";

/// Measures what was asked for and writes it; removes what was made, whatever happens.
pub async fn run(options: &Options, out: &mut impl Write) -> Result<(), BenchError> {
    if let Some(only) = &options.only
        && !GROUPS.contains(&only.as_str())
    {
        return Err(unexpected(format!("--only takes one of {}", GROUPS.join(", "))));
    }
    let mut terminated = signal(SignalKind::terminate()).map_err(io("a signal"))?;
    let place = Place::make(options)?;
    // In a task of its own, so that a panic too leaves time to remove everything.
    let mut task = JoinSet::new();
    let (asked, there) = (options.clone(), place.clone());
    task.spawn(async move { Box::pin(measure(&asked, &there)).await });
    let panicked = || Err(unexpected("the measurement panicked"));
    let outcome = tokio::select! {
        done = task.join_next() => done.and_then(Result::ok).unwrap_or_else(panicked),
        _ = tokio::signal::ctrl_c() => Err(BenchError::Interrupted),
        _ = terminated.recv() => Err(BenchError::Interrupted),
    };
    // Its child processes end with it.
    task.shutdown().await;
    let removed = place.remove().await;
    let report = outcome?;
    removed?;
    if options.json {
        let text = serde_json::to_string(&report);
        let text = text.map_err(|_| unexpected("the report is no JSON"))?;
        writeln!(out, "{text}").map_err(io("standard output"))
    } else {
        report.print(out).map_err(io("standard output"))
    }
}

/// Says what goes on, to whoever waits at a terminal.
fn say(sentence: &str) {
    // Where even standard error is gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "teller bench: {sentence}");
}

async fn measure(options: &Options, place: &Place) -> Result<Report, BenchError> {
    let size = options.size();
    let base = place.empty("people", "people").await?;
    let config = place.config(&base)?;
    let pgbench = if place.is_postgres() { Pgbench::find().await } else { None };
    let mut report = Report {
        date: clock::show(SystemClock.now()),
        machine: machine::describe(),
        teller: format!("{} ({})", env!("CARGO_PKG_VERSION"), build()),
        database: String::new(),
        pgbench: pgbench.as_ref().map(|found| found.version.clone()),
        seed: SEED,
        quick: options.quick,
        people: size.people,
        rounds: size.rounds,
        seconds: size.load.as_secs_f64(),
        rows: Vec::new(),
        rows_written: Vec::new(),
        audits: Vec::new(),
    };
    say(&format!("makes {} people with a card each", size.people));
    let callers = people::make(place, &base, size.people).await?;
    if place.is_postgres() {
        scratch::run(&base.url, "ANALYZE").await?;
    }
    report.database = describe(&base).await?;
    if ["many", "hot", "me", "memory"].iter().any(|group| options.wants(group)) {
        loads(options, place, &base, &callers, &config, pgbench, &mut report).await?;
    }
    if options.wants("history") {
        say(&format!("writes an account with {} entries, and reads it", size.entries));
        let home = place.copy(&base, "history", "history").await?;
        report.rows.extend(history::measure(options, place, &home, &callers, &config.ring).await?);
    }
    if options.wants("live") {
        say("delivers events to subscribers");
        let home = place.copy(&base, "live", "live").await?;
        report.rows.extend(live::measure(options, place, &home, &callers, &config.ring).await?);
    }
    Ok(report)
}

const fn build() -> &'static str {
    if cfg!(debug_assertions) { "a debug build, whose figures say nothing" } else { "release" }
}

/// Which database, and how it keeps what it acknowledged.
async fn describe(home: &Home) -> Result<String, BenchError> {
    let db = Db::open_existing(&home.url, 1, false).await?;
    let mut told = db.describe().await?;
    if matches!(db, Db::Postgres { .. }) {
        for (name, sql) in [
            ("fsync", "SHOW fsync"),
            ("synchronous_commit", "SHOW synchronous_commit"),
            ("shared_buffers", "SHOW shared_buffers"),
            ("max_connections", "SHOW max_connections"),
        ] {
            let value: Option<String> = db.read().await?.query(sql).scalar().await?;
            told = format!("{told}, {name}={}", value.unwrap_or_default());
        }
    } else {
        told.push_str(", WAL, synchronous=FULL");
    }
    db.close().await;
    Ok(told)
}

async fn loads(
    options: &Options,
    place: &Place,
    base: &Home,
    callers: &[Caller],
    config: &Config,
    pgbench: Option<Pgbench>,
    report: &mut Report,
) -> Result<(), BenchError> {
    let size = options.size();
    let home = place.copy(base, PRODUCT, "product").await?;
    let same = place.copy(base, "the peer that writes the same rows", "same").await?;
    let peers = peers(place, base, &same, pgbench).await?;
    let before = rows_written::count(&base.url).await?;
    let server = Server::start(place, &home).await?;
    tokio::time::sleep(REST).await;
    let at_rest = machine::resident_mib(server.process);
    let db = Db::open_existing(&home.url, 1, false).await?;
    let stage = Stage {
        options,
        size,
        place,
        callers,
        ring: &config.ring,
        db: &db,
        server: &server,
        peers: &peers,
    };
    say("measures transfers");
    report.rows.extend(transfers::measure(&stage).await?);
    if options.wants("me") {
        say("measures a read");
        report.rows.push(reads::measure(&stage, &home).await?);
    }
    let loaded = machine::resident_mib(server.process);
    if options.wants("memory") {
        report.rows.extend(memory(options, at_rest, loaded));
    }
    db.close().await;
    server.stop().await?;
    if let Peers::Sqlite(bare) = &peers {
        bare.close().await;
    }
    say("audits the books after the load");
    let mut homes = vec![&home, &same];
    if let Peers::Postgres { one, pgbench: Some(_), .. } = &peers {
        homes.push(one);
    }
    for home in homes {
        let after = rows_written::count(&home.url).await?;
        let written: Option<RowsWritten> = rows_written::between(home.who, before, after);
        report.rows_written.extend(written);
        report.audits.push(child::audit(place, home).await?);
    }
    match report.audits.iter().find(|audit| !audit.holds) {
        Some(broken) => Err(unexpected(format!(
            "after the load the books of {} do not hold:\n{}",
            broken.who, broken.told
        ))),
        None => Ok(()),
    }
}

async fn peers(
    place: &Place,
    base: &Home,
    same: &Home,
    pgbench: Option<Pgbench>,
) -> Result<Peers, BenchError> {
    if !place.is_postgres() {
        return Ok(Peers::Sqlite(Bare::open(&same.url).await?));
    }
    let one = place.copy(base, "the peer of one interactive transaction", "one").await?;
    let seven = place.copy(base, "the bare peer", "bare").await?;
    for (home, script) in [(same, PEER), (&one, PEER), (&seven, BARE)] {
        scratch::run(&home.url, script).await?;
    }
    let db = Db::open_existing(&same.url, 1, false).await?;
    let connections: Option<String> =
        db.read().await?.query("SHOW max_connections").scalar().await?;
    db.close().await;
    let connections = connections.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(Peers::Postgres { pgbench, same: same.clone(), one, seven, connections })
}

fn memory(options: &Options, at_rest: Option<f64>, loaded: Option<f64>) -> [Row; 2] {
    let rest = Row::new("memory_rest", "memory of the server at rest", "MiB");
    let rest = rest.measured(at_rest.into_iter().collect());
    let after = Row::new("memory_load", "memory of the server after all that", "MiB");
    let after = after.measured(loaded.into_iter().collect());
    let after = match at_rest {
        Some(at_rest) => after.against("MiB, at rest", vec![at_rest]),
        None => after,
    };
    [
        rest.target(Target::FigureBelow(60.0), options.quick),
        after.note("no target of its own: whether it stays flat takes an hour to see"),
    ]
}
