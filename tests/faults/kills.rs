//! A power cut in the middle of the work: nothing acknowledged is lost, nothing is done twice,
//! and the bank is open again at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
};

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    load::{
        Line, OPENING, OVERLOADED, Order, Payer, SILENCE, Tally, Told, audit, balances, beyond,
        expected, missing, off, town,
    },
    proof,
    server::{Server, teller},
};

const CLIENTS: usize = 64;
const PEOPLE: u32 = 4;
/// Cents on each card beyond its opening credit.
const MORE: i64 = 90_000;
/// Keys that are sent again after each kill: the last that were acknowledged before it.
const AGAIN: usize = 16;
/// Between two kills the clients work for this long at most, in milliseconds.
const BETWEEN: u32 = 200;
/// How long a server may take until the first answer after a kill.
const READY_MAX: Duration = Duration::from_secs(3);
/// And half of all restarts.
const READY_HALF: Duration = Duration::from_millis(500);

/// What clients were told: the orders, and the transactions that they made.
type Acknowledged = Arc<Mutex<Vec<(Order, String)>>>;

/// One client: its transfers one after the other, each sent with its key until it is answered.
async fn pay_until_told(
    number: usize,
    line: Line,
    payers: Arc<Vec<Payer>>,
    acknowledged: Acknowledged,
    tally: Tally,
    stop: watch::Receiver<bool>,
) {
    for n in 0.. {
        if *stop.borrow() {
            break;
        }
        let from = (number + n) % payers.len();
        let to = (from + 1 + n % (payers.len() - 1)) % payers.len();
        let order = Order { key: format!("client{number}-{n}"), from, to, cents: 1 };
        match line.settle(&payers, &order, &tally).await {
            Told::Moved { id, .. } => acknowledged.lock().await.push((order, id)),
            told => tally.note(&format!("{told:?}")),
        }
    }
}

/// What was counted after all kills.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    /// Cents by which the cards are off.
    cents: i64,
    /// Acknowledged transfers that their payer cannot see.
    missing: usize,
    /// Movements beyond one for each key.
    surplus: i64,
    /// Keys that were told something else when they were sent again.
    changed: usize,
    /// Errors that clients were told, but for silence and for being told to come later.
    errors: usize,
}

/// What the figures were counted on.
#[derive(Debug, Default)]
struct Work {
    figures: Figures,
    transfers: usize,
    readies: Vec<Duration>,
    tally: Tally,
}

/// Starts a server, and measures how long it takes until it answers a request.
async fn start_measured(fresh: &Fresh) -> (Server, Duration) {
    let started = Instant::now();
    let server = Server::start(fresh.folder(), &fresh.url).await;
    server.run(None, "{ __typename }", json!({})).await;
    (server, started.elapsed())
}

/// How many of these keys are told something new when they are sent again.
async fn changed(server: &Server, payers: &[Payer], told: &[(Order, String)]) -> usize {
    let (line, tally) = (Line::to(server), Tally::default());
    let mut changed = 0;
    for (order, id) in told.iter().rev().take(AGAIN) {
        let before = Told::Moved { id: id.clone(), replayed: true };
        changed += usize::from(line.settle(payers, order, &tally).await != before);
    }
    changed
}

/// Clients at work, and the way to tell them where the server is.
struct Crowd {
    payers: Arc<Vec<Payer>>,
    acknowledged: Acknowledged,
    tell: watch::Sender<String>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

impl Crowd {
    async fn gather(server: &Server, tally: &Tally) -> Self {
        let payers = town(server, PEOPLE, MORE).await;
        let (tell, url) = watch::channel(server.url.clone());
        let (stop, stopped) = watch::channel(false);
        let acknowledged = Acknowledged::default();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(pay_until_told(
                number,
                Line::new(url.clone()),
                Arc::clone(&payers),
                Arc::clone(&acknowledged),
                tally.clone(),
                stopped.clone(),
            ));
        }
        Self { payers, acknowledged, tell, stop, clients }
    }

    /// Waits until the clients have been answered, and some time more.
    async fn work(&self, more: Duration) {
        let before = self.acknowledged.lock().await.len();
        while self.acknowledged.lock().await.len() < before + CLIENTS {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(more).await;
    }

    /// Lets each client end what it has begun.
    async fn disperse(&mut self) -> Vec<(Order, String)> {
        self.stop.send_replace(true);
        while let Some(done) = self.clients.join_next().await {
            done.expect("a client ends well");
        }
        self.acknowledged.lock().await.clone()
    }
}

async fn kill_and_restart(fresh: &Fresh, kills: usize) -> Work {
    let mut work = Work::default();
    let mut chance = ChaCha20Rng::seed_from_u64(proof::seed());
    let (mut server, _) = start_measured(fresh).await;
    let mut crowd = Crowd::gather(&server, &work.tally).await;
    let payers = Arc::clone(&crowd.payers);
    let figures = &mut work.figures;
    let mut seen = 0;
    for kill in 1..=kills {
        let more = Duration::from_micros(u64::from(chance.next_u32() % (BETWEEN * 1_000)));
        crowd.work(more).await;
        server.kill().await;
        // Nowhere: its port may soon be that of somebody else's server.
        crowd.tell.send_replace(String::new());
        let told = crowd.acknowledged.lock().await.clone();
        let ready;
        (server, ready) = start_measured(fresh).await;
        work.readies.push(ready);
        figures.missing += missing(&server, &payers, &told[seen..]).await;
        figures.changed += changed(&server, &payers, &told).await;
        seen = told.len();
        if kill % proof::sized(1, 10) == 0 {
            audit(teller(fresh.folder(), &fresh.url)).await;
        }
        crowd.tell.send_replace(server.url.clone());
    }
    let all = crowd.disperse().await;
    work.transfers = all.len();
    // At full size the last ones, and some of those that were seen after the kill that
    // followed them: the cards and the count of movements speak for all.
    let some: Vec<_> = all.iter().step_by(proof::sized(1, 10)).cloned().collect();
    figures.missing += missing(&server, &payers, &all[seen..]).await;
    figures.missing += missing(&server, &payers, &some).await;
    let before = balances(&server, &payers).await;
    let orders = all.iter().map(|(order, _)| order);
    figures.cents = off(&before, &expected(payers.len(), OPENING + MORE, orders));
    assert!(server.stop().await.success());
    let transactions = audit(teller(fresh.folder(), &fresh.url)).await;
    // Each person has an opening and a top-up.
    figures.surplus = beyond(transactions, all.len() + 2 * payers.len());
    figures.errors = work.tally.others(&[SILENCE, OVERLOADED]);
    let server = Server::start(fresh.folder(), &fresh.url).await;
    assert_eq!(balances(&server, &payers).await, before, "the same after a stop and a start");
    assert!(server.stop().await.success());
    work
}

fn record_figures(fresh: &Fresh, kills: usize, work: &Work) -> bool {
    let figures = &work.figures;
    let held = *figures == Figures::default();
    proof::record(
        &format!("F1 kill -9 under {CLIENTS} clients, {}", fresh.name),
        "0 cents lost or made, 0 acknowledged transfers missing, 0 movements beyond one a key, \
         0 answers changed, 0 errors",
        &format!(
            "{kills} kills in {} transfers, {} requests without an answer: {}, {}, {}, {}, {}",
            work.transfers,
            work.tally.count(SILENCE),
            figures.cents,
            figures.missing,
            figures.surplus,
            figures.changed,
            figures.errors
        ),
        held,
    );
    held
}

fn record_ready(fresh: &Fresh, work: &mut Work) -> bool {
    work.readies.sort();
    let half = work.readies[work.readies.len() / 2];
    let max = *work.readies.last().expect("there was a kill");
    let held = half < READY_HALF && max < READY_MAX;
    proof::record(
        &format!(
            "F1 from the start of the process to the first answer after a kill, {}",
            fresh.name
        ),
        &format!("p50 under {} ms, max under {} s", READY_HALF.as_millis(), READY_MAX.as_secs()),
        &format!("p50 {} ms, max {} ms", half.as_millis(), max.as_millis()),
        held,
    );
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_done_twice() {
    for fresh in databases::both().await {
        let full = if fresh.name == "sqlite" { 200 } else { 50 };
        let kills = proof::sized(3, full);
        let mut work = kill_and_restart(&fresh, kills).await;
        let held = record_figures(&fresh, kills, &work);
        let ready = record_ready(&fresh, &mut work);
        proof::tally(fresh.name, &test_name());
        assert!(held, "{}: {:?}: {}", fresh.name, work.figures, work.tally.list());
        // In an unoptimised build beside other tests the time says nothing.
        let measured = proof::scale() == proof::Scale::Full;
        assert!(ready || !measured, "{}: {:?}", fresh.name, work.readies);
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_where_everything_is() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let (url, told) = (&server.url, &server.announced);
        let named = if fresh.name == "sqlite" { "SQLite 3." } else { "PostgreSQL 1" };
        for needed in [format!("{url}/graphql"), format!("{url}/dev/inbox"), named.to_owned()] {
            assert!(told.contains(&needed), "{needed}: {told}");
        }
        let answer: Value = server.run(None, "{ serverInfo { sandbox } }", json!({})).await;
        assert_eq!(answer["serverInfo"]["sandbox"], true);
        let version = told.lines().find_map(|line| line.trim().strip_prefix("database"));
        let version = version.and_then(|text| text.split(',').next()).unwrap_or_default();
        proof::record_version(version.trim());
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
