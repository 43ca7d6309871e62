//! Cards: what their owner may do with them, and what a frozen or a closed one refuses.

use chrono::Duration;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, Plastic, codes, text},
};

const CARD: &str = "card { id status spendingLimit { amount currency } balance {
    posted { amount } available { amount } } } replayed errors { __typename code message path
    ... on LimitExceeded { limit { kind window limit { amount } remaining { amount } resetsAt } } }";

/// A mutation on a card; its payload.
async fn change(bank: &TestBank, who: &Person, name: &str, input: Value) -> Value {
    let kind = if name == "setCardLimit" { "SetCardLimitInput" } else { "CardRefInput" };
    let query = format!("mutation ($input: {kind}!) {{ {name}(input: $input) {{ {CARD} }} }}");
    bank.run(Some(&who.token), &query, json!({ "input": input })).await[name].take()
}

async fn done(bank: &TestBank, who: &Person, name: &str, card: &str) -> Value {
    let payload = change(bank, who, name, json!({ "cardId": card })).await;
    assert_eq!(payload["errors"], json!([]), "{}: {name}: {payload}", bank.database);
    payload["card"].clone()
}

async fn limit(bank: &TestBank, who: &Person, card: &str, amount: Value) -> Value {
    change(bank, who, "setCardLimit", json!({ "cardId": card, "amount": amount })).await
}

async fn two(bank: &TestBank) -> [(Person, Plastic); 2] {
    let ann = bank.join("ann", 1).await;
    let bob = bank.join("bob", 2).await;
    let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
    [(ann, from), (bob, to)]
}

async fn staff(bank: &TestBank) -> Person {
    let eve = bank.join("eve", 3).await;
    let sql = "UPDATE users SET role = 'BANK_ADMIN' WHERE email_key = 'eve@example.org'";
    bank.fresh.raw(sql).await.expect("the role is set");
    eve
}

async fn place(bank: &TestBank, by: &Person, key: &str, card: &str, amount: &str) -> Value {
    let query = "mutation ($input: PlaceHoldInput!) { placeHold(input: $input) {
        hold { id status } errors { code message path } } }";
    let input = json!({ "idempotencyKey": key, "card": { "accountId": card }, "amount": amount,
        "merchant": "Shop" });
    bank.run(Some(&by.token), query, json!({ "input": input })).await["placeHold"].take()
}

async fn capture(bank: &TestBank, by: &Person, key: &str, hold: &str, amount: Value) -> Value {
    let query = "mutation ($input: CaptureHoldInput!) { captureHold(input: $input) {
        hold { status } errors { code message path } } }";
    let input = json!({ "idempotencyKey": key, "holdId": hold, "amount": amount });
    bank.run(Some(&by.token), query, json!({ "input": input })).await["captureHold"].take()
}

async fn release(bank: &TestBank, by: &Person, hold: &str) {
    let query = "mutation ($id: ID!) { releaseHold(input: { holdId: $id }) { errors { code } } }";
    let done = bank.run(Some(&by.token), query, json!({ "id": hold })).await;
    assert_eq!(done["releaseHold"]["errors"], json!([]));
}

/// What is left of the only limit that somebody has set for a card.
async fn left(bank: &TestBank, who: &Person) -> String {
    let query = "{ me { limits { kind remaining { amount } } } }";
    let data = bank.run(Some(&who.token), query, json!({})).await;
    let limits = data["me"]["limits"].as_array().expect("limits").clone();
    let of_card = limits.iter().find(|limit| limit["kind"] == "CARD_SPENDING");
    text(&of_card.expect("a card has a limit")["remaining"]["amount"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_card_gives_nothing_and_takes_money() {
    each_database(async |bank| {
        let [(ann, card), (bob, other)] = two(bank).await;
        let eve = staff(bank).await;
        let placed = place(bank, &eve, "h", &card.id, "5.00").await;
        assert_eq!(done(bank, &ann, "freezeCard", &card.id).await["status"], "FROZEN");
        let again = done(bank, &ann, "freezeCard", &card.id).await;
        assert_eq!(again["status"], "FROZEN", "freezing twice is no error");
        for refused in [
            bank.pay(&ann, "k", &card.id, &other.number, "1").await,
            bank.reveal(&ann, &card.id).await,
            change(bank, &ann, "closeCard", json!({ "cardId": card.id })).await,
            place(bank, &eve, "h2", &card.id, "1.00").await,
        ] {
            assert_eq!(codes(&refused), ["ACCOUNT_FROZEN"], "{}: {refused}", bank.database);
        }
        let paid = bank.pay(&bob, "k", &other.id, &card.number, "2").await;
        assert_eq!(paid["errors"], json!([]), "a frozen card is paid");
        assert_eq!(bank.top_up(&ann, "t", &card.id, "3").await["errors"], json!([]));
        let hold = text(&placed["hold"]["id"]);
        let captured = capture(bank, &eve, "c", &hold, Value::Null).await;
        assert_eq!(captured["hold"]["status"], "CAPTURED", "{captured}");
        assert_eq!(limit(bank, &ann, &card.id, json!("5")).await["errors"], json!([]));
        assert_eq!(limit(bank, &ann, &card.id, Value::Null).await["errors"], json!([]));
        assert_eq!(done(bank, &ann, "unfreezeCard", &card.id).await["status"], "ACTIVE");
        let paid = bank.pay(&ann, "k", &card.id, &other.number, "50").await;
        assert_eq!(paid["errors"], json!([]), "{paid}");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_closed_once_it_is_empty_and_then_refuses_everything() {
    each_database(async |bank| {
        let [(ann, card), (bob, other)] = two(bank).await;
        let eve = staff(bank).await;
        let close = || change(bank, &ann, "closeCard", json!({ "cardId": card.id }));
        assert_eq!(codes(&close().await), ["ACCOUNT_NOT_EMPTY"], "money is on it");
        let overdraft = "mutation ($input: SetOverdraftLimitInput!) {
            setOverdraftLimit(input: $input) { errors { code } } }";
        let input = json!({ "input": { "accountId": card.id, "limit": "5" } });
        bank.run(Some(&eve.token), overdraft, input).await;
        bank.pay(&ann, "a", &card.id, &other.number, "50").await;
        let held = place(bank, &eve, "h", &card.id, "1.00").await;
        assert_eq!(codes(&close().await), ["ACCOUNT_NOT_EMPTY"], "something is reserved");
        release(bank, &eve, &text(&held["hold"]["id"])).await;
        bank.pay(&ann, "b", &card.id, &other.number, "1").await;
        assert_eq!(codes(&close().await), ["ACCOUNT_NOT_EMPTY"], "it owes something");
        bank.top_up(&ann, "t", &card.id, "1").await;
        assert_eq!(done(bank, &ann, "closeCard", &card.id).await["status"], "CLOSED");
        for refused in [
            close().await,
            change(bank, &ann, "freezeCard", json!({ "cardId": card.id })).await,
            change(bank, &ann, "unfreezeCard", json!({ "cardId": card.id })).await,
            limit(bank, &ann, &card.id, json!("1")).await,
            bank.reveal(&ann, &card.id).await,
            bank.pay(&ann, "c", &card.id, &other.number, "1").await,
            bank.top_up(&ann, "u", &card.id, "1").await,
            place(bank, &eve, "i", &card.id, "1.00").await,
        ] {
            assert_eq!(codes(&refused), ["ACCOUNT_CLOSED"], "{}: {refused}", bank.database);
        }
        let paid = bank.pay(&bob, "d", &other.id, &card.number, "1").await;
        assert_eq!(codes(&paid), ["NOT_FOUND"], "nobody learns of a closed card");
        let listed = bank.run(Some(&ann.token), "{ cards { id } }", json!({})).await;
        assert_eq!(listed["cards"], json!([]));
        let node = "query ($id: ID!) { node(id: $id) { ... on Card { status } }
            card(by: { id: $id }) { status legacyId } }";
        let found = bank.run(Some(&ann.token), node, json!({ "id": card.id })).await;
        assert_eq!(found["node"]["status"], "CLOSED", "its owner still sees it");
        assert_eq!(found["card"]["status"], "CLOSED");
        let by = "query ($n: Int!, $l: String!) { a: card(by: { legacyId: $n }) { id }
            b: card(by: { last4: $l }) { id } }";
        let last4 = &card.number[12..];
        let variables = json!({ "n": found["card"]["legacyId"], "l": last4 });
        let found = bank.run(Some(&ann.token), by, variables).await;
        assert_eq!(found["a"]["id"], card.id.as_str());
        assert_eq!(found["b"], Value::Null, "its digits name no closed card");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cards_limit_bounds_what_is_spent_from_it_in_a_day() {
    each_database(async |bank| {
        let [(ann, card), (bob, other)] = two(bank).await;
        let own = bank.card(&ann).await;
        bank.pay(&ann, "before", &card.id, &other.number, "4").await;
        let set = limit(bank, &ann, &card.id, json!("10.00")).await;
        assert_eq!(set["card"]["spendingLimit"], json!({ "amount": "10.00", "currency": "USD" }));
        assert_eq!(left(bank, &ann).await, "6.00", "the day's spending counts from its start");
        let paid = bank.pay(&ann, "a", &card.id, &other.number, "5").await;
        assert_eq!(paid["errors"], json!([]), "{paid}");
        let moved = bank.pay(&ann, "own", &card.id, &own.number, "20").await;
        assert_eq!(moved["errors"], json!([]), "a move between ones own cards is no spending");
        let query = "mutation ($input: TransferInput!) { transfer(input: $input) {
            errors { code path ... on LimitExceeded { limit {
                kind window limit { amount } remaining { amount } resetsAt } } } } }";
        let to = json!({ "cardNumber": other.number });
        let input = json!({ "idempotencyKey": "b", "fromAccountId": card.id, "to": to,
            "amount": "1.01" });
        let told = bank.run(Some(&ann.token), query, json!({ "input": input })).await;
        let error = &told["transfer"]["errors"][0];
        assert_eq!(error["code"], "LIMIT_EXCEEDED", "{told}");
        assert_eq!(
            error["limit"],
            json!({ "kind": "CARD_SPENDING", "window": "DAY",
            "limit": { "amount": "10.00" }, "remaining": { "amount": "1.00" },
            "resetsAt": "2026-11-22T00:00:00.000000Z" })
        );
        let exactly = bank.pay(&ann, "c", &card.id, &other.number, "1").await;
        assert_eq!(exactly["errors"], json!([]));
        // The other card of the same person has no limit, and neither has who is paid.
        assert_eq!(bank.pay(&ann, "d", &own.id, &other.number, "30").await["errors"], json!([]));
        assert_eq!(bank.pay(&bob, "e", &other.id, &card.number, "9").await["errors"], json!([]));
        assert_eq!(
            codes(&bank.pay(&ann, "f", &card.id, &other.number, "0.01").await),
            ["LIMIT_EXCEEDED"]
        );
        bank.wait(Duration::hours(14));
        let token = bank.sign_in(&ann).await;
        let ann = Person { token, ..ann };
        assert_eq!(left(bank, &ann).await, "10.00", "a new day");
        assert_eq!(bank.pay(&ann, "g", &card.id, &other.number, "9").await["errors"], json!([]));
        let removed = limit(bank, &ann, &card.id, Value::Null).await;
        assert_eq!(removed["card"]["spendingLimit"], Value::Null);
        assert_eq!(bank.pay(&ann, "h", &card.id, &other.number, "9").await["errors"], json!([]));
        let bill = "mutation { createBill(input: { name: \"Rent\", amount: \"6\",
            dueAt: \"2026-12-01T00:00:00Z\" }) { bill { id } } }";
        let bill = bank.run(Some(&ann.token), bill, json!({})).await["createBill"]["bill"].take();
        limit(bank, &ann, &card.id, json!("23")).await;
        assert_eq!(left(bank, &ann).await, "5.00", "18 were spent today");
        let pay = "mutation ($bill: ID!, $card: ID!) { payBill(input: { billId: $bill,
            fromAccountId: $card, idempotencyKey: \"bill\" }) { errors { code } } }";
        let variables = json!({ "bill": bill["id"], "card": card.id });
        let paid = bank.run(Some(&ann.token), pay, variables.clone()).await;
        assert_eq!(codes(&paid["payBill"]), ["LIMIT_EXCEEDED"], "a bill is spending");
        limit(bank, &ann, &card.id, json!("24")).await;
        let paid = bank.run(Some(&ann.token), pay, variables).await;
        assert_eq!(paid["payBill"]["errors"], json!([]), "{paid}");
        limit(bank, &ann, &card.id, json!("30")).await;
        assert_eq!(left(bank, &ann).await, "6.00", "{}: bills and payments", bank.database);
        for (amount, code) in
            [("0", "INVALID_INPUT"), ("-1", "INVALID_INPUT"), ("1.005", "INVALID_INPUT")]
        {
            let refused = limit(bank, &ann, &card.id, json!(amount)).await;
            assert_eq!(codes(&refused), [code], "{amount}");
            assert_eq!(refused["errors"][0]["path"], json!(["input", "amount"]));
        }
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_counts_for_the_cards_limit_when_it_is_placed() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        let eve = staff(bank).await;
        let early = place(bank, &eve, "e", &card.id, "2.00").await;
        limit(bank, &ann, &card.id, json!("20")).await;
        assert_eq!(left(bank, &ann).await, "18.00", "what is open counts");
        let one = place(bank, &eve, "h1", &card.id, "10.00").await;
        let two = place(bank, &eve, "h2", &card.id, "8.00").await;
        assert_eq!(codes(&place(bank, &eve, "h3", &card.id, "0.01").await), ["LIMIT_EXCEEDED"]);
        assert_eq!(left(bank, &ann).await, "0.00");
        let captured = capture(bank, &eve, "c1", &text(&one["hold"]["id"]), json!("7.00")).await;
        assert_eq!(captured["errors"], json!([]), "a capture never fails for the limit");
        assert_eq!(left(bank, &ann).await, "3.00", "what was not captured is free again");
        release(bank, &eve, &text(&two["hold"]["id"])).await;
        assert_eq!(left(bank, &ann).await, "11.00", "and so is what was released");
        limit(bank, &ann, &card.id, json!("20")).await;
        assert_eq!(left(bank, &ann).await, "11.00", "setting the limit again forgets nothing");
        limit(bank, &ann, &card.id, json!("5")).await;
        assert_eq!(left(bank, &ann).await, "0.00", "a limit below what was spent");
        let late = capture(bank, &eve, "c2", &text(&early["hold"]["id"]), Value::Null).await;
        assert_eq!(late["errors"], json!([]), "{late}");
        // A day later a hold of the day before gives nothing back.
        limit(bank, &ann, &card.id, json!("30")).await;
        let late = place(bank, &eve, "h4", &card.id, "15.00").await;
        bank.wait(Duration::hours(14));
        let (ann, eve) = (
            Person { token: bank.sign_in(&ann).await, ..ann },
            Person { token: bank.sign_in(&eve).await, ..eve },
        );
        place(bank, &eve, "h5", &card.id, "1.00").await;
        assert_eq!(left(bank, &ann).await, "29.00");
        release(bank, &eve, &text(&late["hold"]["id"])).await;
        assert_eq!(left(bank, &ann).await, "29.00", "{}", bank.database);
        bank.wait(Duration::days(8));
        assert_eq!(teller::bank::hold::expire(&bank.bank).await.unwrap(), 1);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_at_once_never_spend_more_than_the_cards_limit() {
    each_database(async |bank| {
        let [(ann, card), (_, other)] = two(bank).await;
        bank.top_up(&ann, "t", &card.id, "1000").await;
        limit(bank, &ann, &card.id, json!("10")).await;
        let router = TestBank::router_over(&bank.bank);
        let mut running = JoinSet::new();
        for n in 0..32 {
            let query = "mutation ($input: TransferInput!) {
                transfer(input: $input) { errors { code } } }";
            let to = json!({ "cardNumber": other.number });
            let input = json!({ "idempotencyKey": format!("r{n}"), "fromAccountId": card.id,
                "to": to, "amount": "1" });
            let variables = json!({ "input": input });
            running.spawn(TestBank::post_to(router.clone(), &ann.token, query, variables));
        }
        let mut told = Vec::new();
        while let Some(answer) = running.join_next().await {
            told.extend(codes(&answer.unwrap().json()["data"]["transfer"]));
        }
        assert_eq!(told, vec!["LIMIT_EXCEEDED"; 22], "{}", bank.database);
        assert_eq!(bank.posted(&ann, &card.id).await, "1040.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_payment_by_account_keeps_the_cards_limit_too() {
    // This is the way that PostgreSQL does in one call where no limit is set.
    each_database(async |bank| {
        let [(ann, card), (_, other)] = two(bank).await;
        limit(bank, &ann, &card.id, json!("3")).await;
        let pay = async |key: &str, amount: &str| {
            let to = json!({ "accountId": other.id });
            bank.transfer(
                &ann,
                json!({ "idempotencyKey": key, "fromAccountId": card.id, "to": to,
                "amount": amount }),
            )
            .await
        };
        assert_eq!(pay("a", "2").await["errors"], json!([]));
        assert_eq!(codes(&pay("b", "1.01").await), ["LIMIT_EXCEEDED"], "{}", bank.database);
        assert_eq!(pay("c", "1").await["errors"], json!([]));
        limit(bank, &ann, &card.id, Value::Null).await;
        assert_eq!(pay("d", "5").await["errors"], json!([]));
        limit(bank, &ann, &card.id, json!("9")).await;
        assert_eq!(left(bank, &ann).await, "1.00", "what was spent without a limit counts");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_more_than_twenty_cards_however_many_are_asked_for_at_once() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let first = bank.create_card(&ann, json!({ "idempotencyKey": "one" })).await;
        let again = bank.create_card(&ann, json!({ "idempotencyKey": "one" })).await;
        assert_eq!(
            (&again["replayed"], &again["card"]["id"]),
            (&json!(true), &first["card"]["id"])
        );
        let other = json!({ "idempotencyKey": "one", "currency": "EUR" });
        assert_eq!(codes(&bank.create_card(&ann, other).await), ["IDEMPOTENCY_CONFLICT"]);
        let none = bank.create_card(&ann, json!({ "currency": "JPY" })).await;
        assert_eq!(none["errors"][0]["path"], json!(["input", "currency"]));
        let router = TestBank::router_over(&bank.bank);
        let mut running = JoinSet::new();
        for _ in 0..32 {
            let query = "mutation { createCard { errors { code } } }";
            running.spawn(TestBank::post_to(router.clone(), &ann.token, query, json!({})));
        }
        let mut told = Vec::new();
        while let Some(answer) = running.join_next().await {
            told.extend(codes(&answer.unwrap().json()["data"]["createCard"]));
        }
        assert_eq!(told, vec!["TOO_MANY"; 13], "{}", bank.database);
        let cards = bank.run(Some(&ann.token), "{ cards { id } }", json!({})).await;
        assert_eq!(cards["cards"].as_array().map(Vec::len), Some(20));
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_with_a_card_is_in_the_audit_log_and_told_to_its_owner() {
    each_database(async |bank| {
        let [(ann, card), (bob, _)] = two(bank).await;
        let events = async || {
            let mut s = bank.bank.db.read().await.expect("the database is read");
            let sql = "SELECT COUNT(*) FROM events WHERE kind = 'ACCOUNT_CHANGED'";
            s.query(sql).scalar::<i64>().await.expect("events are counted").unwrap_or(0)
        };
        let before = events().await;
        let log = bank.audit_log().await.len();
        done(bank, &ann, "freezeCard", &card.id).await;
        done(bank, &ann, "freezeCard", &card.id).await;
        done(bank, &ann, "unfreezeCard", &card.id).await;
        limit(bank, &ann, &card.id, json!("5")).await;
        bank.reveal(&ann, &card.id).await;
        change(bank, &ann, "closeCard", json!({ "cardId": card.id })).await;
        change(bank, &bob, "closeCard", json!({ "cardId": card.id })).await;
        bank.reveal(&bob, &card.id).await;
        bank.wait(Duration::minutes(6));
        bank.reveal(&ann, &card.id).await;
        let told: Vec<_> = bank.audit_log().await.split_off(log);
        let told: Vec<_> = told.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
        assert_eq!(
            told,
            [
                ("freezeCard", "DONE"),
                ("freezeCard", "DONE"),
                ("unfreezeCard", "DONE"),
                ("setCardLimit", "DONE"),
                ("revealCard", "DONE"),
                ("closeCard", "ACCOUNT_NOT_EMPTY"),
                ("closeCard", "NOT_FOUND"),
                ("revealCard", "NOT_FOUND"),
                ("revealCard", "STEP_UP_REQUIRED"),
            ]
        );
        assert_eq!(events().await - before, 3, "{}: nobody is told of nothing", bank.database);
        bank.audit().await;
    })
    .await;
}
