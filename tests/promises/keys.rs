//! Secrets that change: what an old one sealed stays readable, and is sealed anew.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    http::{Method, header},
};
use regex::Regex;
use serde_json::{Value, json};
use teller::{
    bank::{context::Bank, error::Failure, file, key_ring, rekey, session},
    crypto::{keyring::Keyring, seal, seal::Place},
    domain::refusal::Refusal,
    ledger::engine::Capacity,
    store::{particulars, particulars::Particulars, rekey::COLUMNS},
    types::{
        id::{self, SessionId, UserId},
        secret::Secret,
    },
};
use tower::ServiceExt as _;

use crate::support::{
    bank::{SECRET, TestBank, each_database, reassemble, test_name},
    databases, load,
    people::{PASSWORD, Person, proof, registration, text},
    proof as record,
    server::{Server, teller},
    uploads::Sent,
};

const NEW: &str = "a newer one: 0123456789abcdefghijklmnopqrstuvwxyz";

fn ring(secret: &str) -> Keyring {
    Keyring::from_secret(&Secret::new(secret)).expect("a long secret")
}

/// Another process of the bank, with these secrets.
async fn with_ring(bank: &TestBank, number: u64, ring: Keyring) -> Bank {
    let db = bank.fresh.open().await;
    let mut other = reassemble(bank, db, number, Capacity::default());
    other.ring = ring;
    other.ring = key_ring::open(&other).await.expect("the secrets fit");
    other
}

async fn on(bank: &Bank, person: Option<&Person>, query: &str, variables: Value) -> Value {
    let router = TestBank::router_over(bank);
    let answer = match person {
        Some(person) => TestBank::post_to(router, &person.token, query, variables).await,
        None => TestBank::post_to_anonymous(router, query, variables).await,
    };
    answer.json()
}

/// All that stands on a card.
async fn details(bank: &Bank, ann: &Person, card: &str) -> Value {
    let query = "mutation ($id: ID!) { revealCard(input: { cardId: $id }) {
        details { number expirationDate cvv } errors { code } } }";
    on(bank, Some(ann), query, json!({ "id": card })).await["data"]["revealCard"]["details"].take()
}

/// The columns of bytes with a value that begins with these.
async fn columns_with(bank: &TestBank, prefix: &[u8]) -> BTreeSet<String> {
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let sql = match bank.database {
        "sqlite" => {
            "SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
             WHERE m.type = 'table' AND p.type = 'BLOB'"
        }
        _ => {
            "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND data_type = 'bytea'"
        }
    };
    let all: Vec<(String, String)> = s.query(sql).all().await.expect("the columns are listed");
    assert!(all.len() > 8, "{all:?}");
    let mut found = BTreeSet::new();
    for (table, column) in all {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE substr({column}, 1, 4) = $1");
        let sql: &'static str = Box::leak(sql.into_boxed_str());
        if s.query(sql)
            .bind(prefix)
            .scalar::<i64>()
            .await
            .expect("the values are counted")
            .unwrap_or(0)
            > 0
        {
            found.insert(format!("{table}.{column}"));
        }
    }
    found
}

/// A person with a card and a file, and something that waits of every sort that is sealed.
async fn furnished(bank: &TestBank) -> (Person, String, Sent) {
    let ann = bank.join("ann", 1).await;
    let card = text(&bank.create_card(&ann, json!({ "idempotencyKey": "c" })).await["card"]["id"]);
    bank.register(registration("bob", 2)).await;
    bank.run(Some(&ann.token), "mutation { beginTotp { secret } }", json!({})).await;
    // Delivered: it is in the inbox.
    bank.code("bob@example.org").await;
    // And this one waits in the outbox.
    bank.register(registration("eve", 3)).await;
    let sent = bank.upload(&ann, "a.txt", b"hello").await;
    identify(bank, &ann).await;
    (ann, card, sent)
}

/// Somebody has said the number of their identity.
async fn identify(bank: &TestBank, person: &Person) {
    let (_, id) = id::split(&person.id).expect("a person's id");
    let place = Place { column: "users.national_id", row: id.as_bytes() };
    let said = Particulars {
        national_id: Some(seal::seal(&bank.bank.ring, bank.bank.entropy.as_ref(), place, b"ID-7")),
        ..Particulars::default()
    };
    let mut s = bank.bank.db.write().await.expect("the database is written");
    particulars::set(&mut s, UserId::from_uuid(id), &said).await.expect("it is written");
    s.commit().await.expect("it is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_takes_over_and_the_old_one_can_go() {
    each_database(async |bank| {
        let (ann, card, sent) = furnished(bank).await;
        let login = bank.login(&ann.email, PASSWORD).await;
        let login_code = bank.code(&ann.email).await;
        let bobs_code = bank.code("bob@example.org").await;
        bank.register(registration("kim", 4)).await;
        let shown = details(&bank.bank, &ann, &card).await;
        assert!(shown["cvv"].is_string(), "{shown}");
        let old_id = bank.bank.ring.key_id;

        let both = with_ring(bank, 1, ring(NEW).with_older(vec![ring(SECRET)])).await;
        assert_eq!(details(&both, &ann, &card).await, shown, "{}", bank.database);
        let again = "mutation { createCard(input: { idempotencyKey: \"c\" }) {
            card { id } replayed } }";
        let again = on(&both, Some(&ann), again, json!({})).await;
        assert_eq!(again["data"]["createCard"]["replayed"], true, "fingerprints stay: {again}");
        let quote = "mutation ($input: TransferInput!) { transfer(input: $input) {
            errors { code } } }";
        let input = json!({ "idempotencyKey": "t", "fromAccountId": card, "amount": "1.00",
            "to": { "cardNumber": shown["number"] } });
        let same = on(&both, Some(&ann), quote, json!({ "input": input })).await;
        let told = &same["data"]["transfer"]["errors"][0]["code"];
        assert_eq!(told, "SAME_ACCOUNT", "the card is found by its number: {same}");
        let confirm = "mutation ($id: ID!, $code: String!) {
            confirmLogin(input: { challengeId: $id, code: $code }) { accessToken errors { code } } }";
        let answer = json!({ "id": login["challenge"]["id"], "code": login_code });
        let confirmed = on(&both, None, confirm, answer).await;
        let newer = Person {
            token: text(&confirmed["data"]["confirmLogin"]["accessToken"]),
            ..ann.clone()
        };
        let verify = "mutation ($input: VerifyEmailInput!) {
            verifyEmail(input: $input) { errors { code } } }";
        let input = json!({ "input": proof("bob", &bobs_code) });
        let verified = on(&both, None, verify, input).await;
        assert_eq!(verified["data"]["verifyEmail"]["errors"], json!([]), "{verified}");

        let done = rekey::run(&both).await.expect("everything is sealed anew");
        assert_eq!(done.dropped, 1);
        for (column, count) in &done.columns {
            assert!(*count > 0, "{}: nothing of {column}", bank.database);
        }
        assert_eq!(columns_with(bank, &old_id).await, BTreeSet::new(), "{}", bank.database);
        let again = rekey::run(&both).await.expect("it can be run again");
        assert!(again.dropped == 0 && again.columns.iter().all(|(_, count)| *count == 0));

        let only = with_ring(bank, 2, ring(NEW)).await;
        assert_eq!(details(&only, &newer, &card).await, shown, "the CVV stays as it was");
        let (name, key) = (sent.bare().trim_start_matches("/files/"), sent.key());
        assert!(file::open(&only, None, name, Some(key)).await.is_ok(), "a file's URL stays too");
        let old = on(&only, Some(&ann), "{ me { email } }", json!({})).await;
        assert_eq!(old["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "a token of the old");
        let mut late = reassemble(bank, bank.fresh.open().await, 3, Capacity::default());
        late.ring = ring(SECRET);
        let refused = key_ring::open(&late).await.expect_err("the old secret opens nothing");
        let Failure::Refused(Refusal::Forbidden { reason }) = refused else {
            panic!("{refused:?}");
        };
        assert!(reason.contains("another TELLER_SECRET_KEY"), "{reason}");
        for other in [both, only, late] {
            other.db.close().await;
        }
    })
    .await;
}

/// Renews a session by the cookies of a browser; the payload with the cookies that it gets.
async fn renew(bank: &Bank, refresh: &str, csrf: &str) -> (Value, Vec<String>) {
    let query = "mutation { refreshSession { session { id } csrfToken errors { code } } }";
    let request = TestBank::request(Method::POST, "/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ORIGIN, "http://localhost:3000")
        .header("x-csrf-token", csrf)
        .header(header::COOKIE, format!("teller_refresh={refresh}; teller_csrf={csrf}"))
        .body(Body::from(json!({ "query": query }).to_string()))
        .expect("a request");
    let answer = TestBank::router_over(bank).oneshot(request).await.expect("an answer");
    let cookies = answer.headers().get_all(header::SET_COOKIE).iter();
    let cookies = cookies.map(|line| line.to_str().expect("text").to_owned()).collect();
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    let mut body: Value = serde_json::from_slice(&body).expect("an answer is JSON");
    (body["data"]["refreshSession"].take(), cookies)
}

/// The refresh token among the cookies that were set.
fn token_in(cookies: &[String]) -> String {
    let value = cookies.iter().find_map(|line| line.strip_prefix("teller_refresh="));
    let (token, _) = value.expect("a refresh cookie").split_once(';').expect("attributes");
    token.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_secret_that_made_its_tokens() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        let made = bank.verify_email(proof("ann", &code)).await;
        let first = text(&made["refreshToken"]);
        let id = SessionId::from_wire(&text(&made["session"]["id"])).expect("an id");
        let csrf = session::csrf_token(&bank.bank, id).expose().to_owned();

        // Servers are changed one after the other: a browser meets both.
        let both = with_ring(bank, 1, ring(NEW).with_older(vec![ring(SECRET)])).await;
        let (renewed, cookies) = renew(&both, &first, &csrf).await;
        assert_eq!(renewed["errors"], json!([]), "{}", bank.database);
        assert_eq!(renewed["csrfToken"], csrf, "what the pages keep stays as it is");
        let second = token_in(&cookies);
        let (renewed, cookies) = renew(&bank.bank, &second, &csrf).await;
        assert_eq!(renewed["errors"], json!([]), "by the server that knows the old secret alone");
        let third = token_in(&cookies);

        rekey::run(&both).await.expect("everything is sealed anew");
        let only = with_ring(bank, 2, ring(NEW)).await;
        let (renewed, cookies) = renew(&only, &third, &csrf).await;
        assert_eq!(renewed["errors"], json!([]), "{}: the old secret has gone", bank.database);
        let fourth = token_in(&cookies);
        let (again, cookies) = renew(&only, &third, &csrf).await;
        assert_eq!(again["errors"], json!([]), "another tab that asked at the same time");
        assert_eq!(token_in(&cookies), fourth, "{}", bank.database);
        assert_eq!(again["session"]["id"], made["session"]["id"], "the session of the first day");
        bank.wait(chrono::Duration::seconds(31));
        let (reused, _) = renew(&only, &third, &csrf).await;
        assert_eq!(reused["errors"][0]["code"], "BAD_CREDENTIALS");
        let (ended, cookies) = renew(&only, &fourth, &csrf).await;
        assert_eq!(ended["errors"][0]["code"], "BAD_CREDENTIALS", "two had the token");
        assert!(cookies.iter().all(|line| line.contains("Max-Age=0")), "{cookies:?}");
        both.db.close().await;
        only.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sealed_column_is_forgotten_when_the_secret_changes() {
    each_database(async |bank| {
        furnished(bank).await;
        let known: BTreeSet<String> = COLUMNS.iter().map(|column| column.name.to_owned()).collect();
        let mut sealed = columns_with(bank, &bank.bank.ring.key_id).await;
        assert!(sealed.remove("data_keys.sealed"), "{sealed:?}");
        assert!(sealed.is_subset(&known), "not in store::rekey: {:?}", sealed.difference(&known));
        assert!(sealed.len() >= 6, "{sealed:?}");
    })
    .await;
}

#[test]
fn every_place_that_is_sealed_for_is_sealed_anew() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bank");
    let place = Regex::new(r"Place\s*\{\s*column:\s*([^,]+),").expect("a pattern");
    let mut places = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the folder is read") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a text");
        for found in place.captures_iter(&text) {
            let named = found[1].trim();
            if named.starts_with('"') {
                places.insert(named.trim_matches('"').to_owned());
            } else if !named.contains('.') {
                let constant = format!(r#"const {named}: &str = "([^"]+)""#);
                let constant = Regex::new(&constant).expect("a pattern");
                let value = constant.captures(&text).unwrap_or_else(|| panic!("{named}"));
                places.insert(value[1].to_owned());
            }
        }
    }
    assert!(places.remove("data_keys.sealed"), "{places:?}");
    let known: BTreeSet<String> = COLUMNS.iter().map(|column| column.place.to_owned()).collect();
    assert_eq!(places, known, "each place needs its line in store::rekey");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_data_keys_keeps_its_indexes() {
    each_database(async |bank| {
        bank.fresh.raw("DELETE FROM data_keys").await.expect("raw");
        let old = ring(SECRET);
        let adopted = with_ring(bank, 1, old.clone()).await;
        let index = |ring: &Keyring| teller::crypto::mac::index(ring, "cards.number", "1");
        assert_eq!(index(&adopted.ring), index(&old), "{}", bank.database);
        let newer = with_ring(bank, 2, ring(NEW).with_older(vec![old.clone()])).await;
        assert_eq!(index(&newer.ring), index(&old));
        adopted.db.close().await;
        newer.db.close().await;
    })
    .await;
}

/// People who do all that touches sealed values, until they are told to stop.
async fn live(server: &Server, stop: &AtomicBool, number: u32, acts: &AtomicUsize) -> Vec<String> {
    let mut errors = Vec::new();
    let mut index = number * 1_000;
    while !stop.load(Ordering::Relaxed) {
        index += 1;
        let name = format!("life{index}");
        let payer = load::join(server, &name, index).await;
        let reveal = "mutation ($id: ID!) { revealCard(input: { cardId: $id }) {
            details { number cvv } errors { code } } }";
        let told = server.try_post(Some(&payer.token), reveal, json!({ "id": payer.card })).await;
        match told {
            Ok(body) if body["data"]["revealCard"]["details"]["number"].is_string() => {}
            Ok(body) => errors.push(body.to_string()),
            Err(error) => errors.push(error.to_string()),
        }
        acts.fetch_add(1, Ordering::Relaxed);
    }
    errors
}

/// A person from before the change signs in and sees the number of their card.
async fn signs_in_and_reveals(server: &Server, card: &str) {
    let login = "mutation ($input: LoginInput!) { login(input: $input) {
        challenge { id } errors { code } } }";
    let input = json!({ "input": { "email": "before@example.org", "password": PASSWORD } });
    let asked = server.run(None, login, input).await;
    let id = text(&asked["login"]["challenge"]["id"]);
    let letters = server.letters("before@example.org", 1).await;
    let letter = letters.last().expect("a letter")["text"].as_str().unwrap_or_default();
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    let code = letter.lines().map(str::trim).find(digits).expect("a code");
    let confirm = "mutation ($input: ConfirmLoginInput!) { confirmLogin(input: $input) {
        accessToken errors { code } } }";
    let input = json!({ "input": { "challengeId": id, "code": code } });
    let token = text(&server.run(None, confirm, input).await["confirmLogin"]["accessToken"]);
    let reveal = "mutation ($id: ID!) { revealCard(input: { cardId: $id }) {
        details { number } errors { code } } }";
    let shown = server.run(Some(&token), reveal, json!({ "id": card })).await;
    assert!(shown["revealCard"]["details"]["number"].is_string(), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_sealed_anew_under_load_without_an_error() {
    for fresh in databases::both().await {
        let folder = fresh.folder().to_owned();
        let command = |newest: &str, older: Option<&str>| {
            let mut command = teller(&folder, &fresh.url);
            command.env("TELLER_SECRET_KEY", newest);
            if let Some(older) = older {
                command.env("TELLER_OLD_SECRET_KEYS", older);
            }
            command
        };
        let server = Server::start_with(&mut command(SECRET, None)).await;
        let before = load::join(&server, "before", 1).await;
        let people = u32::try_from(record::sized(5, 200)).expect("a number");
        for index in 2..people {
            load::join(&server, &format!("early{index}"), index).await;
        }
        assert!(server.stop().await.success());

        let server = Arc::new(Server::start_with(&mut command(NEW, Some(SECRET))).await);
        let (stop, acts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let lives: Vec<_> = (1..=4)
            .map(|number| {
                let (server, stop, acts) =
                    (Arc::clone(&server), Arc::clone(&stop), Arc::clone(&acts));
                tokio::spawn(async move { live(&server, &stop, number, &acts).await })
            })
            .collect();
        let mut said = String::new();
        for _ in 0..2 {
            let output = command(NEW, Some(SECRET)).arg("rekey").output().await.expect("it runs");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {told}", fresh.name);
            said.push_str(&String::from_utf8_lossy(&output.stdout));
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        stop.store(true, Ordering::Relaxed);
        let mut errors = Vec::new();
        for life in lives {
            errors.extend(life.await.expect("a life ends"));
        }
        let acts = acts.load(Ordering::Relaxed);
        record::record(
            &format!("everything sealed anew under load, {}", fresh.name),
            "0 errors",
            &format!("{} errors in {acts} lives", errors.len()),
            errors.is_empty(),
        );
        assert!(errors.is_empty(), "{}: {errors:?}", fresh.name);
        assert!(acts > 0 && said.contains("cards.number were sealed anew"), "{acts}: {said}");
        let server = Arc::into_inner(server).expect("nobody else has it");
        assert!(server.stop().await.success());

        let output = command(SECRET, None).arg("serve").output().await.expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("written with another TELLER_SECRET_KEY"), "{told}");
        let server = Server::start_with(&mut command(NEW, None)).await;
        signs_in_and_reveals(&server, &before.card).await;
        assert!(server.stop().await.success());
        record::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
