//! A stop under load, over and over: what was let in is answered, and nothing is lost.
//!
//! A request is let in once its connection is established as its client sees it. Such a
//! request must be answered whole, be it the first of its connection or a later one; a
//! connection that is refused, or not made in time, let nothing in.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex as StdMutex},
    time::{Duration, Instant},
};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use reqwest::{Client, StatusCode, header};
use serde_json::json;
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
};

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    live::{Events, PROTOCOL, Socket},
    load::{
        Line, OPENING, Order, Payer, Tally, Told, audit, balances, beyond, expected, missing, off,
        town,
    },
    proof,
    server::{Server, client, teller},
};

/// Clients of GraphQL that keep their connections.
const KEEPING: usize = 40;
/// Clients of GraphQL that open a connection for each request.
const OPENING_EACH: usize = 8;
/// Clients of the dialect ewallet.
const EWALLET: usize = 8;
/// Sockets, and half as many streams of server-sent events.
const SOCKETS: usize = 6;
const STREAMS: usize = 2;
const PEOPLE: u32 = 4;
/// Cents on each card beyond its opening credit.
const MORE: i64 = 90_000;
/// Between two stops the clients work for this long at most, in milliseconds.
const BETWEEN: u32 = 200;
/// How long a client waits that was not let in.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a stop may take.
const STOPPED: Duration = Duration::from_secs(10);
const EVENTS: &str = "subscription { events { cursor } }";

/// What the clients were told.
#[derive(Debug, Clone, Default)]
struct Told64 {
    moved: Arc<Mutex<Vec<(Order, String)>>>,
    /// Top-ups by the dialect that were acknowledged.
    topped_up: Tally,
    /// Answers that are none of what was wanted.
    others: Tally,
    /// Requests that were let in and not answered.
    unanswered: Arc<StdMutex<Vec<String>>>,
    /// Connections that were not let in.
    outside: Tally,
}

impl Told64 {
    /// Notes a request without an answer.
    fn silence(&self, error: &reqwest::Error) {
        if error.is_connect() {
            self.outside.note("not let in");
        } else {
            let mut all = self.unanswered.lock().expect("nobody panics while noting");
            all.push(format!("{error:?}"));
        }
    }
}

async fn pay(
    number: usize,
    line: Line,
    payers: Arc<Vec<Payer>>,
    told: Told64,
    stop: watch::Receiver<bool>,
) {
    for n in 0.. {
        if *stop.borrow() {
            return;
        }
        let from = (number + n) % payers.len();
        let to = (from + 1 + n % (payers.len() - 1)) % payers.len();
        let order = Order { key: format!("client{number}-{n}"), from, to, cents: 1 };
        loop {
            match line.try_ask(&payers, &order).await {
                Ok(Told::Moved { id, .. }) => {
                    told.moved.lock().await.push((order, id));
                    break;
                }
                Ok(other) => told.others.note(&format!("{other:?}")),
                Err(error) => told.silence(&error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The cookies of ewallet's demo person, and what repeats them.
async fn sign_in(server: &Server) -> (String, String) {
    let body = r#"{"email":"ewallet@example.org","password":"demo people love cranes"}"#;
    let request = client().post(format!("{}/token/auth", server.url)).body(body);
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let answer = request.send().await.expect("the dialect answers");
    assert_eq!(answer.status(), StatusCode::OK);
    let found = |name: &str| {
        let all = answer.headers().get_all(header::SET_COOKIE).iter();
        let mut values = all.filter_map(|value| value.to_str().ok()?.strip_prefix(name));
        let value = values.next().and_then(|rest| rest.split(';').next());
        value.expect("the cookie is set").trim_start_matches('=').to_owned()
    };
    (format!("access_token_cookie={}", found("access_token_cookie")), found("csrf_access_token"))
}

async fn top_up(
    number: usize,
    url: String,
    (cookie, csrf): (String, String),
    told: Told64,
    stop: watch::Receiver<bool>,
) {
    let http: Client = client();
    for n in 0.. {
        if *stop.borrow() {
            return;
        }
        loop {
            let request = http
                .post(format!("{url}/api/topup"))
                .header("cookie", &cookie)
                .header("x-csrf-token", &csrf)
                .header("location", "Jakarta")
                .header("ip-address", "10.1.2.3")
                .header("idempotency-key", format!("ewallet{number}-{n}"))
                .json(&json!({ "amount": 1 }));
            match request.send().await {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    told.topped_up.note("done");
                    break;
                }
                Ok(answer) => told.others.note(answer.status().as_str()),
                Err(error) => told.silence(&error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Opens sockets and streams; each gives whether it was ended as it should.
async fn listen(address: SocketAddr, payers: &[Payer]) -> JoinSet<bool> {
    let mut listeners = JoinSet::new();
    for number in 0..SOCKETS {
        let token = &payers[number % payers.len()].token;
        let socket = Socket::connect(address, Some(PROTOCOL), &[]).await;
        let mut socket = socket.expect("the handshake is answered");
        let init = json!({ "type": "connection_init", "payload": { "accessToken": token } });
        socket.say(&init).await;
        assert_eq!(socket.message().await["type"], "connection_ack");
        socket.subscribe("e", EVENTS, json!({})).await;
        listeners.spawn(async move { socket.closed().await == Some(1012) });
    }
    for number in 0..STREAMS {
        let bearer = format!("Bearer {}", payers[number % payers.len()].token);
        let mut stream = Events::get(address, EVENTS, &[("authorization", &bearer)]).await;
        listeners.spawn(async move {
            while stream.next().await.is_some() {}
            true
        });
    }
    listeners
}

/// What came of all stops.
#[derive(Debug, Default)]
struct Drained {
    stops: usize,
    longest: Duration,
    /// Sockets that were not closed with 1012.
    abrupt: usize,
    /// Stops that did not end with code 0.
    failed: usize,
    missing: usize,
    surplus: i64,
    cents: i64,
}

fn at(fresh: &Fresh, address: &str) -> tokio::process::Command {
    let mut command = teller(fresh.folder(), &fresh.url);
    command.env("TELLER_LISTEN", address);
    command
}

/// Stops and starts a server under load, and compares at the end.
async fn stop_and_start(fresh: &Fresh, stops: usize) -> (Drained, Told64) {
    let seeded = at(fresh, "127.0.0.1:0").arg("seed").output().await.expect("it runs");
    assert!(seeded.status.success());
    let before = audit(at(fresh, "127.0.0.1:0")).await;
    let mut server = Server::start_with(&mut at(fresh, "127.0.0.1:0")).await;
    let url = server.url.clone();
    let address: SocketAddr = url["http://".len()..].parse().expect("an address");
    let payers = town(&server, PEOPLE, MORE).await;
    let jar = sign_in(&server).await;
    let (told, mut clients) = (Told64::default(), JoinSet::new());
    let (stop, stopped) = watch::channel(false);
    let (_tell, named) = watch::channel(url.clone());
    for number in 0..KEEPING + OPENING_EACH {
        let line = if number < KEEPING {
            Line::new(named.clone())
        } else {
            Line::without_pool(named.clone())
        };
        clients.spawn(pay(number, line, Arc::clone(&payers), told.clone(), stopped.clone()));
    }
    for number in 0..EWALLET {
        clients.spawn(top_up(number, url.clone(), jar.clone(), told.clone(), stopped.clone()));
    }
    let mut chance = ChaCha20Rng::seed_from_u64(proof::seed());
    let mut drained = Drained { stops, ..Drained::default() };
    for _ in 0..stops {
        let mut listeners = listen(address, &payers).await;
        let begun = told.moved.lock().await.len();
        while told.moved.lock().await.len() < begun + KEEPING {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let more = u64::from(chance.next_u32() % BETWEEN);
        tokio::time::sleep(Duration::from_millis(more)).await;
        let asked = Instant::now();
        drained.failed += usize::from(!server.stop().await.success());
        drained.longest = drained.longest.max(asked.elapsed());
        while let Some(ended) = listeners.join_next().await {
            drained.abrupt += usize::from(!ended.expect("a listener ends well"));
        }
        server = Server::start_with(&mut at(fresh, &address.to_string())).await;
    }
    stop.send_replace(true);
    while let Some(done) = clients.join_next().await {
        done.expect("a client ends well");
    }
    let all = std::mem::take(&mut *told.moved.lock().await);
    let some: Vec<_> = all.iter().step_by(proof::sized(1, 10)).cloned().collect();
    drained.missing = missing(&server, &payers, &some).await;
    let wanted = expected(payers.len(), OPENING + MORE, all.iter().map(|(order, _)| order));
    drained.cents = off(&balances(&server, &payers).await, &wanted);
    assert!(server.stop().await.success());
    let made = audit(at(fresh, "127.0.0.1:0")).await - before;
    // Each person has an opening and a top-up.
    let wanted = all.len() + told.topped_up.count("done") + 2 * payers.len();
    drained.surplus = beyond(made, wanted);
    *told.moved.lock().await = all;
    (drained, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_leaves_no_request_unanswered() {
    for fresh in databases::both().await {
        let full = if fresh.name == "sqlite" { 50 } else { 20 };
        let (drained, told) = stop_and_start(&fresh, proof::sized(3, full)).await;
        let unanswered = told.unanswered.lock().expect("nobody panics while noting").clone();
        let others = told.others.others(&[]);
        let held = unanswered.is_empty()
            && drained.longest <= STOPPED
            && [drained.abrupt, drained.failed, drained.missing, others] == [0; 4]
            && (drained.surplus, drained.cents) == (0, 0);
        let requests = told.moved.lock().await.len() + told.topped_up.count("done");
        proof::record(
            &format!(
                "F15 SIGTERM under {} clients, {}",
                KEEPING + OPENING_EACH + EWALLET + SOCKETS + STREAMS,
                fresh.name
            ),
            "0 requests of established connections without an answer, 0 other answers, \
             0 transfers missing, 0 beyond one a key, 0 cents off, sockets closed with 1012, \
             code 0 within 10 s",
            &format!(
                "{} stops in {requests} movements, {} connections not let in: {}, {others}, {}, \
                 {}, {}, {} otherwise, {} failed, longest {} ms",
                drained.stops,
                told.outside.count("not let in"),
                unanswered.len(),
                drained.missing,
                drained.surplus,
                drained.cents,
                drained.abrupt,
                drained.failed,
                drained.longest.as_millis()
            ),
            held,
        );
        proof::tally(fresh.name, &test_name());
        assert!(held, "{}: {drained:?}, {}: {unanswered:?}", fresh.name, told.others.list());
        fresh.remove().await;
    }
}
