//! `/healthz` and `/readyz`: for whoever starts the process, and for the proxies before it.

#![expect(clippy::disallowed_methods, reason = "a test holds locks behind the bank's back")]

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    proof,
    server::{Server, client, teller},
};

/// How long it may take until a server says that it is ready, or not ready any more.
const TOLD: Duration = Duration::from_secs(5);

/// A lock that keeps every write waiting, for as long as it lives.
enum Stuck {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Stuck {
    async fn begin(fresh: &Fresh) -> Self {
        if fresh.name == "sqlite" {
            let mut one = SqliteConnection::connect(&fresh.url).await.expect("it opens");
            let locked = sqlx::query("BEGIN IMMEDIATE").execute(&mut one).await;
            locked.expect("the file is locked");
            Self::Sqlite(one)
        } else {
            let mut one = PgConnection::connect(&fresh.url).await.expect("it opens");
            for sql in ["BEGIN", "LOCK TABLE pulses IN ACCESS EXCLUSIVE MODE"] {
                sqlx::query(sql).execute(&mut one).await.expect("the table is locked");
            }
            Self::Postgres(one)
        }
    }

    async fn end(self) {
        let closed = match self {
            Self::Sqlite(one) => one.close().await,
            Self::Postgres(one) => one.close().await,
        };
        closed.expect("the lock is given back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_ready_as_long_as_its_writes_succeed_and_says_so_at_once() {
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let ready = server.until_ready_is(200, proof::within(TOLD)).await;
        let (_, told) = ready.unwrap_or_else(|| panic!("{}: ready in time", fresh.name));
        assert_eq!(told["parts"]["database"], "ok", "{told}");
        let stuck = Stuck::begin(&fresh).await;
        let (gone, told) = server
            .until_ready_is(503, proof::within(TOLD))
            .await
            .unwrap_or_else(|| panic!("{}: not ready in time", fresh.name));
        assert_eq!(told["ready"], false, "{told}");
        assert_ne!(told["parts"]["database"], "ok", "{told}");
        let asked = Instant::now();
        assert_eq!(server.ready().await.map(|(status, _)| status), Some(503));
        assert!(asked.elapsed() < Duration::from_secs(1), "nobody queues for the database");
        let live = client().get(format!("{}/healthz", server.url)).send().await;
        assert_eq!(live.expect("it lives").status(), 200, "the process lives all the same");
        stuck.end().await;
        let back = server.until_ready_is(200, proof::within(TOLD)).await;
        let (back, _) = back.unwrap_or_else(|| panic!("{}: ready again in time", fresh.name));
        proof::record(
            &format!("readiness where writes are stuck, {}", fresh.name),
            "not ready within 5 s, ready again within 5 s",
            &format!("{} ms, {} ms", gone.as_millis(), back.as_millis()),
            gone < TOLD && back < TOLD,
        );
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_told_to_stop_says_so_before_it_takes_nothing_new() {
    for fresh in databases::both().await {
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.env("TELLER_STOP_DELAY", "4")).await;
        assert!(server.until_ready_is(200, proof::within(TOLD)).await.is_some());
        server.signal("TERM").await;
        let told = server.until_ready_is(503, Duration::from_secs(3)).await;
        let (_, told) = told.expect("it says so while it still answers");
        assert_eq!(told["parts"]["server"], "draining", "{told}");
        assert!(server.ended().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_to_everybody_and_kept_by_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("teller.db").display());
    let server = Server::start(folder.path(), &url).await;
    assert!(server.until_ready_is(200, proof::within(TOLD)).await.is_some());
    for path in ["/healthz", "/readyz"] {
        let request = client().get(format!("{}{path}", server.url));
        // By whatever name a proxy or a scheduler reaches it, also in a sandbox.
        let answer = request.header("host", "teller.internal:8080").send().await;
        let answer = answer.expect("it answers");
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let told = answer.text().await.expect("a body");
        assert!(!told.contains("sqlite"), "{told}");
    }
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_any_more_is_called_a_standby() {
    let fresh = databases::postgres().await;
    let server = Server::start(fresh.folder(), &fresh.url).await;
    assert!(server.until_ready_is(200, proof::within(TOLD)).await.is_some());
    let name = fresh.url.rsplit_once('/').map_or("", |(_, name)| name);
    // As after a fail-over behind the same address: who connects anew finds one that only reads.
    let anew = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let turn = async |setting: &str| {
        let sql = format!("BEGIN READ WRITE; ALTER DATABASE {name} {setting}; COMMIT");
        fresh.raw(&sql).await.expect("it is turned");
        // Only then, or one that is quick would come back as it was.
        fresh.raw(anew).await.expect("all others are sent away");
    };
    turn("SET default_transaction_read_only = on").await;
    let told = server.until_ready_is(503, proof::within(TOLD)).await;
    assert_eq!(told.expect("not ready in time").1["parts"]["database"], "standby");
    turn("RESET default_transaction_read_only").await;
    assert!(server.until_ready_is(200, proof::within(TOLD)).await.is_some());
    assert!(server.stop().await.success());
    proof::tally("postgres", &test_name());
    fresh.remove().await;
}
