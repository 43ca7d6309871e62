//! What real servers deliver while money moves: to each their own, once, in order, whatever
//! is cut off, whoever reads nothing, and whatever becomes of the connection that listens.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

use crate::support::{
    bank::test_name,
    chance::Chance,
    databases,
    databases::Fresh,
    live::{Events, Heard, PROTOCOL, Socket},
    load::{Line, Order, Payer, Tally, Told, town},
    people::text,
    proof,
    server::{Server, teller},
};

const CHANGES: &str = "subscription ($ids: [ID!], $after: Cursor) {
    balanceChanged(accountIds: $ids, after: $after) {
        cursor reset account { id } balance { version } entry { transaction { id } } } }";

fn address(server: &Server) -> SocketAddr {
    let address = server.url.strip_prefix("http://").expect("a plain address");
    address.parse().expect("an address and a port")
}

/// A socket of somebody's that was acknowledged; none where the server sends it away.
async fn enter(server: SocketAddr, token: &str) -> Option<Socket> {
    let mut socket = Socket::connect(server, Some(PROTOCOL), &[]).await.ok()?;
    socket.say(&json!({ "type": "connection_init", "payload": { "accessToken": token } })).await;
    matches!(socket.hear().await, Heard::Message(_)).then_some(socket)
}

/// A server that tells others late, where it could not tell them at once.
async fn start(fresh: &Fresh, settings: &[(&str, &str)]) -> Server {
    let mut command = teller(fresh.folder(), &fresh.url);
    Server::start_with(command.envs(settings.iter().copied())).await
}

/// What a subscriber has seen of one account.
#[derive(Debug, Default)]
struct Seen {
    /// The version before the first change.
    start: i64,
    versions: Vec<i64>,
    transactions: Vec<String>,
    cursor: String,
    cuts: usize,
}

impl Seen {
    fn last(&self) -> i64 {
        self.versions.last().copied().unwrap_or(self.start)
    }

    /// Takes in a message, which must be of this account.
    fn take(&mut self, told: &Value, payer: &Payer) {
        let told = &told["balanceChanged"];
        assert_eq!(told["account"]["id"], json!(payer.card), "somebody else's: {told}");
        assert_eq!(told["reset"], false, "{told}");
        let version = text(&told["balance"]["version"]).parse().expect("a number");
        self.cursor = text(&told["cursor"]);
        if told["entry"].is_null() {
            self.start = version;
        } else {
            self.versions.push(version);
            self.transactions.push(text(&told["entry"]["transaction"]["id"]));
        }
    }
}

/// How a subscriber is connected.
enum Link {
    Socket(Box<Socket>),
    Events(Box<Events>),
}

impl Link {
    /// Connects to a server, going on from a cursor.
    async fn new(server: SocketAddr, payer: &Payer, cursor: &str, by_socket: bool) -> Self {
        if by_socket {
            let mut socket = enter(server, &payer.token).await.expect("a socket");
            let after = if cursor.is_empty() { Value::Null } else { json!(cursor) };
            socket.subscribe("b", CHANGES, json!({ "ids": [payer.card], "after": after })).await;
            return Self::Socket(Box::new(socket));
        }
        let query = CHANGES.replace("($ids: [ID!], $after: Cursor)", "");
        let named = format!("accountIds: [\"{}\"]", payer.card);
        let query = query.replace("accountIds: $ids, after: $after", &named);
        let bearer = format!("Bearer {}", payer.token);
        let headers = [("Authorization", bearer.as_str()), ("Last-Event-ID", cursor)];
        let headers = if cursor.is_empty() { &headers[..1] } else { &headers[..] };
        Self::Events(Box::new(Events::get(server, &query, headers).await))
    }

    /// The next message, within a moment.
    async fn next(&mut self) -> Option<Value> {
        const MOMENT: Duration = Duration::from_millis(500);
        let mut message = match self {
            Self::Socket(socket) => match socket.hear_within(MOMENT).await? {
                Heard::Message(mut message) => message["payload"].take(),
                Heard::Closed(code) => panic!("a socket was closed: {code:?}"),
            },
            Self::Events(events) => timeout(MOMENT, events.told()).await.ok()?.0,
        };
        assert!(message.get("errors").is_none(), "{message}");
        Some(message["data"].take())
    }
}

/// Follows an account by sockets and streams that are cut at random, until it has its last
/// version.
async fn follow(
    servers: Vec<SocketAddr>,
    payer: Payer,
    mut seen: Seen,
    draw: u64,
    until: watch::Receiver<Option<i64>>,
) -> Seen {
    let mut chance = Chance::new(draw);
    let began = Instant::now();
    loop {
        let server = *chance.pick(&servers).expect("a server");
        let mut link = Link::new(server, &payer, &seen.cursor, chance.below(2) == 0).await;
        for _ in 0..=chance.below(25) {
            let Some(told) = link.next().await else { break };
            seen.take(&told, &payer);
        }
        if until.borrow().is_some_and(|last| seen.last() >= last) {
            return seen;
        }
        seen.cuts += 1;
        assert!(began.elapsed() < Duration::from_mins(20), "stuck at {}", seen.last());
    }
}

/// Lets clients move money among payers; who paid whom by which transaction.
async fn move_money(
    servers: &[Server],
    payers: &Arc<Vec<Payer>>,
    clients: usize,
    transfers: usize,
    label: &str,
) -> (Vec<(Order, String)>, Vec<u32>) {
    let moved: Arc<Mutex<Vec<(Order, String)>>> = Arc::default();
    let times: Arc<Mutex<Vec<u32>>> = Arc::default();
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        let line = Line::to(&servers[client % servers.len()]);
        let (payers, moved) = (Arc::clone(payers), Arc::clone(&moved));
        let times = Arc::clone(&times);
        let label = label.to_owned();
        let count = transfers / clients;
        let seed = proof::seed() + u64::try_from(client).expect("they are few");
        tasks.spawn(async move {
            let (mut chance, tally) = (Chance::new(seed), Tally::default());
            let most = u32::try_from(payers.len()).expect("they are few");
            for number in 0..count {
                let from = chance.small(most);
                let to = (from + 1 + chance.small(most - 1)) % most;
                // One in ten is more than anybody has: it is refused, and nobody hears of it.
                let cents = if chance.below(10) == 0 { 1_000_000_000 } else { 1 };
                let key = format!("{label}-{client}-{number}");
                let (from, to) = (from as usize, to as usize);
                let order = Order { key, from, to, cents };
                let began = Instant::now();
                let told = line.settle(&payers, &order, &tally).await;
                let took = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
                times.lock().expect("nobody panics while timing").push(took);
                if let Told::Moved { id, .. } = told {
                    moved.lock().expect("nobody panics while noting").push((order, id));
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a client ends well");
    }
    let moved = moved.lock().expect("nobody panics while noting").clone();
    let times = times.lock().expect("nobody panics while timing").clone();
    (moved, times)
}

/// The version of each payer's card.
async fn versions(server: &Server, payers: &[Payer]) -> Vec<i64> {
    let query = "query ($id: ID!) { card(by: { id: $id }) { balance { version } } }";
    let mut all = Vec::new();
    for payer in payers {
        let found = server.run(Some(&payer.token), query, json!({ "id": payer.card })).await;
        all.push(text(&found["card"]["balance"]["version"]).parse().expect("a number"));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_subscriber_sees_each_of_its_events_once_and_in_order_whatever_is_cut() {
    let (clients, transfers) = (proof::sized(16, 64), proof::sized(640, 10_000));
    for fresh in databases::both().await {
        let mut servers = vec![start(&fresh, &[]).await];
        if fresh.name == "postgres" {
            servers.push(start(&fresh, &[]).await);
        }
        let payers = town(&servers[0], 8, 0).await;
        let addresses: Vec<SocketAddr> = servers.iter().map(address).collect();
        let mut followers = Vec::new();
        // Two for each: one who is connected elsewhere sees the same.
        for (place, payer) in payers.iter().enumerate().flat_map(|one| [one, one]) {
            let mut seen = Seen::default();
            let mut first = Link::new(addresses[0], payer, "", true).await;
            seen.take(&first.next().await.expect("the balance as it is"), payer);
            let draw = proof::seed() * 1_000 + u64::try_from(followers.len()).expect("few");
            let (tell, until) = watch::channel(None);
            let following = follow(addresses.clone(), payer.clone(), seen, draw, until);
            followers.push((place, tell, tokio::spawn(following)));
        }
        let (moved, _) = move_money(&servers, &payers, clients, transfers, "m").await;
        let last = versions(&servers[0], &payers).await;
        let (mut events, mut cuts) = (0, 0);
        for (place, tell, following) in followers {
            tell.send_replace(Some(last[place]));
            let seen = following.await.expect("a subscriber ends well");
            let wanted: Vec<i64> = (seen.start + 1..=last[place]).collect();
            assert_eq!(seen.versions, wanted, "{}: each once, in order", fresh.name);
            let own = |(order, id): &(Order, String)| {
                (order.from == place || order.to == place).then(|| id.clone())
            };
            let wanted: BTreeSet<String> = moved.iter().filter_map(own).collect();
            let told: BTreeSet<String> = seen.transactions.iter().cloned().collect();
            assert_eq!(told, wanted, "{}: what was moved, and nothing else", fresh.name);
            (events, cuts) = (events + seen.versions.len(), cuts + seen.cuts);
        }
        assert!(cuts > 16, "subscribers were cut off: {cuts}");
        proof::record(
            &format!("events under load, {} servers, {}", servers.len(), fresh.name),
            "each once, in order, nobody else's",
            &format!("{} transfers, {events} events, {cuts} cuts: 0 wrong", moved.len()),
            true,
        );
        for server in servers {
            assert!(server.stop().await.success());
        }
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

/// The next version of a card that its owner hears.
async fn hears(socket: &mut Socket, limit: Duration) -> Option<i64> {
    match socket.hear_within(limit).await? {
        Heard::Message(message) => {
            let version = &message["payload"]["data"]["balanceChanged"]["balance"]["version"];
            Some(text(version).parse().expect("a number"))
        }
        Heard::Closed(code) => panic!("closed: {code:?}"),
    }
}

const LISTENERS: &str = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'teller listener' AND datname = current_database()";

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_moves_is_heard_at_once_and_without_hearing_within_the_poll() {
    for fresh in databases::both().await {
        let (slow, quick) = ([("TELLER_EVENTS_POLL", "300")], [("TELLER_EVENTS_POLL", "1")]);
        let mover = start(&fresh, &slow).await;
        let (patient, prompt) = (start(&fresh, &slow).await, start(&fresh, &quick).await);
        let payers = town(&mover, 2, 0).await;
        let mut sockets = Vec::new();
        for server in [&patient, &prompt] {
            let mut socket = enter(address(server), &payers[1].token).await.expect("a socket");
            socket.subscribe("b", CHANGES, json!({ "ids": [payers[1].card] })).await;
            assert_eq!(hears(&mut socket, Duration::from_secs(20)).await, Some(1));
            sockets.push(socket);
        }
        let line = Line::to(&mover);
        let pay = async |key: &str| {
            let order = Order { key: key.to_owned(), from: 0, to: 1, cents: 1 };
            let told = line.ask(&payers, &order).await;
            assert!(matches!(told, Told::Moved { .. }), "{told:?}");
        };
        if fresh.name == "postgres" {
            // Told by the database, as no poll comes in this time.
            pay("told").await;
            for socket in &mut sockets {
                assert_eq!(hears(socket, Duration::from_secs(10)).await, Some(2));
            }
            // The database ends the connections that listen, over and over.
            let killing = async {
                loop {
                    fresh.raw(LISTENERS).await.expect("the database is asked");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let deaf = async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                pay("deaf").await;
                hears(&mut sockets[1], Duration::from_secs(5)).await
            };
            tokio::select! {
                () = killing => {}
                heard = deaf => assert_eq!(heard, Some(3), "by its poll"),
            }
            // A listener comes back by itself, and whatever it missed is read then.
            assert_eq!(hears(&mut sockets[0], Duration::from_secs(10)).await, Some(3));
            pay("again").await;
            for socket in &mut sockets {
                assert_eq!(hears(socket, Duration::from_secs(10)).await, Some(4));
            }
        } else {
            pay("poll").await;
            assert_eq!(
                hears(&mut sockets[1], Duration::from_secs(5)).await,
                Some(2),
                "by its poll"
            );
        }
        drop(sockets);
        for server in [mover, patient, prompt] {
            assert!(server.stop().await.success());
        }
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

/// The memory of a process that lies in no file, in MiB.
fn resident(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process()));
    let status = status.expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    kib / 1024.0
}

fn p99(times: &mut [u32]) -> f64 {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
}

/// How many subscriptions each of the sockets has that do not read.
const EACH: usize = 4;

/// The changes of a balance, told at such length that little of it fits between a server
/// and a client that reads nothing.
fn long_winded() -> String {
    let cursors: Vec<String> = (0..30).map(|n| format!("c{n}: cursor")).collect();
    let cursors = cursors.join(" ");
    format!("subscription ($ids: [ID!]) {{ balanceChanged(accountIds: $ids) {{ {cursors} }} }}")
}

/// A socket with subscriptions that have begun, from which nothing more is read.
async fn fall_silent(server: SocketAddr, payer: &Payer, query: &str) -> Socket {
    let mut socket = Socket::connect_narrow(server).await.expect("a socket");
    let init = json!({ "type": "connection_init", "payload": { "accessToken": payer.token } });
    socket.say(&init).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    for number in 0..EACH {
        socket.subscribe(&number.to_string(), query, json!({ "ids": [payer.card] })).await;
        // The balance as it is now.
        socket.next().await;
    }
    socket
}

/// What a socket still finds of what it did not read, in messages; the server has let go of
/// it in the midst of them.
async fn left_behind(mut socket: Socket) -> usize {
    let mut found = 0;
    while let Heard::Message(_) = socket.hear().await {
        found += 1;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_do_not_read_cost_little_memory_and_are_let_go() {
    let (deaf, transfers) = (proof::sized(100, 1_000), proof::sized(480, 10_000));
    let query = long_winded();
    for fresh in databases::both().await {
        let server = start(&fresh, &[]).await;
        // As many sockets as each person may have.
        let people = u32::try_from(deaf / 20).expect("they are few");
        let payers = town(&server, people, 0).await;
        let servers = [server];
        let (_, mut alone) = move_money(&servers, &payers, 16, transfers, "alone").await;
        let before = resident(&servers[0]);
        let mut sockets = Vec::new();
        for number in 0..deaf {
            let payer = &payers[number % payers.len()];
            sockets.push((number, fall_silent(address(&servers[0]), payer, &query).await));
        }
        let began = versions(&servers[0], &payers).await;
        let (_, mut beside) = move_money(&servers, &payers, 16, transfers, "beside").await;
        let grown = resident(&servers[0]) - before;
        let ended = versions(&servers[0], &payers).await;
        // Longer than a client may take nothing of what is sent to it.
        tokio::time::sleep(Duration::from_secs(15)).await;
        for (number, socket) in sockets {
            let place = number % payers.len();
            let due = EACH * usize::try_from(ended[place] - began[place]).expect("it rose");
            let found = left_behind(socket).await;
            assert!(found < due / 2, "{}: {found} of {due} messages waited", fresh.name);
        }
        let (alone, beside) = (p99(&mut alone), p99(&mut beside));
        let figure = format!(
            "{deaf} sockets, {transfers} transfers: {grown:.0} MB more, p99 {beside:.1} ms after {alone:.1}"
        );
        // Times are judged where nothing else is at work.
        let held =
            grown < 200.0 && (proof::scale() == proof::Scale::Short || beside <= 2.0 * alone);
        let promise = format!("F16 sockets that do not read, {}", fresh.name);
        proof::record(&promise, "under 200 MB, p99 at most twice", &figure, held);
        assert!(held, "{figure}");
        for server in servers {
            assert!(server.stop().await.success());
        }
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

/// A client that others have written, which prints what it hears.
struct Client {
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Client {
    fn start(which: &str, server: &Server, payer: &Payer) -> Self {
        let mut child = Command::new("node")
            .args(["clients/live.mjs", which, &server.url, &payer.card])
            .env("TOKEN", &payer.token)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is there: `make test` says how to get it");
        let output = child.stdout.take().expect("the output is piped");
        Self { lines: BufReader::new(output).lines(), _child: child }
    }

    async fn hears(&mut self) -> Value {
        let line = timeout(Duration::from_secs(30), self.lines.next_line()).await;
        let line = line.expect("a message comes in time").expect("the output is text");
        let line = line.expect("the client runs: run `make test`, which installs its packages");
        serde_json::from_str(&line).expect("a message is JSON")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_of_others_hear_a_balance_that_another_person_changes() {
    for fresh in databases::both().await {
        let server = start(&fresh, &[]).await;
        let payers = town(&server, 2, 0).await;
        let mut clients = Vec::new();
        for which in ["graphql-ws", "graphql-sse", "apollo"] {
            let mut client = Client::start(which, &server, &payers[1]);
            let first = json!({ "version": "1", "posted": "50.00", "reset": false });
            assert_eq!(client.hears().await, first, "{which}");
            clients.push(client);
        }
        let line = Line::to(&server);
        for (number, posted) in [(2, "51.25"), (3, "52.50")] {
            let order = Order { key: format!("k{number}"), from: 0, to: 1, cents: 125 };
            let told = line.ask(&payers, &order).await;
            assert!(matches!(told, Told::Moved { .. }), "{told:?}");
            let changed =
                json!({ "version": number.to_string(), "posted": posted, "reset": false });
            for client in &mut clients {
                assert_eq!(client.hears().await, changed);
            }
        }
        drop(clients);
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
