//! Many clients on one thread, each with one request on its way at a time.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    chance::Chance,
    error::{BenchError, io, unexpected},
    wire::{Request, Wire},
};

/// How long a client waits when it was told to come later.
const LATER: Duration = Duration::from_millis(5);

/// The document of a transfer, as a client sends it each time.
const TRANSFER: &str = "mutation ($input: TransferInput!) { transfer(input: $input) { \
    transaction { id } replayed errors { code } } }";

/// Who pays from which card.
#[derive(Debug, Clone)]
pub struct Payer {
    /// The line of the header with their access token.
    pub bearer: String,
    /// Their card's id.
    pub card_id: String,
}

/// What all clients of a load do.
#[derive(Debug, Clone)]
pub enum Work {
    /// They pay each other, and everybody pays to or from the first where it is hot.
    Transfers {
        /// All cards.
        payers: Arc<Vec<Payer>>,
        /// One account is an end of every transfer.
        hot: bool,
    },
    /// They ask, whatever comes.
    Reads(Arc<Vec<Request>>),
}

/// A load.
#[derive(Debug, Clone)]
pub struct Load {
    /// Where to.
    pub address: SocketAddr,
    /// How many at once.
    pub clients: usize,
    /// How long.
    pub lasts: Duration,
    /// What chance begins at, and the keys with it: no two loads share it.
    pub seed: u64,
    /// What they do.
    pub work: Work,
}

/// What became of a load.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Requests that did what they should.
    pub done: u64,
    /// Times that a client was told to come later.
    pub later: u64,
    /// From the first request to the last answer.
    pub took: Duration,
    /// The time of each request, sorted.
    pub micros: Vec<u32>,
}

/// Runs a load to its end, on a thread of its own.
pub async fn run(load: Load) -> Result<Done, BenchError> {
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(io("a runtime for the clients"))?.block_on(drive(load))
    });
    thread.await.map_err(|_| unexpected("the clients panicked"))?
}

async fn drive(load: Load) -> Result<Done, BenchError> {
    // All are connected before the first of them begins.
    let mut wires = Vec::new();
    for _ in 0..load.clients {
        wires.push(Wire::connect(load.address).await?);
    }
    let began = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for (number, wire) in wires.into_iter().enumerate() {
        clients.spawn(client(load.clone(), number, wire, began + load.lasts));
    }
    let mut all = Done::default();
    while let Some(ended) = clients.join_next().await {
        let done = ended.map_err(|_| unexpected("a client panicked"))??;
        all.done += done.done;
        all.later += done.later;
        all.micros.extend(done.micros);
    }
    all.took = began.elapsed();
    all.micros.sort_unstable();
    Ok(all)
}

async fn client(
    load: Load,
    number: usize,
    mut wire: Wire,
    until: Instant,
) -> Result<Done, BenchError> {
    let place = u64::try_from(number).unwrap_or_default();
    let mut chance = Chance::new(load.seed.wrapping_mul(1_000_003).wrapping_add(place));
    let (mut done, mut body) = (Done::default(), String::new());
    let mut written = Request::server_info();
    let mut sent = 0_u64;
    while Instant::now() < until {
        let request = match &load.work {
            Work::Reads(requests) => &requests[chance.below(requests.len())],
            Work::Transfers { payers, hot } => {
                let (from, to) = chance.pair(payers.len(), *hot);
                sent += 1;
                let key = format_args!("bench-{}-{number}-{sent}", load.seed);
                write_transfer(&mut body, key, &payers[from].card_id, &payers[to].card_id);
                written.set_graphql(&payers[from].bearer, &body);
                &written
            }
        };
        let began = Instant::now();
        while !answered(&mut wire, request, &load.work).await? {
            done.later += 1;
            tokio::time::sleep(LATER).await;
        }
        done.done += 1;
        done.micros.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(done)
}

fn write_transfer(body: &mut String, key: std::fmt::Arguments<'_>, from: &str, to: &str) {
    body.clear();
    // Writing into memory does not fail.
    let _ = write!(
        body,
        "{{\"query\":\"{TRANSFER}\",\"variables\":{{\"input\":{{\"idempotencyKey\":\"{key}\",\
         \"fromAccountId\":\"{from}\",\"to\":{{\"accountId\":\"{to}\"}},\"amount\":\"0.01\"}}}}}}"
    );
}

/// Whether a request did what it should; not, where the client is told to come later.
async fn answered(wire: &mut Wire, request: &Request, work: &Work) -> Result<bool, BenchError> {
    let answer = wire.send(request).await?;
    let good = match work {
        Work::Transfers { .. } => answer.has("\"replayed\":false") && answer.has("\"errors\":[]"),
        Work::Reads(_) => !answer.has("\"errors\":"),
    };
    match answer.status {
        200 if good => Ok(true),
        503 => Ok(false),
        status => Err(unexpected(format!("the server answered {status}: {}", answer.text()))),
    }
}
