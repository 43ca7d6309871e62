//! Migrations: two at once, and beside those who hold what they need.

#![expect(clippy::disallowed_methods, reason = "a test holds locks behind the bank's back")]

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use crate::support::{bank::test_name, databases, proof, server::teller, tomorrow};

#[tokio::test(flavor = "multi_thread")]
async fn several_that_migrate_an_empty_database_at_once_all_find_it_done() {
    for fresh in databases::both().await {
        let url = if fresh.name == "sqlite" {
            format!("sqlite://{}", fresh.folder().join("empty.db").display())
        } else {
            let emptied = fresh.raw("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await;
            emptied.expect("the database is emptied");
            fresh.url.clone()
        };
        let migrate = || teller(fresh.folder(), &url).arg("migrate").output();
        let (one, two, three) = tokio::join!(migrate(), migrate(), migrate());
        for output in [one, two, three] {
            let output = output.expect("the command runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {said}", fresh.name);
        }
        let audit = teller(fresh.folder(), &url).arg("audit").output().await;
        assert!(audit.expect("the audit runs").status.success(), "{}", fresh.name);
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_has_to_wait_for_a_lock_lets_others_pass() {
    let fresh = databases::postgres().await;
    let mut reader = PgConnection::connect(&fresh.url).await.expect("the database answers");
    for sql in ["BEGIN", "SELECT count(*) FROM accounts"] {
        sqlx::query(sql).execute(&mut reader).await.expect("it reads");
    }
    let folder = tomorrow::folder("postgres", None);
    let url = fresh.url.clone();
    let migrating = tokio::spawn(async move { tomorrow::migrate(&url, folder.path()).await });
    let mut other = PgConnection::connect(&fresh.url).await.expect("the database answers");
    let (began, mut longest, mut asked) = (Instant::now(), Duration::ZERO, 0);
    while began.elapsed() < Duration::from_secs(6) {
        let at = Instant::now();
        let read = sqlx::query("SELECT count(*) FROM accounts").execute(&mut other).await;
        read.expect("it reads");
        longest = longest.max(at.elapsed());
        asked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!migrating.is_finished(), "somebody is in its way");
    assert!(longest < proof::within(Duration::from_secs(2)), "{longest:?} of {asked} reads");
    reader.close().await.expect("the reader goes");
    let done = tokio::time::timeout(Duration::from_secs(30), migrating).await;
    done.expect("it is done then").expect("it goes well");
    proof::record(
        "a migration waits for a lock that excludes all others, postgres",
        "nobody waits behind it for 2 s",
        &format!("{asked} reads meanwhile, at most {} ms", longest.as_millis()),
        longest < Duration::from_secs(2),
    );
    proof::tally("postgres", &test_name());
    fresh.remove().await;
}
