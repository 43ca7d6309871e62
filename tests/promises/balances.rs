//! Balances that arrive as they change, by socket and by stream: each once, in order, to
//! their person alone, and none lost while a client was away.

use std::time::Duration;

use serde_json::{Value, json};
use teller::{bank::context::Rules, http::limits::Limits, ledger::engine::Capacity};

use crate::support::{
    bank::{TestBank, each_database, each_database_with, reassemble, sandbox_rules},
    live::{Door, Events, Socket},
    people::{Person, Plastic, text},
};

const BALANCES: &str = "subscription ($ids: [ID!], $after: Cursor) {
    balanceChanged(accountIds: $ids, after: $after) { cursor reset account { id }
        balance { posted { amount } held { amount } version } entry { amount { amount } } } }";

async fn people(bank: &TestBank) -> [(Person, Plastic); 2] {
    let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
    let (one, two) = (bank.card(&ann).await, bank.card(&bob).await);
    [(ann, one), (bob, two)]
}

async fn balance(socket: &mut Socket) -> Value {
    socket.next().await["balanceChanged"].take()
}

fn amounts(told: &Value) -> (String, i64) {
    let version = text(&told["balance"]["version"]).parse().expect("a number");
    (text(&told["balance"]["posted"]["amount"]), version)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_comes_as_it_is_and_then_at_each_change_made_by_anybody_in_any_process() {
    // SQLite's second process is not told, and reads by its clock.
    let rules = Rules { events_poll: Duration::from_millis(200), ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        let [(ann, from), (bob, to)] = people(bank).await;
        let other = reassemble(bank, bank.fresh.open().await, 0, Capacity::default());
        let door = Door::open(&bank.bank, Limits::default()).await;
        let far = Door::open(&other, Limits::default()).await;
        let mut socket = door.enter(&bob.token).await;
        let mut distant = far.enter(&bob.token).await;
        for socket in [&mut socket, &mut distant] {
            socket.subscribe("b", BALANCES, json!({ "ids": [to.id] })).await;
            let first = balance(socket).await;
            assert_eq!((&first["reset"], &first["entry"]), (&json!(false), &Value::Null));
            assert_eq!(first["account"]["id"], json!(to.id));
            assert_eq!(amounts(&first), ("50.00".to_owned(), 1));
        }
        for number in 2..5 {
            let key = format!("k{number}");
            bank.pay(&ann, &key, &from.id, &to.number, "1").await;
            let told = balance(&mut socket).await;
            assert_eq!(amounts(&told), (format!("{}.00", 49 + number), number));
            assert_eq!(told["entry"]["amount"]["amount"], "1.00");
            assert_eq!(
                balance(&mut distant).await["balance"],
                told["balance"],
                "{}",
                bank.database
            );
        }
        // A hold changes what is available, and is no entry.
        let eve = bank.join("eve", 3).await;
        bank.promote(&eve, teller::domain::user::UserRole::BankAdmin).await;
        let hold = json!({ "idempotencyKey": "h", "card": { "accountId": to.id },
            "amount": "5.00", "merchant": "Shop" });
        let placed = bank.ask(&eve, "placeHold", "hold { id }", hold).await;
        assert_eq!(placed["errors"], json!([]), "{placed}");
        let told = balance(&mut socket).await;
        assert_eq!(
            (&told["entry"], &told["balance"]["held"]["amount"]),
            (&Value::Null, &json!("5.00"))
        );
        assert!(door.close().await && far.close().await);
        other.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_away_gets_every_change_since_and_is_told_where_that_cannot_be() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = people(bank).await;
        let door = Door::open(&bank.bank, Limits::default()).await;
        let mut socket = door.enter(&bob.token).await;
        socket.subscribe("b", BALANCES, json!({ "ids": [to.id] })).await;
        let first = balance(&mut socket).await;
        drop(socket);
        // More than is kept in memory, and more than one page.
        for number in 0..120 {
            bank.pay(&ann, &format!("k{number}"), &from.id, &to.number, "0.01").await;
        }
        let mut socket = door.enter(&bob.token).await;
        let variables = json!({ "ids": [to.id], "after": first["cursor"] });
        socket.subscribe("b", BALANCES, variables).await;
        for number in 0..120 {
            let told = balance(&mut socket).await;
            assert_eq!(amounts(&told).1, 2 + number, "{}", bank.database);
            assert_eq!(told["reset"], false);
        }
        // Another person's cursor, and what is none, give the balance as it is, and say so.
        let page = bank.run(Some(&ann.token), "{ events { endCursor } }", json!({})).await;
        for after in [page["events"]["endCursor"].clone(), json!("x"), json!("")] {
            socket.subscribe(&after.to_string(), BALANCES, json!({ "after": after })).await;
            // The wallet comes first, and with the last of both the state is whole.
            let told = [balance(&mut socket).await, balance(&mut socket).await];
            let card = told.iter().find(|one| one["account"]["id"] == json!(to.id));
            let card = card.expect("the card is told");
            assert_eq!((amounts(card).1, &card["reset"]), (121, &json!(true)));
        }
        // Somebody else's account is none of theirs.
        socket.subscribe("x", BALANCES, json!({ "ids": [from.id] })).await;
        let refused = socket.message().await;
        assert_eq!(refused["type"], "error", "{refused}");
        assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_made_once_for_all_who_get_the_same_bytes() {
    each_database(async |bank| {
        let [(ann, from), (_, to)] = people(bank).await;
        let door = Door::open(&bank.bank, Limits::default()).await;
        let second = bank.sign_in(&ann).await;
        let mut sockets = Vec::new();
        for number in 0..6 {
            let token = if number % 2 == 0 { &ann.token } else { &second };
            let mut socket = door.enter(token).await;
            socket.subscribe("b", BALANCES, json!({ "ids": [from.id] })).await;
            balance(&mut socket).await;
            sockets.push(socket);
        }
        let before = door.transport.open.shared.made();
        for number in 0..5 {
            bank.pay(&ann, &format!("k{number}"), &from.id, &to.number, "0.01").await;
        }
        let mut all = Vec::new();
        for socket in &mut sockets {
            let mut own = Vec::new();
            for _ in 0..5 {
                own.push(balance(socket).await);
            }
            all.push(own);
        }
        assert!(all.windows(2).all(|two| two[0] == two[1]));
        assert_eq!(door.transport.open.shared.made() - before, 5, "{}", bank.database);
        // Where the document tells sessions apart, each session has an answer of its own.
        let sessions = "subscription ($after: Cursor) { events(after: $after) {
            ... on SessionStarted { session { current } } } }";
        let page = bank.run(Some(&ann.token), "{ events(first: 100) { endCursor } }", json!({}));
        let after = json!({ "after": page.await["events"]["endCursor"] });
        for socket in &mut sockets {
            socket.say(&json!({ "id": "b", "type": "complete" })).await;
            socket.subscribe("s", sessions, after.clone()).await;
        }
        let before = door.transport.open.shared.made();
        bank.sign_in(&ann).await;
        for socket in &mut sockets {
            assert_eq!(socket.next().await["events"]["session"]["current"], false);
        }
        assert_eq!(door.transport.open.shared.made() - before, 2, "{}", bank.database);
        assert!(door.close().await);
    })
    .await;
}

const PLAIN: &str = "subscription { balanceChanged { cursor account { id } balance { version } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_the_same_goes_on_where_it_was_cut_and_ends_with_its_session() {
    each_database(async |bank| {
        let [(ann, from), (bob, to)] = people(bank).await;
        let door = Door::open(&bank.bank, Limits::default()).await;
        let bearer = format!("Bearer {}", bob.token);
        let mut events = Events::get(door.address, PLAIN, &[("Authorization", &bearer)]).await;
        let head = events.head.to_ascii_lowercase();
        for line in [
            "http/1.1 200",
            "content-type: text/event-stream; charset=utf-8",
            "cache-control: no-store",
            "x-accel-buffering: no",
        ] {
            assert!(head.contains(line), "{head}");
        }
        // The wallet and the card; the id of the last is where it goes on.
        let (_, partial) = events.told().await;
        let (card, id) = events.told().await;
        assert_eq!(card["data"]["balanceChanged"]["account"]["id"], json!(to.id));
        assert_eq!(card["data"]["balanceChanged"]["cursor"], json!(id));
        drop(events);
        bank.pay(&ann, "k", &from.id, &to.number, "1").await;
        let headers = [("Authorization", bearer.as_str()), ("Last-Event-ID", &id)];
        let mut events = Events::get(door.address, PLAIN, &headers).await;
        let (missed, _) = events.told().await;
        assert_eq!(missed["data"]["balanceChanged"]["balance"]["version"], "2");
        // Cut off between balances that belong together it begins anew.
        let headers = [("Authorization", bearer.as_str()), ("Last-Event-ID", &partial)];
        let mut anew = Events::get(door.address, PLAIN, &headers).await;
        let first = anew.told().await.0["data"]["balanceChanged"]["account"]["id"].take();
        let second = anew.told().await.0["data"]["balanceChanged"]["account"]["id"].take();
        assert_ne!(first, second);
        // It ends without a `complete`, so that its client asks again, and is refused then.
        bank.run(Some(&bob.token), "mutation { logout { ok } }", json!({})).await;
        assert_eq!((events.next().await, anew.next().await), (None, None));
        let refused = Events::get(door.address, PLAIN, &headers).await;
        assert!(refused.head.starts_with("HTTP/1.1 401"), "{}", refused.head);
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_ask_for_a_stream_has_its_answer() {
    each_database(async |bank| {
        let mut limits = Limits::default();
        limits.sockets.ping = Duration::from_millis(100);
        let door = Door::open(&bank.bank, limits).await;
        let mut events = Events::get(door.address, "{ serverInfo { sandbox } }", &[]).await;
        assert_eq!(events.told().await.0["data"], json!({ "serverInfo": { "sandbox": true } }));
        assert_eq!(events.next().await.expect("an end").event, "complete");
        assert_eq!(events.next().await, None);
        for (query, code) in [
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("{ nobody }", "GRAPHQL_VALIDATION_FAILED"),
            (PLAIN, "UNAUTHENTICATED"),
        ] {
            let mut events = Events::get(door.address, query, &[]).await;
            assert!(events.head.starts_with("HTTP/1.1 200"), "{}", events.head);
            let told = events.told().await.0;
            assert_eq!(told["errors"][0]["extensions"]["code"], code, "{told}");
            assert_eq!(events.next().await.expect("an end").event, "complete");
        }
        for (query, headers, status) in [
            ("mutation { logout { ok } }", vec![], "405"),
            (PLAIN, vec![("Authorization", "Bearer x")], "401"),
            (PLAIN, vec![("Authorization", "nonsense")], "401"),
        ] {
            let events = Events::get(door.address, query, &headers).await;
            let head = &events.head;
            assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {head}");
        }
        let ann = bank.join("ann", 1).await;
        let bearer = format!("Bearer {}", ann.token);
        let quiet = "subscription { events { cursor } }";
        let mut events = Events::get(door.address, quiet, &[("Authorization", &bearer)]).await;
        tokio::time::sleep(Duration::from_millis(350)).await;
        bank.card(&ann).await;
        let told = events.told().await.0;
        assert!(told["data"]["events"]["cursor"].is_string(), "through the signs of life: {told}");
        assert!(door.close().await);
    })
    .await;
}
