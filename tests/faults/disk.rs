//! Disks that fail: what could not be written is not acknowledged, and nothing else is lost.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use tokio::{
    process::Command,
    sync::{Mutex, watch},
    task::JoinSet,
};

use crate::support::{
    bank::test_name,
    databases,
    injury::{FailingCalls, SmallDisk},
    load::{
        Line, OPENING, Order, Payer, Tally, Told, audit, balances, beyond, expected, missing, off,
        town,
    },
    proof,
    server::{Server, teller},
};

const CLIENTS: usize = 12;
const PEOPLE: u32 = 3;
/// Cents on each card beyond its opening credit.
const MORE: i64 = 90_000;
/// How long until a server serves again once its disk is well.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a client that was told of a failure waits before its next order.
const REFUSED: Duration = Duration::from_millis(20);
/// How long the clients press at most until the disk fails.
const PRESSED: Duration = Duration::from_mins(1);

/// What came of the faults; all of it must be nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Harm {
    /// Acknowledged transfers that are not there after a restart.
    missing: usize,
    /// Requests that were told neither "moved" nor a code, though the server ran.
    pub(super) nameless: usize,
    /// Times that a server did not serve again in time.
    stuck: usize,
    /// Keys that failed and could not be repeated after the restart.
    unsettled: usize,
    /// Cents by which the cards are off.
    cents: i64,
    /// Movements beyond one a key.
    surplus: i64,
}

impl Harm {
    fn figures(&self) -> String {
        format!(
            "{}, {}, {}, {}, {}, {}",
            self.missing, self.nameless, self.stuck, self.unsettled, self.cents, self.surplus
        )
    }
}

const NO_HARM: &str = "0 acknowledged transfers missing after a restart, 0 failures without a \
    code, 0 times not serving again within 5 s, 0 keys that cannot be repeated, 0 cents off, \
    0 movements beyond one a key";

/// What each request was told.
pub(super) type Noted = Arc<Mutex<Vec<(Order, Told)>>>;

/// Sends one order after the other, each once, whatever it is told.
async fn press(
    name: String,
    number: usize,
    line: Line,
    payers: Arc<Vec<Payer>>,
    noted: Noted,
    stop: watch::Receiver<bool>,
) {
    for n in 0.. {
        if *stop.borrow() {
            break;
        }
        let from = (number + n) % payers.len();
        let to = (from + 1 + n % (payers.len() - 1)) % payers.len();
        let order = Order { key: format!("{name}-{n}"), from, to, cents: 1 };
        let told = line.ask(&payers, &order).await;
        if !matches!(told, Told::Moved { .. }) {
            // A server that refuses at once is not to be kept busy with refusing.
            tokio::time::sleep(REFUSED).await;
        }
        noted.lock().await.push((order, told));
    }
}

/// Clients that press until they are told to stop.
pub(super) struct Press {
    noted: Noted,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

impl Press {
    pub(super) fn start(server: &Server, payers: &Arc<Vec<Payer>>, round: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (noted, mut clients) = (Noted::default(), JoinSet::new());
        for number in 0..CLIENTS {
            clients.spawn(press(
                format!("round{round}-client{number}"),
                number,
                Line::to(server),
                Arc::clone(payers),
                Arc::clone(&noted),
                stopped.clone(),
            ));
        }
        Self { noted, stop, clients }
    }

    /// How many were told so, after the first `skip` answers.
    async fn count(&self, skip: usize, so: impl Fn(&Told) -> bool) -> usize {
        let noted = self.noted.lock().await;
        noted.iter().skip(skip).filter(|(_, told)| so(told)).count()
    }

    /// Waits until it is so; false where it does not come to it in time.
    pub(super) async fn until(&self, limit: Duration, so: impl AsyncFn(&Self) -> bool) -> bool {
        let started = Instant::now();
        while started.elapsed() < limit {
            if so(self).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    pub(super) async fn end(mut self) -> Vec<(Order, Told)> {
        self.stop.send_replace(true);
        while let Some(done) = self.clients.join_next().await {
            done.expect("a client ends well");
        }
        std::mem::take(&mut *self.noted.lock().await)
    }
}

pub(super) fn moved(told: &Told) -> bool {
    matches!(told, Told::Moved { .. })
}

/// Databases that are put through faults, one after the other.
#[derive(Default)]
pub(super) struct Trial {
    /// Who lives in the present one.
    pub(super) payers: Arc<Vec<Payer>>,
    /// Everything that was ever asked of the present one.
    pub(super) orders: Vec<Order>,
    /// The codes with which requests failed.
    pub(super) codes: Tally,
    pub(super) harm: Harm,
}

impl Trial {
    /// Goes on with a fresh database.
    pub(super) async fn begin(&mut self, server: &Server) {
        self.payers = town(server, PEOPLE, MORE).await;
        self.orders.clear();
    }

    /// Notes what was told while the disk failed: what was acknowledged, and what was not.
    pub(super) fn note(&mut self, noted: Vec<(Order, Told)>) -> (Vec<(Order, String)>, Vec<Order>) {
        let (mut acknowledged, mut open) = (Vec::new(), Vec::new());
        for (order, told) in noted {
            self.orders.push(order.clone());
            match told {
                Told::Moved { id, .. } => acknowledged.push((order, id)),
                Told::Failed(code) => {
                    self.codes.note(&code);
                    open.push(order);
                }
                // Every card holds enough, and nothing has ended the server.
                Told::Refused(_) | Told::Silence => {
                    self.codes.note(&format!("{told:?}"));
                    self.harm.nameless += 1;
                    open.push(order);
                }
            }
        }
        (acknowledged, open)
    }

    /// How long it takes until the server, whose disk is well again, does this.
    async fn serve_again(&mut self, server: &Server, order: &Order) -> Duration {
        let (line, started) = (Line::to(server), Instant::now());
        let told = line.settle_within(AGAIN, &self.payers, order, &Tally::default()).await;
        self.harm.stuck += usize::from(!told.is_some_and(|told| moved(&told)));
        started.elapsed()
    }

    /// Compares what was told with what a server that was started anew has, and repeats
    /// what failed.
    pub(super) async fn compare(
        &mut self,
        server: &Server,
        acknowledged: &[(Order, String)],
        open: &[Order],
        auditor: Command,
    ) {
        self.harm.missing += missing(server, &self.payers, acknowledged).await;
        let (line, tally) = (Line::to(server), Tally::default());
        for order in open {
            let told = line.settle(&self.payers, order, &tally).await;
            self.harm.unsettled += usize::from(!moved(&told));
        }
        let wanted = expected(self.payers.len(), OPENING + MORE, &self.orders);
        self.harm.cents += off(&balances(server, &self.payers).await, &wanted);
        // Each person has an opening and a top-up.
        let wanted = self.orders.len() + 2 * self.payers.len();
        self.harm.surplus += beyond(audit(auditor).await, wanted).abs();
    }

    /// Records and asserts.
    pub(super) fn conclude(self, promise: &str, measured: &str) {
        let held = self.harm == Harm::default();
        let told = self.codes.list();
        proof::tally("sqlite", &test_name());
        let figure = format!("{measured}, failures told: {told}: {}", self.harm.figures());
        proof::record(promise, NO_HARM, &figure, held);
        assert!(held, "{:?}: {figure}", self.harm);
    }
}

/// Fails the `n`th fsync of a server under load, kills it, and looks at what is there.
async fn fail_one(trial: &mut Trial, folder: &Path, url: &str, n: usize) -> Vec<String> {
    let server = Server::start(folder, url).await;
    let failing = FailingCalls::fsync(&server, folder, &n.to_string()).await;
    let pressing = Press::start(&server, &trial.payers, n);
    let reached = pressing.until(PRESSED, async |_| !failing.failed().is_empty()).await;
    assert!(reached, "there were fewer than {n} calls of fsync");
    // A thread that takes the place of one that gave up would count from the start.
    let failed = failing.detach().await;
    let before = pressing.noted.lock().await.len();
    // Those that were on their way may have had their commit before.
    let again = async |pressing: &Press| pressing.count(before, moved).await > CLIENTS;
    trial.harm.stuck += usize::from(!pressing.until(AGAIN, again).await);
    let (acknowledged, open) = trial.note(pressing.end().await);
    server.kill().await;
    let server = Server::start(folder, url).await;
    trial.compare(&server, &acknowledged, &open, teller(folder, url)).await;
    assert!(server.stop().await.success());
    failed
}

#[tokio::test(flavor = "multi_thread")]
async fn an_fsync_that_fails_is_never_acknowledged() {
    let fresh = databases::sqlite().await;
    let (folder, url) = (fresh.folder(), fresh.url.as_str());
    let server = Server::start(folder, url).await;
    let mut trial = Trial::default();
    trial.begin(&server).await;
    assert!(server.stop().await.success());
    let short = [1, 2, 3, 5, 8];
    let full: Vec<usize> = (1..=50).collect();
    let tried = if proof::scale() == proof::Scale::Full { &full[..] } else { &short[..] };
    let (mut log, mut file) = (0, 0);
    for n in tried {
        let failed = fail_one(&mut trial, folder, url, *n).await;
        let of_log = failed.iter().filter(|line| line.contains("-wal")).count();
        log += of_log;
        file += failed.len() - of_log;
    }
    let measured = format!(
        "{} of the first {} calls, {log} of the log and {file} of others, in {} transfers",
        tried.len(),
        tried.last().expect("some are tried"),
        trial.orders.len()
    );
    trial.conclude("F4 EIO on one fsync or fdatasync, SQLite", &measured);
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_while_every_fsync_fails() {
    let fresh = databases::sqlite().await;
    let (folder, url) = (fresh.folder(), fresh.url.as_str());
    let server = Server::start(folder, url).await;
    let mut trial = Trial::default();
    trial.begin(&server).await;
    let failing = FailingCalls::fsync(&server, folder, "1+").await;
    let pressing = Press::start(&server, &trial.payers, 1);
    let wanted = proof::sized(100, 1_000);
    let enough = async |pressing: &Press| pressing.count(0, |_| true).await >= wanted;
    let pressed = pressing.until(PRESSED, enough).await;
    let meanwhile = balances(&server, &trial.payers).await;
    let (acknowledged, mut open) = trial.note(pressing.end().await);
    let failed = failing.detach().await.len();
    let order = Order { key: "well-again".to_owned(), from: 0, to: 1, cents: 1 };
    trial.serve_again(&server, &order).await;
    trial.orders.push(order.clone());
    open.push(order);
    server.kill().await;
    let server = Server::start(folder, url).await;
    trial.compare(&server, &acknowledged, &open, teller(folder, url)).await;
    assert!(server.stop().await.success());
    let none = vec![OPENING + MORE; trial.payers.len()];
    let seen = off(&meanwhile, &none);
    let held = pressed && failed > 0 && acknowledged.is_empty() && seen == 0;
    proof::record(
        "F4 EIO on every fsync and fdatasync, SQLite",
        "0 requests acknowledged, 0 cents seen to move",
        &format!(
            "{failed} calls failed, {} requests: {}, {seen}",
            open.len() + acknowledged.len(),
            acknowledged.len()
        ),
        held,
    );
    assert!(held, "{failed} failed, {} were acknowledged, {seen} off", acknowledged.len());
    let measured = format!("{failed} calls failed");
    trial.conclude("F4 after EIO on every fsync and fdatasync, SQLite", &measured);
    fresh.remove().await;
}

/// The size of the small disk.
const DISK: usize = 12 << 20;
/// What is put there to be removed, at least: SQLite's log grows by some 70 KiB with each
/// transfer of its own, and all that failed must find room in it, which on a busy machine
/// is more than a hundred of them.
const BALLAST_MIN: usize = 8 << 20;
/// And up to so much more.
const BALLAST_MORE: usize = 512 << 10;

/// What a filling took.
struct Filled {
    transfers: usize,
    again: Duration,
}

/// Fills a small disk by transfers until one fails, and then makes room.
async fn fill(trial: &mut Trial, ballast: usize) -> Filled {
    let disk = SmallDisk::mount(DISK).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite://{}", disk.path().join("teller.db").display());
    let heavy = disk.seen_from_outside("ballast");
    std::fs::write(&heavy, vec![b'x'; ballast]).expect("the ballast fits");
    let server = Server::start_with(&mut disk.teller(folder.path(), &url)).await;
    trial.begin(&server).await;
    let pressing = Press::start(&server, &trial.payers, 0);
    let full = async |pressing: &Press| pressing.count(0, |told| !moved(told)).await > 0;
    assert!(pressing.until(PRESSED, full).await, "the disk was not full in time");
    let noted = pressing.end().await;
    let (acknowledged, open) = trial.note(noted);
    // Reads go on, and show what was acknowledged, while nothing can be written.
    trial.harm.missing += missing(&server, &trial.payers, &acknowledged).await;
    let wanted = acknowledged.iter().map(|(order, _)| order);
    let wanted = expected(trial.payers.len(), OPENING + MORE, wanted);
    trial.harm.cents += off(&balances(&server, &trial.payers).await, &wanted);
    std::fs::remove_file(&heavy).expect("the ballast can be removed");
    let again = trial.serve_again(&server, &open[0]).await;
    let transfers = acknowledged.len();
    assert!(server.stop().await.success());
    let server = Server::start_with(&mut disk.teller(folder.path(), &url)).await;
    let auditor = disk.teller(folder.path(), &url);
    trial.compare(&server, &acknowledged, &open, auditor).await;
    assert!(server.stop().await.success());
    Filled { transfers, again }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_an_error_with_a_code_and_room_is_used_at_once() {
    let fillings = proof::sized(1, 20);
    let mut chance = ChaCha20Rng::seed_from_u64(proof::seed());
    let mut trial = Trial::default();
    let (mut transfers, mut longest) = (0, Duration::ZERO);
    for _ in 0..fillings {
        // Each disk is full at another moment of the work.
        let more = usize::try_from(chance.next_u32()).expect("it fits") % BALLAST_MORE;
        let filled = fill(&mut trial, BALLAST_MIN + more).await;
        transfers += filled.transfers;
        longest = longest.max(filled.again);
    }
    let measured = format!(
        "{fillings} fillings by {transfers} transfers, at most {} ms until it served again",
        longest.as_millis()
    );
    trial.conclude(&format!("F5 a full disk of {} MiB, SQLite", DISK >> 20), &measured);
}
