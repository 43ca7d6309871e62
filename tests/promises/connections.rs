//! Connections: what a slow or a silent client can do to the others.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    bank::test_name,
    databases, proof,
    server::{Server, client, post, teller},
};

const QUERY: &str = "{ serverInfo { sandbox } }";
/// Longer than any of these servers lets a client be silent.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(server: &Server) -> TcpStream {
    let address = server.url.strip_prefix("http://").expect("a plain address");
    TcpStream::connect(address).await.expect("the server listens")
}

/// Reads until the server closes; how many bytes came.
async fn cut_off(stream: &mut TcpStream) -> usize {
    let mut read = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await;
    // A reset is an end as well.
    let _ = end.expect("the server closes the connection in time");
    read.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_or_says_it_slowly_is_cut_off() {
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.env("TELLER_HEADER_TIME", "1")).await;
        let begun = Instant::now();
        let mut silent = connect(&server).await;
        let mut slow = connect(&server).await;
        let drip = async {
            for byte in b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: 127.0.0.1\r\n" {
                if slow.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            cut_off(&mut slow).await
        };
        let (silent, _) = tokio::join!(cut_off(&mut silent), drip);
        assert_eq!(silent, 0, "there is nothing to say to a client that asked nothing");
        assert!(begun.elapsed() >= Duration::from_secs(1));
        // A body that never ends is answered when the request's time is over.
        let answer = post(&client(), &server.url, None, QUERY, json!({})).await.unwrap();
        assert_eq!(answer["data"]["serverInfo"]["sandbox"], true);
        server.stop().await;
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.env("TELLER_REQUEST_TIME", "1")).await;
        let mut stream = connect(&server).await;
        let head = "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
            Content-Length: 1000\r\n\r\n{\"query\":";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut read = vec![0; 4096];
        let count = tokio::time::timeout(PATIENCE, stream.read(&mut read)).await;
        let text =
            String::from_utf8_lossy(&read[..count.expect("an answer").unwrap()]).into_owned();
        assert!(text.starts_with("HTTP/1.1 504"), "{text}");
        assert!(text.contains("\"TIMEOUT\""), "{text}");
        server.stop().await;
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_keep_others_out() {
    let idle = proof::sized(200, 2_000);
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        // Fewer places than come: who is silent has to go before the next is served.
        command.env("TELLER_CONNECTIONS", (idle / 2).to_string());
        let server = Server::start_with(command.env("TELLER_HEADER_TIME", "2")).await;
        let mut streams = Vec::with_capacity(idle);
        for _ in 0..idle {
            streams.push(connect(&server).await);
        }
        let begun = Instant::now();
        let client = client();
        for _ in 0..100 {
            let answer = post(&client, &server.url, None, QUERY, json!({})).await.unwrap();
            assert_eq!(answer["data"]["serverInfo"]["sandbox"], true);
        }
        let figure =
            format!("100 requests beside {idle} idle connections: {:.1?}", begun.elapsed());
        let held = begun.elapsed() < Duration::from_secs(30);
        let target = "served in under 30 s, with half as many places";
        proof::record(&format!("idle connections, {}", fresh.name), target, &figure, held);
        assert!(held, "{figure}");
        drop(streams);
        server.stop().await;
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
