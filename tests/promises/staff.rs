//! What the bank's staff do with money: deposits, holds, reversals, overdrafts.

use chrono::Duration;
use serde_json::{Value, json};
use teller::domain::user::UserRole;

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, Plastic, codes, text},
};

const MONEY: &str = "transaction { id kind amount { amount } note from { label } to { label }
    reversibleAmount { amount } reverses { id } reversals { id } } replayed
    errors { __typename code message path }";

/// A customer with a card of 50.00, and somebody of the bank's staff.
async fn people(bank: &TestBank) -> (Person, Plastic, Person) {
    let ann = bank.join("ann", 1).await;
    let card = bank.card(&ann).await;
    let eve = bank.join("eve", 3).await;
    bank.promote(&eve, UserRole::BankAdmin).await;
    (ann, card, eve)
}

async fn deposit(bank: &TestBank, by: &Person, key: &str, account: &str, amount: &str) -> Value {
    let query = format!(
        "mutation ($input: RecordDepositInput!) {{ recordDeposit(input: $input) {{ {MONEY} }} }}"
    );
    let input = json!({ "idempotencyKey": key, "accountId": account, "amount": amount,
        "reference": "Salary" });
    bank.run(Some(&by.token), &query, json!({ "input": input })).await["recordDeposit"].take()
}

async fn reverse(
    bank: &TestBank,
    by: &Person,
    key: &str,
    transaction: &str,
    amount: Value,
) -> Value {
    let query = format!(
        "mutation ($input: ReverseTransactionInput!) {{
            reverseTransaction(input: $input) {{ {MONEY} }} }}"
    );
    let input = json!({ "idempotencyKey": key, "transactionId": transaction, "amount": amount,
        "reason": "A mistake" });
    bank.run(Some(&by.token), &query, json!({ "input": input })).await["reverseTransaction"].take()
}

const HOLD: &str = "hold { id status amount { amount } captured { amount } merchant }
    transaction { id kind amount { amount } to { label } } replayed errors { code path message }";

async fn hold(bank: &TestBank, by: &Person, name: &str, input_type: &str, input: Value) -> Value {
    let query =
        format!("mutation ($input: {input_type}!) {{ {name}(input: $input) {{ {HOLD} }} }}");
    bank.run(Some(&by.token), &query, json!({ "input": input })).await[name].take()
}

async fn place(bank: &TestBank, by: &Person, key: &str, card: &str, amount: &str) -> Value {
    let input = json!({ "idempotencyKey": key, "card": { "accountId": card }, "amount": amount,
        "merchant": "Shop" });
    hold(bank, by, "placeHold", "PlaceHoldInput", input).await
}

async fn capture(bank: &TestBank, by: &Person, key: &str, id: &str, amount: Value) -> Value {
    let input = json!({ "idempotencyKey": key, "holdId": id, "amount": amount });
    hold(bank, by, "captureHold", "CaptureHoldInput", input).await
}

async fn release(bank: &TestBank, by: &Person, id: &str) -> Value {
    hold(bank, by, "releaseHold", "HoldRefInput", json!({ "holdId": id })).await
}

/// Posted, held and available of a card.
async fn balance(bank: &TestBank, who: &Person, card: &str) -> [String; 3] {
    let query = "query ($id: ID!) { card(by: { id: $id }) { balance {
        posted { amount } held { amount } available { amount } } } }";
    let found = bank.run(Some(&who.token), query, json!({ "id": card })).await;
    let balance = &found["card"]["balance"];
    ["posted", "held", "available"].map(|part| text(&balance[part]["amount"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_does_nothing_that_is_for_staff() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        let given = deposit(bank, &eve, "d", &card.id, "1.00").await;
        let id = text(&given["transaction"]["id"]);
        let held = place(bank, &eve, "h", &card.id, "1.00").await;
        let hold_id = text(&held["hold"]["id"]);
        let overdraft = "mutation ($input: SetOverdraftLimitInput!) {
            setOverdraftLimit(input: $input) { balance { version } errors { code } } }";
        let input = json!({ "input": { "accountId": card.id, "limit": "5" } });
        let set = bank.run(Some(&ann.token), overdraft, input).await["setOverdraftLimit"].take();
        for refused in [
            deposit(bank, &ann, "k", &card.id, "1.00").await,
            reverse(bank, &ann, "k", &id, Value::Null).await,
            place(bank, &ann, "k", &card.id, "1.00").await,
            capture(bank, &ann, "k", &hold_id, Value::Null).await,
            release(bank, &ann, &hold_id).await,
            set,
        ] {
            assert_eq!(codes(&refused), ["FORBIDDEN"], "{}: {refused}", bank.database);
        }
        assert_eq!(balance(bank, &ann, &card.id).await, ["51.00", "1.00", "50.00"]);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_recorded_once() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        let first = deposit(bank, &eve, "d", &card.id, "1200.00").await;
        assert_eq!(first["transaction"]["kind"], "INCOME", "{first}");
        assert_eq!(first["transaction"]["note"], "Salary");
        let again = deposit(bank, &eve, "d", &card.id, "1200.0").await;
        assert_eq!(again["replayed"], true, "{again}");
        assert_eq!(again["transaction"]["id"], first["transaction"]["id"]);
        let other = deposit(bank, &eve, "d", &card.id, "1201.00").await;
        assert_eq!(codes(&other), ["IDEMPOTENCY_CONFLICT"]);
        assert_eq!(bank.posted(&ann, &card.id).await, "1250.00");
        let asked = "query ($key: IdempotencyKey!) { operation(idempotencyKey: $key) {
            idempotencyKey result { __typename id } transaction { id } createdAt } }";
        let made = bank.run(Some(&eve.token), asked, json!({ "key": "d" })).await;
        assert_eq!(made["operation"]["result"]["__typename"], "Transaction");
        assert_eq!(made["operation"]["result"]["id"], first["transaction"]["id"]);
        let others = bank.run(Some(&ann.token), asked, json!({ "key": "d" })).await;
        assert_eq!(others["operation"], Value::Null, "a key is its user's alone");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_reserves_and_is_captured_once() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        let placed = place(bank, &eve, "h", &card.id, "30.00").await;
        assert_eq!(placed["errors"], json!([]), "{placed}");
        let id = text(&placed["hold"]["id"]);
        let again = place(bank, &eve, "h", &card.id, "30.00").await;
        assert_eq!((&again["replayed"], &again["hold"]["id"]), (&json!(true), &json!(id)));
        assert_eq!(balance(bank, &ann, &card.id).await, ["50.00", "30.00", "20.00"]);
        let short = place(bank, &eve, "h2", &card.id, "20.01").await;
        assert_eq!(codes(&short), ["INSUFFICIENT_FUNDS"]);
        let beyond = capture(bank, &eve, "c", &id, json!("30.01")).await;
        assert_eq!(codes(&beyond), ["INVALID_INPUT"], "{beyond}");
        bank.fresh.raw("UPDATE balances SET status = 'FROZEN' WHERE held > 0").await.unwrap();
        let captured = capture(bank, &eve, "c", &id, json!("25.00")).await;
        assert_eq!(captured["errors"], json!([]), "a frozen card's hold is captured: {captured}");
        assert_eq!(captured["hold"]["status"], "CAPTURED");
        assert_eq!(captured["hold"]["captured"]["amount"], "25.00");
        assert_eq!(captured["transaction"]["kind"], "PURCHASE");
        assert_eq!(captured["transaction"]["to"]["label"], "Shop");
        assert_eq!(balance(bank, &ann, &card.id).await, ["25.00", "0.00", "25.00"]);
        let again = capture(bank, &eve, "c", &id, json!("25")).await;
        assert_eq!(again["replayed"], true, "{again}");
        for (refused, code) in [
            (capture(bank, &eve, "c2", &id, Value::Null).await, "CONFLICT"),
            (release(bank, &eve, &id).await, "CONFLICT"),
            (capture(bank, &eve, "c3", "hold_x", Value::Null).await, "NOT_FOUND"),
            (place(bank, &eve, "h3", &card.id, "1.00").await, "ACCOUNT_FROZEN"),
        ] {
            assert_eq!(codes(&refused), [code], "{refused}");
        }
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_released_or_expires_and_its_money_is_free_again() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        let listed = "query ($id: ID!) { card(by: { id: $id }) { holds { id merchant } } }";
        let mut ids = Vec::new();
        for n in 0..20 {
            let placed = place(bank, &eve, &format!("h{n}"), &card.id, "1.00").await;
            ids.push(text(&placed["hold"]["id"]));
        }
        let many = place(bank, &eve, "h20", &card.id, "1.00").await;
        assert_eq!(codes(&many), ["TOO_MANY"]);
        let shown = bank.run(Some(&ann.token), listed, json!({ "id": card.id })).await;
        assert_eq!(shown["card"]["holds"].as_array().map(Vec::len), Some(20));
        let released = release(bank, &eve, &ids[0]).await;
        assert_eq!(released["hold"]["status"], "RELEASED", "{released}");
        assert_eq!(balance(bank, &ann, &card.id).await, ["50.00", "19.00", "31.00"]);
        let node = "query ($id: ID!) { node(id: $id) { id ... on Hold { status } } }";
        let mine = bank.run(Some(&ann.token), node, json!({ "id": ids[0] })).await;
        assert_eq!(mine["node"]["status"], "RELEASED");
        let theirs = bank.run(Some(&eve.token), node, json!({ "id": ids[0] })).await;
        assert_eq!(theirs["node"], Value::Null, "another's hold is as unknown as none");
        bank.wait(Duration::days(7));
        assert_eq!(teller::bank::hold::expire(&bank.bank).await.unwrap(), 19);
        assert_eq!(teller::bank::hold::expire(&bank.bank).await.unwrap(), 0);
        assert_eq!(bank.account(&card.id).await.balance.held.0, 0);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversal_takes_back_what_remains_and_no_more() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        let paid = bank.pay(&ann, "p", &card.id, &to.number, "40.00").await;
        let id = text(&paid["transaction"]["id"]);
        let part = reverse(bank, &eve, "r1", &id, json!("15.00")).await;
        assert_eq!(part["errors"], json!([]), "{part}");
        assert_eq!(part["transaction"]["kind"], "REVERSAL");
        assert_eq!(bank.posted(&ann, &card.id).await, "25.00");
        let beyond = reverse(bank, &eve, "r2", &id, json!("25.01")).await;
        assert_eq!(codes(&beyond), ["ALREADY_REVERSED"], "{beyond}");
        let rest = reverse(bank, &eve, "r3", &id, Value::Null).await;
        assert_eq!(rest["transaction"]["amount"]["amount"], "25.00", "{rest}");
        let nothing = reverse(bank, &eve, "r4", &id, Value::Null).await;
        assert_eq!(codes(&nothing), ["ALREADY_REVERSED"]);
        let again = reverse(bank, &eve, "r3", &id, Value::Null).await;
        assert_eq!(again["replayed"], true);
        let reversal = text(&rest["transaction"]["id"]);
        let back = reverse(bank, &eve, "r5", &reversal, Value::Null).await;
        assert_eq!(codes(&back), ["CONFLICT"], "a reversal is not reversed");
        let query = "query ($id: ID!) { transaction(id: $id) {
            reversibleAmount { amount } reverses { id } reversals { id amount { amount } } } }";
        let shown = bank.run(Some(&ann.token), query, json!({ "id": id })).await;
        assert_eq!(shown["transaction"]["reversibleAmount"]["amount"], "0.00");
        assert_eq!(shown["transaction"]["reversals"].as_array().map(Vec::len), Some(2));
        assert_eq!(shown["transaction"]["reversals"][1]["id"], json!(reversal));
        let shown = bank.run(Some(&bob.token), query, json!({ "id": reversal })).await;
        assert_eq!(shown["transaction"]["reverses"]["id"], json!(id));
        assert_eq!(bank.posted(&ann, &card.id).await, "50.00");
        // What was spent meanwhile cannot be taken back.
        let paid = bank.pay(&ann, "p2", &card.id, &to.number, "10.00").await;
        bank.pay(&bob, "p3", &to.id, &card.number, "55.00").await;
        let id = text(&paid["transaction"]["id"]);
        let short = reverse(bank, &eve, "r6", &id, Value::Null).await;
        assert_eq!(codes(&short), ["INSUFFICIENT_FUNDS"]);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_reversals_take_back_once() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        bank.top_up(&bob, "t", &to.id, "1000").await;
        let paid = bank.pay(&ann, "p", &card.id, &to.number, "10.00").await;
        let id = &text(&paid["transaction"]["id"]);
        let eve = &eve;
        let all = (0..32)
            .map(|n| async move { reverse(bank, eve, &format!("r{n}"), id, json!("3.00")).await });
        let all = futures_util::future::join_all(all).await;
        let done = all.iter().filter(|answer| answer["errors"] == json!([])).count();
        assert_eq!(done, 3, "{}", bank.database);
        assert_eq!(bank.posted(&ann, &card.id).await, "49.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdraft_limit_lets_an_account_go_below_zero_and_no_further() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        let set = async |limit: &str| {
            let query = "mutation ($input: SetOverdraftLimitInput!) {
                setOverdraftLimit(input: $input) {
                    balance { available { amount } } errors { code } } }";
            let input = json!({ "input": { "accountId": card.id, "limit": limit } });
            bank.run(Some(&eve.token), query, input).await["setOverdraftLimit"].take()
        };
        assert_eq!(set("20.00").await["balance"]["available"]["amount"], "70.00");
        let paid = bank.pay(&ann, "p", &card.id, &to.number, "70.00").await;
        assert_eq!(paid["errors"], json!([]), "{paid}");
        assert_eq!(balance(bank, &ann, &card.id).await, ["-20.00", "0.00", "0.00"]);
        let refused = bank.pay(&ann, "p2", &card.id, &to.number, "0.01").await;
        assert_eq!(codes(&refused), ["INSUFFICIENT_FUNDS"]);
        assert_eq!(codes(&set("19.99").await), ["CONFLICT"]);
        assert_eq!(codes(&set("-1").await), ["INVALID_INPUT"]);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_balance_of_an_instant_is_what_it_was() {
    each_database(async |bank| {
        let (ann, card, _) = people(bank).await;
        let query = "query ($id: ID!, $at: DateTime!) {
            card(by: { id: $id }) { balanceAt(instant: $at) { amount currency } } }";
        let ask = async |at: String| {
            let found = bank.run(Some(&ann.token), query, json!({ "id": card.id, "at": at })).await;
            found["card"]["balanceAt"].clone()
        };
        let mut steps = Vec::new();
        for n in 1..=3 {
            bank.wait(Duration::minutes(1));
            let before = bank.bank.now();
            let topped = bank.top_up(&ann, &format!("t{n}"), &card.id, "10.00").await;
            assert_eq!(topped["errors"], json!([]));
            steps.push((before, n));
        }
        for (before, n) in steps {
            let amount = format!("{}.00", 40 + 10 * n);
            assert_eq!(ask(before.to_rfc3339()).await["amount"], json!(amount), "{n}");
        }
        assert_eq!(ask("2020-01-01T00:00:00Z".to_owned()).await, Value::Null, "not yet opened");
        let now = json!({ "amount": "80.00", "currency": "USD" });
        assert_eq!(ask("9999-12-31T23:59:59Z".to_owned()).await, now, "an instant to come");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_and_what_is_refused_stands_in_the_audit_log() {
    each_database(async |bank| {
        let (ann, card, eve) = people(bank).await;
        deposit(bank, &eve, "d", &card.id, "5.00").await;
        deposit(bank, &ann, "d", &card.id, "5.00").await;
        bank.pay(&ann, "p", &card.id, "4000000000000002", "1.00").await;
        let rows = bank.audit_log().await;
        let acts: Vec<(&str, &str)> = rows.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
        for wanted in [
            ("createCard", "DONE"),
            ("recordDeposit", "DONE"),
            ("recordDeposit", "FORBIDDEN"),
            ("transfer", "NOT_FOUND"),
        ] {
            assert!(acts.contains(&wanted), "{}: {wanted:?} in {acts:?}", bank.database);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_days_limit_holds_over_all_accounts_and_begins_anew_the_next_day() {
    let rules = teller::bank::context::Rules {
        transfer_limit: 100,
        top_up_limit: 200,
        ..crate::support::bank::sandbox_rules()
    };
    crate::support::bank::each_database_with(rules, async |bank| {
        let (ann, card, eve) = people(bank).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        let own = bank.card(&ann).await;
        assert_eq!(codes(&bank.top_up(&ann, "t", &card.id, "200.01").await), ["LIMIT_EXCEEDED"]);
        assert_eq!(bank.top_up(&ann, "t", &card.id, "200").await["errors"], json!([]));
        deposit(bank, &eve, "d", &card.id, "5000").await;
        let to_self = bank.pay(&ann, "s", &card.id, &own.number, "2000").await;
        assert_eq!(to_self["errors"], json!([]), "a move between own accounts is not counted");
        assert_eq!(bank.pay(&ann, "p1", &card.id, &to.number, "60").await["errors"], json!([]));
        let second = bank.pay(&ann, "p2", &own.id, &to.number, "40.01").await;
        assert_eq!(codes(&second), ["LIMIT_EXCEEDED"], "{second}");
        let path = "mutation ($input: TransferInput!) { transfer(input: $input) { errors {
            ... on LimitExceeded { limit { kind window limit { amount } remaining { amount }
                resetsAt } } } } }";
        let input = json!({ "idempotencyKey": "p3", "fromAccountId": own.id,
            "to": { "cardNumber": to.number }, "amount": "41" });
        let told = bank.run(Some(&ann.token), path, json!({ "input": input })).await;
        let limit = json!({ "kind": "TRANSFER", "window": "DAY", "limit": { "amount": "100.00" },
            "remaining": { "amount": "40.00" }, "resetsAt": "2026-11-22T00:00:00.000000Z" });
        assert_eq!(told["transfer"]["errors"][0]["limit"], limit);
        assert_eq!(bank.pay(&ann, "p4", &own.id, &to.number, "40").await["errors"], json!([]));
        bank.wait(Duration::days(1));
        let token = bank.sign_in(&ann).await;
        let ann = Person { token, ..ann.clone() };
        assert_eq!(bank.pay(&ann, "p5", &own.id, &to.number, "100").await["errors"], json!([]));
        bank.audit().await;
    })
    .await;
}
