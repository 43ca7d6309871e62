//! Clients that pay each other without end, each order sent until it is answered, whatever
//! becomes of the server or of what is below it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{process::Command, sync::Mutex, task::JoinSet};

use super::{
    load::{
        Line, OPENING, Order, Payer, Tally, Told, audit, balances, beyond, expected, missing, off,
        town,
    },
    server::Server,
};

/// Cents on each card beyond its opening credit.
const MORE: i64 = 90_000;

/// What clients were told: the orders, and the transactions that they made.
type Acknowledged = Arc<Mutex<Vec<(Order, String)>>>;

/// Clients at work.
#[derive(Debug)]
pub struct Throng {
    payers: Arc<Vec<Payer>>,
    acknowledged: Acknowledged,
    /// What else they were told.
    pub tally: Tally,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

/// What is wrong with the books afterwards; all of it must be nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    /// Cents by which the cards are off.
    pub cents: i64,
    /// Acknowledged transfers that their payer cannot see.
    pub missing: usize,
    /// Movements beyond one for each key.
    pub surplus: i64,
    /// Answers that are neither a movement nor one of those that are allowed.
    pub errors: usize,
}

impl Anomalies {
    /// What all of it must be.
    pub const NONE: &str = "0 cents lost or made, 0 acknowledged transfers missing, \
        0 movements beyond one a key, 0 other errors";

    /// The figures in the same order.
    pub fn figures(&self) -> String {
        format!("{}, {}, {}, {}", self.cents, self.missing, self.surplus, self.errors)
    }
}

impl Throng {
    /// So many clients, who move the money of so many people.
    pub async fn gather(server: &Server, clients: usize, people: u32) -> Self {
        let payers = town(server, people, MORE).await;
        let mut throng = Self {
            payers: Arc::clone(&payers),
            acknowledged: Acknowledged::default(),
            tally: Tally::default(),
            stop: Arc::default(),
            clients: JoinSet::new(),
        };
        for number in 0..clients {
            let (line, payers) = (Line::to(server), Arc::clone(&payers));
            let (stop, tally) = (Arc::clone(&throng.stop), throng.tally.clone());
            let acknowledged = Arc::clone(&throng.acknowledged);
            throng.clients.spawn(async move {
                for n in 0.. {
                    if stop.load(Ordering::SeqCst) {
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
            });
        }
        throng
    }

    /// How many orders were acknowledged until now.
    pub async fn done(&self) -> usize {
        self.acknowledged.lock().await.len()
    }

    /// Waits until so many more were acknowledged.
    pub async fn work(&self, more: usize) {
        let wanted = self.done().await + more;
        while self.done().await < wanted {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Lets each client end what it has begun, and holds what all were told against the
    /// server and, once that has stopped, against the books; how many orders there were.
    pub async fn settle(
        mut self,
        server: Server,
        auditor: Command,
        allowed: &[&str],
    ) -> (Anomalies, usize) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(done) = self.clients.join_next().await {
            done.expect("a client ends well");
        }
        let all = self.acknowledged.lock().await.clone();
        let orders = all.iter().map(|(order, _)| order);
        let wanted = expected(self.payers.len(), OPENING + MORE, orders);
        let cents = off(&balances(&server, &self.payers).await, &wanted);
        let missing = missing(&server, &self.payers, &all).await;
        assert!(server.stop().await.success());
        let surplus = beyond(audit(auditor).await, all.len() + 2 * self.payers.len());
        let errors = self.tally.others(allowed);
        (Anomalies { cents, missing, surplus, errors }, all.len())
    }
}
