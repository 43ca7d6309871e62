//! Clients that move money by a real server's GraphQL, all at once, and what
//! they were told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Map, Value, json};
use tokio::{process::Command, sync::watch};

use super::{
    people::{proof as person, registration, text},
    server::{Server, client, lone_client, post},
};

/// What a new card holds, in cents: the sandbox's opening credit.
pub const OPENING: i64 = 5_000;
/// Between two tries of a request that got no answer.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two tries of a request that was told to come later.
const PAUSE_OVERLOADED: Duration = Duration::from_millis(100);
/// How long one wish may stay open, over all restarts and repeats.
const SETTLED: Duration = Duration::from_mins(2);
/// Transactions that are looked up by one request, well under the limits of a document.
const ASKED_AT_ONCE: usize = 20;

/// A person with a card, as the clients of a load need them.
#[derive(Debug, Clone)]
pub struct Payer {
    /// Opens the API as them.
    pub token: String,
    /// Renews that, once.
    pub refresh: String,
    /// The id of their card.
    pub card: String,
}

/// A transfer that somebody wants, whatever becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its idempotency key.
    pub key: String,
    /// Which payer pays.
    pub from: usize,
    /// Which payer is paid.
    pub to: usize,
    /// How much.
    pub cents: i64,
}

/// What one request for a transfer was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It is in the books.
    Moved {
        /// Names the transaction.
        id: String,
        /// An earlier request with this key had moved it.
        replayed: bool,
    },
    /// The bank's "no", with its code.
    Refused(String),
    /// Something is wrong with the server, with the code that it gave.
    Failed(String),
    /// There was no answer that can be read.
    Silence,
}

/// The code by which a server asks to come later.
pub const OVERLOADED: &str = "OVERLOADED";
/// How a silence is noted.
pub const SILENCE: &str = "no answer";

/// How often clients were told what; shared by all of them.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<String, usize>>>);

impl Tally {
    /// Counts one.
    pub fn note(&self, what: &str) {
        let mut counts = self.0.lock().expect("nobody panics while counting");
        *counts.entry(what.to_owned()).or_default() += 1;
    }

    /// How often it was noted.
    pub fn count(&self, what: &str) -> usize {
        self.0.lock().expect("nobody panics while counting").get(what).copied().unwrap_or(0)
    }

    /// How often anything but these was noted.
    pub fn others(&self, than: &[&str]) -> usize {
        let counts = self.0.lock().expect("nobody panics while counting");
        let others = counts.iter().filter(|(what, _)| !than.contains(&what.as_str()));
        others.map(|(_, count)| count).sum()
    }

    /// Everything that was noted: `2 INTERNAL, 1 no answer`.
    pub fn list(&self) -> String {
        let counts = self.0.lock().expect("nobody panics while counting");
        let shown: Vec<String> =
            counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
    }
}

/// An amount as it is typed.
pub fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn cents(amount: &Value) -> i64 {
    text(amount).replace('.', "").parse().expect("an amount has two decimals")
}

const TRANSFER: &str = "mutation ($input: TransferInput!) {
    transfer(input: $input) { transaction { id } replayed errors { code message } } }";

/// What an answer to `TRANSFER` says.
fn read(body: &Value) -> Told {
    if let Some(error) = body["errors"].as_array().and_then(|errors| errors.first()) {
        let code = error["extensions"]["code"].as_str();
        return Told::Failed(code.unwrap_or("an error without a code").to_owned());
    }
    let payload = &body["data"]["transfer"];
    if let Some(error) = payload["errors"].as_array().and_then(|errors| errors.first()) {
        let code = error["code"].as_str();
        return Told::Refused(code.unwrap_or("a refusal without a code").to_owned());
    }
    match (payload["transaction"]["id"].as_str(), payload["replayed"].as_bool()) {
        (Some(id), Some(replayed)) => Told::Moved { id: id.to_owned(), replayed },
        _ => Told::Failed("neither a transaction nor an error".to_owned()),
    }
}

/// A client's connections to a server, which may be another one after a restart.
#[derive(Debug, Clone)]
pub struct Line {
    http: Client,
    url: watch::Receiver<String>,
}

impl Line {
    /// A client of whatever server the channel names; it waits while none is named.
    pub fn new(url: watch::Receiver<String>) -> Self {
        Self { http: client(), url }
    }

    /// A client of this server alone.
    pub fn to(server: &Server) -> Self {
        let (_, url) = watch::channel(server.url.clone());
        Self::new(url)
    }

    /// A client that opens a connection for each request.
    pub fn without_pool(url: watch::Receiver<String>) -> Self {
        Self { http: lone_client(), url }
    }

    /// Sends an order once.
    pub async fn ask(&self, payers: &[Payer], order: &Order) -> Told {
        self.try_ask(payers, order).await.unwrap_or(Told::Silence)
    }

    /// The same; an error where there was no answer says why.
    pub async fn try_ask(&self, payers: &[Payer], order: &Order) -> reqwest::Result<Told> {
        let input = json!({ "input": {
            "idempotencyKey": order.key, "fromAccountId": payers[order.from].card,
            "to": { "accountId": payers[order.to].card }, "amount": dollars(order.cents),
        } });
        let mut named = self.url.clone();
        let Ok(url) = named.wait_for(|url| !url.is_empty()).await.map(|url| url.clone()) else {
            return Ok(Told::Silence);
        };
        let token = &payers[order.from].token;
        let body = post(&self.http, &url, Some(token), TRANSFER, input).await?;
        Ok(read(&body))
    }

    /// Sends an order with its key until it is moved or refused, and notes what else it was told.
    pub async fn settle(&self, payers: &[Payer], order: &Order, tally: &Tally) -> Told {
        let settled = self.settle_within(SETTLED, payers, order, tally).await;
        settled.unwrap_or_else(|| panic!("{} was not settled: {}", order.key, tally.list()))
    }

    /// The same with another limit; `None` where it was not settled by then.
    pub async fn settle_within(
        &self,
        limit: Duration,
        payers: &[Payer],
        order: &Order,
        tally: &Tally,
    ) -> Option<Told> {
        let started = Instant::now();
        while started.elapsed() < limit {
            let told = self.ask(payers, order).await;
            let pause = match &told {
                Told::Moved { .. } | Told::Refused(_) => return Some(told),
                Told::Silence => {
                    tally.note(SILENCE);
                    PAUSE
                }
                Told::Failed(code) => {
                    tally.note(code);
                    if code == OVERLOADED { PAUSE_OVERLOADED } else { PAUSE }
                }
            };
            tokio::time::sleep(pause).await;
        }
        None
    }
}

/// Makes a customer with a card, which holds the opening credit.
pub async fn join(server: &Server, name: &str, index: u32) -> Payer {
    let register =
        "mutation ($input: RegisterInput!) { register(input: $input) { errors { code } } }";
    server.run(None, register, json!({ "input": registration(name, index) })).await;
    let letters = server.letters(&format!("{name}@example.org"), 0).await;
    let letter = text(&letters[0]["text"]);
    let code = letter
        .lines()
        .map(str::trim)
        .find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
    let verify = "mutation ($input: VerifyEmailInput!) {
        verifyEmail(input: $input) { accessToken refreshToken errors { message } } }";
    let input = json!({ "input": person(name, code.expect("the letter has a code")) });
    let entered = server.run(None, verify, input).await["verifyEmail"].take();
    let (token, refresh) = (text(&entered["accessToken"]), text(&entered["refreshToken"]));
    let create = "mutation { createCard { card { id } } }";
    let made = server.run(Some(&token), create, json!({})).await;
    Payer { token, refresh, card: text(&made["createCard"]["card"]["id"]) }
}

/// Makes so many customers, each with a card and that much more on it than the opening credit.
pub async fn town(server: &Server, people: u32, more: i64) -> Arc<Vec<Payer>> {
    let mut payers = Vec::new();
    for index in 0..people {
        let payer = join(server, &format!("person{index}"), index).await;
        if more > 0 {
            top_up(server, &payer, more).await;
        }
        payers.push(payer);
    }
    Arc::new(payers)
}

/// Renews the tokens of all, which are good for a quarter of an hour at most.
pub async fn renewed(server: &Server, payers: &[Payer]) -> Arc<Vec<Payer>> {
    let renew = "mutation ($input: RefreshSessionInput) {
        refreshSession(input: $input) { accessToken refreshToken errors { code } } }";
    let mut all = Vec::new();
    for payer in payers {
        let input = json!({ "input": { "refreshToken": payer.refresh } });
        let made = server.run(None, renew, input).await["refreshSession"].take();
        let (token, refresh) = (text(&made["accessToken"]), text(&made["refreshToken"]));
        all.push(Payer { token, refresh, card: payer.card.clone() });
    }
    Arc::new(all)
}

async fn top_up(server: &Server, payer: &Payer, cents: i64) {
    let top_up = "mutation ($input: TopUpInput!) {
        topUp(input: $input) { transaction { id } errors { code message } } }";
    let input = json!({
        "idempotencyKey": "start", "accountId": payer.card, "amount": dollars(cents),
    });
    let done = server.run(Some(&payer.token), top_up, json!({ "input": input })).await;
    assert_eq!(done["topUp"]["errors"], json!([]), "{done}");
}

/// What each payer's card holds, in cents.
pub async fn balances(server: &Server, payers: &[Payer]) -> Vec<i64> {
    let query = "query ($id: ID!) { card(by: { id: $id }) { balance { posted { amount } } } }";
    let mut all = Vec::new();
    for payer in payers {
        let found = server.run(Some(&payer.token), query, json!({ "id": payer.card })).await;
        all.push(cents(&found["card"]["balance"]["posted"]["amount"]));
    }
    all
}

/// What each payer's card must hold after these orders, each done once.
pub fn expected<'a>(
    people: usize,
    each: i64,
    moved: impl IntoIterator<Item = &'a Order>,
) -> Vec<i64> {
    let mut all = vec![each; people];
    for order in moved {
        all[order.from] -= order.cents;
        all[order.to] += order.cents;
    }
    all
}

/// By how many cents all balances together are off, up or down.
pub fn off(found: &[i64], expected: &[i64]) -> i64 {
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).sum()
}

/// Reads what must be there; where it is told to come again, as just after a fault, it does.
async fn patiently(server: &Server, token: &str, query: &str, variables: Value) -> Value {
    let began = Instant::now();
    loop {
        let told = server.try_post(Some(token), query, variables.clone()).await;
        let mut told = told.expect("the server answers");
        let again = told["errors"][0]["extensions"]["code"] == OVERLOADED;
        if !again || began.elapsed() > SETTLED {
            assert!(told.get("errors").is_none(), "{told}");
            return told["data"].take();
        }
        tokio::time::sleep(PAUSE_OVERLOADED).await;
    }
}

/// How many of these acknowledged transfers are not there, as their payers see it.
pub async fn missing(server: &Server, payers: &[Payer], moved: &[(Order, String)]) -> usize {
    let mut missing = 0;
    for (from, payer) in payers.iter().enumerate() {
        let own: Vec<_> = moved.iter().filter(|(order, _)| order.from == from).collect();
        for some in own.chunks(ASKED_AT_ONCE) {
            let names = (0..some.len()).map(|n| format!("$id{n}: ID!"));
            let fields = (0..some.len())
                .map(|n| format!("t{n}: transaction(id: $id{n}) {{ kind amount {{ amount }} }}"));
            let (names, fields): (Vec<_>, Vec<_>) = (names.collect(), fields.collect());
            let query = format!("query ({}) {{ {} }}", names.join(", "), fields.join(" "));
            let ids = some.iter().enumerate().map(|(n, (_, id))| (format!("id{n}"), json!(id)));
            let ids: Map<String, Value> = ids.collect();
            let found = patiently(server, &payer.token, &query, Value::Object(ids)).await;
            let there = |n: usize, order: &Order| {
                let amount = json!({ "amount": dollars(order.cents) });
                found[format!("t{n}")] == json!({ "kind": "TRANSFER", "amount": amount })
            };
            let gone = some.iter().enumerate().filter(|(n, (order, _))| !there(*n, order));
            missing += gone.count();
        }
    }
    missing
}

/// Runs `teller audit` by the command, which must find nothing wrong; how many transactions
/// it counted.
pub async fn audit(mut teller: Command) -> i64 {
    let output = teller.arg("audit").output().await.expect("the audit runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("The books hold."), "{told}");
    let count = told.split([',', '\n']).find_map(|part| part.trim().strip_suffix(" transactions"));
    count.and_then(|count| count.parse().ok()).expect("the audit counts")
}

/// Transactions beyond one for each of these; less than none where some are missing.
pub fn beyond(transactions: i64, wanted: usize) -> i64 {
    transactions - i64::try_from(wanted).expect("they are few")
}
