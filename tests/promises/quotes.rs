//! What a transfer would do is told before it is done, and to whom, but not to everybody
//! about everybody.

use serde_json::{Value, json};
use teller::bank::context::Rules;
use tokio::task::JoinSet;

use crate::support::{
    bank::{TestBank, each_database, each_database_with, sandbox_rules},
    people::{Person, Plastic, codes, text},
};

const QUOTE: &str = "query ($input: TransferQuoteInput!) { transferQuote(input: $input) {
    allowed amount { amount currency } fee { amount } balanceAfter { amount } recipientName
    errors { __typename code message path
        ... on InsufficientFunds { available { amount } shortBy { amount } }
        ... on LimitExceeded { limit { kind remaining { amount } } }
        ... on RateLimited { retryAfterSeconds } } } }";

async fn quote(bank: &TestBank, who: &Person, from: &str, to: Value, amount: &str) -> Value {
    let input = json!({ "fromAccountId": from, "to": to, "amount": amount });
    bank.run(Some(&who.token), QUOTE, json!({ "input": input })).await["transferQuote"].take()
}

fn number(card: &Plastic) -> Value {
    json!({ "cardNumber": card.number })
}

fn account(id: &str) -> Value {
    json!({ "accountId": id })
}

async fn two(bank: &TestBank) -> [(Person, Plastic); 2] {
    let ann = bank.join("ann", 1).await;
    let bob = bank.join("bob", 2).await;
    let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
    [(ann, from), (bob, to)]
}

async fn close(bank: &TestBank, who: &Person, card: &Plastic, other: &Plastic) {
    bank.pay(who, "empty", &card.id, &other.number, "50").await;
    let query = "mutation ($id: ID!) { closeCard(input: { cardId: $id }) { errors { code } } }";
    let done = bank.run(Some(&who.token), query, json!({ "id": card.id })).await;
    assert_eq!(done["closeCard"]["errors"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_tells_what_a_transfer_would_do_and_does_nothing() {
    each_database(async |bank| {
        let [(ann, from), (_, to)] = two(bank).await;
        let told = quote(bank, &ann, &from.id, number(&to), "12.5").await;
        assert_eq!(
            told,
            json!({ "allowed": true, "amount": { "amount": "12.50",
            "currency": "USD" }, "fee": { "amount": "0.00" },
            "balanceAfter": { "amount": "37.50" }, "recipientName": "bob L.", "errors": [] })
        );
        assert_eq!(quote(bank, &ann, &from.id, account(&to.id), "12.5").await, told);
        assert_eq!(bank.posted(&ann, &from.id).await, "50.00", "nothing was moved");
        let log = bank.audit_log().await;
        assert!(log.iter().all(|(action, _)| action != "transfer"), "{log:?}");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_is_refused_as_the_transfer_would_be() {
    let rules = Rules { transfer_limit: 20, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        let [(ann, from), (bob, to)] = two(bank).await;
        let own = bank.card(&ann).await;
        let gone = bank.card(&ann).await;
        close(bank, &ann, &gone, &own).await;
        let frozen = bank.card(&ann).await;
        let freeze = "mutation ($id: ID!) { freezeCard(input: { cardId: $id }) {
            errors { code } } }";
        bank.run(Some(&ann.token), freeze, json!({ "id": frozen.id })).await;
        let limited = bank.card(&ann).await;
        let limit = "mutation ($id: ID!) { setCardLimit(input: { cardId: $id, amount: \"3\" }) {
            errors { code } } }";
        bank.run(Some(&ann.token), limit, json!({ "id": limited.id })).await;
        let euro = bank.create_card(&ann, json!({ "currency": "EUR" })).await;
        let euro = text(&euro["card"]["id"]);
        let unknown = json!({ "cardNumber": "4111111111111111" });
        for (from, to, amount, code) in [
            (&from.id, number(&to), "0", "INVALID_INPUT"),
            (&from.id, number(&to), "1.005", "INVALID_INPUT"),
            (&from.id, number(&to), "9223372036854775808", "INVALID_INPUT"),
            (&from.id, number(&own), "50.01", "INSUFFICIENT_FUNDS"),
            (&from.id, number(&to), "20.01", "LIMIT_EXCEEDED"),
            (&limited.id, number(&to), "3.01", "LIMIT_EXCEEDED"),
            (&from.id, number(&from), "1", "SAME_ACCOUNT"),
            (&from.id, account(&euro), "1", "CURRENCY_MISMATCH"),
            (&frozen.id, number(&to), "1", "ACCOUNT_FROZEN"),
            (&gone.id, number(&to), "1", "ACCOUNT_CLOSED"),
            (&from.id, json!({ "cardNumber": "1234" }), "1", "INVALID_INPUT"),
            (&from.id, unknown, "1", "NOT_FOUND"),
            (&to.id, number(&from), "1", "NOT_FOUND"),
        ] {
            let told = quote(bank, &ann, from, to.clone(), amount).await;
            assert_eq!(codes(&told), [code], "{}: {told}", bank.database);
            assert_eq!((&told["allowed"], &told["balanceAfter"]), (&json!(false), &Value::Null));
            let input = json!({ "idempotencyKey": "k", "fromAccountId": from, "to": to,
                "amount": amount });
            let paid = bank.transfer(&ann, input).await;
            for part in ["code", "message", "path"] {
                assert_eq!(told["errors"][0][part], paid["errors"][0][part], "{code}");
            }
        }
        let short = quote(bank, &ann, &from.id, number(&own), "50.01").await;
        assert_eq!(short["errors"][0]["shortBy"]["amount"], "0.01");
        assert_eq!(short["recipientName"], "ann L.", "one sees oneself");
        let over = quote(bank, &ann, &limited.id, number(&to), "3.01").await;
        assert_eq!(over["errors"][0]["limit"]["kind"], "CARD_SPENDING");
        assert_eq!(over["errors"][0]["limit"]["remaining"]["amount"], "3.00");
        assert_eq!(over["recipientName"], "bob L.");
        drop(bob);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_names_no_open_account_is_answered_alike_whatever_it_is() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = two(bank).await;
        let gone = bank.card(&bob).await;
        close(bank, &bob, &gone, &to).await;
        let bare = |id: &str| id.split_once('_').expect("a prefix").1.to_owned();
        let cash = "SELECT account_id FROM accounts WHERE kind = 'CASH_CLEARING'";
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let cash: Option<uuid::Uuid> = s.query(cash).scalar().await.expect("an account");
        drop(s);
        let cash = teller::types::id::encode(cash.expect("the bank has an account for cash"));
        let targets = [
            account(&gone.id),
            account(&format!("card_{}", "0".repeat(26))),
            account("card_x"),
            account(""),
            account(&bare(&to.id)),
            account(&format!("wallet_{}", bare(&to.id))),
            account(&format!("savings_{}", bare(&to.id))),
            account(&format!("card_{cash}")),
            account(&bob.id),
            account(&format!("transaction_{}", bare(&to.id))),
        ];
        let mut told = Vec::new();
        for (n, to) in targets.into_iter().enumerate() {
            let input = json!({ "idempotencyKey": format!("k{n}"), "fromAccountId": from.id,
                "to": to, "amount": "1" });
            let paid = bank.transfer(&ann, input).await;
            let quoted = quote(bank, &ann, &from.id, to, "1").await;
            assert_eq!(quoted["recipientName"], Value::Null);
            for payload in [paid, quoted] {
                let error = &payload["errors"][0];
                told.push(["code", "message", "path"].map(|part| error[part].to_string()));
            }
        }
        assert_eq!(told[0][0], "\"NOT_FOUND\"");
        assert!(told.iter().all(|one| *one == told[0]), "{}: {told:?}", bank.database);
        let numbers = [gone.number.as_str(), "4111111111111111"];
        let mut told = Vec::new();
        for unknown in numbers {
            let paid = bank.pay(&ann, "k", &from.id, unknown, "1").await;
            let to = json!({ "cardNumber": unknown });
            let quoted = quote(bank, &ann, &from.id, to, "1").await;
            told.extend([paid["errors"].clone(), quoted["errors"].clone()]);
        }
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        assert_eq!(told[0][0]["code"], "NOT_FOUND");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_fifty_quotes_to_strangers_a_day_and_no_more() {
    each_database(async |bank| {
        let [(ann, from), (_, to)] = two(bank).await;
        let own = bank.card(&ann).await;
        // An address of nobody counts like one of somebody.
        for n in 0..10 {
            let nobody = account(&format!("card_{n:026}"));
            let told = quote(bank, &ann, &from.id, nobody, "1").await;
            assert_eq!(codes(&told), ["NOT_FOUND"]);
        }
        let router = TestBank::router_over(&bank.bank);
        let mut running = JoinSet::new();
        for _ in 0..60 {
            let input = json!({ "fromAccountId": from.id, "to": number(&to), "amount": "1" });
            let variables = json!({ "input": input });
            running.spawn(TestBank::post_to(router.clone(), &ann.token, QUOTE, variables));
        }
        let mut told = Vec::new();
        while let Some(answer) = running.join_next().await {
            told.push(answer.unwrap().json()["data"]["transferQuote"].take());
        }
        let named = told.iter().filter(|one| one["recipientName"] == "bob L.").count();
        let refused = told.iter().filter(|one| codes(one) == ["RATE_LIMITED"]).count();
        assert_eq!((named, refused), (40, 20), "{}", bank.database);
        let over = told.iter().find(|one| codes(one) == ["RATE_LIMITED"]).expect("one too many");
        let seconds = over["errors"][0]["retryAfterSeconds"].as_i64().expect("seconds");
        assert!((13 * 3_600..=14 * 3_600).contains(&seconds), "until midnight: {seconds}");
        assert_eq!((&over["recipientName"], &over["balanceAfter"]), (&Value::Null, &Value::Null));
        let mine = quote(bank, &ann, &from.id, number(&own), "1").await;
        assert_eq!(mine["allowed"], true, "ones own accounts are free: {mine}");
        bank.wait(chrono::Duration::hours(14));
        let ann = Person { token: bank.sign_in(&ann).await, ..ann };
        let next = quote(bank, &ann, &from.id, number(&to), "1").await;
        assert_eq!(next["recipientName"], "bob L.", "a new day: {next}");
    })
    .await;
}
