//! Traces by OTLP over HTTP, in a program that was built with the feature `otel`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{
    bank::test_name,
    databases, load, proof,
    server::{Server, client, teller},
};

/// Somebody who collects: everything that is posted, one after the other.
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("the port is known");
    let collected = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&collected);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(count) = stream.read(&mut bytes).await {
                    if count == 0 {
                        return;
                    }
                    kept.lock().expect("nobody panics here").extend(&bytes[..count]);
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    // A body that comes in pieces is answered when the first is there; what
                    // follows is read all the same.
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    (format!("http://{address}/v1/traces"), collected)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_sent_as_traces_and_none_of_what_they_brought() {
    for fresh in databases::both().await {
        let (url, collected) = collector().await;
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.env("TELLER_OTLP_URL", &url)).await;
        let ann = load::join(&server, "ann", 1).await;
        server.run(Some(&ann.token), "{ me { id } }", json!({})).await;
        let canary = format!("{}/v1/version?key=canary", server.url);
        let answer = client().get(canary).send().await.expect("it answers");
        let id = answer.headers()["x-request-id"].to_str().expect("a text").to_owned();
        // What is left is sent when the server stops.
        assert!(server.stop().await.success());
        tokio::time::sleep(Duration::from_millis(200)).await;
        let bytes = collected.lock().expect("nobody panics here").clone();
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        for needed in ["POST /v1/traces", "application/x-protobuf", "teller", "answered", &id] {
            assert!(holds(needed), "{}: {needed}", fresh.name);
        }
        assert!(!holds("canary") && !holds(&ann.token));
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
