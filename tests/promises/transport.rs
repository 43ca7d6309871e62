//! GraphQL over HTTP: every way to ask, and what is answered.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use serde_json::{Value, json};

use crate::support::bank::{Answer, TestBank, each_database};

const NEW: &str = "application/graphql-response+json";
const OLD: &str = "application/json";
const FINE: &str = r#"{"query":"{ serverInfo { sandbox } }"}"#;
const LOGOUT: &str = "mutation { logout { ok } }";

/// One way to ask.
struct Ask {
    method: Method,
    path: String,
    accept: Option<&'static str>,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

/// What must come back.
struct Expected {
    status: u16,
    content_type: &'static str,
    /// The code of the first error; none where the answer has none.
    code: Option<&'static str>,
}

fn post(accept: Option<&'static str>, content_type: Option<&'static str>, body: &str) -> Ask {
    let body = body.as_bytes().to_vec();
    Ask { method: Method::POST, path: "/graphql".to_owned(), accept, content_type, body }
}

fn get(accept: Option<&'static str>, query_string: &str) -> Ask {
    let path = format!("/graphql?{query_string}");
    Ask { method: Method::GET, path, accept, content_type: None, body: Vec::new() }
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn fine(content_type: &'static str) -> Expected {
    Expected { status: 200, content_type, code: None }
}

fn refused(status: u16, content_type: &'static str, code: &'static str) -> Expected {
    Expected { status, content_type, code: Some(code) }
}

async fn send(bank: &TestBank, ask: Ask) -> Answer {
    let mut request = TestBank::request(ask.method, &ask.path);
    if let Some(accept) = ask.accept {
        request = request.header(header::ACCEPT, accept);
    }
    if let Some(content_type) = ask.content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    bank.send(request.body(Body::from(ask.body)).expect("a request")).await
}

fn queries(query: &str) -> String {
    json!({ "query": query }).to_string()
}

/// Asking well, in every way there is.
fn well() -> Vec<(&'static str, Ask, Expected)> {
    let json = Some("application/json");
    let named = json!({ "query": "query A { __typename } query B { serverInfo { sandbox } }",
        "operationName": "B", "variables": null, "extensions": null })
    .to_string();
    vec![
        ("no Accept", post(None, json, FINE), fine(OLD)),
        ("any Accept", post(Some("*/*"), json, FINE), fine(OLD)),
        ("the old type", post(Some(OLD), json, FINE), fine(OLD)),
        ("the new type", post(Some(NEW), json, FINE), fine(NEW)),
        (
            "both types",
            post(Some("application/graphql-response+json, application/json;q=0.9"), json, FINE),
            fine(NEW),
        ),
        ("a charset", post(Some(NEW), Some("application/json; charset=utf-8"), FINE), fine(NEW)),
        ("several operations", post(Some(NEW), json, &named), fine(NEW)),
        ("by GET", get(Some(NEW), &format!("query={}", encode("{ __typename }"))), fine(NEW)),
        (
            "by GET with variables",
            get(
                Some(NEW),
                &format!(
                    "query={}&variables={}",
                    encode("query ($name: String!) { __type(name: $name) { name } }"),
                    encode(r#"{"name":"Money"}"#)
                ),
            ),
            fine(NEW),
        ),
    ]
}

/// Asking in a form that is not taken.
fn badly_formed() -> Vec<(&'static str, Ask, Expected)> {
    let json = Some("application/json");
    let bad = |ask| (ask, refused(400, NEW, "BAD_USER_INPUT"));
    let huge = " ".repeat(10 * 1024 * 1024);
    let mut cases = vec![
        (
            "an Accept that we cannot meet",
            post(Some("text/html"), json, FINE),
            refused(406, OLD, "BAD_USER_INPUT"),
        ),
        (
            "text/plain",
            post(Some(NEW), Some("text/plain"), FINE),
            refused(415, NEW, "BAD_USER_INPUT"),
        ),
        ("no Content-Type", post(Some(NEW), None, FINE), refused(415, NEW, "BAD_USER_INPUT")),
        (
            "a form",
            post(Some(NEW), Some("application/x-www-form-urlencoded"), "query={__typename}"),
            refused(415, NEW, "BAD_USER_INPUT"),
        ),
        (
            "a multipart form",
            post(Some(NEW), Some("multipart/form-data; boundary=x"), "--x--"),
            refused(415, NEW, "BAD_USER_INPUT"),
        ),
        ("10 MiB", post(Some(NEW), json, &huge), refused(413, NEW, "BAD_USER_INPUT")),
        (
            "10 MiB for the old type",
            post(Some(OLD), json, &huge),
            refused(413, OLD, "BAD_USER_INPUT"),
        ),
    ];
    for (name, body) in [
        ("an empty body", ""),
        ("a broken body", "{"),
        ("an array batch", r#"[{"query":"{ __typename }"}]"#),
        ("a string body", r#""{ __typename }""#),
        ("no query", "{}"),
        ("a query of another type", r#"{"query":{"a":1}}"#),
        ("an operationName of another type", r#"{"query":"{ __typename }","operationName":7}"#),
        ("variables of another type", r#"{"query":"{ __typename }","variables":[]}"#),
        ("extensions of another type", r#"{"query":"{ __typename }","extensions":"x"}"#),
    ] {
        let (ask, expected) = bad(post(Some(NEW), json, body));
        cases.push((name, ask, expected));
    }
    let (ask, expected) = bad(get(Some(NEW), "variables={}"));
    cases.push(("a GET without a query", ask, expected));
    let (ask, expected) = bad(get(Some(NEW), "query=%7Ba%7D&variables=x"));
    cases.push(("a GET with broken variables", ask, expected));
    cases
}

/// Documents that cannot be executed; the old type says so with 200.
fn documents() -> Vec<(&'static str, String, &'static str)> {
    let transfer = "mutation ($amount: Decimal!) { topUp(input: { idempotencyKey: \"k\", accountId: \"card_x\", amount: $amount }) { replayed } }";
    let money =
        |amount: Value| json!({ "query": transfer, "variables": { "amount": amount } }).to_string();
    let deep = format!("{}{}", "{ a ".repeat(2_000), "}".repeat(2_000));
    vec![
        ("a parse error", queries("{ me { id "), "GRAPHQL_PARSE_FAILED"),
        ("no operation", queries("fragment F on User { id }"), "GRAPHQL_PARSE_FAILED"),
        ("brackets without end", queries(&deep), "GRAPHQL_PARSE_FAILED"),
        ("an unknown field", queries("{ nobody }"), "GRAPHQL_VALIDATION_FAILED"),
        ("an unused variable", queries("query ($a: Int) { __typename }"), "GRAPHQL_VALIDATION_FAILED"),
        ("an unknown operation", json!({ "query": "query A { __typename }", "operationName": "B" }).to_string(), "GRAPHQL_VALIDATION_FAILED"),
        ("two operations without a name", queries("query A { __typename } query B { __typename }"), "GRAPHQL_VALIDATION_FAILED"),
        ("a subscription", queries("subscription { a }"), "GRAPHQL_VALIDATION_FAILED"),
        ("a missing variable", json!({ "query": transfer }).to_string(), "BAD_USER_INPUT"),
        ("a variable of another type", money(json!(true)), "BAD_USER_INPUT"),
        ("a float for money", money(json!(12.5)), "BAD_USER_INPUT"),
        ("a float for money in the document", queries("mutation { topUp(input: { idempotencyKey: \"k\", accountId: \"a\", amount: 12.5 }) { replayed } }"), "BAD_USER_INPUT"),
        ("a missing argument", queries("mutation { topUp { replayed } }"), "BAD_USER_INPUT"),
        ("a missing field of an input", queries("mutation { topUp(input: { amount: \"1\" }) { replayed } }"), "BAD_USER_INPUT"),
        ("an unknown field of an input", queries("{ card(by: { colour: \"red\" }) { id } }"), "BAD_USER_INPUT"),
        ("two members of a oneOf", queries("{ card(by: { last4: \"1\", legacyId: 1 }) { id } }"), "BAD_USER_INPUT"),
        ("a nullable variable in a oneOf", json!({ "query": "query ($x: String) { card(by: { last4: $x }) { id } }", "variables": { "x": "1234" } }).to_string(), "BAD_USER_INPUT"),
    ]
}

fn check(bank: &TestBank, name: &str, answer: &Answer, expected: &Expected) {
    let context = format!("{}: {name}: {}", bank.database, answer.text());
    assert_eq!(answer.status.as_u16(), expected.status, "{context}");
    let content_type = format!("{}; charset=utf-8", expected.content_type);
    assert_eq!(answer.header("content-type"), content_type, "{context}");
    assert_eq!(answer.header("x-request-id").len(), 26, "{context}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{context}");
    let body = answer.json();
    match expected.code {
        None => assert!(body.get("errors").is_none() && body["data"].is_object(), "{context}"),
        Some(code) => {
            let error = &body["errors"][0];
            assert_eq!(error["extensions"]["code"], code, "{context}");
            assert_eq!(
                error["extensions"]["requestId"],
                answer.header("x-request-id"),
                "{context}"
            );
            assert!(body.get("data").is_none(), "a request error has no data: {context}");
            assert!(!error["message"].as_str().unwrap_or_default().is_empty(), "{context}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_ask_has_its_answer() {
    each_database(async |bank| {
        for (name, ask, expected) in well().into_iter().chain(badly_formed()) {
            check(bank, name, &send(bank, ask).await, &expected);
        }
        for (name, body, code) in documents() {
            let json = Some("application/json");
            let answer = send(bank, post(Some(NEW), json, &body)).await;
            check(bank, name, &answer, &refused(400, NEW, code));
            let answer = send(bank, post(Some(OLD), json, &body)).await;
            check(bank, name, &answer, &refused(200, OLD, code));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_by_get() {
    each_database(async |bank| {
        for accept in [NEW, OLD] {
            let ask = get(Some(accept), &format!("query={}", encode(LOGOUT)));
            let answer = send(bank, ask).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(answer.header("allow"), "POST");
            assert!(answer.json().get("data").is_none());
        }
        let both = "query Q { __typename } mutation M { logout { ok } }";
        let ask = get(Some(NEW), &format!("query={}&operationName=Q", encode(both)));
        assert_eq!(send(bank, ask).await.status, StatusCode::OK, "the query of the two may run");
        let ask = get(Some(NEW), &format!("query={}&operationName=M", encode(both)));
        assert_eq!(send(bank, ask).await.status, StatusCode::METHOD_NOT_ALLOWED);
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let mut ask = post(Some(NEW), Some("application/json"), FINE);
            ask.method = method;
            assert_eq!(send(bank, ask).await.status, StatusCode::METHOD_NOT_ALLOWED);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_shape_names_its_field_and_says_what_would_be_right() {
    each_database(async |bank| {
        let query = "mutation ($input: TransferInput!) { transfer(input: $input) { replayed } }";
        let input = json!({ "idempotencyKey": "k", "fromAccountId": "card_x",
            "to": { "cardNumber": "1" }, "amount": 12.5 });
        let answer = bank.post(None, query, json!({ "input": input })).await;
        let error = &answer.json()["errors"][0];
        assert_eq!(error["extensions"]["inputPath"], json!(["input", "amount"]));
        let hint = "send \"12.50\"; a JSON float cannot hold money exactly";
        assert_eq!(error["extensions"]["hint"], hint);
        let input = json!({ "idempotencyKey": "a b", "fromAccountId": "card_x",
            "to": { "cardNumber": "1" }, "amount": "1" });
        let answer = bank.post(None, query, json!({ "input": input })).await;
        let error = &answer.json()["errors"][0];
        assert_eq!(error["extensions"]["inputPath"], json!(["input", "idempotencyKey"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_repeats_nothing_secret() {
    each_database(async |bank| {
        let canary = "hunter2-canary";
        for query in [
            format!("mutation {{ login(input: {{ email: \"a@b.c\", password: \"{canary}\" }}) {{ "),
            format!("mutation {{ login(input: {{ email: \"{canary}\", password: {canary} }}) {{ ok }} }}"),
            format!("mutation {{ login(input: {{ email: 1, password: [\"{canary}\"] }}) {{ errors {{ code }} }} }}"),
        ] {
            let answer = bank.post(None, &query, json!({})).await;
            assert_ne!(answer.status, StatusCode::OK, "{}", answer.text());
            assert!(!answer.text().contains(canary), "{}", answer.text());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_field_needs_a_credential_and_a_bad_one_is_refused() {
    each_database(async |bank| {
        let answer = bank.post(None, "{ me { id } }", json!({})).await;
        assert_eq!(answer.status, StatusCode::OK);
        let body = answer.json();
        assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(body["data"], Value::Null);
        for value in ["Bearer nonsense", "Bearer", "Basic YTpi", "Bearer "] {
            let request = TestBank::request(Method::POST, "/graphql")
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::AUTHORIZATION, value);
            let answer = bank.send(request.body(Body::from(FINE)).expect("a request")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{value}");
            assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
            assert!(answer.json().get("data").is_none());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_answers_on_loopback_only() {
    each_database(async |bank| {
        for (host, status) in
            [("evil.example.org", 421), ("localhost:8080", 200), ("[::1]:8080", 200)]
        {
            let request = axum::http::Request::builder()
                .uri("/dev/inbox")
                .header(header::HOST, host)
                .header(header::ACCEPT, "application/json");
            let answer = bank.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!(answer.status.as_u16(), status, "{host}");
        }
    })
    .await;
}
