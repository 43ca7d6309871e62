//! Backups that are made while clients move money: each of them is a bank by itself.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::process::Command;

use crate::support::{
    bank::test_name,
    crowd::{Crowd, MORE},
    databases,
    databases::Fresh,
    load::{Line, Order, Payer, audit, missing, renewed, town},
    proof,
    server::{Server, teller},
};

const CLIENTS: usize = 16;
const PEOPLE: u32 = 4;
/// For how long the clients go on with one access, which is good for a quarter of an hour.
const RENEWED_AFTER: Duration = Duration::from_mins(5);
/// How long a transfer may wait at most while a backup is made.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// Runs a command that must succeed; what it said.
async fn done(command: &mut Command) -> String {
    let output = command.output().await.expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out
}

/// How a database is backed up, and a backup put back beside it.
struct Ways {
    /// Where `pg_dump` and `pg_restore` are.
    programs: PathBuf,
    target: Fresh,
}

impl Ways {
    async fn of(fresh: &Fresh) -> Option<Self> {
        if fresh.name == "sqlite" {
            return Some(Self { programs: PathBuf::new(), target: databases::sqlite().await });
        }
        let programs = std::env::var_os("TELLER_TEST_POSTGRES_BIN").map(PathBuf::from)?;
        let there = ["pg_dump", "pg_restore"].iter().all(|name| programs.join(name).is_file());
        if !there {
            return None;
        }
        Some(Self { programs, target: databases::postgres_empty().await })
    }

    async fn back_up(&self, fresh: &Fresh, to: &Path) {
        if fresh.name == "sqlite" {
            let told = done(teller(fresh.folder(), &fresh.url).arg("backup").arg(to)).await;
            assert!(told.contains("is a backup."), "{told}");
            let mode = to.metadata().expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        } else {
            let mut dump = Command::new(self.programs.join("pg_dump"));
            dump.args(["--format=custom", "--file"]).arg(to).arg(&fresh.url);
            done(&mut dump).await;
        }
    }

    /// Restores a backup, audits it, and gives how many transactions it has.
    async fn restore(self, fresh: &Fresh, from: &Path) -> (i64, Fresh) {
        let target = self.target;
        // Of another bank only its secret is taken over.
        let secret = fresh.folder().join("secret.key");
        std::fs::copy(secret, target.folder().join("secret.key")).expect("the secret is copied");
        if fresh.name == "sqlite" {
            let command = || teller(target.folder(), &target.url);
            let told = done(command().arg("restore").arg(from).arg("--check")).await;
            assert!(told.ends_with("The backup holds.\n"), "{told}");
            done(command().arg("restore").arg(from).arg("--replace")).await;
        } else {
            let mut restore = Command::new(self.programs.join("pg_restore"));
            restore.arg("--no-owner").arg("--dbname").arg(&target.url).arg(from);
            done(&mut restore).await;
        }
        (audit(teller(target.folder(), &target.url)).await, target)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_backup_under_load_is_restored_whole() {
    let (backups, pause) = (proof::sized(3, 30), proof::sized(0, 10));
    for fresh in databases::both().await {
        let promise = format!("F21 backups under {CLIENTS} clients, {}", fresh.name);
        let target = "each restored passes `teller audit` and has all that was acknowledged \
            before it was begun; no transfer waits longer than 2 s";
        if Ways::of(&fresh).await.is_none() {
            let figure = "not tried: there is no pg_dump in TELLER_TEST_POSTGRES_BIN";
            proof::record(&promise, target, figure, false);
            let given = std::env::var_os("TELLER_TEST_POSTGRES_BIN").is_some();
            assert!(given, "set TELLER_TEST_POSTGRES_BIN to PostgreSQL's programs");
            continue;
        }
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let gather = |payers: &Arc<Vec<Payer>>| {
            Crowd::start((0..CLIENTS).map(|_| Line::to(&server)).collect(), payers, usize::MAX)
        };
        let mut crowd = gather(&town(&server, PEOPLE, MORE).await);
        let (mut done, mut gathered) = (Vec::new(), Instant::now());
        let folder = tempfile::tempdir().expect("a folder");
        let (mut lost, mut short) = (0, 0);
        for number in 0..backups {
            if gathered.elapsed() > RENEWED_AFTER {
                gathered = Instant::now();
                let payers = renewed(&server, &crowd.payers).await;
                done.extend(std::mem::replace(&mut crowd, gather(&payers)).disperse().await);
            }
            tokio::time::sleep(Duration::from_secs(pause as u64)).await;
            let before = [done.clone(), crowd.so_far().await].concat();
            let file = folder.path().join(format!("backup{number}"));
            let ways = Ways::of(&fresh).await.expect("its programs were there");
            ways.back_up(&fresh, &file).await;
            let (transactions, restored) = ways.restore(&fresh, &file).await;
            short += usize::from(transactions < i64::try_from(before.len()).expect("few"));
            let newest: Vec<(Order, String)> =
                before.into_iter().rev().take(40).map(|one| (one.order, one.id)).collect();
            let other = Server::start(restored.folder(), &restored.url).await;
            lost += missing(&other, &crowd.payers, &newest).await;
            assert!(other.stop().await.success());
            restored.remove().await;
        }
        done.extend(crowd.disperse().await);
        assert!(server.stop().await.success());
        audit(teller(fresh.folder(), &fresh.url)).await;
        let longest = done.iter().map(|one| one.took).max().unwrap_or_default();
        // In an unoptimised build beside other tests the time says nothing.
        let quick = longest < WAIT_MAX || proof::scale() == proof::Scale::Short;
        let held = (lost, short) == (0, 0) && quick;
        let figure = format!(
            "{backups} of {backups} pass, in {} transfers: {lost} missing, {short} too short, \
             longest {} ms",
            done.len(),
            longest.as_millis()
        );
        proof::record(&promise, target, &figure, held);
        proof::tally(fresh.name, &test_name());
        assert!(held, "{}: {figure}", fresh.name);
        fresh.remove().await;
    }
}
