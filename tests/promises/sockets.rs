//! Sockets: whose they are, how many they may be, and how they end.

use std::time::Duration;

use serde_json::{Value, json};
use teller::{
    http::{
        limits::{Limits, Sockets},
        server::Connections,
    },
    ledger::engine::Capacity,
};
use tokio::time::{Instant, sleep};

use crate::support::{
    bank::{TestBank, each_database, reassemble},
    live::{Door, Heard, ORIGIN, PROTOCOL, Socket},
    proof,
};

const EVENTS: &str =
    "subscription ($after: Cursor) { events(after: $after) { __typename cursor } }";
const SANDBOX: &str = "{ serverInfo { sandbox } }";

impl TestBank {
    /// The variables of a subscription that tells what happens to somebody from now on,
    /// however long it takes to begin.
    async fn now_of(&self, token: &str) -> Value {
        let query = "{ events(first: 100) { endCursor } }";
        let page = self.run(Some(token), query, json!({})).await;
        json!({ "after": page["events"]["endCursor"] })
    }
}

fn limits(change: impl FnOnce(&mut Sockets)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits.sockets);
    limits
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operations_of_one_name_end_the_socket_and_too_many_are_refused() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let door = Door::open(&bank.bank, limits(|one| one.operations = 2)).await;
        let mut socket = door.enter(&ann.token).await;
        let now = bank.now_of(&ann.token).await;
        for id in ["a", "b", "c"] {
            socket.subscribe(id, EVENTS, now.clone()).await;
        }
        let refused = socket.message().await;
        assert_eq!((&refused["id"], &refused["type"]), (&json!("c"), &json!("error")));
        assert_eq!(refused["payload"][0]["extensions"]["code"], "COST_EXCEEDED");
        // One that was ended makes room, and says nothing any more.
        socket.say(&json!({ "id": "a", "type": "complete" })).await;
        socket.subscribe("c", EVENTS, now.clone()).await;
        bank.card(&ann).await;
        let mut told: Vec<String> = Vec::new();
        for _ in 0..4 {
            let message = socket.message().await;
            assert_eq!(message["type"], "next", "{message}");
            told.push(message["id"].as_str().unwrap_or_default().to_owned());
        }
        told.sort();
        assert_eq!(told, ["b", "b", "c", "c"], "an account and its credit, for each");
        socket.subscribe("b", EVENTS, json!({})).await;
        assert_eq!(socket.closed().await, Some(4409));
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_session_in_every_process() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let other = reassemble(bank, bank.fresh.open().await, 0, Capacity::default());
        let (here, there) = (
            Door::open(&bank.bank, Limits::default()).await,
            Door::open(&other, Limits::default()).await,
        );
        let second = bank.sign_in(&ann).await;
        let now = bank.now_of(&ann.token).await;
        let mut sockets = Vec::new();
        for door in [&here, &there] {
            for token in [&ann.token, &second] {
                let mut socket = door.enter(token).await;
                socket.subscribe("e", EVENTS, now.clone()).await;
                sockets.push(socket);
            }
        }
        let begun = Instant::now();
        bank.run(Some(&second), "mutation { logout { ok } }", json!({})).await;
        for place in [1, 3] {
            assert_eq!(sockets[place].closed().await, Some(4403), "{}: {place}", bank.database);
        }
        let took = begun.elapsed();
        assert!(took < proof::within(Duration::from_secs(1)), "{}: {took:?}", bank.database);
        // The others go on, and hear of it.
        for place in [0, 2] {
            assert_eq!(sockets[place].next().await["events"]["__typename"], "SessionEnded");
        }
        // A socket that logs itself out ends as well, after the answer.
        sockets[0].subscribe("out", "mutation { logout { ok } }", json!({})).await;
        for place in [0, 2] {
            assert_eq!(sockets[place].closed().await, Some(4403), "{}: {place}", bank.database);
        }
        assert!(here.close().await && there.close().await);
        other.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_when_its_access_does_unless_a_newer_token_is_shown() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let door = Door::open(&bank.bank, Limits::default()).await;
        let (mut renewed, mut left) = (door.enter(&ann.token).await, door.enter(&ann.token).await);
        bank.wait(chrono::Duration::minutes(6));
        // A later token of the same session, as a refresh gives one.
        let (permit, until) = teller::bank::session::authenticate_until(
            &bank.bank,
            teller::domain::session::Facade::Graphql,
            &ann.token,
            &teller::bank::permit::Visitor {
                ip_address: "127.0.0.1".to_owned(),
                user_agent: None,
                request_id: "r".to_owned(),
            },
        )
        .await
        .unwrap();
        let later = until + chrono::Duration::minutes(6);
        let access = teller::crypto::token::Access {
            user_id: permit.user_id,
            session_id: permit.session_id,
            expires_at: later,
        };
        let now = bank.bank.now();
        let newer = teller::crypto::token::sign(&bank.bank.ring, "graphql", &access, now);
        renewed.say(&json!({ "type": "ping", "payload": { "accessToken": newer } })).await;
        let pong = renewed.message().await;
        assert_eq!(pong["type"], "pong");
        let told = pong["payload"]["accessExpiresAt"].as_str().expect("until when");
        assert!(told.starts_with(&later.format("%Y-%m-%dT%H:%M").to_string()), "{told}");
        bank.wait(chrono::Duration::minutes(5));
        let begun = Instant::now();
        assert_eq!(left.closed().await, Some(4403), "{}", bank.database);
        assert!(begun.elapsed() < proof::within(Duration::from_secs(1)));
        renewed.subscribe("q", SANDBOX, json!({})).await;
        assert_eq!(renewed.next().await["serverInfo"]["sandbox"], true);
        // A token of another person's, or of another session, is none of this socket's.
        let second = bank.sign_in(&ann).await;
        renewed.say(&json!({ "type": "ping", "payload": { "accessToken": second } })).await;
        assert_eq!(renewed.closed().await, Some(4403));
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_a_person_and_of_an_address_are_counted() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let most = limits(|one| (one.person, one.address) = (2, 4));
        let door = Door::open(&bank.bank, most).await;
        let mut own = vec![door.enter(&ann.token).await, door.enter(&ann.token).await];
        let mut third = door.socket().await;
        let payload = json!({ "accessToken": ann.token });
        third.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(third.closed().await, Some(4429));
        let mut others = vec![door.enter(&bob.token).await];
        others.push(settled(&door).await);
        let refused = Socket::connect(door.address, Some(PROTOCOL), &[]).await;
        assert_eq!(refused.err(), Some(429));
        // Whoever has gone has made room.
        own.pop();
        let began = Instant::now();
        let again = loop {
            if let Ok(socket) = Socket::connect(door.address, Some(PROTOCOL), &[]).await {
                break socket;
            }
            assert!(began.elapsed() < Duration::from_secs(5), "{}", bank.database);
            sleep(Duration::from_millis(20)).await;
        };
        drop((own, others, again));
        assert!(door.close().await);
    })
    .await;
}

/// A socket of nobody's, once the one before it has left its place.
async fn settled(door: &Door) -> Socket {
    for _ in 0..250 {
        if let Ok(socket) = Socket::connect(door.address, Some(PROTOCOL), &[]).await {
            return socket;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the place of a socket that was closed is never free")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_so_to_its_sockets_and_waits_for_them() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let door = Door::open(&bank.bank, Limits::default()).await;
        let mut socket = door.enter(&ann.token).await;
        socket.subscribe("e", EVENTS, json!({})).await;
        let hearing = tokio::spawn(async move { socket.closed().await });
        assert!(door.close().await, "{}: in time", bank.database);
        assert_eq!(hearing.await.unwrap(), Some(1012));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_keeps_the_place_of_its_connection_and_a_dead_one_gives_it_back() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let ping = Duration::from_millis(500);
        let quick = limits(|one| one.ping = ping);
        let connections = Connections { open: 1, ..Connections::default() };
        let door = Door::open_with(&bank.bank, quick, connections).await;
        let mut socket = door.enter(&ann.token).await;
        // One who reads answers pings by that, and stays.
        let quiet = socket.hear_within(ping * 5).await;
        assert_eq!(quiet, None, "{}", bank.database);
        // One who reads nothing answers nothing, and is let go after some pings.
        let begun = Instant::now();
        let next = Socket::connect(door.address, Some(PROTOCOL), &[]).await;
        assert!(next.is_ok(), "{}: the place is free again", bank.database);
        assert!(begun.elapsed() >= ping, "{}: the only place was taken", bank.database);
        drop((socket, next));
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movement_on_a_socket_is_the_same_as_by_http() {
    each_database(async |bank: &TestBank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
        let door = Door::open(&bank.bank, Limits::default()).await;
        let mut socket = door.enter(&ann.token).await;
        let query = "mutation ($input: TransferInput!) {
            transfer(input: $input) { transaction { id } replayed errors { code } } }";
        let input = json!({ "input": { "idempotencyKey": "k", "fromAccountId": from.id,
            "to": { "accountId": to.id }, "amount": "1.00" } });
        socket.subscribe("t", query, input.clone()).await;
        let one = socket.next().await["transfer"].take();
        assert_eq!(one["errors"], json!([]));
        assert_eq!(socket.message().await["type"], "complete");
        let two = bank.run(Some(&ann.token), query, input).await["transfer"].take();
        assert_eq!(one["transaction"], two["transaction"]);
        assert_eq!((&one["replayed"], &two["replayed"]), (&json!(false), &json!(true)));
        bank.audit().await;
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_pages_of_allowed_origins_open_sockets_and_their_cookies_count() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let door = Door::open(&bank.bank, Limits::default()).await;
        let cookie = format!("teller_access={}", ann.token);
        let ask = |headers: Vec<(&'static str, String)>| {
            let address = door.address;
            async move {
                let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
                Socket::connect(address, Some(PROTOCOL), &headers).await
            }
        };
        for foreign in ["https://evil.example.org", "null", "http://front.example.org"] {
            let headers = vec![("origin", foreign.to_owned()), ("cookie", cookie.clone())];
            assert_eq!(ask(headers).await.err(), Some(403), "{foreign}");
        }
        let begin = json!({ "type": "connection_init" });
        let own = || vec![("origin", ORIGIN.to_owned()), ("cookie", cookie.clone())];
        let mut page = ask(own()).await.expect("an allowed origin");
        page.say(&begin).await;
        let ack = page.message().await;
        assert!(ack["payload"]["accessExpiresAt"].is_string(), "{ack}");
        page.subscribe("e", EVENTS, bank.now_of(&ann.token).await).await;
        bank.card(&ann).await;
        assert_eq!(page.next().await["events"]["__typename"], "AccountChanged");
        // A page cannot be told by a cookie alone; then it is nobody's socket.
        let mut nobody = ask(vec![("cookie", cookie.clone())]).await.expect("no page");
        nobody.say(&begin).await;
        assert_eq!(nobody.message().await, json!({ "type": "connection_ack" }));
        nobody.subscribe("e", EVENTS, json!({})).await;
        let refused = nobody.message().await;
        assert_eq!(refused["payload"][0]["extensions"]["code"], "UNAUTHENTICATED");
        // A program shows its token as it does by HTTP.
        let bearer = format!("Bearer {}", ann.token);
        let mut program = ask(vec![("authorization", bearer)]).await.expect("a program");
        program.say(&begin).await;
        assert!(program.message().await["payload"]["accessExpiresAt"].is_string());
        let refused = ask(vec![("authorization", "Bearer".to_owned())]).await;
        assert_eq!(refused.err(), Some(401));
        let stale = vec![("origin", ORIGIN.to_owned()), ("cookie", "teller_access=x".to_owned())];
        let mut stale = ask(stale).await.expect("an allowed origin");
        stale.say(&begin).await;
        assert_eq!(stale.closed().await, Some(4403));
        // A refresh of the session by HTTP renews the page's socket, and no program's.
        bank.wait(chrono::Duration::minutes(6));
        let sql = "UPDATE sessions SET refresh_expires_at = $1, refreshed_at = $2
            WHERE ended_at IS NULL";
        let now = bank.bank.now();
        let later = now + teller::domain::session::IDLE_LIFE;
        let mut s = bank.bank.db.write().await.unwrap();
        s.query(sql).bind(later).bind(now).execute().await.unwrap();
        s.commit().await.unwrap();
        bank.wait(chrono::Duration::minutes(5));
        assert_eq!(program.closed().await, Some(4403), "{}", bank.database);
        while let Some(heard) = page.hear_within(Duration::from_secs(1)).await {
            assert!(matches!(heard, Heard::Message(_)), "{}: {heard:?}", bank.database);
        }
        bank.wait(chrono::Duration::minutes(6));
        assert_eq!(page.closed().await, Some(4403), "{}", bank.database);
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_of_what_it_asks_for_is_let_go() {
    each_database(async |bank| {
        let connections =
            Connections { writes: Duration::from_millis(300), ..Connections::default() };
        let one = limits(|one| (one.address, one.operations) = (1, 10_000));
        let door = Door::open_with(&bank.bank, one, connections).await;
        let mut greedy = door.socket().await;
        greedy.say(&json!({ "type": "connection_init" })).await;
        assert_eq!(greedy.message().await["type"], "connection_ack");
        // No answer is ever read, and together they are more than the system takes by itself.
        let query = "{ __schema { types { name description fields { name description
            args { name description type { name } } type { name description } } } } }";
        let whole = bank.post(None, query, json!({})).await;
        assert!(whole.body.len() > 20_000, "{}", whole.text());
        for number in 0..64 * 1024 * 1024 / whole.body.len() {
            greedy.subscribe(&number.to_string(), query, json!({})).await;
        }
        let _next = settled(&door).await;
        drop(greedy);
        assert!(door.close().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_and_takes_it_back_sets_few_things_going() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let door = Door::open(&bank.bank, Limits::default()).await;
        let mut socket = door.enter(&ann.token).await;
        let count = async || {
            let query = "query ($id: ID!) { card(by: { id: $id }) { balance { version } } }";
            let found = bank.run(Some(&ann.token), query, json!({ "id": card })).await;
            found["card"]["balance"]["version"].as_str().and_then(|n| n.parse::<usize>().ok())
        };
        let before = count().await.expect("a version");
        // Nothing can be posted while this is held.
        let mut holder = bank.bank.db.write().await.expect("the database is asked");
        let lock = holder.query_either(
            "SELECT 1",
            "SELECT COUNT(*)::int FROM (SELECT 1 FROM balances FOR UPDATE) b",
        );
        lock.scalar::<i32>().await.expect("the lock is free");
        let query = "mutation ($key: IdempotencyKey!, $id: ID!) {
            topUp(input: { idempotencyKey: $key, accountId: $id, amount: \"0.01\" }) {
                errors { code } } }";
        for number in 0..100 {
            let variables = json!({ "key": format!("k{number}"), "id": card });
            socket.subscribe("1", query, variables).await;
            sleep(Duration::from_millis(5)).await;
            socket.say(&json!({ "id": "1", "type": "complete" })).await;
        }
        socket.say(&json!({ "type": "ping" })).await;
        assert_eq!(socket.message().await["type"], "pong", "all of it was heard");
        drop(holder);
        // What was begun is done; a query behind it waits for it.
        socket.subscribe("2", query, json!({ "key": "last", "id": card })).await;
        assert_eq!(socket.message().await["id"], "2");
        let done = count().await.expect("a version") - before;
        assert!((2..=8).contains(&done), "{}: {done} of 100 were begun", bank.database);
        assert!(door.close().await);
    })
    .await;
}
