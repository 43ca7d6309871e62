//! `/docs`: what a developer reads of the legacy dialects, and tries out.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use regex::Regex;
use serde_json::{Value, json};
use teller::{
    compat::{
        openapi,
        router::doors,
        wire::{dialect::Dialect, doors::Settings},
    },
    http::docs,
};
use tower::ServiceExt as _;

use crate::support::{
    bank::{Answer, TestBank, each_database},
    databases,
    programs::node,
    server::Server,
};

async fn get(bank: &TestBank, path: &str) -> Answer {
    let request = TestBank::request(Method::GET, path).body(Body::empty()).expect("a request");
    bank.send(request).await
}

#[tokio::test]
async fn the_page_of_the_legacy_apis_loads_nothing_but_files_of_this_server() {
    each_database(async |bank| {
        let links = Regex::new("(?:src|href)=\"([^\"]*)\"").expect("a pattern");
        for path in ["/docs", "/docs/"] {
            let page = get(bank, path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
            assert_eq!(page.header("cache-control"), "no-cache");
            assert_eq!(page.header("x-content-type-options"), "nosniff");
            let policy = page.header("content-security-policy");
            for part in ["default-src 'none'", "script-src 'self';", "connect-src 'self';"] {
                assert!(policy.contains(part), "{policy}");
            }
            assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
            let text = page.text();
            assert!(!text.contains("<style") && !text.contains("onclick"), "{text}");
            let loaded: Vec<&str> =
                links.captures_iter(&text).map(|found| found.extract::<1>().1[0]).collect();
            assert_eq!(loaded.len(), 6 + Dialect::ALL.len(), "{loaded:?}");
            for path in loaded {
                let answer = get(bank, path).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                assert!(!answer.body.is_empty(), "{path}");
                let for_good = "public, max-age=31536000, immutable";
                let kept = if path.starts_with("/docs/assets/") { for_good } else { "no-cache" };
                assert_eq!(answer.header("cache-control"), kept, "{path}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_of_another_version_is_not_served_as_if_it_were_this_one() {
    each_database(async |bank| {
        let page = get(bank, "/docs").await.text();
        let path = Regex::new("/docs/assets/[0-9a-f]{16}/docs.js").expect("a pattern");
        let path = path.find(&page).expect("the page loads it").as_str();
        assert_eq!(get(bank, path).await.header("content-type"), "text/javascript; charset=utf-8");
        for path in [
            "/docs/assets/0000000000000000/docs.js",
            &path.replace("docs.js", "index.html"),
            &path.replace("docs.js", "..%2F..%2Fdocs"),
            "/docs/nothing.json",
            "/docs/accounts",
        ] {
            let answer = get(bank, path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    })
    .await;
}

async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("the router never fails");
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_dialect_that_is_switched_off_has_no_document() {
    let open =
        |open: &[Dialect]| docs::routes(&Settings { open: open.to_vec(), ..Settings::default() });
    let two = open(&[Dialect::Accounts, Dialect::Ewallet]);
    let (status, page) = ask(&two, "/docs").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("/docs/accounts.json") && page.contains("/docs/ewallet.json"), "{page}");
    assert!(!page.contains("fintract") && !page.contains("card-bank"), "{page}");
    let (status, text) = ask(&two, "/docs/accounts.json").await;
    assert_eq!((status, text), (StatusCode::OK, openapi::text(Dialect::Accounts)));
    assert_eq!(ask(&two, "/docs/fintract.json").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&open(&[]), "/docs").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_developer_reads_every_document_and_tries_an_operation_out_in_a_browser() {
    let fresh = databases::sqlite().await;
    let server = Server::start(fresh.folder(), &fresh.url).await;
    let found = node("docs.mjs", &[&server.url], &[]).await;
    let operations = |dialect: Dialect| {
        let door = doors().find(|door| door.dialect == dialect).expect("it has a door");
        let count: usize = door.resources.iter().map(|resource| resource.operations.len()).sum();
        (dialect.name().to_owned(), Value::from(count))
    };
    let all: serde_json::Map<String, Value> = Dialect::ALL.map(operations).into_iter().collect();
    assert_eq!(found["choices"], json!(Dialect::ALL.map(Dialect::name)), "{found}");
    assert_eq!(found["shown"], Value::Object(all), "{found}");
    assert_eq!(found["tried"], "200", "{found}");
    assert!(found["body"].as_str().is_some_and(|body| body.contains("logout success.")));
    for unwanted in ["foreign", "complaints", "violations"] {
        assert_eq!(found[unwanted], json!([]), "{found}");
    }
    assert!(server.stop().await.success());
}
