//! Money: it moves once, by the cent, or not at all, and says why.

use serde_json::{Value, json};
use teller::bank::context::Rules;

use crate::support::{
    bank::{TestBank, each_database, each_database_with, sandbox_rules},
    people::{Person, Plastic, codes, text},
};

async fn two(bank: &TestBank) -> [(Person, Plastic); 2] {
    let ann = bank.join("ann", 1).await;
    let bob = bank.join("bob", 2).await;
    let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
    [(ann, from), (bob, to)]
}

fn transfer(key: &str, from: &str, to: Value, amount: Value) -> Value {
    json!({ "idempotencyKey": key, "fromAccountId": from, "to": to, "amount": amount })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_moves_money_once() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = two(bank).await;
        let first = bank.pay(&ann, "k", &from.id, &to.number, "10.50").await;
        assert_eq!(first["replayed"], false);
        for amount in ["10.50", "10.5"] {
            let again = bank.pay(&ann, "k", &from.id, &to.number, amount).await;
            assert_eq!(again["replayed"], true);
            assert_eq!(again["transaction"], first["transaction"]);
        }
        assert_eq!(bank.posted(&ann, &from.id).await, "39.50");
        assert_eq!(bank.posted(&bob, &to.id).await, "60.50");
        let other = bank.pay(&ann, "k", &from.id, &to.number, "10.51").await;
        assert_eq!(codes(&other), ["IDEMPOTENCY_CONFLICT"]);
        let other = bank.top_up(&ann, "k", &from.id, "10.50").await;
        assert_eq!(codes(&other), ["IDEMPOTENCY_CONFLICT"], "a key is of one operation");
        let bobs = bank.pay(&bob, "k", &to.id, &from.number, "0.01").await;
        assert_eq!(bobs["replayed"], false, "a key is of one person");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_transfer_moves_nothing_and_keeps_no_key() {
    each_database(async |bank| {
        let [(ann, from), (_, to)] = two(bank).await;
        let refused = bank.pay(&ann, "k", &from.id, &to.number, "50.01").await;
        assert_eq!(codes(&refused), ["INSUFFICIENT_FUNDS"]);
        let error = &refused["errors"][0];
        assert_eq!(error["available"]["amount"], "50.00");
        assert_eq!(error["shortBy"]["amount"], "0.01");
        assert_eq!((&refused["transaction"], &refused["account"]), (&Value::Null, &Value::Null));
        bank.top_up(&ann, "t", &from.id, "0.01").await;
        let later = bank.pay(&ann, "k", &from.id, &to.number, "50.01").await;
        assert_eq!((codes(&later), &later["replayed"]), (vec![], &json!(false)));
        assert_eq!(bank.posted(&ann, &from.id).await, "0.00");
        bank.audit().await;
    })
    .await;
}

/// A transfer that is refused, with the error that says why.
struct Bad {
    name: &'static str,
    from: String,
    to: Value,
    amount: String,
    code: &'static str,
    path: &'static str,
}

/// From ann's card to bob's, each time with one thing wrong.
fn bad_transfers(from: &Plastic, to: &Plastic, euro: &str) -> Vec<Bad> {
    let unknown = "4111111111111111";
    let number = |number: &str| json!({ "cardNumber": number });
    let account = |id: &str| json!({ "accountId": id });
    let bad = |name, from: &str, to, code, path| Bad {
        name,
        from: from.to_owned(),
        to,
        amount: "1".to_owned(),
        code,
        path,
    };
    let amount = |name, amount: &str| Bad {
        amount: amount.to_owned(),
        ..bad(name, &from.id, number(&to.number), "INVALID_INPUT", "amount")
    };
    vec![
        amount("zero", "0"),
        amount("negative", "-1"),
        amount("minus zero", "-0.00"),
        amount("three decimals", "1.005"),
        amount("2^63", "9223372036854775808"),
        amount("far too large", &"9".repeat(64)),
        bad("no card number", &from.id, number("1234"), "INVALID_INPUT", "to.cardNumber"),
        bad("an unknown card", &from.id, number(unknown), "NOT_FOUND", "to.cardNumber"),
        bad("an unknown account", &from.id, account("card_x"), "NOT_FOUND", "to.accountId"),
        bad("another's account", &to.id, number(&from.number), "NOT_FOUND", "fromAccountId"),
        bad("no account", unknown, number(&to.number), "NOT_FOUND", "fromAccountId"),
        bad("the same card", &from.id, number(&from.number), "SAME_ACCOUNT", ""),
        bad("the same account", &from.id, account(&from.id), "SAME_ACCOUNT", ""),
        bad("another currency", &from.id, account(euro), "CURRENCY_MISMATCH", ""),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_transfer_is_a_named_error_and_moves_nothing() {
    each_database(async |bank| {
        let [(ann, from), (_, to)] = two(bank).await;
        let euro = bank.create_card(&ann, json!({ "currency": "EUR" })).await;
        let euro = euro["card"]["id"].as_str().expect("a card").to_owned();
        for bad in bad_transfers(&from, &to, &euro) {
            let (name, code) = (bad.name, bad.code);
            let input = transfer("k", &bad.from, bad.to, json!(bad.amount));
            let payload = bank.transfer(&ann, input).await;
            assert_eq!(codes(&payload), [code], "{}: {name}: {payload}", bank.database);
            let told = payload["errors"][0]["path"].as_array().map(|path| {
                path.iter().skip(1).filter_map(Value::as_str).collect::<Vec<_>>().join(".")
            });
            assert_eq!(told.unwrap_or_default(), bad.path, "{name}");
        }
        assert_eq!(bank.posted(&ann, &from.id).await, "50.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_between_ones_own_accounts_is_two_entries() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        let home = bank.run(Some(&ann.token), "{ wallet { id kind label } }", json!({})).await;
        let wallet = home["wallet"]["id"].as_str().expect("a wallet").to_owned();
        assert!(wallet.starts_with("wallet_"));
        let to = json!({ "accountId": wallet });
        let paid = bank.transfer(&ann, transfer("k", &card.id, to, json!("20"))).await;
        assert_eq!(paid["counterAccount"]["id"], wallet.as_str());
        assert_eq!(paid["counterAccount"]["balance"]["posted"]["amount"], "20.00");
        let query = "{ history(first: 2) { nodes { direction account { label }
            counterparty { label account { id } } } } }";
        let nodes = bank.run(Some(&ann.token), query, json!({})).await;
        let mut told: Vec<_> = nodes["history"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| (node["direction"].clone(), node["counterparty"]["account"]["id"].clone()))
            .collect();
        told.sort_by_key(|(direction, _)| direction.to_string());
        assert_eq!(told, [(json!("IN"), json!(card.id)), (json!("OUT"), json!(wallet))]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_with_one_key_move_money_once() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = two(bank).await;
        let pay = || bank.pay(&ann, "k", &from.id, &to.number, "10");
        let answers = tokio::join!(pay(), pay(), pay(), pay());
        let answers = [answers.0, answers.1, answers.2, answers.3];
        let fresh = answers.iter().filter(|answer| answer["replayed"] == false).count();
        assert_eq!(fresh, 1, "{}: {answers:?}", bank.database);
        assert!(answers.iter().all(|answer| answer["transaction"] == answers[0]["transaction"]));
        assert_eq!(bank.posted(&bob, &to.id).await, "60.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opposite_transfers_at_once_all_end_well() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = two(bank).await;
        let started = std::time::Instant::now();
        let mut waiting = Vec::new();
        for n in 0..20 {
            let (ann, from, bob, to) = (&ann, &from, &bob, &to);
            waiting.push(async move {
                let key = format!("k{n}");
                if n % 2 == 0 {
                    bank.pay(ann, &key, &from.id, &to.number, "1").await
                } else {
                    bank.pay(bob, &key, &to.id, &from.number, "1").await
                }
            });
        }
        for answer in futures_util::future::join_all(waiting).await {
            assert_eq!(
                answer["errors"],
                json!([]),
                "{} after {:?}",
                bank.database,
                started.elapsed()
            );
        }
        assert_eq!(bank.posted(&ann, &from.id).await, "50.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_read_in_pages_both_ways() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        for n in 1..7 {
            bank.top_up(&ann, &format!("t{n}"), &card.id, &n.to_string()).await;
        }
        for of_card in [false, true] {
            let read = async |arguments: &str| {
                let history = format!(
                    "history({arguments}) {{ totalCount nodes {{ amount {{ amount }} }}
                        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"
                );
                let query = if of_card {
                    format!("{{ card(by: {{ id: \"{}\" }}) {{ {history} }} }}", card.id)
                } else {
                    format!("{{ {history} }}")
                };
                let mut data = bank.run(Some(&ann.token), &query, json!({})).await;
                let list =
                    if of_card { data["card"]["history"].take() } else { data["history"].take() };
                let nodes = list["nodes"].as_array().expect("nodes").iter();
                let amounts: Vec<String> =
                    nodes.map(|node| text(&node["amount"]["amount"])).collect();
                (amounts, list)
            };
            let (first, list) = read("first: 3").await;
            assert_eq!(first, ["6.00", "5.00", "4.00"], "{}", bank.database);
            assert_eq!(list["totalCount"], 7);
            assert_eq!(list["pageInfo"]["hasNextPage"], true);
            let end = list["pageInfo"]["endCursor"].as_str().unwrap();
            let (second, list) = read(&format!("first: 3, after: \"{end}\"")).await;
            assert_eq!(second, ["3.00", "2.00", "1.00"]);
            let end = list["pageInfo"]["endCursor"].as_str().unwrap();
            let (third, list) = read(&format!("first: 3, after: \"{end}\"")).await;
            assert_eq!(
                (third, &list["pageInfo"]["hasNextPage"]),
                (vec!["50.00".to_owned()], &json!(false))
            );
            let (tail, list) = read("last: 2").await;
            assert_eq!(tail, ["1.00", "50.00"]);
            assert_eq!(list["pageInfo"]["hasPreviousPage"], true);
            let start = list["pageInfo"]["startCursor"].as_str().unwrap();
            let (before, _) = read(&format!("last: 2, before: \"{start}\"")).await;
            assert_eq!(before, ["3.00", "2.00"]);
        }
        for arguments in ["first: 101", "first: -1", "first: 1, last: 1", "after: \"x\""] {
            let query = format!("{{ history({arguments}) {{ totalCount }} }}");
            let answer = bank.post(Some(&ann.token), &query, json!({})).await;
            let code = &answer.json()["errors"][0]["extensions"]["code"];
            assert_eq!(code, "BAD_USER_INPUT", "{arguments}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_is_not_found_on_any_path() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = two(bank).await;
        let paid = bank.pay(&ann, "k", &from.id, &to.number, "1").await;
        let transaction = paid["transaction"]["id"].as_str().unwrap();
        let entry =
            "{ history(first: 1) { nodes { id } } sessions { id } me { id } wallet { id } }";
        let home = bank.run(Some(&ann.token), entry, json!({})).await;
        let mine = [
            &home["history"]["nodes"][0]["id"],
            &home["sessions"][0]["id"],
            &home["me"]["id"],
            &home["wallet"]["id"],
            &json!(from.id),
            &json!(transaction),
        ];
        let node = "query ($id: ID!) { node(id: $id) { __typename id } }";
        let carol = bank.join("carol", 3).await;
        for id in mine {
            let found = bank.run(Some(&ann.token), node, json!({ "id": id })).await;
            assert_eq!(&found["node"]["id"], id, "{}", bank.database);
            let found = bank.run(Some(&carol.token), node, json!({ "id": id })).await;
            assert_eq!(found["node"], Value::Null, "{id}");
        }
        let shared = bank.run(Some(&bob.token), node, json!({ "id": transaction })).await;
        assert_eq!(shared["node"]["id"], transaction, "the payee sees the movement");
        for id in ["card_", "nonsense", "", "user_00000000000000000000000000", "wallet_x"] {
            let found = bank.run(Some(&ann.token), node, json!({ "id": id })).await;
            assert_eq!(found["node"], Value::Null, "{id}");
        }
        let swapped = from.id.replace("card_", "wallet_");
        let found = bank.run(Some(&ann.token), node, json!({ "id": swapped })).await;
        assert_eq!(found["node"], Value::Null, "the prefix is part of the id");
        let by = "query ($id: ID!) { card(by: { id: $id }) { id } }";
        let found = bank.run(Some(&carol.token), by, json!({ "id": from.id })).await;
        assert_eq!(found["card"], Value::Null);
        assert_eq!(codes(&bank.reveal(&carol, &from.id).await), ["NOT_FOUND"]);
        assert_eq!(codes(&bank.top_up(&carol, "k", &from.id, "1").await), ["NOT_FOUND"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movement_that_waited_while_its_session_ended_does_not_happen() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = two(bank).await;
        // Somebody holds the payer's account for a while.
        let db = &bank.bank.db;
        let mut holder = db.write().await.expect("a transaction begins");
        let hold = "UPDATE balances SET version = version";
        holder.query(hold).execute().await.expect("the accounts are locked");
        let pay = bank.pay_raw(&ann, "k", &from.id, &to.number, "1");
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            if bank.database == "postgres" {
                let query = "mutation { logout { ok } }";
                let done = bank.run(Some(&ann.token), query, json!({})).await;
                assert_eq!(done["logout"]["ok"], true);
            } else {
                // SQLite has one writer: the session is ended by whoever holds it.
                let end = "UPDATE sessions SET ended_at = created_at";
                holder.query(end).execute().await.expect("all sessions end");
            }
            holder.commit().await.expect("the locks are released");
        };
        let (answer, ()) = tokio::join!(pay, release);
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "UNAUTHENTICATED", "{}: {answer}", bank.database);
        if bank.database == "postgres" {
            assert_eq!(bank.posted(&bob, &to.id).await, "50.00");
        }
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_and_holdings_stay_far_from_the_edge_of_their_range() {
    // Beyond every limit that can be set.
    let units = i64::MAX / 100;
    let rules = Rules { transfer_limit: units, top_up_limit: units, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        let [(ann, from), (_, to)] = two(bank).await;
        let refused = bank.top_up(&ann, "k", &from.id, "10000000000000").await;
        assert_eq!(codes(&refused), ["INVALID_INPUT"]);
        let filled = bank.top_up(&ann, "f", &from.id, "9999999999900").await;
        assert_eq!(filled["errors"], json!([]));
        let refused = bank.top_up(&ann, "o", &from.id, "50").await;
        assert_eq!(refused["errors"][0]["message"], "amount would make the account hold too much.");
        let paid = bank.pay(&ann, "p", &from.id, &to.number, "9999999999950").await;
        assert_eq!(
            paid["errors"],
            json!([]),
            "whoever is paid is never refused for what they have"
        );
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_cursor_is_refused() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        for micros in [i64::MIN, -8_334_601_228_800_000_000, -1, 253_402_300_800_000_000, i64::MAX]
        {
            let key = [&micros.to_be_bytes()[..], &[0; 32]].concat();
            let cursor = teller::types::page::Cursor::seal(1, &key);
            let query = format!("{{ history(after: \"{}\") {{ totalCount }} }}", cursor.as_str());
            let answer = bank.post(Some(&ann.token), &query, json!({})).await;
            let code = &answer.json()["errors"][0]["extensions"]["code"];
            assert_eq!(code, "BAD_USER_INPUT", "{}: {micros}: {}", bank.database, answer.text());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_dropped_leave_the_database_usable() {
    each_database(async |bank| {
        let [(ann, from), (_, to)] = two(bank).await;
        for n in 0..300_u64 {
            let key = format!("d{n}");
            let pay = bank.pay_raw(&ann, &key, &from.id, &to.number, "0.01");
            let _ =
                tokio::time::timeout(std::time::Duration::from_micros(n * 17 % 3_000), pay).await;
        }
        for n in 0..40 {
            let key = format!("k{n}");
            let paid = bank.pay(&ann, &key, &from.id, &to.number, "0.01").await;
            assert_eq!(paid["errors"], json!([]), "{}", bank.database);
        }
        bank.audit().await;
    })
    .await;
}
