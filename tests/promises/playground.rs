//! The playground and the page at `/`: what developers meet first.

use std::{process::Stdio, time::Duration};

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
};
use regex::Regex;
use serde_json::{Value, json};
use teller::http::playground::Playground;
use tokio::process::Command;

use crate::support::{
    bank::{Answer, TestBank, each_database, each_database_with, sandbox_rules, test_name},
    databases, proof,
    server::Server,
};

/// Bytes that all of the page may have over the wire.
const WEIGHT_MAX: usize = 2_500_000;
/// What is asked of a developer's machine: no longer than this until the page can be used.
const READY_MAX: Duration = Duration::from_secs(3);
/// Where pictures of all pages are left, to be looked at.
const SCREENSHOTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/playground");
/// How long a script of Node may take.
const PATIENCE: Duration = Duration::from_mins(5);

impl TestBank {
    async fn page(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
        let mut request = Self::request(Method::GET, path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}

/// Runs a script of `tests/node` to its end: each line that it told.
async fn node(arguments: &[&str]) -> Vec<Value> {
    let folder = format!("{}/tests/node", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("it ends in time").expect("node is there: `make test` says how");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{complained}");
    said.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

async fn each_server(promise: impl AsyncFn(&Server)) {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        promise(&server).await;
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_names_html_gets_the_page_for_people_at_the_root() {
    each_database(async |bank| {
        let html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let page = bank.page("/", &[(header::ACCEPT, html)]).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("vary").contains("accept"), "{:?}", page.headers);
        for link in [
            "href=\"/playground\"",
            "href=\"/dev/inbox\"",
            "href=\"/docs\"",
            "http://127.0.0.1:8080/graphql",
        ] {
            assert!(page.text().contains(link), "{link}");
        }
        for policy in ["default-src 'none'", "frame-ancestors 'none'"] {
            assert!(page.header("content-security-policy").contains(policy), "{policy}");
        }
        for accept in ["*/*", "application/json", "text/*", "text/html;q=0"] {
            let answer = bank.page("/", &[(header::ACCEPT, accept)]).await;
            assert!(!answer.header("content-type").contains("html"), "{accept}");
        }
        assert!(!bank.page("/", &[]).await.header("content-type").contains("html"));
        let post = TestBank::request(Method::POST, "/").header(header::ACCEPT, html);
        let post = bank.send(post.body(Body::empty()).expect("a request")).await;
        assert!(post.status.is_client_error(), "{}", post.status);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn production_has_a_page_at_the_root_and_no_tools_on_it() {
    let rules = teller::bank::context::Rules { sandbox: false, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        let page = bank.page("/", &[(header::ACCEPT, "text/html")]).await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text();
        assert!(text.contains("serves in production"), "{text}");
        assert!(!text.contains("/dev/") && !text.contains("/playground"), "{text}");
    })
    .await;
}

/// The policy of an answer lets only its own files run, and asks nobody else.
fn is_strict(answer: &Answer) {
    let policy = answer.header("content-security-policy").to_owned();
    let said = |name: &str| {
        let found = policy.split(';').map(str::trim).find(|part| part.starts_with(name));
        found.unwrap_or_default().to_owned()
    };
    assert_eq!(said("default-src"), "default-src 'none'", "{policy}");
    assert_eq!(said("script-src"), "script-src 'self'", "{policy}");
    assert_eq!(said("worker-src"), "worker-src 'self'", "{policy}");
    assert_eq!(said("connect-src"), "connect-src 'self' ws://127.0.0.1:8080", "{policy}");
    assert_eq!(said("frame-ancestors"), "frame-ancestors 'none'", "{policy}");
    assert!(!policy.contains("unsafe-eval") && !policy.contains('*'), "{policy}");
    assert!(!policy.contains("http:") && !policy.contains("https:"), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_comes_compressed_and_its_files_for_ever() {
    assert!(
        Playground::embedded().is_built(),
        "this program was compiled without the playground: run `make playground`"
    );
    each_database(async |bank| {
        let br = (header::ACCEPT_ENCODING, "gzip, deflate, br, zstd");
        let page = bank.page("/playground", std::slice::from_ref(&br)).await;
        assert_eq!((page.status, page.header("content-encoding")), (StatusCode::OK, "br"));
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.header("vary"), "accept-encoding");
        is_strict(&page);
        let etag = page.header("etag").to_owned();
        let again = bank.page("/playground", &[(header::IF_NONE_MATCH, &etag)]).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
        let plain = bank.page("/playground/", &[]).await;
        assert_eq!(plain.header("content-encoding"), "");
        let text = plain.text();
        assert!(!text.contains("<style") && !text.contains(" style="), "{text}");
        let scripts = text.matches("<script").count();
        assert_eq!(scripts, text.matches("src=\"/playground/assets/").count(), "{text}");
        let named = Regex::new(r#"(?:src|href)="(/playground/[^"]+)""#).expect("a pattern");
        let files: Vec<String> = named.captures_iter(&text).map(|one| one[1].to_owned()).collect();
        assert!(files.len() >= 2, "{text}");
        for path in files {
            let small = bank.page(&path, std::slice::from_ref(&br)).await;
            assert_eq!((small.status, small.header("content-encoding")), (StatusCode::OK, "br"));
            assert_eq!(small.header("cache-control"), "public, max-age=31536000, immutable");
            is_strict(&small);
            let gzip = bank.page(&path, &[(header::ACCEPT_ENCODING, "gzip")]).await;
            assert_eq!(gzip.header("content-encoding"), "gzip");
            let whole = bank.page(&path, &[]).await;
            assert!(small.body.len() < gzip.body.len() && gzip.body.len() < whole.body.len());
        }
        for path in ["/playground/nothing.js", "/playground/assets/", "/playground/../src/main.jsx"]
        {
            let answer = bank.page(path, &[]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ready_operation_runs_as_it_stands_in_any_order() {
    each_server(async |server| {
        for order in ["as listed", "reversed"] {
            let told = node(&["operations.mjs", &server.url, order]).await;
            assert!(told.len() >= 25, "{}", told.len());
            for one in told {
                assert_eq!(one["comment"], true, "says what it is for: {one}");
                let answer = &one["answer"];
                assert!(answer["faults"].is_null() && answer["errors"].is_null(), "{order}: {one}");
                let payloads = answer["data"].as_object().expect("data").values();
                let refused: Vec<Value> = payloads
                    .filter_map(|payload| payload["errors"].as_array())
                    .flatten()
                    .map(|error| error["code"].clone())
                    .collect();
                assert_eq!(json!(refused), one["refused"], "{order}: {one}");
            }
        }
    })
    .await;
}

/// What a browser saw wrong on the way.
fn nothing_went_wrong(told: &Value) {
    for kind in ["console", "errors", "failed", "refused", "foreign"] {
        assert_eq!(told[kind], json!([]), "{kind}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_developer_moves_money_in_the_playground_within_one_visit() {
    each_server(async |server| {
        let told = node(&["playground.mjs", "visit", &server.url]).await;
        let told = told.last().expect("it tells what it saw");
        nothing_went_wrong(told);
        assert_eq!(told["before"], "1050.00", "{told}");
        assert_eq!(told["after"], "1037.50", "money moved once, and the panel saw it: {told}");
        assert_eq!(told["reloads"], 0, "{told}");
        assert_eq!(told["completed"], true, "{told}");
        assert_eq!(told["documentation"], true, "{told}");
        assert_eq!(told["ended"], true, "{told}");
        let weight = usize::try_from(told["weight"].as_u64().expect("a weight")).expect("it fits");
        assert!(weight < WEIGHT_MAX, "{weight} bytes came over the wire");
        assert_eq!(told["secondWeight"], 0, "what is immutable is not fetched again: {told}");
        let ready = Duration::from_millis(told["readyMs"].as_u64().expect("a time"));
        let figure = format!("{} ms, {weight} bytes", ready.as_millis());
        let target = "under 3 s, under 2.5 MB over the wire";
        proof::record("the playground can be used", target, &figure, ready < READY_MAX);
        assert!(ready < proof::within(READY_MAX), "{figure}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_has_a_serious_fault_for_who_cannot_see_or_use_a_mouse() {
    each_server(async |server| {
        let told = node(&["playground.mjs", "look", &server.url, SCREENSHOTS]).await;
        let looks: Vec<&Value> = told.iter().filter(|one| one["page"].is_string()).collect();
        assert!(looks.len() >= 12, "{told:?}");
        for look in looks {
            assert_eq!(look["faults"], json!([]), "{look}");
            assert_eq!(look["wider"], false, "it fits the width: {look}");
        }
        nothing_went_wrong(told.last().expect("it tells what it saw"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_node_one_line_says_what_is_missing_and_teller_starts_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = format!("{}/web-playground", env!("CARGO_MANIFEST_DIR"));
    // A clone that has never built the page, on a machine that has only what a shell needs.
    let clone = folder.path().join("web-playground");
    let tools = folder.path().join("bin");
    for place in [&clone, &tools] {
        std::fs::create_dir(place).expect("a folder");
    }
    std::fs::copy(format!("{source}/build.sh"), clone.join("build.sh")).expect("a copy");
    for tool in ["bash", "dirname", "find"] {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&paths).map(|path| path.join(tool));
        let found = found.into_iter().find(|path| path.is_file()).expect("it is on the PATH");
        std::os::unix::fs::symlink(found, tools.join(tool)).expect("a link");
    }
    let run = async |mode: &[&str]| {
        let mut command = Command::new(tools.join("bash"));
        command.arg(clone.join("build.sh")).args(mode).env("PATH", &tools);
        command.output().await.expect("it runs")
    };
    let told = run(&["if-possible"]).await;
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("Node.js 20.19 or newer") && said.contains("node is not on the PATH"));
    assert!(told.stderr.is_empty());
    let told = run(&[]).await;
    assert!(!told.status.success(), "make playground itself fails");
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(said.contains("node is not on the PATH"), "{said}");
}
