//! The end of a server: who is answered, who is waited for, and for how long.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    proof,
    server::{Server, teller},
};

/// Longer than any stop may take.
const PATIENCE: Duration = Duration::from_secs(20);
const REQUEST: &str = "GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: 127.0.0.1\r\n\
    Accept: application/graphql-response+json\r\n\r\n";
/// A request whose body does not come.
const BEGUN: &str = "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n\
    Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"query\":";

async fn connect(server: &Server) -> TcpStream {
    let address = server.url.strip_prefix("http://").expect("a plain address");
    TcpStream::connect(address).await.expect("the server listens")
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("the request is sent");
}

/// One whole answer to `REQUEST`, with its head.
async fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let reading = async {
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.expect("its length is said").parse().expect("a number");
                if body.len() >= length {
                    assert!(body.contains("\"__typename\":\"Query\""), "{text}");
                    return text;
                }
            }
            let count = stream.read_buf(&mut read).await.expect("no reset");
            assert!(count > 0, "an end without an answer: {text}");
        }
    };
    timeout(PATIENCE, reading).await.expect("it is answered in time")
}

async fn each(promise: impl AsyncFn(&Fresh)) {
    for fresh in databases::both().await {
        promise(&fresh).await;
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_the_end_is_answered_and_told_that_it_is_the_last() {
    each(async |fresh| {
        let mut command = teller(fresh.folder(), &fresh.url);
        // Three are let in by the server, the others by the system alone.
        let server = Server::start_with(command.env("TELLER_CONNECTIONS", "3")).await;
        let (mut first, mut second) = (connect(&server).await, connect(&server).await);
        for stream in [&mut first, &mut second] {
            send(stream, REQUEST).await;
            let told = answer(stream).await;
            assert!(!told.contains("connection: close"), "{told}");
        }
        let mut third = connect(&server).await;
        send(&mut third, BEGUN).await;
        let mut waiting = Vec::new();
        for _ in 0..8 {
            let mut stream = connect(&server).await;
            send(&mut stream, REQUEST).await;
            waiting.push(stream);
        }
        // One idle connection is used once more before its client can know.
        server.signal("TERM").await;
        send(&mut first, REQUEST).await;
        answer(&mut first).await;
        for mut stream in waiting {
            let told = answer(&mut stream).await;
            assert!(told.contains("connection: close"), "{told}");
            assert_eq!(stream.read(&mut [0; 8]).await.expect("no reset"), 0);
        }
        // The other is closed.
        let end = timeout(PATIENCE, second.read(&mut [0; 8])).await.expect("in time");
        assert_eq!(end.expect("no reset"), 0);
        drop(third);
        assert!(server.ended().await.success(), "{}", fresh.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_over_in_ten_seconds_whatever_clients_do() {
    each(async |fresh| {
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.env("TELLER_REQUEST_TIME", "60")).await;
        let mut stream = connect(&server).await;
        send(&mut stream, BEGUN).await;
        let asked = Instant::now();
        assert!(server.stop().await.success(), "{}", fresh.name);
        let taken = asked.elapsed();
        assert!(taken < proof::within(Duration::from_secs(10)), "{}: {taken:?}", fresh.name);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    each(async |fresh| {
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.env("TELLER_REQUEST_TIME", "60")).await;
        let mut stream = connect(&server).await;
        send(&mut stream, BEGUN).await;
        server.signal("TERM").await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked = Instant::now();
        server.signal("INT").await;
        let status = server.ended().await;
        assert_eq!(status.code(), Some(1), "{}", fresh.name);
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    })
    .await;
}
