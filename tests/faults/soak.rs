//! Nothing breaks, for long: clients of GraphQL, of a legacy dialect and of sockets work side
//! by side, and the server takes no more memory and no more descriptors than at first.

use std::{
    fs,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, watch},
    task::{JoinHandle, JoinSet},
};

use crate::support::{
    bank::test_name,
    chance::Chance,
    databases,
    live::{Heard, PROTOCOL, Socket},
    load::{
        Line, OPENING, Order, Payer, Tally, Told, audit, balances, beyond, expected, off, town,
    },
    people::{PASSWORD, text},
    proof,
    server::{Server, client, post, teller},
};

/// People who pay each other; each has a card.
const PEOPLE: u32 = 8;
/// Cents on each card beyond its opening credit.
const MORE: i64 = 400_000;
/// A client thinks for so long at most between two requests, in milliseconds.
const THINKS: u32 = 400;
/// How often access tokens are renewed: they open the API for ten minutes.
const RENEWED: Duration = Duration::from_mins(4);
/// How often the process is looked at.
const LOOKED: Duration = Duration::from_secs(2);
/// How many KiB a process may grow while it is called flat, beside a tenth of what it has.
const SLACK: f64 = 8.0 * 1024.0;
/// Descriptors that come and go with the clients' connections.
const FILES: f64 = 8.0;

const READS: [&str; 4] = [
    "{ me { firstName email } cards { id last4 balance { available { amount } } } }",
    "{ history(first: 20) { edges { node { __typename } cursor } pageInfo { hasNextPage } } }",
    "{ sessions { id current } }",
    "{ cards { history(first: 10) { edges { node { amount { amount } } } } } }",
];

const CHANGES: &str = "subscription ($after: Cursor) {
    balanceChanged(after: $after) { cursor balance { posted { amount } } } }";

/// A person who is signed in by card-bank as well.
#[derive(Debug, Clone)]
struct Member {
    cookie: String,
    number: String,
    /// Which payer they are.
    place: usize,
}

/// What all clients share.
#[derive(Clone)]
struct World {
    url: String,
    http: Client,
    /// The payers with tokens that open the API now.
    payers: watch::Receiver<Arc<Vec<Payer>>>,
    members: Arc<Vec<Member>>,
    /// What was told wrongly; it must stay empty.
    wrong: Tally,
    /// What went well.
    right: Tally,
    moved: Arc<Mutex<Vec<Order>>>,
    stop: watch::Receiver<bool>,
}

impl World {
    fn over(&self) -> bool {
        *self.stop.borrow()
    }

    async fn think(&self, chance: &mut Chance) {
        let pause = Duration::from_millis(u64::from(chance.small(THINKS)));
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// A transfer between two others, of which nobody has heard yet.
    fn order(&self, chance: &mut Chance, key: String, from: usize) -> Order {
        let people = self.payers.borrow().len();
        let away = 1 + usize::try_from(chance.below(people as u64 - 1)).expect("they are few");
        let cents = 1 + i64::from(chance.small(200));
        Order { key, from, to: (from + away) % people, cents }
    }

    async fn note_moved(&self, order: Order) {
        self.right.note("transfers");
        self.moved.lock().await.push(order);
    }
}

/// Pays and reads by GraphQL.
async fn by_graphql(world: World, number: usize) {
    let mut chance = Chance::new(proof::seed() + number as u64);
    let (_, url) = watch::channel(world.url.clone());
    let line = Line::new(url);
    for n in 0.. {
        if world.over() {
            break;
        }
        let payers = world.payers.borrow().clone();
        if chance.below(10) < 5 {
            let order = world.order(&mut chance, format!("g{number}-{n}"), number % payers.len());
            match line.ask(&payers, &order).await {
                Told::Moved { replayed: false, .. } => world.note_moved(order).await,
                told => world.wrong.note(&format!("transfer: {told:?}")),
            }
        } else {
            let query = chance.pick(&READS).expect("there are some");
            let token = &payers[number % payers.len()].token;
            let told = post(&world.http, &world.url, Some(token), query, json!({})).await;
            match told {
                Ok(body) if body.get("errors").is_none() => world.right.note("reads"),
                told => world.wrong.note(&format!("{query}: {told:?}")),
            }
        }
        world.think(&mut chance).await;
    }
}

/// Pays and reads by card-bank.
async fn by_rest(world: World, number: usize) {
    let mut chance = Chance::new(proof::seed() + 1_000 + number as u64);
    let member = world.members[number % world.members.len()].clone();
    let cookie = format!("authorization={}", member.cookie);
    for n in 0.. {
        if world.over() {
            break;
        }
        let key = format!("r{number}-{n}");
        let pays = chance.below(10) < 5;
        let order = world.order(&mut chance, key.clone(), member.place);
        let (request, wanted) = if pays {
            let to = &world.members[order.to].number;
            let body = json!({
                "from_card_number": member.number, "to_card_number": to,
                "amount": f64::from(i32::try_from(order.cents).expect("it is small")) / 100.0,
            });
            let request = world.http.post(format!("{}/card/transfer", world.url)).json(&body);
            (request.header("idempotency-key", key), "[\"Transferred ")
        } else if chance.below(2) == 0 {
            (world.http.get(format!("{}/card", world.url)), "[{")
        } else {
            (world.http.get(format!("{}/auth/me", world.url)), "{")
        };
        let told = async { request.header("cookie", &cookie).send().await?.text().await }.await;
        match told {
            Ok(body) if body.starts_with(wanted) && pays => world.note_moved(order).await,
            Ok(body) if body.starts_with(wanted) => world.right.note("reads by card-bank"),
            told => world.wrong.note(&format!("card-bank: {told:?}")),
        }
        world.think(&mut chance).await;
    }
}

/// Listens for some time, goes, and comes again with the last cursor.
async fn by_socket(world: World, number: usize) {
    let mut chance = Chance::new(proof::seed() + 2_000 + number as u64);
    let address = world.url.strip_prefix("http://").expect("a plain address");
    let address: SocketAddr = address.parse().expect("an address and a port");
    let mut cursor = Value::Null;
    while !world.over() {
        let until = Instant::now() + Duration::from_millis(500 + u64::from(chance.small(30_000)));
        let token = world.payers.borrow()[number % PEOPLE as usize].token.clone();
        let Ok(mut socket) = Socket::connect(address, Some(PROTOCOL), &[]).await else {
            world.wrong.note("socket: refused");
            break;
        };
        socket
            .say(&json!({ "type": "connection_init", "payload": { "accessToken": token } }))
            .await;
        if !matches!(socket.hear().await, Heard::Message(_)) {
            world.wrong.note("socket: not acknowledged");
            break;
        }
        socket.subscribe("b", CHANGES, json!({ "after": cursor })).await;
        while Instant::now() < until && !world.over() {
            match socket.hear_within(Duration::from_millis(300)).await {
                None => {}
                Some(Heard::Message(told)) if told["type"] == "next" => {
                    cursor = told["payload"]["data"]["balanceChanged"]["cursor"].clone();
                    if cursor.is_string() {
                        world.right.note("events");
                    } else {
                        world.wrong.note(&format!("socket: {told}"));
                    }
                }
                Some(told) => {
                    world.wrong.note(&format!("socket: {told:?}"));
                    break;
                }
            }
        }
    }
}

/// A figure of a process: its resident memory in KiB, and its open descriptors.
fn look(server: &Server) -> (f64, f64) {
    let process = format!("/proc/{}", server.process());
    let status = fs::read_to_string(format!("{process}/status")).expect("the process is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let kib = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    let files = fs::read_dir(format!("{process}/fd")).expect("its descriptors").count();
    (kib, f64::from(u32::try_from(files).expect("they are few")))
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = figures.collect();
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(0.0)
}

/// Signs a person in once more, who has a card: the tokens that open GraphQL and renew it.
async fn sign_in(server: &Server, place: usize) -> (String, String) {
    let email = format!("person{place}@example.org");
    let seen = server.letters_now(&email).await.len();
    let login = "mutation ($input: LoginInput!) { login(input: $input) { challenge { id } } }";
    let input = json!({ "input": { "email": email, "password": PASSWORD } });
    let asked = server.run(None, login, input).await;
    let letters = server.letters(&email, seen).await;
    let code = text(&letters.last().expect("it came")["text"]);
    let code = code.lines().map(str::trim).find(|line| line.len() == 6 && is_digits(line));
    let confirm = "mutation ($input: ConfirmLoginInput!) {
        confirmLogin(input: $input) { accessToken refreshToken } }";
    let input = json!({ "input": {
        "challengeId": asked["login"]["challenge"]["id"], "code": code.expect("a code"),
    } });
    let made = server.run(None, confirm, input).await;
    let made = &made["confirmLogin"];
    (text(&made["accessToken"]), text(&made["refreshToken"]))
}

fn is_digits(line: &str) -> bool {
    line.bytes().all(|byte| byte.is_ascii_digit())
}

/// Signs a person in by card-bank.
async fn enter_cardbank(server: &Server, http: &Client, place: usize) -> Member {
    let email = format!("person{place}@example.org");
    let seen = server.letters_now(&email).await.len();
    let ask = http
        .post(format!("{}/auth/2fa/request", server.url))
        .json(&json!({ "email": email, "password": PASSWORD }));
    assert!(ask.send().await.expect("an answer").status().is_success());
    let letters = server.letters(&email, seen).await;
    let html = text(&letters.last().expect("it came")["html"]);
    let code = html.split_once("<div class=\"code\">").expect("a code").1;
    let code = code.split_once("</div>").expect("its end").0;
    let confirm = http
        .post(format!("{}/auth/2fa/confirm", server.url))
        .json(&json!({ "email": email, "twofa_code": code }));
    let told = confirm.send().await.expect("an answer");
    let cookie = told.headers()["set-cookie"].to_str().expect("a text");
    let cookie = cookie.split_once("authorization=").expect("the cookie").1;
    let cookie = cookie.split(';').next().expect("its value").to_owned();
    let cards = http
        .get(format!("{}/card", server.url))
        .header("cookie", format!("authorization={cookie}"));
    let cards: Value = cards.send().await.expect("an answer").json().await.expect("a list");
    Member { cookie, number: text(&cards[0]["number"]), place }
}

/// Renews everybody's tokens as long as the clients work.
async fn keep_fresh(
    world: World,
    mut refresh: Vec<String>,
    tell: watch::Sender<Arc<Vec<Payer>>>,
) -> watch::Sender<Arc<Vec<Payer>>> {
    let renew = "mutation ($input: RefreshSessionInput) {
        refreshSession(input: $input) { accessToken refreshToken errors { code } } }";
    let mut stop = world.stop.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(RENEWED) => {}
            _ = stop.wait_for(|stop| *stop) => return tell,
        }
        let mut fresh = world.payers.borrow().to_vec();
        for (payer, token) in fresh.iter_mut().zip(&mut refresh) {
            let input = json!({ "input": { "refreshToken": token } });
            let told = post(&world.http, &world.url, None, renew, input).await;
            let told = told.map(|mut body| body["data"]["refreshSession"].take());
            match told {
                Ok(made) if made["accessToken"].is_string() => {
                    world.right.note("renewals");
                    payer.token = text(&made["accessToken"]);
                    *token = text(&made["refreshToken"]);
                }
                told => world.wrong.note(&format!("renewal: {told:?}")),
            }
        }
        tell.send_replace(Arc::new(fresh));
    }
}

/// Whether a figure of the second quarter of the time is also that of the last.
fn is_flat(before: f64, after: f64, slack: f64) -> bool {
    after <= before * 1.1 + slack
}

/// What works on until it is told to stop, and its tokens.
struct Day {
    world: World,
    work: JoinSet<()>,
    keeper: JoinHandle<watch::Sender<Arc<Vec<Payer>>>>,
    stop: watch::Sender<bool>,
}

/// Lets people in by both doors, and starts so many clients of GraphQL, of card-bank and of sockets.
async fn begin(server: &Server, clients: [usize; 3]) -> Day {
    let mut payers = town(server, PEOPLE, MORE).await.to_vec();
    let (mut members, mut refresh, http) = (Vec::new(), Vec::new(), client());
    for (place, payer) in payers.iter_mut().enumerate() {
        members.push(enter_cardbank(server, &http, place).await);
        let (access, renews) = sign_in(server, place).await;
        payer.token = access;
        refresh.push(renews);
    }
    let (tell, told) = watch::channel(Arc::new(payers));
    let (stop, stopped) = watch::channel(false);
    let world = World {
        url: server.url.clone(),
        http,
        payers: told,
        members: Arc::new(members),
        wrong: Tally::default(),
        right: Tally::default(),
        moved: Arc::default(),
        stop: stopped,
    };
    let keeper = tokio::spawn(keep_fresh(world.clone(), refresh, tell));
    let mut work = JoinSet::new();
    for number in 0..clients[0] {
        work.spawn(by_graphql(world.clone(), number));
    }
    for number in 0..clients[1] {
        work.spawn(by_rest(world.clone(), number));
    }
    for number in 0..clients[2] {
        work.spawn(by_socket(world.clone(), number));
    }
    Day { world, work, keeper, stop }
}

/// The medians of the second and of the last quarter of what was looked at.
fn quarters(looks: &[(f64, f64)]) -> ([f64; 2], [f64; 2]) {
    let quarter = looks.len() / 4;
    let (second, last) = (&looks[quarter..2 * quarter], &looks[looks.len() - quarter..]);
    let memory = [second, last].map(|some| median(some.iter().map(|look| look.0)));
    let files = [second, last].map(|some| median(some.iter().map(|look| look.1)));
    (memory, files)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_day_of_work_leaves_memory_and_descriptors_flat() {
    let clients = [proof::sized(6, 40), proof::sized(3, 16), proof::sized(2, 8)];
    let lasts = Duration::from_secs(proof::sized(6, 20 * 60) as u64);
    for fresh in databases::both().await {
        let server = Server::start_with(&mut teller(fresh.folder(), &fresh.url)).await;
        let mut day = begin(&server, clients).await;
        let (began, mut looks) = (Instant::now(), Vec::new());
        while began.elapsed() < lasts {
            tokio::time::sleep(LOOKED.min(lasts / 8)).await;
            looks.push(look(&server));
        }
        day.stop.send_replace(true);
        while let Some(done) = day.work.join_next().await {
            done.expect("no client panics");
        }
        // The tokens are told as long as somebody may ask for them.
        let _tell = day.keeper.await.expect("the tokens were renewed");
        let (memory, files) = quarters(&looks);
        // A few seconds are all warming up: only their errors and their books are judged.
        let flat = proof::scale() == proof::Scale::Short
            || is_flat(memory[0], memory[1], SLACK) && is_flat(files[0], files[1], FILES);
        let world = day.world;
        let wrong = world.wrong.others(&[]);
        let payers = world.payers.borrow().clone();
        let moved = world.moved.lock().await.clone();
        let wanted = expected(payers.len(), OPENING + MORE, &moved);
        let cents = off(&balances(&server, &payers).await, &wanted);
        assert!(server.stop().await.success());
        let transactions = audit(teller(fresh.folder(), &fresh.url)).await;
        // Each card was opened with a credit and topped up once.
        let surplus = beyond(transactions, moved.len() + 2 * payers.len());
        let held = flat && wrong == 0 && cents == 0 && surplus == 0;
        let figure = format!(
            "{} s, {} clients: {}; {wrong} errors, {cents} cents off, {surplus} movements too many; \
             {:.0} MiB, at the end {:.0}; {:.0} descriptors, at the end {:.0}",
            lasts.as_secs(),
            clients.iter().sum::<usize>(),
            world.right.list(),
            memory[0] / 1024.0,
            memory[1] / 1024.0,
            files[0],
            files[1],
        );
        let promise = format!("F19 a long day of work, {}", fresh.name);
        proof::record(
            &promise,
            "memory and descriptors flat, no error, books exact",
            &figure,
            held,
        );
        assert!(held, "{figure}: {}", world.wrong.list());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
