//! The primary is lost: its standby has all that was acknowledged, and takes over.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use crate::support::{bank::test_name, cluster::Postgres, proof};

/// A commit that must wait has not come back by then.
const WAITS: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_commits_wait_for_has_them_all_and_takes_over() {
    let mut primary = Postgres::start().await;
    let mut standby = primary.standby().await;
    primary.wait_for(&standby).await;
    let url = primary.bank("bank").await;
    // Where the standby does not answer, nothing is committed.
    standby.freeze();
    {
        let commit = primary.sql("CREATE TABLE waited (one INT)");
        tokio::pin!(commit);
        let early = tokio::time::timeout(WAITS, &mut commit).await;
        assert!(early.is_err(), "a commit does not wait for its standby");
        standby.thaw();
        commit.await;
    }
    // A primary that was stopped comes back with its data, at the same address.
    primary.stop().await;
    primary.restart().await;
    let mut connection = PgConnection::connect(&url).await.expect("the primary is there again");
    connection.ping().await.expect("it answers");
    assert_eq!(primary.ask("SELECT to_regclass('waited')").await.as_deref(), Some("waited"));
    primary.kill().await;
    connection.ping().await.expect_err("its connections are gone with it");
    standby.stop().await;
    standby.restart().await;
    standby.promote().await;
    assert_eq!(standby.ask("SELECT to_regclass('waited')").await.as_deref(), Some("waited"));
    standby.sql("CREATE TABLE more (one INT)").await;
    proof::tally("postgres", &test_name());
}
