//! A database that is gone without a word: nobody waits for it for ever.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::Instant,
};
use url::Url;

use crate::support::{
    bank::test_name,
    databases,
    live::{PROTOCOL, Socket},
    load::{Line, Order, Told, town},
    people::text,
    proof,
    server::{Server, teller},
};

/// Longer than a statement may be silent, and what comes after it.
const RECOVERS: Duration = Duration::from_secs(45);

/// Passes bytes on until it is told to swallow them; the connection stays open.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut swallows: watch::Receiver<()>) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = tokio::select! {
            read = from.read(&mut bytes) => read.unwrap_or(0),
            _ = swallows.changed() => break,
        };
        if count == 0 || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
    while from.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
    // Whoever waits at the other end hears nothing, not even the end.
    std::future::pending::<()>().await;
}

/// What stands between a server and its database.
struct Wire {
    url: String,
    swallow: watch::Sender<()>,
}

impl Wire {
    async fn before(database_url: &str) -> Self {
        let mut url = Url::parse(database_url).expect("the address of a database");
        let host = url.host_str().expect("a host").to_owned();
        let upstream = (host, url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("the port is known").port();
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(port)).expect("a port");
        let (swallow, swallows) = watch::channel(());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect((upstream.0.as_str(), upstream.1)).await;
                let far = far.expect("the database listens");
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                // Connections that are made later know of no silence before them.
                let (mut one, mut two) = (swallows.clone(), swallows.clone());
                one.mark_unchanged();
                two.mark_unchanged();
                tokio::spawn(pass(near_in, far_out, one));
                tokio::spawn(pass(far_in, near_out, two));
            }
        });
        Self { url: url.into(), swallow }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fall_silent_are_given_up_and_money_and_news_go_on() {
    for fresh in databases::both().await {
        // A file does not fall silent.
        if fresh.name == "postgres" {
            let wire = Wire::before(&fresh.url).await;
            let mut command = teller(fresh.folder(), &wire.url);
            let server = Server::start_with(&mut command).await;
            let payers = town(&server, 2, 0).await;
            let address: SocketAddr =
                server.url.trim_start_matches("http://").parse().expect("an address");
            let mut socket = Socket::connect(address, Some(PROTOCOL), &[]).await.expect("a socket");
            let payload = json!({ "accessToken": payers[1].token });
            socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
            assert_eq!(socket.message().await["type"], "connection_ack");
            let query = "subscription { balanceChanged { balance { version } } }";
            socket.subscribe("b", query, json!({})).await;
            let mut version = text(&socket.next().await["balanceChanged"]["balance"]["version"]);
            let line = Line::to(&server);
            for round in 0..2 {
                let began = Instant::now();
                wire.swallow.send_replace(());
                // Each is a key of its own: the first ones may have been lost with their
                // connections, or done without a word.
                let mut number = 0;
                loop {
                    let key = format!("r{round}-{number}");
                    let order = Order { key, from: 0, to: 1, cents: 1 };
                    if matches!(line.ask(&payers, &order).await, Told::Moved { .. }) {
                        break;
                    }
                    assert!(began.elapsed() < RECOVERS, "no money moves any more");
                    number += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                let moved = began.elapsed();
                let news = socket.next().await;
                let after = text(&news["balanceChanged"]["balance"]["version"]);
                assert_ne!(after, version, "news of what was moved");
                version = after;
                proof::record(
                    "a database that falls silent, postgres",
                    &format!("money moves again within {} s", RECOVERS.as_secs()),
                    &format!("{:.1} s", moved.as_secs_f64()),
                    moved < RECOVERS,
                );
                // All of it is heard before the next silence.
                while socket.hear_within(Duration::from_secs(2)).await.is_some() {}
            }
            assert!(server.stop().await.success());
        }
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
