//! What a sandbox has so that everything can be tried: a clock that moves, and amounts that
//! provoke each error.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};
use teller::domain::rehearsal::{ALL, Provoked};

use crate::support::{
    bank::{Answer, TestBank, each_database, each_database_with, sandbox_rules, test_name},
    databases,
    people::{Person, Plastic, text},
    proof,
    server::{Server, client},
};

const README: &str = include_str!("../../README.md");
const SCHEMA: &str = include_str!("../../schema.graphql");

impl TestBank {
    async fn clock(&self, content_type: &str, body: &str) -> Answer {
        let request = Self::request(Method::POST, "/dev/clock")
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body.to_owned()))
            .expect("a request");
        self.send(request).await
    }

    /// Moves the clock forward as a developer does.
    async fn forward(&self, seconds: i64) -> Value {
        let answer =
            self.clock("application/json", &json!({ "seconds": seconds }).to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    }

    async fn transfer_of(&self, who: &Person, cards: (&Plastic, &Plastic), amount: &str) -> Answer {
        let query = "mutation ($input: TransferInput!) { transfer(input: $input) {
            account { id } errors { __typename code message } } }";
        let input = json!({ "idempotencyKey": format!("key-{amount}"), "amount": amount,
            "fromAccountId": cards.0.id, "to": { "accountId": cards.1.id } });
        self.post(Some(&who.token), query, json!({ "input": input })).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_clock_makes_bills_due_and_ends_codes_and_access() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let due_at = bank.bank.now() + chrono::Duration::hours(1);
        let input = json!({ "name": "Power", "amount": "5.00",
            "dueAt": teller::types::clock::show(due_at) });
        let noting = "mutation ($input: CreateBillInput!) {
            createBill(input: $input) { bill { id status } errors { code } } }";
        let made = bank.run(Some(&ann.token), noting, json!({ "input": input })).await;
        assert_eq!(made["createBill"]["bill"]["status"], "DUE", "{made}");
        let asked = bank.login(&ann.email, crate::support::people::PASSWORD).await;
        let code = bank.code(&ann.email).await;

        let before = bank.bank.now();
        let told = bank.forward(2 * 60 * 60).await;
        assert_eq!(told["aheadSeconds"], 2 * 60 * 60, "{told}");
        let now =
            told["now"].as_str().expect("an instant").parse::<chrono::DateTime<chrono::Utc>>();
        assert!(now.expect("an instant") - before >= chrono::Duration::hours(2), "{told}");

        let query = "{ bills { nodes { status } } }";
        let refused = bank.post(Some(&ann.token), query, Value::Null).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "the access has expired");
        let confirm = "mutation ($input: ConfirmLoginInput!) { confirmLogin(input: $input) {
            accessToken errors { code } } }";
        let input = json!({ "challengeId": asked["challenge"]["id"], "code": code });
        let late = bank.run(None, confirm, json!({ "input": input })).await;
        assert_eq!(late["confirmLogin"]["errors"][0]["code"], "CODE_EXPIRED", "{late}");
        let token = bank.sign_in(&ann).await;
        let bills = bank.run(Some(&token), query, Value::Null).await;
        assert_eq!(bills["bills"]["nodes"][0]["status"], "OVERDUE", "{bills}");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_takes_whole_seconds_forward_as_json_and_nothing_else() {
    each_database(async |bank| {
        let json = "application/json";
        let table = [
            ("text/plain", r#"{"seconds": 5}"#, StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ("application/x-www-form-urlencoded", "seconds=5", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            (json, "", StatusCode::BAD_REQUEST),
            (json, r#"{"seconds": "5"}"#, StatusCode::BAD_REQUEST),
            (json, r#"{"seconds": 1.5}"#, StatusCode::BAD_REQUEST),
            (json, r#"{"seconds": 5, "minutes": 1}"#, StatusCode::BAD_REQUEST),
            (json, r#"{"seconds": 0}"#, StatusCode::BAD_REQUEST),
            (json, r#"{"seconds": -60}"#, StatusCode::BAD_REQUEST),
            (json, r#"{"seconds": 9223372036854775807}"#, StatusCode::BAD_REQUEST),
        ];
        for (content_type, body, status) in table {
            let answer = bank.clock(content_type, body).await;
            assert_eq!(answer.status, status, "{content_type} {body}: {}", answer.text());
            assert!(!text(&answer.json()["error"]).is_empty(), "{body}");
        }
        let years = 6 * 366 * 24 * 60 * 60;
        bank.forward(years).await;
        let beyond = bank.clock(json, &json!({ "seconds": years }).to_string()).await;
        assert_eq!(beyond.status, StatusCode::BAD_REQUEST, "{}", beyond.text());
        let told = bank.send(
            TestBank::request(Method::GET, "/dev/clock").body(Body::empty()).expect("a request"),
        );
        assert_eq!(told.await.json()["aheadSeconds"], years, "what was refused moved nothing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_processes_on_one_database_share_the_moved_clock_and_the_next_one_as_well() {
    for fresh in databases::both().await {
        let (one, two) = (
            Server::start(fresh.folder(), &fresh.url).await,
            Server::start(fresh.folder(), &fresh.url).await,
        );
        let client = client();
        let ahead = async |server: &Server| -> i64 {
            let answer = client.get(format!("{}/dev/clock", server.url)).send().await;
            let told: Value = answer.expect("it answers").json().await.expect("JSON");
            told["aheadSeconds"].as_i64().expect("a number")
        };
        let moved = client.post(format!("{}/dev/clock", one.url)).json(&json!({ "seconds": 900 }));
        assert_eq!(moved.send().await.expect("it answers").status(), 200);
        assert_eq!(ahead(&one).await, 900);
        let mut seen = 0;
        for _ in 0..100 {
            seen = ahead(&two).await;
            if seen == 900 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(seen, 900, "{}", fresh.name);
        assert!(one.stop().await.success() && two.stop().await.success());
        let next = Server::start(fresh.folder(), &fresh.url).await;
        assert_eq!(ahead(&next).await, 900, "{}", fresh.name);
        assert!(next.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

/// Every code of the schema's `ErrorCode`.
fn codes_of_the_schema() -> BTreeSet<String> {
    let body = SCHEMA.split("enum ErrorCode {").nth(1).expect("the schema has the codes");
    let body = body.split('}').next().expect("it ends");
    let is_code = |line: &&str| {
        !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    body.lines().map(str::trim).filter(is_code).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_provokes_each_error_and_moves_nothing() {
    let codes: BTreeSet<String> = ALL.iter().map(|magic| magic.code.to_owned()).collect();
    let missing: Vec<_> = codes_of_the_schema().difference(&codes).cloned().collect();
    assert!(missing.is_empty(), "no amount provokes {missing:?}");
    for magic in ALL {
        let row = format!("| `{}` | `{}` |", magic.amount, magic.code);
        assert!(README.contains(&row), "README.md has no row {row}");
    }
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
        for magic in ALL {
            let answer = bank.transfer_of(&ann, (&from, &to), magic.amount).await;
            let body = answer.json();
            match magic.provoked {
                Provoked::Refusal(code) => {
                    assert_eq!(body["data"]["transfer"]["errors"][0]["code"], code, "{body}");
                }
                Provoked::StepUp => {
                    let error = &body["data"]["transfer"]["errors"][0];
                    assert_eq!(error["__typename"], "StepUpRequired", "{body}");
                }
                Provoked::Overloaded | Provoked::Timeout | Provoked::Internal => {
                    let code = &body["errors"][0]["extensions"]["code"];
                    assert_eq!(*code, magic.code, "{body}");
                }
            }
        }
        let listed = bank.send(
            TestBank::request(Method::GET, "/dev/amounts").body(Body::empty()).expect("a request"),
        );
        let listed = listed.await.json();
        assert_eq!(listed.as_array().map(Vec::len), Some(ALL.len()), "{listed}");
        let mine = bank.run(
            Some(&ann.token),
            "{ me { cards { balance { posted { amount } } } } }",
            Value::Null,
        );
        assert_eq!(mine.await["me"]["cards"][0]["balance"]["posted"]["amount"], "50.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_a_sandbox_an_amount_means_money_and_the_clock_is_time() {
    let rules = teller::bank::context::Rules { sandbox: false, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        for path in ["/dev/clock", "/dev/amounts", "/playground", "/playground/index.html"] {
            let request = TestBank::request(Method::GET, path).body(Body::empty());
            let answer = bank.send(request.expect("a request")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
        let moved = bank.clock("application/json", r#"{"seconds": 5}"#).await;
        assert_eq!(moved.status, StatusCode::NOT_FOUND);
        assert!(teller::bank::clock::forward(&bank.bank, 5).await.is_err(), "not even inside");
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
        for magic in ALL {
            let body = bank.transfer_of(&ann, (&from, &to), magic.amount).await.json();
            let code = text(&body["data"]["transfer"]["errors"][0]["code"]);
            assert_eq!(code, "INSUFFICIENT_FUNDS", "{}: {body}", magic.amount);
        }
    })
    .await;
}
