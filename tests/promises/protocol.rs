//! graphql-transport-ws: every message, every order, every close code.

use std::time::Duration;

use serde_json::{Value, json};
use teller::http::limits::{Limits, Sockets};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    bank::each_database,
    live::{Door, Heard, Socket},
};

const EVENTS: &str = "subscription { events { cursor } }";
const SANDBOX: &str = "{ serverInfo { sandbox } }";

/// One line of a conversation.
enum Line {
    /// The client says this.
    Say(Value),
    /// The client says something that is no message.
    Raw(Message),
    /// The server says a message that has at least this.
    Hear(Value),
    /// The server closes with this code.
    Closed(u16),
}
use Line::{Closed, Hear, Raw, Say};

/// A conversation with its name.
type Talk = (&'static str, Vec<Line>);

fn init() -> [Line; 2] {
    [Say(json!({ "type": "connection_init" })), Hear(json!({ "type": "connection_ack" }))]
}

fn subscribe(id: &str, query: &str) -> Line {
    Say(json!({ "id": id, "type": "subscribe", "payload": { "query": query } }))
}

fn error(id: &str, code: &str) -> Line {
    let errors = json!([{ "extensions": { "code": code } }]);
    Hear(json!({ "id": id, "type": "error", "payload": errors }))
}

/// All of `wanted` stands in `found`.
fn has(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, value)| found.get(name).is_some_and(|found| has(found, value))),
        (Value::Array(found), Value::Array(wanted)) => {
            wanted.len() <= found.len() && found.iter().zip(wanted).all(|(f, w)| has(f, w))
        }
        (found, wanted) => found == wanted,
    }
}

fn after(lines: Vec<Line>) -> Vec<Line> {
    Vec::from(init()).into_iter().chain(lines).collect()
}

/// Conversations that end because of one message.
fn bad_messages() -> Vec<Talk> {
    let text = |text: &str| Raw(Message::Text(text.to_owned().into()));
    let invalid = |line: Line| vec![line, Closed(4400)];
    let request = |payload: Value| {
        let mut lines = Vec::from(init());
        lines.push(Say(json!({ "id": "a", "type": "subscribe", "payload": payload })));
        lines.push(Closed(4400));
        lines
    };
    vec![
        ("no JSON", invalid(text("{"))),
        ("a list", invalid(text("[]"))),
        ("no type", invalid(text("{}"))),
        ("an unknown type", invalid(Say(json!({ "type": "start" })))),
        ("a type that is no text", invalid(Say(json!({ "type": 7 })))),
        ("what servers say", invalid(Say(json!({ "type": "connection_ack" })))),
        ("bytes", invalid(Raw(Message::Binary(vec![1, 2, 3].into())))),
        (
            "a payload that is no object",
            invalid(Say(json!({ "type": "connection_init", "payload": [] }))),
        ),
        ("a ping with such a payload", invalid(Say(json!({ "type": "ping", "payload": "x" })))),
        ("no id", invalid(Say(json!({ "type": "subscribe", "payload": { "query": SANDBOX } })))),
        ("an empty id", invalid(subscribe("", SANDBOX))),
        ("a long id", invalid(subscribe(&"x".repeat(256), SANDBOX))),
        ("an id that is no text", invalid(Say(json!({ "id": 1, "type": "complete" })))),
        ("no payload", invalid(Say(json!({ "id": "a", "type": "subscribe" })))),
        ("no query", request(json!({}))),
        ("a query that is no text", request(json!({ "query": 1 }))),
        ("variables that are a list", request(json!({ "query": SANDBOX, "variables": [] }))),
        ("extensions that are a text", request(json!({ "query": SANDBOX, "extensions": "x" }))),
        ("an operationName that is none", request(json!({ "query": SANDBOX, "operationName": 1 }))),
    ]
}

/// Conversations that end because of their order, or of what is shown.
fn bad_orders() -> Vec<Talk> {
    vec![
        ("an operation before all else", vec![subscribe("a", SANDBOX), Closed(4401)]),
        (
            "a token that opens nothing",
            vec![
                Say(json!({ "type": "connection_init", "payload": { "accessToken": "x.y.z" } })),
                Closed(4403),
            ],
        ),
        (
            "a header that opens nothing",
            vec![
                Say(
                    json!({ "type": "connection_init", "payload": { "Authorization": "Bearer x" } }),
                ),
                Closed(4403),
            ],
        ),
        (
            "a token that is no text",
            vec![
                Say(json!({ "type": "connection_init", "payload": { "accessToken": 1 } })),
                Closed(4403),
            ],
        ),
        (
            "a token in a ping that opens nothing",
            after(vec![
                Say(json!({ "type": "ping", "payload": { "accessToken": "x.y.z" } })),
                Closed(4403),
            ]),
        ),
        ("a second init", after(vec![Say(json!({ "type": "connection_init" })), Closed(4429)])),
        ("nothing at all", vec![Closed(4408)]),
        (
            "pings alone",
            vec![Say(json!({ "type": "ping" })), Hear(json!({ "type": "pong" })), Closed(4408)],
        ),
        ("more than is taken", after(vec![subscribe("a", &"#".repeat(300 * 1024)), Closed(1009)])),
    ]
}

fn sandbox(id: &str) -> Line {
    let payload = json!({ "data": { "serverInfo": { "sandbox": true } },
        "extensions": { "cost": { "requested": 1 } } });
    Hear(json!({ "id": id, "type": "next", "payload": payload }))
}

fn complete(id: &str) -> Line {
    Hear(json!({ "id": id, "type": "complete" }))
}

/// Conversations that go on.
fn good() -> Vec<Talk> {
    let refused = "mutation { logout { ok } }";
    vec![
        (
            "a ping",
            after(vec![
                Say(json!({ "type": "ping", "payload": { "a": 1 } })),
                Hear(json!({ "type": "pong" })),
            ]),
        ),
        (
            "a pong that nobody asked for",
            after(vec![
                Say(json!({ "type": "pong", "payload": {} })),
                Say(json!({ "type": "ping" })),
                Hear(json!({ "type": "pong" })),
            ]),
        ),
        (
            "a query, twice by the same id",
            after(vec![
                subscribe("a", SANDBOX),
                sandbox("a"),
                complete("a"),
                subscribe("a", SANDBOX),
                sandbox("a"),
                complete("a"),
            ]),
        ),
        (
            "an id of strange letters",
            after(vec![
                subscribe("\"\\\n\u{1f642}", SANDBOX),
                sandbox("\"\\\n\u{1f642}"),
                complete("\"\\\n\u{1f642}"),
            ]),
        ),
        (
            "a mutation of nobody",
            after(vec![
                subscribe("m", refused),
                Hear(json!({ "id": "m", "type": "next", "payload": {
                "errors": [{ "extensions": { "code": "UNAUTHENTICATED" } }] } })),
                complete("m"),
            ]),
        ),
        (
            "a subscription of nobody",
            after(vec![
                subscribe("a", EVENTS),
                error("a", "UNAUTHENTICATED"),
                subscribe("a", SANDBOX),
                sandbox("a"),
                complete("a"),
            ]),
        ),
        (
            "an end of what never was",
            after(vec![
                Say(json!({ "id": "a", "type": "complete" })),
                subscribe("a", SANDBOX),
                sandbox("a"),
                complete("a"),
            ]),
        ),
    ]
}

/// A document that cannot run is told so, and harms nothing beside it.
fn bad_documents() -> Vec<Talk> {
    vec![(
        "documents that cannot run",
        after(vec![
            subscribe("a", "{"),
            error("a", "GRAPHQL_PARSE_FAILED"),
            subscribe("a", "{ nobody }"),
            error("a", "GRAPHQL_VALIDATION_FAILED"),
            subscribe("a", "subscription { nobody }"),
            error("a", "GRAPHQL_VALIDATION_FAILED"),
            subscribe("a", "query A { __typename } query B { __typename }"),
            error("a", "GRAPHQL_VALIDATION_FAILED"),
            subscribe("a", "subscription { events { cursor } balanceChanged { cursor } }"),
            error("a", "GRAPHQL_VALIDATION_FAILED"),
            subscribe(
                "a",
                "subscription { ...F } fragment F on Subscription { events { cursor } }",
            ),
            error("a", "GRAPHQL_VALIDATION_FAILED"),
            subscribe("a", "subscription { __typename }"),
            error("a", "GRAPHQL_VALIDATION_FAILED"),
            subscribe("a", &format!("{{ {} }}", "a: __typename ".repeat(60))),
            error("a", "COST_EXCEEDED"),
            subscribe("a", "subscription { balanceChanged(accountIds: [1.5]) { cursor } }"),
            error("a", "BAD_USER_INPUT"),
            subscribe("a", SANDBOX),
            sandbox("a"),
            complete("a"),
        ]),
    )]
}

async fn converse(context: &str, socket: &mut Socket, lines: Vec<Line>) {
    for line in lines {
        match line {
            Say(message) => socket.say(&message).await,
            Raw(message) => socket.say_raw(message).await,
            Hear(wanted) => {
                let heard = socket.hear().await;
                let fits = matches!(&heard, Heard::Message(found) if has(found, &wanted));
                assert!(fits, "{context}: {wanted} but {heard:?}");
            }
            Closed(code) => {
                let heard = socket.hear().await;
                assert_eq!(heard, Heard::Closed(Some(code)), "{context}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_and_order_of_the_protocol_has_its_answer() {
    let sockets = Sockets { init: Duration::from_millis(400), ..Sockets::default() };
    let hasty = Limits { sockets, ..Limits::default() };
    each_database(async |bank| {
        let door = Door::open(&bank.bank, Limits::default()).await;
        let hasty = Door::open(&bank.bank, hasty).await;
        let mut without = Socket::connect(door.address, None, &[]).await.unwrap();
        assert_eq!((without.closed().await, &without.protocol), (Some(4406), &None));
        let talks = [bad_messages(), bad_orders(), good(), bad_documents()].into_iter().flatten();
        for (name, lines) in talks {
            // Only who is to come too late has little time.
            let late = lines.iter().any(|line| matches!(line, Closed(4408)));
            let mut socket = if late { hasty.socket().await } else { door.socket().await };
            assert_eq!(socket.protocol.as_deref(), Some("graphql-transport-ws"));
            converse(&format!("{}: {name}", bank.database), &mut socket, lines).await;
        }
        assert!(door.close().await && hasty.close().await);
    })
    .await;
}
