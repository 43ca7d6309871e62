//! A crowd of clients that move money all at once and send each order with its key until
//! it is answered, whatever breaks meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
};

use super::{
    load::{Line, Order, Payer, Tally, Told, town},
    server::Server,
};

/// Cents on the card of each of those who are gathered, beyond its opening credit.
pub const MORE: i64 = 90_000;
/// How long money may stand still, whatever has broken.
const STILL: Duration = Duration::from_mins(2);
/// How many crowds there were, so that each has keys of its own.
static CROWDS: AtomicUsize = AtomicUsize::new(0);

/// An order that was acknowledged.
#[derive(Debug, Clone)]
pub struct Done {
    /// What was wanted.
    pub order: Order,
    /// The transaction that it made.
    pub id: String,
    /// When it was acknowledged.
    pub at: Instant,
    /// How long it took, over all repeats.
    pub took: Duration,
}

/// The clients at work.
#[derive(Debug)]
pub struct Crowd {
    /// Between whom they move money.
    pub payers: Arc<Vec<Payer>>,
    /// What they were told beside acknowledgements.
    pub tally: Tally,
    done: Arc<Mutex<Vec<Done>>>,
    stop: watch::Sender<bool>,
    clients: JoinSet<()>,
}

impl Crowd {
    /// Lets a client work on each of these lines, for so many orders at most.
    pub fn start(lines: Vec<Line>, payers: &Arc<Vec<Payer>>, most: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (tally, done) = (Tally::default(), Arc::<Mutex<Vec<Done>>>::default());
        let crowd = CROWDS.fetch_add(1, Ordering::Relaxed);
        let mut clients = JoinSet::new();
        for (number, line) in lines.into_iter().enumerate() {
            let payers = Arc::clone(payers);
            let (tally, done) = (tally.clone(), Arc::clone(&done));
            let worker = Worker {
                name: format!("crowd{crowd}-{number}"),
                number,
                line,
                payers,
                tally,
                done,
            };
            clients.spawn(worker.work(most, stopped.clone()));
        }
        Self { payers: Arc::clone(payers), tally, done, stop, clients }
    }

    /// So many clients of a server, who move the money of so many people without end.
    pub async fn gather(server: &Server, clients: usize, people: u32) -> Self {
        let payers = town(server, people, MORE).await;
        Self::start((0..clients).map(|_| Line::to(server)).collect(), &payers, usize::MAX)
    }

    /// Waits until so many more orders were acknowledged.
    pub async fn work(&self, more: usize) {
        self.wait_for(more, STILL).await;
    }

    /// The orders that were acknowledged until now.
    pub async fn so_far(&self) -> Vec<Done> {
        self.done.lock().await.clone()
    }

    /// How many orders were acknowledged until now.
    pub async fn count(&self) -> usize {
        self.done.lock().await.len()
    }

    /// Waits until so many more were acknowledged, and tells when the first of them was.
    pub async fn wait_for(&self, more: usize, limit: Duration) -> Instant {
        let (before, started) = (self.count().await, Instant::now());
        while self.count().await < before + more {
            let told = self.tally.list();
            assert!(started.elapsed() < limit, "no money moves any more: {told}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.done.lock().await[before].at
    }

    /// Waits until every client has done all its orders.
    pub async fn finish(mut self) -> Vec<Done> {
        while let Some(ended) = self.clients.join_next().await {
            ended.expect("a client ends well");
        }
        std::mem::take(&mut *self.done.lock().await)
    }

    /// Lets each client end what it has begun.
    pub async fn disperse(self) -> Vec<Done> {
        self.stop.send_replace(true);
        self.finish().await
    }
}

struct Worker {
    name: String,
    number: usize,
    line: Line,
    payers: Arc<Vec<Payer>>,
    tally: Tally,
    done: Arc<Mutex<Vec<Done>>>,
}

impl Worker {
    async fn work(self, most: usize, stop: watch::Receiver<bool>) {
        for n in 0..most {
            if *stop.borrow() {
                break;
            }
            let people = self.payers.len();
            let from = (self.number + n) % people;
            let to = (from + 1 + n % (people - 1)) % people;
            let order = Order { key: format!("{}-{n}", self.name), from, to, cents: 1 };
            let started = Instant::now();
            match self.line.settle(&self.payers, &order, &self.tally).await {
                Told::Moved { id, .. } => {
                    let (at, took) = (Instant::now(), started.elapsed());
                    self.done.lock().await.push(Done { order, id, at, took });
                }
                told => self.tally.note(&format!("{told:?}")),
            }
        }
    }
}

/// The time under which so many of a hundred stayed.
pub fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort();
    let place = (times.len() * of_hundred / 100).min(times.len().saturating_sub(1));
    times.get(place).copied().unwrap_or_default()
}
