//! A power cut in the middle of the work: nothing acknowledged is lost, nothing is done twice.

use std::{path::Path, sync::Arc, time::Duration};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    people::{proof as person, registration, text},
    proof,
    server::{Server, client, post, teller},
};

const CLIENTS: usize = 16;
const PEOPLE: u32 = 4;

/// A person with a card, as the clients of the load need them.
#[derive(Debug, Clone)]
struct Payer {
    token: String,
    card: String,
}

/// What a client was told: the key and the transaction that it made.
type Acknowledged = Arc<Mutex<Vec<(String, String, usize)>>>;

async fn join(server: &Server, name: &str, index: u32) -> Payer {
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
        verifyEmail(input: $input) { accessToken errors { message } } }";
    let input = json!({ "input": person(name, code.expect("the letter has a code")) });
    let token = text(&server.run(None, verify, input).await["verifyEmail"]["accessToken"]);
    let create = "mutation { createCard { card { id } } }";
    let made = server.run(Some(&token), create, json!({})).await;
    let card = text(&made["createCard"]["card"]["id"]);
    let top_up = "mutation ($input: TopUpInput!) { topUp(input: $input) { errors { message } } }";
    let input = json!({ "idempotencyKey": "start", "accountId": card, "amount": "950.00" });
    server.run(Some(&token), top_up, json!({ "input": input })).await;
    Payer { token, card }
}

const TRANSFER: &str = "mutation ($input: TransferInput!) {
    transfer(input: $input) { transaction { id } replayed errors { code message } } }";

/// One client: its transfers one after the other, each sent with its key until it is answered.
async fn pay_all(
    number: usize,
    transfers: usize,
    payers: Arc<Vec<Payer>>,
    mut url: watch::Receiver<String>,
    acknowledged: Acknowledged,
) {
    let http = client();
    for n in 0..transfers {
        let from = (number + n) % payers.len();
        let to = (from + 1 + n % (payers.len() - 1)) % payers.len();
        let key = format!("client{number}-{n}");
        let input = json!({ "input": {
            "idempotencyKey": key, "fromAccountId": payers[from].card,
            "to": { "accountId": payers[to].card }, "amount": "0.01",
        } });
        loop {
            let at = url.borrow_and_update().clone();
            let asked = post(&http, &at, Some(&payers[from].token), TRANSFER, input.clone()).await;
            match asked {
                Ok(body) if body.get("errors").is_none() => {
                    let payload = &body["data"]["transfer"];
                    assert_eq!(payload["errors"], json!([]), "{key}");
                    let id = text(&payload["transaction"]["id"]);
                    acknowledged.lock().await.push((key, id, from));
                    break;
                }
                // The server is gone or on its way out: the same key again.
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

/// Runs `teller audit`, which must find nothing.
async fn audit(folder: &Path, url: &str) -> String {
    let output = teller(folder, url).arg("audit").output().await.expect("the audit runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("The books hold."), "{told}");
    told
}

/// What was counted after all kills.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    /// Cents that there are more or less than were brought in.
    cents: i64,
    /// Acknowledged transfers that their payer cannot see.
    missing: usize,
    /// Movements beyond one for each key.
    surplus: i64,
}

/// How many acknowledged transfers are not there, as their payers see it.
async fn missing(
    server: &Server,
    payers: &[Payer],
    acknowledged: &[(String, String, usize)],
) -> usize {
    let query = "query ($id: ID!) { transaction(id: $id) { kind amount { amount } } }";
    let there = json!({ "kind": "TRANSFER", "amount": { "amount": "0.01" } });
    let mut missing = 0;
    for (_, id, from) in acknowledged {
        let found = server.run(Some(&payers[*from].token), query, json!({ "id": id })).await;
        missing += usize::from(found["transaction"] != there);
    }
    missing
}

async fn balances(server: &Server, payers: &[Payer]) -> Vec<String> {
    let query = "query ($id: ID!) { card(by: { id: $id }) { balance { posted { amount } } } }";
    let mut all = Vec::new();
    for payer in payers {
        let found = server.run(Some(&payer.token), query, json!({ "id": payer.card })).await;
        all.push(text(&found["card"]["balance"]["posted"]["amount"]));
    }
    all
}

async fn kill_and_restart(fresh: &Fresh, transfers: usize, kills: usize) -> Figures {
    let mut figures = Figures::default();
    let mut chance = ChaCha20Rng::seed_from_u64(proof::seed());
    let mut server = Server::start(fresh.folder(), &fresh.url).await;
    let mut payers = Vec::new();
    for index in 0..PEOPLE {
        payers.push(join(&server, &format!("person{index}"), index).await);
    }
    let payers = Arc::new(payers);
    let (tell, url) = watch::channel(server.url.clone());
    let acknowledged = Acknowledged::default();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let share = transfers / CLIENTS + usize::from(number < transfers % CLIENTS);
        clients.spawn(pay_all(
            number,
            share,
            Arc::clone(&payers),
            url.clone(),
            Arc::clone(&acknowledged),
        ));
    }
    let mut seen = 0;
    for kill in 1..=kills {
        // Spread over the work: each one at a moment of its own between two shares of it.
        let share = transfers * kill / (kills + 1);
        while acknowledged.lock().await.len() < share {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_micros(u64::from(chance.next_u32() % 20_000))).await;
        server.kill().await;
        let told = acknowledged.lock().await.clone();
        audit(fresh.folder(), &fresh.url).await;
        server = Server::start(fresh.folder(), &fresh.url).await;
        figures.missing += missing(&server, &payers, &told[seen..]).await;
        seen = told.len();
        tell.send(server.url.clone()).expect("the clients listen");
    }
    while let Some(done) = clients.join_next().await {
        done.expect("a client ends well");
    }
    let all = acknowledged.lock().await.clone();
    assert_eq!(all.len(), transfers);
    let mut ids: Vec<&String> = all.iter().map(|(_, id, _)| id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), transfers, "each key has a movement of its own");
    figures.missing += missing(&server, &payers, &all).await;
    let before = balances(&server, &payers).await;
    let cents: i64 =
        before.iter().map(|amount| amount.replace('.', "").parse::<i64>().expect("cents")).sum();
    figures.cents = cents - i64::from(PEOPLE) * 100_000;
    assert!(server.stop().await.success());
    let told = audit(fresh.folder(), &fresh.url).await;
    let count = told.split(", ").find_map(|part| part.strip_suffix(" transactions"));
    let count: i64 = count.and_then(|count| count.parse().ok()).expect("the audit counts");
    // The openings and the top-ups are two for each person.
    let expected = i64::try_from(transfers).expect("few") + 2 * i64::from(PEOPLE);
    figures.surplus = count - expected;
    let server = Server::start(fresh.folder(), &fresh.url).await;
    assert_eq!(balances(&server, &payers).await, before, "the same after a stop and a start");
    assert!(server.stop().await.success());
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_done_twice() {
    let (transfers, kills) = (proof::sized(1_000, 10_000), proof::sized(3, 20));
    for fresh in databases::both().await {
        let figures = kill_and_restart(&fresh, transfers, kills).await;
        let held = figures == Figures::default();
        proof::tally(fresh.name, &test_name());
        proof::record(
            &format!("kill -9 under {CLIENTS} clients, {}", fresh.name),
            "0 cents lost or made, 0 acknowledged transfers missing, 0 movements beyond one a key",
            &format!(
                "{kills} kills in {transfers} transfers: {}, {}, {}",
                figures.cents, figures.missing, figures.surplus
            ),
            held,
        );
        assert!(held, "{}: {figures:?}", fresh.name);
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_where_everything_is() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let (url, told) = (&server.url, &server.announced);
        let named = if fresh.name == "sqlite" { "SQLite 3." } else { "PostgreSQL 1" };
        for needed in [format!("{url}/graphql"), format!("{url}/dev/inbox"), named.to_owned()] {
            assert!(told.contains(&needed), "{needed}: {told}");
        }
        let answer: Value = server.run(None, "{ serverInfo { sandbox } }", json!({})).await;
        assert_eq!(answer["serverInfo"]["sandbox"], true);
        let version = told.lines().find_map(|line| line.trim().strip_prefix("database"));
        let version = version.and_then(|text| text.split(',').next()).unwrap_or_default();
        proof::record_version(version.trim());
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
