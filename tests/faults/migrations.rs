//! A newer release that migrates beside servers of the one before, and is killed at each of
//! its statements: it has done nothing then, is begun again, and nobody loses anything.

#![expect(clippy::disallowed_methods, reason = "a test holds locks behind the bank's back")]

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::support::{
    bank::test_name,
    crowd::Crowd,
    databases,
    databases::Fresh,
    ledgers::{Harm, NO_HARM},
    load::{OVERLOADED, town},
    proof,
    server::{Server, teller},
    tomorrow,
};

/// The test that a process runs which migrates.
const MIGRATES: &str = "faults::migrations::what_a_newer_release_adds_is_no_matter_to_this_one";
/// How long a process may take to come to a statement.
const REACHED: Duration = Duration::from_secs(30);
/// How long SQLite's statements before the slow one may take.
const SLOW: Duration = Duration::from_millis(700);

/// Kills a process that migrates once the statements up to this place have run.
async fn kill_at(fresh: &Fresh, place: usize) {
    let folder = tomorrow::folder(fresh.name, Some(place));
    if fresh.name == "sqlite" {
        let mut child = tomorrow::start(MIGRATES, &fresh.url, folder.path()).await;
        tokio::time::sleep(SLOW).await;
        child.kill().await.expect("it is killed in the midst");
        return;
    }
    let lock = tomorrow::LOCKS + i64::try_from(place).expect("few");
    let mut holder = PgConnection::connect(&fresh.url).await.expect("the database answers");
    let hold = sqlx::query("SELECT pg_advisory_lock($1)").bind(lock);
    hold.execute(&mut holder).await.expect("the lock is free");
    let mut child = tomorrow::start(MIGRATES, &fresh.url, folder.path()).await;
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
        WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted
        AND l.objid::bigint = $1";
    let began = Instant::now();
    loop {
        let waiting = sqlx::query_scalar::<_, i64>(waits).bind(lock).fetch_one(&mut holder).await;
        if waiting.expect("the locks are listed") > 0 {
            break;
        }
        assert!(began.elapsed() < REACHED, "it comes to statement {place}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.kill().await.expect("it is killed in the midst");
    holder.close().await.expect("the lock is given back");
}

/// Whether the schema has anything of tomorrow's.
async fn is_tomorrow(fresh: &Fresh) -> bool {
    let applied = "SELECT COUNT(*) FROM _sqlx_migrations WHERE version = 9000";
    let count = if fresh.name == "sqlite" {
        let mut one = SqliteConnection::connect(&fresh.url).await.expect("it opens");
        let table = "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'tomorrow%'";
        let table = sqlx::query_scalar::<_, i64>(table).fetch_one(&mut one).await;
        let applied = sqlx::query_scalar::<_, i64>(applied).fetch_one(&mut one).await;
        table.expect("the tables are listed") + applied.expect("the migrations are listed")
    } else {
        let mut one = PgConnection::connect(&fresh.url).await.expect("it opens");
        let table = "SELECT COUNT(*) FROM pg_class WHERE relname LIKE 'tomorrow%'";
        let table = sqlx::query_scalar::<_, i64>(table).fetch_one(&mut one).await;
        let applied = sqlx::query_scalar::<_, i64>(applied).fetch_one(&mut one).await;
        table.expect("the tables are listed") + applied.expect("the migrations are listed")
    };
    count > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_killed_at_any_statement_has_done_nothing_and_is_begun_again() {
    let rounds = proof::sized(1, 5);
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let crowd = Crowd::gather(&server, proof::sized(8, 64), 4).await;
        let (mut kills, mut left) = (0, 0);
        for _ in 0..rounds {
            for place in 0..tomorrow::STATEMENTS.len() {
                crowd.work(20).await;
                kill_at(&fresh, place).await;
                kills += 1;
                crowd.work(20).await;
                left += usize::from(is_tomorrow(&fresh).await);
            }
        }
        // As the next start of the newer release does it.
        let folder = tomorrow::folder(fresh.name, None);
        let mut child = tomorrow::start(MIGRATES, &fresh.url, folder.path()).await;
        assert!(child.wait().await.expect("its status is known").success());
        let done = is_tomorrow(&fresh).await;
        crowd.work(20).await;
        let (tally, log) = (crowd.tally.clone(), server.log());
        let auditor = teller(fresh.folder(), &fresh.url);
        let (harm, transfers) = Harm::after(crowd, server, auditor).await;
        // Nobody notices it: to come later is all that they may be told.
        let unnoticed = tally.others(&[OVERLOADED]) == 0;
        let held = harm == Harm::default() && unnoticed && left == 0 && done;
        proof::record(
            &format!("F20 a migration killed at each statement under clients, {}", fresh.name),
            &format!("0 left half done, begun again by itself, {NO_HARM}"),
            &format!("{kills} kills in {transfers} transfers: {left}, {}", harm.figures()),
            held,
        );
        proof::tally(fresh.name, &test_name());
        assert!(held, "{}: {left}, {done}, {harm:?}: {}\n{log}", fresh.name, tally.list());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_release_adds_is_no_matter_to_this_one() {
    if tomorrow::is_meant().await {
        return;
    }
    for fresh in databases::both().await {
        let before = Server::start(fresh.folder(), &fresh.url).await;
        let payers = town(&before, 2, 0).await;
        let folder = tomorrow::folder(fresh.name, None);
        tomorrow::migrate(&fresh.url, folder.path()).await;
        // One that runs goes on, one that starts does, and so do the commands.
        let me = "{ me { cards { balance { posted { amount } } } } }";
        let wanted = before.run(Some(&payers[0].token), me, serde_json::json!({})).await;
        assert!(before.stop().await.success());
        let after = Server::start(fresh.folder(), &fresh.url).await;
        let found = after.run(Some(&payers[0].token), me, serde_json::json!({})).await;
        assert_eq!(found, wanted, "{}", fresh.name);
        for (command, told) in
            [("migrate", "The schema is up to date."), ("audit", "The books hold.")]
        {
            let output = teller(fresh.folder(), &fresh.url).arg(command).output().await;
            let output = output.expect("the command runs");
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains(told), "{command}: {said}");
        }
        assert!(after.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
