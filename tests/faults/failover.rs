//! The primary is lost: its standby has all that was acknowledged, and takes over.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use tempfile::{TempDir, tempdir};

use crate::support::{
    bank::test_name,
    chance::Chance,
    cluster::Postgres,
    crowd::{Crowd, percentile},
    ledgers::{Harm, NO_HARM},
    load::{Line, town},
    proof,
    proxy::Proxy,
    server::{Server, teller},
};

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

const CLIENTS: usize = 64;
const PEOPLE: u32 = 8;
const MORE: i64 = 90_000;
/// How long it may take until money moves again, in any case.
const AGAIN: Duration = Duration::from_mins(1);
/// Half of all times without service.
const AWAY_HALF: Duration = Duration::from_secs(10);
/// And each of them.
const AWAY_MAX: Duration = Duration::from_secs(30);

/// A bank on a primary with a synchronous standby, served by two servers that know the
/// primary by an address that moves.
struct Bank {
    primary: Postgres,
    standby: Postgres,
    address: Proxy,
    folder: TempDir,
    url: String,
}

impl Bank {
    async fn build() -> Self {
        let primary = Postgres::start().await;
        let standby = primary.standby().await;
        primary.bank("bank").await;
        primary.wait_for(&standby).await;
        let address = Proxy::to("127.0.0.1", primary.port, proof::seed()).await;
        let url = format!("postgres://teller@{}/bank", address.address);
        let folder = tempdir().expect("a temporary folder can be made");
        Self { primary, standby, address, folder, url }
    }

    async fn server(&self) -> Server {
        Server::start(self.folder.path(), &self.url).await
    }

    /// Kills the primary, and makes its standby the primary, as an operator's tools do.
    async fn fail_over(&mut self) {
        self.primary.kill().await;
        self.standby.promote().await;
        self.address.lead_to(self.standby.port);
    }

    /// Gives the new primary a standby of its own, which all commits wait for again.
    async fn mend(&mut self) {
        let fresh = self.standby.standby().await;
        self.standby.wait_for(&fresh).await;
        self.primary = std::mem::replace(&mut self.standby, fresh);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_primary_loses_nothing_that_was_acknowledged() {
    let times = proof::sized(1, 20);
    let mut bank = Bank::build().await;
    let servers = [bank.server().await, bank.server().await];
    let payers = town(&servers[0], PEOPLE, MORE).await;
    let lines = (0..CLIENTS).map(|number| Line::to(&servers[number % servers.len()])).collect();
    let crowd = Crowd::start(lines, &payers, usize::MAX);
    let mut chance = Chance::new(proof::seed());
    let mut away = Vec::new();
    for _ in 0..times {
        crowd.wait_for(2 * CLIENTS, AGAIN).await;
        tokio::time::sleep(Duration::from_millis(chance.below(500))).await;
        let killed = Instant::now();
        bank.fail_over().await;
        // What was on its way while the primary died may still have been acknowledged by it.
        let again = crowd.wait_for(1, AGAIN).await;
        away.push(again.saturating_duration_since(killed));
        bank.mend().await;
    }
    crowd.wait_for(2 * CLIENTS, AGAIN).await;
    let tally = crowd.tally.clone();
    let done = crowd.disperse().await;
    let seen = proof::sized(500, 10_000);
    let auditor = teller(bank.folder.path(), &bank.url);
    let harm = Harm::count(&servers[0], auditor, &payers, &done, &tally, MORE, seen).await;
    for server in servers {
        assert!(server.stop().await.success());
    }
    let half = percentile(&mut away, 50);
    let max = away.last().copied().unwrap_or_default();
    let in_time = half < AWAY_HALF && max < AWAY_MAX;
    let held = harm == Harm::default();
    proof::record(
        "F12 the primary is killed under 64 clients of two servers, its synchronous standby promoted",
        &format!("{NO_HARM}; without service p50 under 10 s, max under 30 s"),
        &format!(
            "{times} fail-overs in {} transfers: {}; p50 {} ms, max {} ms",
            done.len(),
            harm.figures(),
            half.as_millis(),
            max.as_millis()
        ),
        held && in_time,
    );
    proof::tally("postgres", &test_name());
    assert!(held, "{harm:?}: {}", tally.list());
    let measured = proof::scale() == proof::Scale::Full;
    assert!(in_time || !measured, "{away:?}");
}
