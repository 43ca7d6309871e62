//! Many clients at once: no card is overdrawn, no key moves twice, nobody is told of a deadlock.

use std::sync::Arc;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use tokio::task::JoinSet;

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    load::{
        Line, OPENING, OVERLOADED, Order, Payer, Tally, Told, audit, balances, beyond, expected,
        off, town,
    },
    proof,
    server::{Server, teller},
};

const CLIENTS: usize = 64;

/// One or more servers over one database.
struct Servers(Vec<Server>);

impl Servers {
    async fn start(fresh: &Fresh, count: usize) -> Self {
        let mut servers = Vec::new();
        for _ in 0..count {
            // They share the folder, and with it the secret that signs what people hold.
            servers.push(Server::start(fresh.folder(), &fresh.url).await);
        }
        Self(servers)
    }

    /// The client's lines, one to each server, its own first.
    fn lines(&self, client: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = self.0.iter().map(Line::to).collect();
        lines.rotate_left(client % self.0.len());
        lines
    }

    /// Ends them, and tells how many deadlocks there were: as they logged them, and as
    /// the database counted them.
    async fn stop(self, fresh: &Fresh) -> i64 {
        let mut deadlocks = 0;
        for server in self.0 {
            let log = server.log().to_lowercase();
            let logged = log.lines().filter(|line| line.contains("deadlock")).count();
            deadlocks += i64::try_from(logged).expect("a log is short");
            assert!(server.stop().await.success());
        }
        if fresh.name == "postgres" {
            deadlocks += fresh.deadlocks().await;
        }
        deadlocks
    }
}

/// How a setting is called: the database, and how many servers there are if not one.
fn title(fresh: &Fresh, servers: usize) -> String {
    if servers == 1 { fresh.name.to_owned() } else { format!("{}, {servers} servers", fresh.name) }
}

/// One server on each database, and two on one PostgreSQL.
async fn settings() -> [(Fresh, usize); 3] {
    let [sqlite, postgres] = databases::both().await;
    [(sqlite, 1), (postgres, 1), (databases::postgres().await, 2)]
}

/// What a drained card came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Drained {
    moved: usize,
    insufficient: usize,
    /// Anything else that a client was told.
    others: usize,
    /// Reads that showed the card under its floor.
    below: usize,
    /// Cents by which the two cards are off at the end.
    cents: i64,
    deadlocks: i64,
}

/// Pays 1.00 until its share is done, and notes what each was told.
async fn drain_share(
    line: Line,
    payers: Arc<Vec<Payer>>,
    number: usize,
    share: usize,
    tally: Tally,
) {
    for n in 0..share {
        let key = format!("client{number}-{n}");
        let order = Order { key, from: 0, to: 1, cents: 100 };
        match line.settle(&payers, &order, &tally).await {
            Told::Moved { replayed: false, .. } => tally.note("moved"),
            Told::Moved { .. } => tally.note("moved by a key that is new"),
            Told::Refused(code) | Told::Failed(code) => tally.note(&code),
            Told::Silence => tally.note("silence"),
        }
    }
}

async fn drain(fresh: &Fresh, count: usize, transfers: usize, more: i64) -> (Drained, Tally) {
    let servers = Servers::start(fresh, count).await;
    let first = &servers.0[0];
    let payers = town(first, 2, more).await;
    let tally = Tally::default();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let share = transfers / CLIENTS + usize::from(number < transfers % CLIENTS);
        let line = servers.lines(number).swap_remove(0);
        clients.spawn(drain_share(line, Arc::clone(&payers), number, share, tally.clone()));
    }
    let mut below = 0;
    while !clients.is_empty() {
        // Read all the while: a balance that is under its floor for a moment is under it.
        let seen = balances(first, &payers).await;
        below += seen.iter().filter(|balance| **balance < 0).count();
        while let Some(done) = clients.try_join_next() {
            done.expect("a client ends well");
        }
    }
    let each = OPENING + more;
    let cents = off(&balances(first, &payers).await, &[0, 2 * each]);
    audit(teller(fresh.folder(), &fresh.url)).await;
    let (moved, insufficient) = (tally.count("moved"), tally.count("INSUFFICIENT_FUNDS"));
    let others = tally.others(&["moved", "INSUFFICIENT_FUNDS", OVERLOADED]);
    let deadlocks = servers.stop(fresh).await;
    (Drained { moved, insufficient, others, below, cents, deadlocks }, tally)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_drained_to_the_cent_and_no_further() {
    let transfers = proof::sized(200, 1_000);
    let (more, covered) = (proof::sized(0, 5_000), proof::sized(50, 100));
    let more = i64::try_from(more).expect("it fits");
    for (fresh, count) in settings().await {
        let (drained, tally) = drain(&fresh, count, transfers, more).await;
        let insufficient = transfers - covered;
        let held = drained == Drained { moved: covered, insufficient, ..Drained::default() };
        proof::tally(fresh.name, &test_name());
        proof::record(
            &format!("{CLIENTS} clients drain one card, {}", title(&fresh, count)),
            &format!(
                "of {transfers} transfers of 1.00 from {covered}.00: {covered} moved, \
                 {insufficient} INSUFFICIENT_FUNDS, 0 other answers, 0 reads below 0.00, \
                 0 cents off, 0 deadlocks"
            ),
            &format!(
                "{}, {}, {}, {}, {}, {} (told to come later: {})",
                drained.moved,
                drained.insufficient,
                drained.others,
                drained.below,
                drained.cents,
                drained.deadlocks,
                tally.count(OVERLOADED)
            ),
            held,
        );
        assert!(held, "{}: {drained:?}: {}", title(&fresh, count), tally.list());
        fresh.remove().await;
    }
}

/// What a key's requests were told, all of them.
struct Dealt {
    order: Order,
    told: Vec<Told>,
}

impl Dealt {
    /// One request moved it, and all others were told the same, and that it was so before.
    fn once(&self) -> bool {
        let mut firsts = 0;
        let mut ids = Vec::new();
        for told in &self.told {
            let Told::Moved { id, replayed } = told else { return false };
            firsts += usize::from(!replayed);
            ids.push(id);
        }
        ids.dedup();
        (firsts, ids.len()) == (1, 1)
    }
}

/// What a client with repeats does, and how often it did so.
struct Client {
    number: usize,
    lines: Vec<Line>,
    payers: Arc<Vec<Payer>>,
    chance: ChaCha20Rng,
    tally: Tally,
}

/// How many orders of a client come between an order and its repeat.
const LATER: usize = 5;

impl Client {
    fn draw(&mut self, below: u32) -> u32 {
        self.chance.next_u32() % below
    }

    fn order(&mut self, n: usize) -> Order {
        let people = self.payers.len();
        // With two people this goes both ways at once: half of the clients pay against the other.
        let from = (self.number + n) % people;
        let to = (from + 1 + n % (people - 1)) % people;
        let cents = i64::from(1 + self.draw(5));
        Order { key: format!("client{}-{n}", self.number), from, to, cents }
    }

    /// Does its share, and gives what each key was told.
    async fn work(mut self, share: usize) -> Vec<Dealt> {
        let mut all: Vec<Dealt> = Vec::new();
        let mut later = Vec::new();
        for n in 0..share {
            let order = self.order(n);
            let mut told = Vec::new();
            if self.draw(5) == 0 {
                self.tally.note("twice at once");
                let [one, other] = [&self.lines[0], &self.lines[self.lines.len() - 1]];
                let (one, other) = tokio::join!(
                    one.settle(&self.payers, &order, &self.tally),
                    other.settle(&self.payers, &order, &self.tally)
                );
                told.extend([one, other]);
            } else {
                told.push(self.lines[0].settle(&self.payers, &order, &self.tally).await);
            }
            if self.draw(10) == 0 {
                self.tally.note("later again");
                later.push((n + LATER, all.len()));
            }
            if self.draw(10) == 0 {
                self.contradict(&order).await;
            }
            all.push(Dealt { order, told });
            let due = later.iter().take_while(|(due, _)| *due <= n).count();
            for (_, at) in later.drain(..due) {
                self.again(&mut all[at]).await;
            }
        }
        for (_, at) in later {
            self.again(&mut all[at]).await;
        }
        all
    }

    /// Sends the order once more, by another server where there is one.
    async fn again(&self, dealt: &mut Dealt) {
        let line = &self.lines[self.lines.len() - 1];
        dealt.told.push(line.settle(&self.payers, &dealt.order, &self.tally).await);
    }

    /// Sends the order's key with another amount, which must be refused.
    async fn contradict(&self, order: &Order) {
        let other = Order { cents: order.cents + 1, ..order.clone() };
        let line = &self.lines[self.lines.len() - 1];
        self.tally.note("contradicted");
        match line.settle(&self.payers, &other, &self.tally).await {
            Told::Refused(code) if code == "IDEMPOTENCY_CONFLICT" => self.tally.note("conflict"),
            told => self.tally.note(&format!("a contradiction was told {told:?}")),
        }
    }
}

/// What came of orders with repeats.
#[derive(Debug, Default, PartialEq, Eq)]
struct Repeated {
    /// Keys that were not moved by one request and confirmed by all others.
    unequal: usize,
    /// Keys sent with other input that were not refused.
    unrefused: usize,
    /// Errors that a client was told, but for being told to come later.
    errors: usize,
    /// Cents by which the cards are off at the end.
    cents: i64,
    /// Movements beyond one a key.
    surplus: i64,
    deadlocks: i64,
}

async fn repeat(fresh: &Fresh, count: usize, people: u32, transfers: usize) -> (Repeated, Tally) {
    let servers = Servers::start(fresh, count).await;
    let first = &servers.0[0];
    let more = 90_000;
    let payers = town(first, people, more).await;
    let tally = Tally::default();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let share = transfers / CLIENTS + usize::from(number < transfers % CLIENTS);
        let seed = proof::seed() + u64::try_from(number).expect("it fits");
        let client = Client {
            number,
            lines: servers.lines(number / people as usize),
            payers: Arc::clone(&payers),
            chance: ChaCha20Rng::seed_from_u64(seed),
            tally: tally.clone(),
        };
        clients.spawn(client.work(share));
    }
    let all: Vec<Dealt> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), transfers);
    let orders = all.iter().map(|dealt| &dealt.order);
    let wanted = expected(payers.len(), OPENING + more, orders);
    let cents = off(&balances(first, &payers).await, &wanted);
    let transactions = audit(teller(fresh.folder(), &fresh.url)).await;
    let planned = ["twice at once", "later again", "contradicted", "conflict", OVERLOADED];
    let repeated = Repeated {
        unequal: all.iter().filter(|dealt| !dealt.once()).count(),
        unrefused: tally.count("contradicted") - tally.count("conflict"),
        errors: tally.others(&planned),
        cents,
        // Each person has an opening and a top-up.
        surplus: beyond(transactions, transfers + 2 * payers.len()),
        deadlocks: servers.stop(fresh).await,
    };
    (repeated, tally)
}

async fn repeats_hold(fresh: Fresh, count: usize, people: u32) {
    let transfers = proof::sized(500, 10_000);
    let (repeated, tally) = repeat(&fresh, count, people, transfers).await;
    let held = repeated == Repeated::default();
    proof::tally(fresh.name, &test_name());
    proof::record(
        &format!("{transfers} transfers between {people} cards, {}", title(&fresh, count)),
        "0 keys with unequal answers, 0 other inputs of a key taken, 0 errors, 0 cents off, \
         0 movements beyond one a key, 0 deadlocks",
        &format!(
            "{CLIENTS} clients, {} sent twice at once, {} later again, {} with other input: \
             {}, {}, {}, {}, {}, {} (told to come later: {})",
            tally.count("twice at once"),
            tally.count("later again"),
            tally.count("contradicted"),
            repeated.unequal,
            repeated.unrefused,
            repeated.errors,
            repeated.cents,
            repeated.surplus,
            repeated.deadlocks,
            tally.count(OVERLOADED)
        ),
        held,
    );
    assert!(held, "{}: {repeated:?}: {}", title(&fresh, count), tally.list());
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_moves_once_however_often_and_however_soon_it_is_repeated() {
    for fresh in databases::both().await {
        repeats_hold(fresh, 1, 4).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opposite_transfers_by_two_servers_never_end_in_a_deadlock() {
    repeats_hold(databases::postgres().await, 2, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_would_be_counted() {
    let fresh = databases::postgres().await;
    let crossed = |first: u32, second: u32| {
        format!(
            "BEGIN; SELECT pg_advisory_xact_lock({first}); SELECT pg_sleep(0.3);
             SELECT pg_advisory_xact_lock({second}); COMMIT"
        )
    };
    let (one, other) = (crossed(1, 2), crossed(2, 1));
    let (one, other) = tokio::join!(fresh.raw(&one), fresh.raw(&other));
    assert!(one.is_err() != other.is_err(), "{one:?} {other:?}");
    assert_eq!(fresh.deadlocks().await, 1);
    fresh.remove().await;
}
