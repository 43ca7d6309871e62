//! Limits on what strangers may try: in time, for each account and for each address.

use axum::{
    body::Body,
    http::{Method, header},
};
use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};
use teller::{
    bank::{context::Rules, sweep},
    domain::attempt::{Allowance, Allowances},
    ledger::engine::Capacity,
    store::attempt,
};

use crate::support::{
    bank::{Answer, TestBank, each_database, each_database_with, reassemble, sandbox_rules},
    people::{PASSWORD, codes, registration, text},
};

const LOGIN: &str = "mutation ($input: LoginInput!) { login(input: $input) {
    challenge { id } errors { __typename code message path
        ... on RateLimited { retryAfterSeconds } } } }";

fn allowance(text: &str) -> Allowance {
    text.parse().expect("an allowance")
}

/// The sandbox's rules with these limits.
fn limited(allowances: &Allowances) -> Rules {
    Rules { allowances: *allowances, ..sandbox_rules() }
}

/// A login as a proxy passes it on.
async fn login_from(bank: &TestBank, forwarded: &str, email: &str) -> Answer {
    let input = json!({ "email": email, "password": "not the password" });
    let body = json!({ "query": LOGIN, "variables": { "input": input } }).to_string();
    let request = TestBank::request(Method::POST, "/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-forwarded-for", forwarded);
    bank.send(request.body(Body::from(body)).expect("a request")).await
}

fn told(answer: &Answer) -> Value {
    answer.json()["data"]["login"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_passwords_an_account_is_left_alone_for_a_while_and_not_for_ever() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        for email in ["ann@example.org", "nobody@example.org"] {
            for _ in 0..10 {
                assert_eq!(codes(&bank.login(email, "wrong").await), ["BAD_CREDENTIALS"]);
            }
        }
        let input = |email: &str| json!({ "input": { "email": email, "password": PASSWORD } });
        let known = bank.post(None, LOGIN, input("Ann@Example.org")).await;
        let unknown = bank.post(None, LOGIN, input("nobody@example.org")).await;
        assert_eq!(known.text(), unknown.text(), "an account that is none is counted as any other");
        let refused = told(&known);
        assert_eq!(refused["errors"][0]["__typename"], "RateLimited");
        assert_eq!(refused["errors"][0]["code"], "RATE_LIMITED");
        let seconds = refused["errors"][0]["retryAfterSeconds"].as_u64().expect("seconds");
        assert!((890..=900).contains(&seconds), "{seconds}");
        assert_eq!(known.header("retry-after"), seconds.to_string());
        let me = bank.run(Some(&ann.token), "{ me { email } }", json!({})).await;
        assert_eq!(
            me["me"]["email"], "ann@example.org",
            "an open session is no business of theirs"
        );
        bank.join("bob", 2).await;
        let other = bank.login("bob@example.org", PASSWORD).await;
        assert_eq!(other["errors"], json!([]), "nor is anybody else's account");
        bank.wait(Duration::minutes(14));
        assert_eq!(codes(&bank.login("ann@example.org", PASSWORD).await), ["RATE_LIMITED"]);
        bank.wait(Duration::minutes(1));
        assert_eq!(bank.login("ann@example.org", PASSWORD).await["errors"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_takes_back_what_was_tried() {
    each_database(async |bank| {
        bank.join("ann", 1).await;
        for _ in 0..4 {
            for _ in 0..9 {
                assert_eq!(
                    codes(&bank.login("ann@example.org", "wrong").await),
                    ["BAD_CREDENTIALS"]
                );
            }
            assert_eq!(bank.login("ann@example.org", PASSWORD).await["errors"], json!([]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_once_and_in_other_processes_are_counted_together() {
    each_database(async |bank| {
        bank.join("ann", 1).await;
        let other = reassemble(bank, bank.fresh.open().await, 1, Capacity::default());
        let input = json!({ "input": { "email": "ann@example.org", "password": "wrong" } });
        let asked = (0..30).map(|number| {
            let process = if number % 2 == 0 { &bank.bank } else { &other };
            TestBank::post_to_anonymous(TestBank::router_over(process), LOGIN, input.clone())
        });
        let answers = join_all(asked).await;
        let count =
            |code: &str| answers.iter().filter(|answer| codes(&told(answer)) == [code]).count();
        assert_eq!(
            (count("BAD_CREDENTIALS"), count("RATE_LIMITED")),
            (10, 20),
            "{}",
            bank.database
        );
        let restarted = reassemble(bank, bank.fresh.open().await, 2, Capacity::default());
        let router = TestBank::router_over(&restarted);
        let right = json!({ "input": { "email": "ann@example.org", "password": PASSWORD } });
        let answer = TestBank::post_to_anonymous(router, LOGIN, right).await;
        assert_eq!(codes(&told(&answer)), ["RATE_LIMITED"], "a restart gives no try more");
        other.db.close().await;
        restarted.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_claimed_in_a_header_counts_for_nothing() {
    let login_address = allowance("5/15m");
    let rules = limited(&Allowances { login_address, ..Allowances::SANDBOX });
    each_database_with(rules, async |bank| {
        let mut refused = 0;
        for number in 0..1_000_u32 {
            let [_, a, b, c] = number.to_be_bytes();
            // A fresh account each time, so that only the address can be what is refused.
            let email = format!("stranger{number}@example.org");
            let answer = login_from(bank, &format!("198.{a}.{b}.{c}"), &email).await;
            refused += usize::from(codes(&told(&answer)) == ["RATE_LIMITED"]);
        }
        assert_eq!(refused, 995, "{}", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_tells_the_address_and_ipv6_counts_by_its_network() {
    let login_address = allowance("2/15m");
    let allowances = Allowances { login_address, ..Allowances::SANDBOX };
    let trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    let rules = Rules { trusted_proxies, ..limited(&allowances) };
    each_database_with(rules, async |bank| {
        let mut number = 0;
        let mut from = async |forwarded: &str| {
            number += 1;
            let email = format!("stranger{number}@example.org");
            text(&told(&login_from(bank, forwarded, &email).await)["errors"][0]["code"])
        };
        assert_eq!(from("198.51.100.1").await, "BAD_CREDENTIALS");
        assert_eq!(from("203.0.113.9, 198.51.100.1").await, "BAD_CREDENTIALS");
        assert_eq!(
            from("203.0.113.10, 198.51.100.1").await,
            "RATE_LIMITED",
            "made up further left"
        );
        assert_eq!(from("198.51.100.2").await, "BAD_CREDENTIALS", "another client");
        assert_eq!(from("2001:db8:1:2::1").await, "BAD_CREDENTIALS");
        assert_eq!(from("2001:db8:1:2:ffff::2").await, "BAD_CREDENTIALS");
        assert_eq!(from("2001:db8:1:2:aaaa:bbbb:cccc:dddd").await, "RATE_LIMITED");
        assert_eq!(from("2001:db8:1:3::1").await, "BAD_CREDENTIALS");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_strangers_ask_for_are_few() {
    each_database(async |bank| {
        let mut told = Vec::new();
        for _ in 0..20 {
            told.extend(codes(&bank.register(registration("ann", 1)).await));
        }
        assert_eq!(told, ["RATE_LIMITED"; 10], "{}", bank.database);
        assert_eq!(bank.letters("ann@example.org").await.len(), 10);
        let other = bank.register(registration("bob", 2)).await;
        assert_eq!(other["errors"], json!([]), "another address is another account");
        bank.wait(Duration::minutes(15));
        assert_eq!(bank.register(registration("ann", 1)).await["errors"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_are_sent_and_sent_back_are_counted() {
    let allowances = Allowances {
        code: allowance("3/15m"),
        registration_address: allowance("4/15m"),
        confirm_address: allowance("6/15m"),
        ..Allowances::SANDBOX
    };
    each_database_with(limited(&allowances), async |bank| {
        bank.join("ann", 1).await;
        for _ in 0..3 {
            assert_eq!(bank.login("ann@example.org", PASSWORD).await["errors"], json!([]));
        }
        assert_eq!(codes(&bank.login("ann@example.org", PASSWORD).await), ["RATE_LIMITED"]);
        assert_eq!(bank.letters("ann@example.org").await.len(), 4, "one of them to register");
        // One was sent back to register.
        for _ in 0..5 {
            assert_eq!(codes(&bank.confirm_login("challenge_x", "1").await), ["BAD_CODE"]);
        }
        assert_eq!(codes(&bank.confirm_login("challenge_x", "1").await), ["RATE_LIMITED"]);
        for number in 2..=4 {
            let name = format!("other{number}");
            assert_eq!(bank.register(registration(&name, number)).await["errors"], json!([]));
        }
        assert_eq!(codes(&bank.register(registration("fifth", 5)).await), ["RATE_LIMITED"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tried_is_forgotten_and_never_fills_the_database() {
    each_database(async |bank| {
        for number in 0..20 {
            bank.login(&format!("stranger{number}@example.org"), "wrong").await;
            bank.wait(Duration::seconds(1));
        }
        let count = async || {
            let mut s = bank.bank.db.read().await.expect("the database is read");
            let counted = s.query("SELECT COUNT(*) FROM attempts").scalar().await;
            counted.expect("the attempts are counted").unwrap_or(0_i64)
        };
        assert_eq!(count().await, 21, "twenty accounts and one address");
        let now = bank.bank.clock.now();
        let trimmed = bank.bank.db.write_retrying(|s| Box::pin(attempt::sweep(s, now, 5))).await;
        assert_eq!(trimmed.expect("the attempts are swept"), 16, "{}", bank.database);
        assert_eq!(count().await, 5);
        bank.wait(Duration::minutes(15));
        let swept = sweep::sweep(&bank.bank).await.expect("the sweep runs");
        assert_eq!((swept.attempts, count().await), (5, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_session_guesses_no_more_passwords_than_a_stranger() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let guesses = [
            ("deleteAccount", json!({ "password": "wrong" })),
            (
                "changePassword",
                json!({ "currentPassword": "wrong", "newPassword": "quite another" }),
            ),
            ("requestEmailChange", json!({ "newEmail": "new@example.org", "password": "wrong" })),
        ];
        for (field, input) in guesses.iter().cycle().take(10) {
            let told = bank.mutate(Some(&ann.token), field, "ok", input.clone()).await;
            assert_eq!(codes(&told), ["BAD_CREDENTIALS"], "{field}");
        }
        let right = [
            ("deleteAccount", json!({ "password": PASSWORD })),
            (
                "changePassword",
                json!({ "currentPassword": PASSWORD, "newPassword": "quite another" }),
            ),
            ("requestEmailChange", json!({ "newEmail": "new@example.org", "password": PASSWORD })),
        ];
        for (field, input) in &right {
            let told = bank.mutate(Some(&ann.token), field, "ok", input.clone()).await;
            assert_eq!(codes(&told), ["RATE_LIMITED"], "{}: {field}", bank.database);
        }
        let login = bank.login(&ann.email, PASSWORD).await;
        assert_eq!(login["errors"], json!([]), "the front door has tries of its own");
        bank.wait(Duration::minutes(15));
        let token = bank.sign_in(&ann).await;
        let deleted = bank.mutate(Some(&token), "deleteAccount", "ok", right[0].1.clone()).await;
        assert_eq!(deleted, json!({ "ok": true, "errors": [] }), "and never for ever");
    })
    .await;
}
