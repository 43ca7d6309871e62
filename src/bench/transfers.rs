//! Rows of the transfers: the product and its peers, in turns.

use std::{sync::Arc, time::Duration};

use super::{
    bare::Bare,
    child::Server,
    error::BenchError,
    figures,
    figures::percentile,
    load,
    load::{Done, Load, Payer, Work},
    options::{Options, SEED, Size},
    people::Caller,
    pgbench::{Pgbench, Script},
    place::{Home, Place},
    report::{Row, Target},
    rows_written, wire,
};
use crate::{crypto::keyring::Keyring, db::pool::Db};

/// Connections that a PostgreSQL needs beside those of the peer's clients.
const OTHERS: i64 = 24;
/// How long the product may go on sealing after a load, before its peer has its turn.
const CALM: Duration = Duration::from_mins(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Against whom the product runs.
#[derive(Debug)]
pub enum Peers {
    /// `pgbench`, each script on a database of its own.
    Postgres {
        /// The program, where there is one.
        pgbench: Option<Pgbench>,
        /// For the function that writes the same rows.
        same: Home,
        /// For the same rows in one interactive transaction.
        one: Home,
        /// For the bare tables.
        seven: Home,
        /// Connections that the server takes.
        connections: i64,
    },
    /// The same rows in process.
    Sqlite(Bare),
}

/// Everything that the rows of the transfers need.
#[derive(Debug)]
pub struct Stage<'s> {
    /// What was asked for.
    pub options: &'s Options,
    /// How large everything is.
    pub size: Size,
    /// Where it happens.
    pub place: &'s Place,
    /// All people.
    pub callers: &'s [Caller],
    /// The keys of the run.
    pub ring: &'s Keyring,
    /// The product's database, open beside the server.
    pub db: &'s Db,
    /// The product.
    pub server: &'s Server,
    /// The others.
    pub peers: &'s Peers,
}

/// One load.
#[derive(Debug, Clone, Copy)]
struct Scenario {
    clients: usize,
    hot: bool,
    /// What it must reach on PostgreSQL, and on SQLite.
    targets: [Option<Target>; 2],
}

/// What the rounds of one load found.
#[derive(Debug, Default)]
struct Found {
    ours: Vec<f64>,
    medians: Vec<f64>,
    tails: Vec<f64>,
    later: u64,
    same: Vec<f64>,
    one: Vec<f64>,
    bare: Vec<f64>,
    missing: Option<String>,
}

fn scenarios(options: &Options, size: &Size) -> Vec<Scenario> {
    let from = |times| Some(Target::RatioFrom(times));
    let many = [
        Scenario { clients: 1, hot: false, targets: [from(0.8), from(0.8)] },
        Scenario { clients: size.some, hot: false, targets: [from(2.0), from(5.0)] },
        Scenario { clients: size.lots, hot: false, targets: [from(4.0), None] },
    ];
    let hot = [
        Scenario { clients: size.some, hot: true, targets: [from(8.0), None] },
        Scenario { clients: size.lots, hot: true, targets: [from(30.0), None] },
    ];
    let many = many.into_iter().filter(|_| options.wants("many"));
    many.chain(hot.into_iter().filter(|_| options.wants("hot"))).collect()
}

/// Measures all loads, one after the other.
pub async fn measure(stage: &Stage<'_>) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    let mut seed = SEED;
    for scenario in scenarios(stage.options, &stage.size) {
        let mut found = Found::default();
        for _ in 0..stage.size.rounds {
            seed += 1;
            let done = ours(stage, scenario, seed).await?;
            found.ours.push(figures::a_second(done.done, done.took));
            found.medians.push(percentile(&done.micros, 50));
            found.tails.push(percentile(&done.micros, 99));
            found.later += done.later;
            calm(stage).await?;
            theirs(stage, scenario, seed, &mut found).await?;
        }
        rows.extend(told(stage, scenario, found));
    }
    Ok(rows)
}

async fn ours(stage: &Stage<'_>, scenario: Scenario, seed: u64) -> Result<Done, BenchError> {
    let payers = stage.callers.iter().map(|caller| Payer {
        bearer: wire::bearer(Some(&caller.token(stage.ring))),
        card_id: caller.card_id(),
    });
    let work = Work::Transfers { payers: Arc::new(payers.collect()), hot: scenario.hot };
    load::run(Load {
        address: stage.server.address,
        clients: scenario.clients,
        lasts: stage.size.load,
        seed,
        work,
    })
    .await
}

/// Waits until the product has done what it puts off, which would slow its peer down.
async fn calm(stage: &Stage<'_>) -> Result<(), BenchError> {
    let began = std::time::Instant::now();
    let mut before = rows_written::waiting(stage.db).await?;
    while before > 0 && began.elapsed() < CALM {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let now = rows_written::waiting(stage.db).await?;
        if now >= before {
            break;
        }
        before = now;
    }
    Ok(())
}

async fn theirs(
    stage: &Stage<'_>,
    scenario: Scenario,
    seed: u64,
    found: &mut Found,
) -> Result<(), BenchError> {
    let (size, load) = (&stage.size, (scenario.clients, scenario.hot, seed));
    match stage.peers {
        Peers::Sqlite(bare) => {
            let reached = bare.run(scenario.clients, size.load, scenario.hot, seed).await?;
            found.same.push(reached);
        }
        Peers::Postgres { pgbench: None, .. } => {
            found.missing = Some("pgbench is not on this machine".to_owned());
        }
        Peers::Postgres { pgbench: Some(pgbench), same, one, seven, connections } => {
            let needed = i64::try_from(scenario.clients).unwrap_or(i64::MAX) + OTHERS;
            if *connections < needed {
                let sentence = format!(
                    "pgbench needs a connection for each client: this server's max_connections is \
                     {connections}, {needed} would do"
                );
                found.missing = Some(sentence);
                return Ok(());
            }
            let place = stage.place;
            found.same.push(pgbench.run(place, same, size, Script::SameRows, load).await?);
            found.one.push(pgbench.run(place, one, size, Script::OneTransaction, load).await?);
            found.bare.push(pgbench.run(place, seven, size, Script::Bare, load).await?);
        }
    }
    Ok(())
}

fn told(stage: &Stage<'_>, scenario: Scenario, found: Found) -> Vec<Row> {
    let quick = stage.options.quick;
    let postgres = stage.place.is_postgres();
    let (group, which) =
        if scenario.hot { ("hot", "one hot account") } else { ("many", "many accounts") };
    let clients = scenario.clients;
    let count = if clients == 1 { "1 client".to_owned() } else { format!("{clients} clients") };
    let latency = format!(
        "an answer takes {:.2} ms, the 99th of a hundred {:.2} ms",
        figures::median(&found.medians),
        figures::median(&found.tails)
    );
    let peer = if postgres {
        "pgbench, the same rows by one function"
    } else {
        "one transaction a transfer, the same rows in process"
    };
    let mut row = Row::new(
        format!("transfer_{group}_{clients}"),
        format!("GraphQL transfer, {which}, {count}"),
        "a second",
    )
    .measured(found.ours)
    .against(peer, found.same)
    .note(latency)
    .noted(found.missing.clone());
    if found.later > 0 {
        row = row.note(format!("clients were told {} times to come later", found.later));
    }
    if postgres {
        let missing = found.missing.as_deref();
        row = row
            .beside("pgbench, the same rows in one interactive transaction", &found.one, missing)
            .beside("pgbench, seven bare rows by one function", &found.bare, missing);
    }
    if let Some(target) = scenario.targets[usize::from(!postgres)] {
        row = row.target(target, quick);
    }
    let mut rows = vec![row];
    if clients == stage.size.some && !scenario.hot {
        let tail = Row::new("transfer_p99", format!("p99 of transfer, {which}, {count}"), "ms");
        let tail = tail.measured(found.tails).against("ms, the median", found.medians);
        rows.push(tail.target(Target::RatioBelow(4.0), quick));
    }
    rows
}
