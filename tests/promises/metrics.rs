//! `/metrics`: what was asked, under names that are ours, for whoever may read it.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::json;

use crate::support::{
    bank::{SECRET, test_name},
    databases, load,
    load::{Line, Order, Tally, town},
    proof,
    server::{Server, client, teller},
};

const TOKEN: &str = "a-token-of-readers-0123456789abcdef";

/// Asks for the figures of an address: the status, and the text.
async fn read(url: &str, token: Option<&str>) -> (u16, String) {
    let mut request = client().get(format!("{url}/metrics"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.expect("it answers");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

/// The values by their names with labels, as they are written.
fn values(text: &str) -> BTreeMap<String, f64> {
    let line = Regex::new(r"^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[^{}]*\})?) (\S+)$");
    let line = line.expect("a pattern");
    let read = |row: &str| {
        let found = line.captures(row).unwrap_or_else(|| panic!("no line of Prometheus: {row}"));
        let value = found[2].parse().unwrap_or_else(|_| panic!("no number: {row}"));
        (found[1].to_owned(), value)
    };
    let rows = text.lines().filter(|row| !row.is_empty() && !row.starts_with('#'));
    // Where a documented path has braces they are no labels'.
    rows.map(|row| {
        let plain = Regex::new(r#"="[^"]*""#).expect("a pattern");
        let bare = plain.replace_all(row, |found: &regex::Captures<'_>| {
            found[0].replace('{', "(").replace('}', ")")
        });
        read(&bare)
    })
    .collect()
}

/// The sum over all whose names hold these words.
fn sum(values: &BTreeMap<String, f64>, words: &[&str]) -> f64 {
    let holds = |name: &&String| words.iter().all(|word| name.contains(word));
    values.iter().filter(|(name, _)| holds(name)).map(|(_, value)| value).sum()
}

/// People who pay, are refused, and ask for what is not there.
async fn live(server: &Server) {
    let payers = town(server, 2, 0).await;
    let line = Line::to(server);
    for (key, cents) in [("one", 100), ("two", 200), ("too-much", 1_000_000)] {
        let order = Order { key: key.to_owned(), from: 0, to: 1, cents };
        line.settle(&payers, &order, &Tally::default()).await;
    }
    let _ = server.try_post(None, "{ canaryField }", json!({})).await;
    let _ = server.try_post(None, "query CanaryName { alias: __typename }", json!({})).await;
    let http = client();
    for (path, agent) in [("/canary-path/1", "curl/8"), ("/v1/version", "okhttp/4.9.1 canary")] {
        let request = http.get(format!("{}{path}?token=canary-query", server.url));
        request.header("user-agent", agent).send().await.expect("it answers");
    }
    let odd = reqwest::Method::from_bytes(b"CANARYMETHOD").expect("a method");
    http.request(odd, format!("{}/graphql", server.url)).send().await.expect("it answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_tell_what_was_asked_and_repeat_nothing_that_a_client_wrote() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        live(&server).await;
        // What stands in the database is looked at every few seconds.
        assert!(server.until_ready_is(200, std::time::Duration::from_secs(10)).await.is_some());
        let (status, text) = read(&server.url, None).await;
        assert_eq!(status, 200);
        assert!(!text.to_lowercase().contains("canary"), "{text}");
        let values = values(&text);
        let at_least = |words: &[&str], least: f64| {
            let found = sum(&values, words);
            assert!(found >= least, "{}: {words:?} is {found}\n{text}", fresh.name);
        };
        at_least(&["teller_graphql_fields_total", "mutation", "\"transfer\""], 3.0);
        at_least(&["teller_graphql_request_seconds_count", "\"transfer\""], 3.0);
        at_least(&["teller_graphql_fields_total", "query", "\"none\""], 1.0);
        at_least(&["teller_http_requests_total", "POST", "\"/graphql\"", "\"200\""], 10.0);
        at_least(&["teller_http_requests_total", "OTHER"], 1.0);
        at_least(&["teller_http_requests_total", "\"unknown\"", "\"404\""], 1.0);
        at_least(&["teller_http_request_seconds_count", "\"/v1/version\""], 1.0);
        at_least(&["teller_refusals_total", "graphql", "INSUFFICIENT_FUNDS"], 1.0);
        at_least(&["teller_dialect_calls_total", "financelime", "okhttp", "/v1/version"], 1.0);
        at_least(&["teller_ledger_postings_total", "\"done\""], 4.0);
        at_least(&["teller_ledger_batch_postings_count"], 1.0);
        at_least(&["teller_database_connections", "open"], 1.0);
        at_least(&["teller_hashing_waiting_max"], 1.0);
        at_least(&["teller_ready"], 1.0);
        at_least(&["teller_build_info", "sandbox"], 1.0);
        at_least(&["process_resident_memory_bytes"], 1e6);
        at_least(&["process_open_fds"], 3.0);
        for known in [
            "teller_ledger_waiting",
            "teller_database_waiting",
            "teller_live_open",
            "teller_outbox_oldest_seconds",
            "teller_outbox_letters",
            "teller_seal_lag_seconds",
            "teller_hashing_waiting",
        ] {
            assert!(values.keys().any(|name| name.starts_with(known)), "{known}");
        }
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_figures_are_for_the_operator_alone() {
    let start = async |more: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("teller.db").display());
        let production = [
            "--production",
            "--secret-key",
            SECRET,
            "--smtp-url",
            "smtp://127.0.0.1:9",
            "--frontend-url",
            "https://bank.example.org",
            "--mail-from",
            "bank@example.org",
            "--public-url",
            "https://api.example.org",
        ];
        let mut migrate = teller(folder.path(), &url);
        let migrated = migrate.args(production).arg("migrate").output().await;
        assert!(migrated.expect("it runs").status.success());
        let mut command = teller(folder.path(), &url);
        (Server::start_with(command.args(production).args(more)).await, folder)
    };
    let own = |server: &Server| {
        let line = server.announced.lines().find_map(|line| line.trim().strip_prefix("metrics"));
        line.map(|url| url.trim().trim_end_matches("/metrics").to_owned())
    };
    let (server, _folder) = start(&[]).await;
    assert_eq!(own(&server), None);
    assert_eq!(read(&server.url, None).await.0, 404);
    assert!(server.stop().await.success());
    let (server, _folder) = start(&["--metrics-token", TOKEN]).await;
    assert_eq!(read(&server.url, None).await.0, 401);
    assert_eq!(read(&server.url, Some("another-token-of-the-same-length-")).await.0, 401);
    assert_eq!(read(&server.url, Some(TOKEN)).await.0, 200);
    assert!(server.stop().await.success());
    let (server, _folder) = start(&["--metrics-listen", "127.0.0.1:0"]).await;
    let operators = own(&server).expect("it says where");
    assert_eq!(read(&server.url, None).await.0, 404);
    let (status, text) = read(&operators, None).await;
    assert_eq!(status, 200);
    assert!(text.contains("mode=\"production\""), "{text}");
    for path in ["/healthz", "/readyz"] {
        let answer = client().get(format!("{operators}{path}")).send().await;
        assert!(answer.is_ok_and(|answer| answer.status() != 404), "{path}");
    }
    let graphql = client().get(format!("{operators}/graphql?query={{__typename}}")).send().await;
    assert_eq!(graphql.expect("it answers").status(), 404, "nothing else is served there");
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_socket_open_is_counted() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let payer = load::join(&server, "ann", 1).await;
        let url =
            format!("{}/graphql/stream?query=subscription{{balanceChanged{{cursor}}}}", server.url);
        let stream = client().get(url).bearer_auth(&payer.token).send().await;
        let stream = stream.expect("the stream opens");
        assert_eq!(stream.status(), 200);
        let open =
            async || sum(&values(&read(&server.url, None).await.1), &["live_open", "stream"]);
        assert!((open().await - 1.0).abs() < f64::EPSILON);
        drop(stream);
        let mut left = open().await;
        for _ in 0..100 {
            if left < 0.5 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            left = open().await;
        }
        assert!(left < 0.5, "{left}");
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
