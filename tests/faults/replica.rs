//! A replica that is read and may be behind: nobody sees less than they were told.

use std::time::Duration;

use serde_json::json;
use tempfile::tempdir;

use crate::support::{
    bank::test_name,
    cluster::Postgres,
    load::{Line, Order, Payer, Told, town},
    people::text,
    proof,
    server::{Server, teller},
};

/// How often money is moved while the replica stands still.
const MOVES: usize = 5;

/// The versions of a payer's card, the newest first, as long pages of its history and of
/// that of all their accounts show them.
async fn pages(server: &Server, payer: &Payer) -> [Vec<i64>; 2] {
    let query = "query ($id: ID!) {
        node(id: $id) { ... on Account { history(first: 100) { nodes { accountVersion } } } }
        me { history(first: 100) { nodes { accountVersion } } } }";
    let found = server.run(Some(&payer.token), query, json!({ "id": payer.card })).await;
    ["node", "me"].map(|field| {
        let nodes = found[field]["history"]["nodes"].as_array().expect("a page").iter();
        nodes.map(|node| text(&node["accountVersion"]).parse().expect("a number")).collect()
    })
}

/// Moves money, and looks at once whether both who know of it see it, by the server that
/// had not moved it.
async fn moves_are_seen(servers: &[Server; 2], payers: &[Payer], name: &str) {
    let mut version = pages(&servers[0], &payers[0]).await[0][0];
    for n in 0..MOVES {
        let order = Order { key: format!("{name}-{n}"), from: 0, to: 1, cents: 1 };
        let told = Line::to(&servers[n % 2]).ask(payers, &order).await;
        assert!(matches!(told, Told::Moved { .. }), "{name}: {told:?}");
        version += 1;
        for payer in payers {
            for versions in pages(&servers[(n + 1) % 2], payer).await {
                // Both cards have had the same number of movements.
                assert_eq!(versions.first(), Some(&version), "{name}: the newest is not there");
            }
        }
    }
}

/// How often the replica has looked into the entries of the bank.
async fn looks(standby: &Postgres) -> i64 {
    let sql =
        "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_tables WHERE relname = 'entries'";
    let told = standby.ask_in("bank", sql).await;
    told.and_then(|told| told.parse().ok()).expect("the replica tells its figures")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_read_again_whatever_the_replica_has_of_it() {
    let primary = Postgres::start().await;
    let url = primary.bank("bank").await;
    let mut standby = primary.standby().await;
    let folder = tempdir().expect("a temporary folder can be made");
    let start = async || {
        let mut command = teller(folder.path(), &url);
        Server::start_with(command.env("TELLER_DATABASE_REPLICA_URL", standby.url("bank"))).await
    };
    let servers = [start().await, start().await];
    let payers = town(&servers[0], 2, 10_000).await;
    moves_are_seen(&servers, &payers, "following").await;
    // It stands still: it can be read, and has nothing of what comes now.
    standby.sql("SELECT pg_wal_replay_pause()").await;
    standby.until("SELECT pg_get_wal_replay_pause_state()", "paused").await;
    moves_are_seen(&servers, &payers, "paused").await;
    standby.sql("SELECT pg_wal_replay_resume()").await;
    // Once it has caught up it is read again.
    let before = looks(&standby).await;
    let mut tries = 0;
    while looks(&standby).await == before {
        pages(&servers[0], &payers[0]).await;
        tries += 1;
        assert!(tries < 600, "a replica that has caught up is not read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // It says nothing any more, and then it is gone.
    standby.freeze();
    moves_are_seen(&servers, &payers, "frozen").await;
    standby.thaw();
    standby.kill().await;
    moves_are_seen(&servers, &payers, "gone").await;
    for server in servers {
        assert!(server.stop().await.success());
    }
    proof::record(
        "a replica that is behind, paused, frozen or gone, two servers",
        "who was told of a transfer finds it in the history, by either server",
        &format!("{} of {}", 4 * MOVES, 4 * MOVES),
        true,
    );
    proof::tally("postgres", &test_name());
}
