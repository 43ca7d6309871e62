//! The posting engine: what waits is committed together, and each posting is answered
//! by itself.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use teller::{
    bank::permit::Permit,
    domain::{
        account::{AccountKind, AccountRef},
        posting::TransactionKind,
    },
    ledger::{
        batch::Means,
        engine::{self, Capacity},
        posting::{Answer, End, Moved, Movement, Posting, Sum},
    },
    store::operation::{NewOperation, ResultKind},
    types::{
        id::{self, AccountId, TransactionId},
        money::{DecimalText, Minor},
    },
};

use crate::support::{
    bank::{TestBank, each_database, reassemble, test_name},
    databases,
    people::{Person, Plastic, text},
    pooler, proof,
};

fn account(wire: &str) -> AccountId {
    AccountId::from_uuid(id::split(wire).expect("an account's id").1)
}

fn means(bank: &TestBank) -> Means {
    Means {
        clock: Arc::clone(&bank.clock) as _,
        chance: Arc::clone(&bank.bank.entropy),
        currencies: bank.bank.rules.currencies.clone(),
    }
}

fn fresh(bank: &TestBank) -> TransactionId {
    TransactionId::generate(bank.clock.as_ref(), bank.bank.entropy.as_ref())
}

/// A transfer as the bank hands it to its ledger.
fn transfer(bank: &TestBank, by: &Permit, key: &str, from: &str, to: &str, cents: i64) -> Posting {
    let transaction_id = fresh(bank);
    let end = |wire: &str, owner, field| {
        let named = AccountRef { kind: AccountKind::Card, id: account(wire) };
        End::Account { named, owner, field, hidden_when_closed: false }
    };
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    Posting {
        key: Some(NewOperation {
            scope_id: by.user_id.uuid(),
            key: key.to_owned(),
            fingerprint: vec![0],
            result_kind: ResultKind::Transaction,
            result_id: transaction_id.uuid(),
        }),
        session: Some((by.session_id, by.user_id)),
        movement: Some(Movement {
            transaction_id,
            kind: TransactionKind::Transfer,
            reverses: None,
            from: end(from, Some(by.user_id), "fromAccountId"),
            to: end(to, None, "to.accountId"),
            sum: Sum::Text(DecimalText::parse(&amount).expect("a decimal")),
            note: None,
        }),
        ..Posting::new(by.act("transfer"))
    }
}

async fn two(bank: &TestBank) -> (Person, Plastic, Person, Plastic) {
    let ann = bank.join("ann", 1).await;
    let bob = bank.join("bob", 2).await;
    let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
    (ann, from, bob, to)
}

async fn settle(bank: &TestBank, postings: &[Posting]) -> Vec<Answer> {
    let answers = engine::settle(&bank.bank.db, &means(bank), postings).await;
    answers.into_iter().map(|answer| answer.expect("the database answers")).collect()
}

fn moved(answer: &Answer) -> &Moved {
    match answer {
        Answer::Done(Some(moved)) => moved,
        other => panic!("nothing was moved: {other:?}"),
    }
}

fn code(answer: &Answer) -> &str {
    match answer {
        Answer::Done(_) => "DONE",
        Answer::Replayed(_) => "REPLAYED",
        Answer::Refused(refusal) => refusal.code(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postings_of_one_batch_see_each_other_in_order() {
    each_database(async |bank| {
        let (ann, from, bob, to) = two(bank).await;
        let (by_ann, by_bob) = (bank.permit(&ann).await, bank.permit(&bob).await);
        let answers = settle(
            bank,
            &[
                transfer(bank, &by_ann, "a", &from.id, &to.id, 5_000),
                transfer(bank, &by_ann, "b", &from.id, &to.id, 1),
                transfer(bank, &by_bob, "c", &to.id, &from.id, 10_000),
                transfer(bank, &by_ann, "d", &from.id, &to.id, 1),
            ],
        )
        .await;
        let codes: Vec<&str> = answers.iter().map(code).collect();
        assert_eq!(codes, ["DONE", "INSUFFICIENT_FUNDS", "DONE", "DONE"], "{}", bank.database);
        let payer = |answer| moved(answer).from.customer.clone().expect("a customer").account;
        let balance = payer(&answers[0]).balance;
        assert_eq!((balance.posted, balance.version), (Minor(0), 2));
        let balance = payer(&answers[3]).balance;
        assert_eq!((balance.posted, balance.version), (Minor(9_999), 4));
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_stands_twice_in_a_batch_is_one_movement() {
    each_database(async |bank| {
        let (ann, from, _, to) = two(bank).await;
        let by = bank.permit(&ann).await;
        let mut other = transfer(bank, &by, "a", &from.id, &to.id, 7);
        other.key.as_mut().expect("it has a key").fingerprint = vec![1];
        let answers = settle(
            bank,
            &[
                transfer(bank, &by, "a", &from.id, &to.id, 100),
                transfer(bank, &by, "a", &from.id, &to.id, 100),
                other,
                // The first of these is refused, and so the second may use the key.
                transfer(bank, &by, "b", &from.id, &to.id, 999_999),
                transfer(bank, &by, "b", &from.id, &to.id, 100),
            ],
        )
        .await;
        let codes: Vec<&str> = answers.iter().map(code).collect();
        let expected = ["DONE", "REPLAYED", "IDEMPOTENCY_CONFLICT", "INSUFFICIENT_FUNDS", "DONE"];
        assert_eq!(codes, expected, "{}", bank.database);
        assert_eq!(bank.posted(&ann, &from.id).await, "48.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posting_that_the_database_refuses_never_spoils_its_neighbours() {
    each_database(async |bank| {
        let (ann, from, _, to) = two(bank).await;
        let by = bank.permit(&ann).await;
        let first = transfer(bank, &by, "a", &from.id, &to.id, 100);
        let stands = first.movement.as_ref().expect("a movement").transaction_id;
        settle(bank, std::slice::from_ref(&first)).await;
        // The same transaction again under another key: what the database will not have.
        let mut broken = transfer(bank, &by, "b", &from.id, &to.id, 100);
        broken.movement.as_mut().expect("a movement").transaction_id = stands;
        let postings = [
            transfer(bank, &by, "c", &from.id, &to.id, 100),
            broken,
            transfer(bank, &by, "d", &from.id, &to.id, 100),
        ];
        let answers = engine::settle(&bank.bank.db, &means(bank), &postings).await;
        let told: Vec<bool> = answers.iter().map(Result::is_ok).collect();
        assert_eq!(told, [true, false, true], "{}: {answers:?}", bank.database);
        assert_eq!(bank.posted(&ann, &from.id).await, "47.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_to_come_later_and_loses_nothing() {
    each_database(async |bank| {
        let (ann, from, _, to) = two(bank).await;
        let capacity = Capacity { waiting: 1, batches: 1 };
        let small = reassemble(bank, bank.fresh.open().await, 7, capacity);
        let router = TestBank::router_over(&small);
        // Whoever holds the card's lock keeps the first batch waiting.
        let mut holder = bank.bank.db.write().await.expect("a transaction");
        teller::store::posting::lock_accounts(&mut holder, &[account(&from.id)])
            .await
            .expect("the card is locked");
        let pay = |n: u32| {
            let input = json!({ "idempotencyKey": format!("q{n}"), "fromAccountId": from.id,
                "to": { "accountId": to.id }, "amount": "1.00" });
            let query = "mutation ($input: TransferInput!) {
                transfer(input: $input) { transaction { id } errors { code } } }";
            TestBank::post_to(router.clone(), &ann.token, query, json!({ "input": input }))
        };
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..8 {
            tasks.spawn(pay(n));
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        holder.commit().await.expect("the lock is let go");
        let (mut done, mut later) = (0, 0);
        while let Some(answer) = tasks.join_next().await {
            let answer = answer.expect("a task ends well");
            if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                let code = answer.json()["errors"][0]["extensions"]["code"].clone();
                assert_eq!(code, "OVERLOADED", "{}", answer.text());
                assert!(!answer.header("retry-after").is_empty());
                later += 1;
            } else {
                assert_eq!(answer.json()["data"]["transfer"]["errors"], json!([]));
                done += 1;
            }
        }
        // One in the hands of the worker, one in the queue.
        assert_eq!((done, later), (2, 6), "{}", bank.database);
        assert_eq!(bank.posted(&ann, &from.id).await, "48.00");
        small.db.close().await;
        bank.audit().await;
    })
    .await;
}

/// All rows of a transfer but for what names them and says when.
async fn rows(bank: &TestBank, transaction: &str) -> Vec<String> {
    let (_, id) = id::split(transaction).expect("a transaction's id");
    let mut all = Vec::new();
    let mut s = bank.bank.db.read().await.expect("the database is read");
    for sql in [
        "SELECT row_to_json(r)::text FROM (SELECT account_id, customer, amount, balance_after,
            version, posted_at = (SELECT posted_at FROM transactions
                WHERE transaction_id = $1) AS together, length(salt)
            FROM entries WHERE transaction_id = $1 ORDER BY amount) r",
        "SELECT row_to_json(r)::text FROM (SELECT kind, reverses FROM transactions
            WHERE transaction_id = $1) r",
        "SELECT row_to_json(r)::text FROM (SELECT side, account_id, label, last4, party, note
            FROM transaction_texts WHERE transaction_id = $1 ORDER BY side) r",
        "SELECT row_to_json(r)::text FROM (SELECT actor_id, session_id, action, result,
            ip_address, request_id IS NULL FROM audit_log WHERE subject_id = $1) r",
        "SELECT kind || (SELECT count(*) FROM unsealed w WHERE w.subject_id IN (
                SELECT audit_id FROM audit_log WHERE subject_id = $1))
            FROM unsealed WHERE subject_id = $1",
        "SELECT result_kind || length(fingerprint) FROM idempotency_keys WHERE result_id = $1",
        "SELECT owner_id || kind || replace(body, $1::text, 'it') FROM events
            WHERE body LIKE '%' || $1 || '%' ORDER BY owner_id, number",
    ] {
        let found: Vec<(String,)> = s.query(sql).bind(id).all().await.expect(sql);
        all.extend(found.into_iter().map(|(row,)| row));
    }
    all
}

/// How often the one call was made, as PostgreSQL counts it.
async fn calls(bank: &TestBank) -> i64 {
    let sql = "SELECT COALESCE(SUM(calls), 0)::bigint FROM pg_stat_user_functions
        WHERE funcname = 'post_transfer'";
    let mut calls = 0;
    // What a connection has counted is told some time after it ends.
    for _ in 0..100 {
        let mut s = bank.bank.db.read().await.expect("the database is read");
        calls = s.query(sql).scalar().await.expect("the calls are counted").unwrap_or(0);
        if calls >= 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_in_one_call_leaves_the_rows_of_one_in_a_batch() {
    let bank =
        TestBank::with_rules(databases::postgres().await, crate::support::bank::sandbox_rules());
    let bank = bank.await;
    let (ann, from, bob, to) = two(&bank).await;
    let own = bank.card(&ann).await;
    let name = bank.fresh.url.rsplit_once('/').expect("a URL").1.to_owned();
    bank.fresh.raw(&format!("ALTER DATABASE {name} SET track_functions = 'pl'")).await.unwrap();
    let counted = bank.fresh.open().await;
    let lone = reassemble(&bank, counted, 3, Capacity::default());
    let router = TestBank::router_over(&lone);
    let pay = async |who: &Person, key: &str, from: &str, to: Value, amount: &str| -> Value {
        let input = json!({ "idempotencyKey": key, "fromAccountId": from,
            "to": to, "amount": amount, "note": "Lunch" });
        let query = "mutation ($input: TransferInput!) { transfer(input: $input) {
            transaction { id kind amount { amount } from { label last4 } to { label last4 } }
            account { id label balance { posted { amount } version } }
            counterAccount { id balance { posted { amount } } }
            replayed errors { code message path } } }";
        let input = json!({ "input": input });
        let answer = TestBank::post_to(router.clone(), &who.token, query, input).await;
        answer.json()["data"]["transfer"].take()
    };
    // A card that is named by its number is looked up in a batch.
    let by_number = json!({ "cardNumber": to.number });
    let by_id = |card: &str| json!({ "accountId": card });
    let in_a_batch = pay(&ann, "a", &from.id, by_number, "2.00").await;
    let in_one_call = pay(&ann, "b", &from.id, by_id(&to.id), "2.00").await;
    let plain = |answer: &Value| {
        let mut answer = answer.clone();
        answer["transaction"]["id"] = Value::Null;
        answer["account"]["balance"] = Value::Null;
        answer
    };
    assert_eq!(plain(&in_a_batch), plain(&in_one_call));
    assert_eq!(in_one_call["account"]["balance"]["version"], "3", "{in_one_call}");
    let id_of = |answer: &Value| text(&answer["transaction"]["id"]);
    // The second one's balances and versions follow the first one's.
    let normal = |rows: Vec<String>| -> Vec<String> {
        let numbers = regex::Regex::new(r#""(balance_after|version|posted)":-?\d+"#).unwrap();
        rows.iter().map(|row| numbers.replace_all(row, "\"$1\":N").into_owned()).collect()
    };
    let (one, other) = (
        normal(rows(&bank, &id_of(&in_a_batch)).await),
        normal(rows(&bank, &id_of(&in_one_call)).await),
    );
    assert_eq!(one.len(), 10, "{one:#?}");
    assert_eq!(one, other);
    // Between a person's own cards both events go to one stream, and no limit is used.
    let to_self = pay(&ann, "c", &from.id, by_id(&own.id), "1.00").await;
    assert_eq!(to_self["counterAccount"]["balance"]["posted"]["amount"], "51.00", "{to_self}");
    let given = pay(&bob, "d", &to.id, by_id(&from.id), "4.00").await;
    assert_eq!(given["errors"], json!([]), "{given}");
    // What is in the way is told as always.
    for (key, from, to, amount, code) in [
        ("b", &from.id, &to.id, "2.00", None),
        ("b", &from.id, &to.id, "3.00", Some("IDEMPOTENCY_CONFLICT")),
        ("e", &from.id, &to.id, "999.00", Some("INSUFFICIENT_FUNDS")),
        ("f", &from.id, &from.id, "1.00", Some("SAME_ACCOUNT")),
        ("g", &to.id, &from.id, "1.00", Some("NOT_FOUND")),
    ] {
        let answer = pay(&ann, key, from, by_id(to), amount).await;
        match code {
            Some(code) => assert_eq!(answer["errors"][0]["code"], code, "{answer}"),
            None => assert_eq!(answer["replayed"], true, "{answer}"),
        }
    }
    lone.db.close().await;
    // A pooler has connections that began before anybody was to count.
    if pooler::of_the_environment(&bank.fresh.url).is_none() {
        let calls = calls(&bank).await;
        assert!(calls >= 3, "the one call was used {calls} times");
    }
    bank.audit().await;
    proof::tally("postgres", &test_name());
    bank.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_breaks_in_its_middle_leaves_a_database_that_serves_again() {
    // The driver's thread dies of it on SQLite, and slowly where a panic tells its origin.
    let before = std::panic::take_hook();
    #[expect(clippy::disallowed_methods, reason = "a thread of the driver serves nobody else")]
    std::panic::set_hook(Box::new(move |about| {
        if std::thread::current().name().is_some_and(|name| name.starts_with("sqlx-sqlite")) {
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        before(about);
    }));
    each_database(async |bank| {
        let (ann, from, _, to) = two(bank).await;
        let before = bank.pay(&ann, "a", &from.id, &to.number, "1").await;
        assert_eq!(before["errors"], json!([]), "{before}");
        // As an operator would who runs another version's migration under the server: a
        // statement in the midst of a batch does not fit the tables any more.
        for (from_name, to_name) in [("body", "body_gone"), ("body_gone", "body")] {
            let rename = format!("ALTER TABLE events RENAME COLUMN {from_name} TO {to_name}");
            bank.fresh.raw(&rename).await.expect("the column is renamed");
            let mut told = Vec::new();
            for n in 0..5 {
                let key = format!("{from_name}{n}");
                let paid = bank.pay_raw(&ann, &key, &from.id, &to.number, "1").await;
                let refused = paid["errors"][0]["extensions"]["code"].clone();
                told.push(if refused.is_null() {
                    paid["data"]["transfer"]["errors"].clone()
                } else {
                    refused
                });
            }
            let wanted = if to_name == "body" { json!([]) } else { json!("INTERNAL") };
            assert_eq!(told, vec![wanted; 5], "{}: {rename}", bank.database);
        }
        let got = bank.account(&to.id).await.balance.posted;
        assert_eq!(got, Minor(5_600), "{}", bank.database);
    })
    .await;
}
