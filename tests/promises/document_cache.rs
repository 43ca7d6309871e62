//! The document cache: it saves work and changes nothing.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::connect_info::MockConnectInfo,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use teller::http::{
    document_cache::{BYTES_MAX, Figures},
    graphql::Graphql,
    router,
};
use tower::ServiceExt as _;

use super::documents;
use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, text},
};

/// A door of its own into a bank, with a cache that nobody else fills.
struct Door {
    transport: Graphql,
    router: Router,
}

/// A status and a body, without the id that each request has for itself.
type Told = (StatusCode, String);

impl Door {
    fn open(bank: &TestBank, bytes_max: u64) -> Self {
        let transport = Graphql::new(bank.bank.clone(), bytes_max);
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let router = router::with_transport(transport.clone()).layer(MockConnectInfo(peer));
        Self { transport, router }
    }

    fn figures(&self) -> Figures {
        self.transport.documents.figures()
    }

    async fn send(&self, request: Request<Body>) -> Told {
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory is read");
        let request_id = parts.headers["x-request-id"].to_str().expect("an id is text");
        (parts.status, String::from_utf8_lossy(&body).replace(request_id, "…"))
    }

    async fn post(&self, person: Option<&Person>, body: Value) -> Told {
        let mut request = TestBank::request(Method::POST, "/graphql")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json");
        if let Some(person) = person {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", person.token));
        }
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// Posts a document; the answer without what it cost.
    async fn ask(&self, person: Option<&Person>, query: &str, variables: Value) -> Told {
        bare(self.ask_whole(person, query, variables).await)
    }

    async fn ask_whole(&self, person: Option<&Person>, query: &str, variables: Value) -> Told {
        self.post(person, json!({ "query": query, "variables": variables })).await
    }
}

/// An answer without its last member, where that is its extensions.
fn bare((status, body): Told) -> Told {
    let bare =
        body.split_once(",\"extensions\":{\"cost\"").map(|(before, _)| format!("{before}}}"));
    (status, bare.unwrap_or(body))
}

fn data(told: &str) -> Told {
    (StatusCode::OK, format!("{{\"data\":{told}}}"))
}

/// The code of the first error of a document that did not run.
fn code(told: &Told) -> String {
    let body: Value = serde_json::from_str(&told.1).expect("an answer is JSON");
    assert!(body.get("data").is_none(), "{body}");
    text(&body["errors"][0]["extensions"]["code"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_read_once_whatever_its_variables() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let door = Door::open(bank, BYTES_MAX);
        let query = "query ($id: ID!) { node(id: $id) { id } }";
        for at in 0..5 {
            let told = door.ask(Some(&ann), query, json!({ "id": format!("card_{at}") })).await;
            assert_eq!(told, data("{\"node\":null}"));
        }
        let Figures { documents, bytes, found, missed } = door.figures();
        assert_eq!((documents, found, missed), (1, 4, 1));
        assert!(bytes > 1_000, "{bytes}: a parsed document takes more than its text");
        door.ask(None, &format!("{query} "), json!({ "id": "card_1" })).await;
        assert_eq!(door.figures().documents, 2, "another text is another document");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_validate_is_never_kept() {
    each_database(async |bank| {
        let door = Door::open(bank, BYTES_MAX);
        let node = "query ($id: ID!) { node(id: $id) { id } }";
        for (query, variables, expected) in [
            ("{", json!({}), "GRAPHQL_PARSE_FAILED"),
            ("{ nowhere }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
            ("{ me { ...F } }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
            ("{ a: __typename a: serverInfo { sandbox } }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
            ("query A { me { id } } query B { me { id } }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
            (node, json!({}), "BAD_USER_INPUT"),
            (node, json!({ "id": 1.5 }), "BAD_USER_INPUT"),
        ] {
            for _ in 0..2 {
                assert_eq!(
                    code(&door.ask(None, query, variables.clone()).await),
                    expected,
                    "{query}"
                );
            }
        }
        for (query, _) in documents::too_much().into_iter().chain(documents::too_deep()) {
            assert_eq!(code(&door.ask(None, &query, json!({})).await), "COST_EXCEEDED");
        }
        let Figures { documents, bytes, found, .. } = door.figures();
        assert_eq!((documents, bytes, found), (0, 0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_checked_each_time_also_those_of_a_kept_document() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let (door, cold) = (Door::open(bank, BYTES_MAX), Door::open(bank, 0));
        let query = "query ($id: ID!, $full: Boolean!, $first: Int! = 5) {
            node(id: $id) { id } serverInfo @include(if: $full) { sandbox } x: __typename
            history(first: $first) @skip(if: $full) { totalCount } }";
        let full = data(r#"{"node":null,"serverInfo":{"sandbox":true},"x":"Query"}"#);
        let short = data(r#"{"node":null,"x":"Query","history":{"totalCount":0}}"#);
        for _ in 0..2 {
            let asked = json!({ "id": "x", "full": true });
            assert_eq!(door.ask(Some(&ann), query, asked).await, full);
            let told = door.ask(Some(&ann), query, json!({ "id": "x", "full": false })).await;
            assert_eq!(told, short, "what is skipped depends on them");
            for wrong in [
                json!({ "full": true }),
                json!({ "id": "x" }),
                json!({ "id": 1.5, "full": true }),
                json!({ "id": "x", "full": "yes" }),
                json!({ "id": "x", "full": true, "first": null }),
            ] {
                let told = door.ask(Some(&ann), query, wrong.clone()).await;
                assert_eq!(code(&told), "BAD_USER_INPUT", "{wrong}");
                assert_eq!(told, cold.ask(Some(&ann), query, wrong).await);
            }
        }
        assert_eq!(door.figures().documents, 1);
        assert_eq!(door.figures().missed, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_picks_the_operation_of_a_kept_document() {
    each_database(async |bank| {
        let door = Door::open(bank, BYTES_MAX);
        let query = "query A { a: __typename ...F } query B { b: __typename ...F }
            mutation C { c: __typename } fragment F on Query { __typename }";
        let named = |name: &str| json!({ "query": query, "operationName": name });
        for _ in 0..2 {
            let told = bare(door.post(None, named("A")).await);
            assert_eq!(told, data("{\"a\":\"Query\",\"__typename\":\"Query\"}"));
            let told = bare(door.post(None, named("B")).await);
            assert_eq!(told, data("{\"b\":\"Query\",\"__typename\":\"Query\"}"));
            let told = bare(door.post(None, named("C")).await);
            assert_eq!(told, data("{\"c\":\"Mutation\"}"));
            for bad in ["", "D"] {
                let told = door.post(None, named(bad)).await;
                assert_eq!(code(&told), "GRAPHQL_VALIDATION_FAILED", "{bad}");
            }
        }
        assert_eq!(door.figures().documents, 3, "each operation has its own plan");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_mutation_is_still_refused_by_get() {
    each_database(async |bank| {
        let door = Door::open(bank, BYTES_MAX);
        let mutation = "mutation { __typename }";
        let by_get = || {
            let query: String = url::form_urlencoded::byte_serialize(mutation.as_bytes()).collect();
            let path = format!("/graphql?query={query}");
            TestBank::request(Method::GET, &path).body(Body::empty()).unwrap()
        };
        let cold = door.send(by_get()).await;
        assert_eq!(cold.0, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(door.figures().documents, 0);
        assert_eq!(
            door.ask(None, mutation, json!({})).await,
            data("{\"__typename\":\"Mutation\"}")
        );
        assert_eq!(door.figures().documents, 1);
        assert_eq!(door.send(by_get()).await, cold);
        assert_eq!(door.figures().found, 1);
    })
    .await;
}

/// Every text of the promises about documents that can be sent again and again.
fn texts(user: &str, card: &str, wallet: &str) -> Vec<String> {
    let mut texts = documents::not_too_much();
    texts.extend(documents::too_much().into_iter().map(|(text, _)| text));
    texts.extend(documents::too_deep().into_iter().map(|(text, _)| text));
    texts.extend(documents::never_meant().into_iter().map(|(text, ..)| text));
    texts.extend(documents::MIXED.map(str::to_owned));
    texts.extend(documents::failing(user, card).into_iter().map(|(text, _)| text));
    texts.extend(documents::in_order(user).into_iter().map(|(text, _)| text.to_owned()));
    texts.extend([documents::on_node(card), documents::ON_ENTRIES.to_owned()]);
    // The first has been made, and the second asks for more than there is.
    texts.push(documents::payment("key", card, wallet, "20.00"));
    texts.push(documents::payment("other", card, wallet, "100.00"));
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_document_is_answered_to_the_byte_as_a_new_one() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let wallet = bank.run(Some(&ann.token), "{ wallet { id } }", json!({})).await;
        let wallet = text(&wallet["wallet"]["id"]);
        // The first payment decides; what follows are the same answers again.
        let pay = documents::payment("key", &card, &wallet, "20.00");
        bank.run(Some(&ann.token), &pay, json!({})).await;
        // A cache without room keeps nothing.
        let (warm, cold) = (Door::open(bank, BYTES_MAX), Door::open(bank, 0));
        let texts = texts(&ann.id, &card, &wallet);
        let mut of_kept = 0;
        let nobody = documents::FAILING_FOR_NOBODY.map(|(text, _)| text.to_owned());
        let of_nobody = nobody.iter().map(|text| (text, None));
        let of_all = texts.iter().flat_map(|text| [(text, None), (text, Some(&ann))]);
        for (text, person) in of_all.chain(of_nobody) {
            let expected = cold.ask_whole(person, text, json!({})).await;
            for _ in 0..3 {
                assert_eq!(warm.ask_whole(person, text, json!({})).await, expected, "{text}");
                let is_kept = expected.0 == StatusCode::OK && !text.contains("idempotencyKey");
                of_kept += u64::from(is_kept);
            }
        }
        let figures = warm.figures();
        assert!(figures.documents > 20, "{figures:?}");
        assert_eq!(figures.documents + figures.found, of_kept, "each was read once: {figures:?}");
        assert_eq!(cold.figures().documents, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_with_somebody_s_data_in_its_text_is_never_kept() {
    each_database(async |bank| {
        let door = Door::open(bank, BYTES_MAX);
        let login = |email: &str, password: &str| {
            format!(
                "login(input: {{ email: {email}, password: {password} }}) {{ errors {{ code }} }}"
            )
        };
        let written = login("\"ann@example.org\"", "\"hunter2 hunter2\"");
        let refused = data(r#"{"login":{"errors":[{"code":"BAD_CREDENTIALS"}]}}"#);
        assert_eq!(door.ask(None, &format!("mutation {{ {written} }}"), json!({})).await, refused);
        let query = format!("mutation A {{ {written} }} query B {{ b: __typename }}");
        let told = bare(door.post(None, json!({ "query": query, "operationName": "B" })).await);
        assert_eq!(told, data(r#"{"b":"Query"}"#));
        assert_eq!(door.figures().documents, 0);
        let query = format!("mutation ($e: String!, $p: String!) {{ {} }}", login("$e", "$p"));
        let sent = json!({ "e": "ann@example.org", "p": "hunter2 hunter2" });
        assert_eq!(door.ask(None, &query, sent).await, refused);
        assert_eq!(door.figures().documents, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_for_documents_is_bounded_and_the_answers_stay_right() {
    const SMALL: u64 = 64 * 1024;
    each_database(async |bank| {
        let door = Door::open(bank, SMALL);
        for at in 0..200 {
            let told = door.ask(None, &format!("{{ a{at}: __typename }}"), json!({})).await;
            assert_eq!(told, data(&format!("{{\"a{at}\":\"Query\"}}")));
            assert!(door.figures().bytes <= SMALL, "{:?}", door.figures());
        }
        assert!(door.figures().documents > 0);
    })
    .await;
}
