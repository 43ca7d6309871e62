//! A process of PostgreSQL is killed under the running server: PostgreSQL ends all others
//! of its processes with it, and the server goes on by itself.

use std::{
    fs,
    time::{Duration, Instant},
};

use tempfile::tempdir;

use crate::support::{
    bank::test_name,
    chance::Chance,
    cluster::{Postgres, signal},
    crowd::{Crowd, percentile},
    ledgers::{Harm, NO_HARM},
    load::{Line, SILENCE, town},
    proof,
    server::{Server, teller},
};

const CLIENTS: usize = 64;
const PEOPLE: u32 = 4;
const MORE: i64 = 90_000;
/// How long it may take until money moves again.
const AGAIN: Duration = Duration::from_mins(1);
/// Transfers that are looked up one by one.
const SEEN: usize = 2_000;

/// The processes of PostgreSQL that serve the bank.
fn backends(postgres: &Postgres) -> Vec<u32> {
    let serves = |process: &u32| {
        let title = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        title.contains("teller bank")
    };
    postgres.processes().into_iter().skip(1).filter(serves).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backend_of_postgresql_loses_nothing_and_the_server_stays() {
    let kills = proof::sized(3, 200);
    let postgres = Postgres::start().await;
    let url = postgres.bank("bank").await;
    let folder = tempdir().expect("a temporary folder can be made");
    let server = Server::start(folder.path(), &url).await;
    let payers = town(&server, PEOPLE, MORE).await;
    let lines = (0..CLIENTS).map(|_| Line::to(&server)).collect();
    let crowd = Crowd::start(lines, &payers, usize::MAX);
    let mut chance = Chance::new(proof::seed());
    let mut again = Vec::new();
    for _ in 0..kills {
        crowd.wait_for(CLIENTS, AGAIN).await;
        tokio::time::sleep(Duration::from_millis(chance.below(200))).await;
        // One that is in the midst of something, or one that waits.
        let all = backends(&postgres);
        let Some(one) = chance.pick(&all) else { continue };
        let killed = Instant::now();
        signal(&[*one], rustix::process::Signal::KILL);
        again.push(crowd.wait_for(1, AGAIN).await.saturating_duration_since(killed));
    }
    let (payers, tally) = (crowd.payers.clone(), crowd.tally.clone());
    let done = crowd.disperse().await;
    let auditor = teller(folder.path(), &url);
    let harm = Harm::count(&server, auditor, &payers, &done, &tally, MORE, SEEN).await;
    assert!(server.stop().await.success());
    let half = percentile(&mut again, 50);
    let held = harm == Harm::default() && again.len() + 1 >= kills;
    proof::record(
        &format!("F2 kill -9 of a backend of PostgreSQL under {CLIENTS} clients, the server on"),
        NO_HARM,
        &format!(
            "{} kills in {} transfers, {} requests without an answer: {}; money moved again \
             after {} ms (p50), {} ms at most",
            again.len(),
            done.len(),
            tally.count(SILENCE),
            harm.figures(),
            half.as_millis(),
            again.last().copied().unwrap_or_default().as_millis()
        ),
        held,
    );
    proof::tally("postgres", &test_name());
    assert!(held, "{harm:?}, {} kills: {}", again.len(), tally.list());
}
