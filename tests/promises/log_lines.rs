//! The log: a line for each request, as text or as JSON, and nothing of what it brought.

use serde_json::{Value, json};

use crate::support::{
    bank::test_name,
    databases,
    load::{self, Line, Order, Tally, town},
    proof,
    server::{Server, client, teller},
};

/// The lines of a log that is JSON.
fn lines(log: &str) -> Vec<Value> {
    let read =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    log.lines().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_one_line_with_its_id_route_and_person_and_nothing_it_brought() {
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        let command = command.env("TELLER_LOG", "warn,request=info");
        let server = Server::start_with(command.env("TELLER_LOG_FORMAT", "json")).await;
        let ann = load::join(&server, "ann", 1).await;
        let before = lines(&server.log()).len();
        for _ in 0..2 {
            server.run(Some(&ann.token), "{ me { id } }", json!({})).await;
        }
        let legacy = format!("{}/v1/version?key=canary", server.url);
        let legacy = client().get(legacy).send().await.expect("it answers");
        let id = legacy.headers()["x-request-id"].to_str().expect("a text").to_owned();
        client().get(format!("{}/canary", server.url)).send().await.expect("it answers");
        // The log comes by a pipe.
        let mut all = lines(&server.log());
        for _ in 0..100 {
            if all.len() >= before + 4 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            all = lines(&server.log());
        }
        let told = &all[before..];
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told.iter().all(|line| line["target"] == "request" && line["level"] == "INFO"));
        let field = |place: usize, name: &str| told[place][name].clone();
        let span = |place: usize, name: &str| told[place]["span"][name].clone();
        assert_eq!(field(0, "route"), "/graphql", "{told:?}");
        assert_eq!((field(0, "method"), field(0, "status")), (json!("POST"), json!(200)));
        assert!(field(0, "micros").as_u64().is_some_and(|micros| micros > 0));
        assert!(span(0, "person").as_str().is_some_and(|person| person.len() == 16));
        assert_eq!(span(0, "person"), span(1, "person"), "the same person");
        assert_ne!(span(0, "id"), span(1, "id"), "another request");
        assert_eq!((field(2, "route"), span(2, "id")), (json!("/v1/version"), json!(id)));
        assert_eq!(span(2, "person"), Value::Null, "nobody known");
        assert_eq!((field(3, "route"), field(3, "status")), (json!("unknown"), json!(404)));
        assert!(!server.log().contains("canary"), "{told:?}");
        assert!(!server.log().contains(&ann.token));
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_tells_which_requests_it_carried_where_somebody_listens_closely() {
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        let command = command.env("TELLER_LOG", "warn,teller::ledger=debug,request=info");
        let server = Server::start_with(command.env("TELLER_LOG_FORMAT", "json")).await;
        let payers = town(&server, 2, 0).await;
        let order = Order { key: "one".to_owned(), from: 0, to: 1, cents: 100 };
        Line::to(&server).settle(&payers, &order, &Tally::default()).await;
        let mut found = false;
        for _ in 0..100 {
            let all = lines(&server.log());
            let mut batches = all.iter().filter(|line| line["message"] == "a batch was answered");
            let last = batches.next_back().map(|line| line["requests"].clone());
            let asked = all.iter().rfind(|line| line["message"] == "answered");
            found = last.is_some_and(|ids| asked.is_some_and(|line| line["span"]["id"] == ids));
            if found {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(found, "{}", server.log());
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_log_of_a_busy_server_says_nothing_of_requests() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let ann = load::join(&server, "ann", 1).await;
        server.run(Some(&ann.token), "{ me { id } }", json!({})).await;
        assert!(!server.log().contains("answered"), "{}", server.log());
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
