//! Rows of what is waited for: how many events reach how many subscribers, what one who
//! waits costs, and how long an event takes.
//!
//! More events than a bank can write in the time are written at once behind the server's
//! back, and it reads them as it reads those of another process. The clock runs from the
//! first message that anybody gets to the last.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, oneshot},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Message, client::IntoClientRequest as _, http::HeaderValue, protocol::WebSocketConfig,
    },
};

use super::{
    child::Server,
    error::{BenchError, io, unexpected},
    figures, machine,
    options::{Options, Size},
    people::Caller,
    place::{Home, Place},
    report::{Row, Target},
    wire::{Request, Wire},
};
use crate::{
    crypto::keyring::Keyring,
    db::scratch,
    types::clock::{Clock as _, Instant as Moment, SystemClock},
};

const POSTGRES: &str = include_str!("sql/events_postgres.sql");
const SQLITE: &str = include_str!("sql/events_sqlite.sql");

const BALANCES: &str = "subscription ($ids: [ID!]) { balanceChanged(accountIds: $ids) { \
    cursor account { id } balance { available { amount } version } } }";
const EVENTS: &str = "subscription { events { occurredAt } }";

/// Subscribers that connect at the same time.
const TOGETHER: usize = 32;
/// How long subscribers are left alone before the memory is read.
const REST: Duration = Duration::from_secs(3);
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_mins(2);

type Socket = WebSocketStream<TcpStream>;

/// One who waits.
#[derive(Debug, Clone)]
struct Subscriber {
    token: String,
    query: &'static str,
    variables: Value,
}

/// What went wrong with a socket.
fn failed(error: tokio_tungstenite::tungstenite::Error) -> BenchError {
    unexpected(format!("a socket failed: {error}"))
}

/// The next message of a socket, which must come.
async fn message(socket: &mut Socket) -> Result<String, BenchError> {
    loop {
        let next = tokio::time::timeout(PATIENCE, socket.next()).await;
        let next = next.map_err(|_| unexpected("a message did not come"))?;
        match next.transpose().map_err(failed)? {
            Some(Message::Text(text)) => return Ok(text.to_string()),
            Some(Message::Close(frame)) => {
                return Err(unexpected(format!("a socket was closed: {frame:?}")));
            }
            Some(_) => {}
            None => return Err(unexpected("a socket ended")),
        }
    }
}

/// Connects and subscribes.
async fn subscribe(address: SocketAddr, who: &Subscriber) -> Result<Socket, BenchError> {
    let request = format!("ws://{address}/graphql").into_client_request();
    let mut request = request.map_err(failed)?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let stream = TcpStream::connect(address).await.map_err(io("a socket"))?;
    stream.set_nodelay(true).map_err(io("TCP_NODELAY"))?;
    let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(0);
    let connected = client_async_with_config(request, stream, Some(config)).await;
    let (mut socket, _) = connected.map_err(failed)?;
    let init = json!({ "type": "connection_init", "payload": { "accessToken": who.token } });
    socket.send(Message::Text(init.to_string().into())).await.map_err(failed)?;
    let ack = message(&mut socket).await?;
    if !ack.contains("connection_ack") {
        return Err(unexpected(format!("no socket was opened: {ack}")));
    }
    let payload = json!({ "query": who.query, "variables": who.variables });
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload });
    socket.send(Message::Text(subscribe.to_string().into())).await.map_err(failed)?;
    Ok(socket)
}

/// Subscribers who hear so many events each after the balance as it is, on a thread of
/// their own; says when all are there, and how long it took from first to last.
async fn crowd(
    address: SocketAddr,
    crowd: Vec<Subscriber>,
    events: usize,
    ready: oneshot::Sender<()>,
) -> Result<Duration, BenchError> {
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(io("a runtime for the subscribers"))?;
        runtime.block_on(wait(address, crowd, events, ready))
    });
    thread.await.map_err(|_| unexpected("the subscribers panicked"))?
}

async fn wait(
    address: SocketAddr,
    crowd: Vec<Subscriber>,
    events: usize,
    ready: oneshot::Sender<()>,
) -> Result<Duration, BenchError> {
    let doors = Arc::new(Semaphore::new(TOGETHER));
    let mut connecting = JoinSet::new();
    for who in crowd {
        let doors = Arc::clone(&doors);
        connecting.spawn(async move {
            let _door = doors.acquire().await;
            let mut socket = subscribe(address, &who).await?;
            message(&mut socket).await.map(|_| socket)
        });
    }
    let mut hearing = JoinSet::new();
    while let Some(connected) = connecting.join_next().await {
        let mut socket = connected.map_err(|_| unexpected("a subscriber panicked"))??;
        hearing.spawn(async move {
            let mut times = (None, None);
            for _ in 0..events {
                message(&mut socket).await?;
                let now = Instant::now();
                times = (times.0.or(Some(now)), Some(now));
            }
            Ok::<_, BenchError>(times)
        });
    }
    let _ = ready.send(());
    let (mut first, mut last): (Option<Instant>, Option<Instant>) = (None, None);
    while let Some(heard) = hearing.join_next().await {
        let (begin, end) = heard.map_err(|_| unexpected("a subscriber panicked"))??;
        first = first.into_iter().chain(begin).min();
        last = last.max(end);
    }
    let both = first.zip(last).ok_or_else(|| unexpected("nobody heard anything"))?;
    Ok(both.1 - both.0)
}

/// What all measurements of this group work with.
struct Stand<'s> {
    place: &'s Place,
    home: &'s Home,
    callers: &'s [Caller],
    ring: &'s Keyring,
    size: Size,
    server: &'s Server,
}

impl Stand<'_> {
    /// Writes so many events to the stream of one person, or to everybody's.
    async fn burst(&self, owner: Option<&Caller>) -> Result<(), BenchError> {
        let which = match owner {
            None => "TRUE".to_owned(),
            Some(caller) if self.place.is_postgres() => {
                format!("a.owner_id = '{}'", caller.user_id.uuid())
            }
            Some(caller) => format!("a.owner_id = unhex('{}')", caller.user_id.uuid().simple()),
        };
        let script = if self.place.is_postgres() { POSTGRES } else { SQLITE };
        let script =
            script.replace("{which}", &which).replace("{events}", &self.size.burst.to_string());
        Ok(scratch::run(&self.home.url, &script).await?)
    }

    fn subscriber(&self, caller: &Caller) -> Subscriber {
        let variables = json!({ "ids": [caller.card_id()] });
        Subscriber { token: caller.token(self.ring), query: BALANCES, variables }
    }

    /// Events a second to subscribers, and the bytes that one of them takes at rest.
    async fn round(
        &self,
        subscribers: Vec<Subscriber>,
        owner: Option<&Caller>,
    ) -> Result<(f64, Option<f64>), BenchError> {
        let count = subscribers.len();
        let before = machine::resident_mib(self.server.process);
        let (ready, is_ready) = oneshot::channel();
        let events = self.size.burst;
        let waiting = tokio::spawn(crowd(self.server.address, subscribers, events, ready));
        if is_ready.await.is_ok() {
            tokio::time::sleep(REST.min(self.size.load * 3)).await;
        }
        let after = machine::resident_mib(self.server.process);
        let each = |(before, after): (f64, f64)| {
            (after - before).max(0.0) * 1024.0 / figures::places(count)
        };
        self.burst(owner).await?;
        let took = waiting.await.map_err(|_| unexpected("the subscribers panicked"))??;
        let all = u64::try_from(count * events).unwrap_or(u64::MAX);
        Ok((figures::a_second(all, took), before.zip(after).map(each)))
    }

    /// From each posting's own time, which is before its commit, to its message, in
    /// microseconds, sorted: a lone client pays a lone subscriber.
    async fn delays(&self) -> Result<Vec<u32>, BenchError> {
        let (payer, other) = (&self.callers[0], &self.callers[1]);
        let token = other.token(self.ring);
        let who = Subscriber { token, query: EVENTS, variables: json!({}) };
        let mut socket = subscribe(self.server.address, &who).await?;
        let mut wire = Wire::connect(self.server.address).await?;
        let token = payer.token(self.ring);
        let mut delays = Vec::new();
        for number in 0..=self.size.reads {
            let input = json!({ "idempotencyKey": format!("live-{number}"), "amount": "0.01",
                "fromAccountId": payer.card_id(), "to": { "accountId": other.card_id() } });
            let query = "mutation ($input: TransferInput!) { transfer(input: $input) { \
                errors { code } } }";
            let body = json!({ "query": query, "variables": { "input": input } }).to_string();
            let request = Request::graphql(Some(&token), &body);
            if number == 0 {
                // The subscription begins from now on, so the first of these may be missed.
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            let (paid, told) = tokio::join!(wire.ask(&request), message(&mut socket));
            let (now, told) = (SystemClock.now(), told?);
            paid?;
            let told: Value = serde_json::from_str(&told).unwrap_or_default();
            let at = told["payload"]["data"]["events"]["occurredAt"].as_str();
            let at: Option<Moment> = at.and_then(|at| at.parse().ok());
            let at = at.ok_or_else(|| unexpected(format!("no event: {told}")))?;
            let micros = (now - at).num_microseconds().unwrap_or(i64::MAX).max(0);
            delays.push(u32::try_from(micros).unwrap_or(u32::MAX));
        }
        delays.sort_unstable();
        Ok(delays)
    }
}

/// Measures what is waited for, on a copy of the bank of its own.
pub async fn measure(
    options: &Options,
    place: &Place,
    home: &Home,
    callers: &[Caller],
    ring: &Keyring,
) -> Result<Vec<Row>, BenchError> {
    let size = options.size();
    // Each subscriber is a file to the system, on both sides.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let server = Server::start(place, home).await?;
    let stand = Stand { place, home, callers, ring, size, server: &server };
    let (mut own, mut one, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let all = callers.iter().map(|caller| stand.subscriber(caller)).collect();
        let (events, bytes) = stand.round(all, None).await?;
        own.push(events);
        // Memory that was given back is not given back to the system at once: only the
        // first round finds what a subscriber takes.
        if rest.is_empty() {
            rest.extend(bytes);
        }
        let same = vec![stand.subscriber(&callers[0]); callers.len()];
        one.push(stand.round(same, Some(&callers[0])).await?.0);
    }
    let delays = stand.delays().await?;
    server.stop().await?;
    let count = callers.len();
    let quick = options.quick;
    let burst = format!("{} events each, read by the server from its table", size.burst);
    let what = format!("events to {count} subscribers on their own accounts");
    let own = Row::new("live_own", what, "a second").measured(own).note(burst.clone());
    let what = format!("the same to {count} subscribers on one account");
    let one = Row::new("live_one", what, "a second").measured(one).note(burst);
    let rest = Row::new("live_rest", "memory of a subscriber at rest", "KiB").measured(rest);
    let times = |name, what, share| {
        Row::new(name, what, "ms")
            .measured(vec![figures::percentile(&delays, share)])
            .note("from the posting's own time, before its commit; the load is one client")
    };
    Ok(vec![
        own.target(Target::FigureFrom(50_000.0), quick),
        one,
        rest.target(Target::FigureBelow(30.0), quick),
        times("live_median", "from posting to message, median", 50),
        times("live_p99", "from posting to message, p99", 99),
    ])
}
