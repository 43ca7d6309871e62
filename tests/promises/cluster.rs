//! `make cluster`: two servers, HAProxy, a primary and its standby, started, failed over by
//! hand and ended, as an operator does it.

use std::{
    env, fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command as Plain, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{
    bank::test_name,
    load::{Line, Order, Tally, Told, audit, balances, join},
    proof,
    server::{PROGRAM, Server, client, post, with_settings},
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/cluster.sh");

/// What HAProxy and the servers use, all on loopback.
const PORTS: u16 = 7;
/// Below the range from which the kernel hands out its own.
const FROM: u16 = 20_000;
const BELOW: u16 = 32_000;

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";
/// What two databases and a third copy need, in KiB.
const ROOM: u64 = 2 * 1024 * 1024;

/// How long a command on the cluster may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long clients may be without service when the primary is gone.
const AWAY: Duration = Duration::from_secs(30);

/// A cluster in a folder of its own; whatever happens, nothing of it is left running.
struct Cluster {
    folder: TempDir,
    first: u16,
}

impl Cluster {
    fn new() -> Self {
        // In memory where there is room: copying databases is a test of the disk, not of this.
        let folder = if room_in_kib(MEMORY) > ROOM {
            tempfile::tempdir_in(MEMORY).expect("a folder")
        } else {
            tempfile::tempdir().expect("a folder")
        };
        // PostgreSQL does not run as root, and its user must get through here.
        let rights = fs::Permissions::from_mode(0o711);
        fs::set_permissions(folder.path(), rights).expect("the folder is ours");
        Self { folder, first: free_ports() }
    }

    /// The script with an argument.
    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(SCRIPT);
        command.args(arguments);
        let mut command = with_settings(command, self.folder.path(), "");
        for set in ["TELLER_DATA_DIR", "TELLER_DATABASE_URL", "TELLER_LISTEN"] {
            command.env_remove(set);
        }
        // Where the tests' own PostgreSQL comes from.
        let mut path = env::var_os("TELLER_TEST_POSTGRES_BIN").unwrap_or_default();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        command
            .env("PATH", path)
            .env("CLUSTER_DIR", self.folder.path().join("cluster"))
            .env("CLUSTER_PORT", self.first.to_string())
            .env("CLUSTER_TELLER", PROGRAM)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of the script, which must succeed; what it said.
    async fn run(&self, arguments: &[&str]) -> String {
        let ran = tokio::time::timeout(PATIENCE, self.script(arguments).output()).await;
        let output = ran.expect("it ends in time").expect("the script runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}{complaint}");
        told
    }

    /// Waits until the status says so.
    async fn sees(&self, wanted: &str) {
        let began = Instant::now();
        loop {
            let told = self.run(&["status"]).await;
            if told.contains(wanted) {
                return;
            }
            assert!(began.elapsed() < AWAY, "{wanted}: {told}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The processes that have this cluster's folder or addresses in their command line or
    /// environment.
    fn processes(&self) -> Vec<String> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").expect("the processes are listed").flatten() {
            let read = |file: &str| {
                let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).replace('\0', " ")
            };
            let line = read("cmdline");
            if !line.is_empty() && (line.contains(&folder) || read("environ").contains(&folder)) {
                found.push(format!("{}: {line}", entry.file_name().to_string_lossy()));
            }
        }
        found
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.processes().is_empty() {
            let mut stop = self.script(&["stop"]).into_std();
            // A test that fails must not fail a second time over what it leaves.
            let _ = stop.stdout(Stdio::null()).status();
        }
    }
}

/// What is free at a place, in KiB; nothing where there is no such place.
fn room_in_kib(place: &str) -> u64 {
    let asked = Plain::new("df").args(["--output=avail", "-k", place]).output();
    let told = asked.map(|output| output.stdout).unwrap_or_default();
    let told = String::from_utf8_lossy(&told).into_owned();
    told.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

/// The first of so many free ports in a row.
fn free_ports() -> u16 {
    for _ in 0..100 {
        let drawn = RandomState::new().build_hasher().finish();
        let range = u64::from(BELOW - FROM - PORTS);
        let first = FROM + u16::try_from(drawn % range).expect("a port");
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + PORTS).all(free) {
            return first;
        }
    }
    panic!("no {PORTS} ports in a row are free")
}

/// What a server says about somebody's card.
async fn balance_at(url: &str, token: &str) -> Value {
    let query = "{ cards { balance { posted { amount } } } }";
    let answer = post(&client(), url, Some(token), query, json!({})).await;
    answer.expect("the server answers")["data"]["cards"][0]["balance"]["posted"]["amount"].take()
}

/// The first line of a file in the cluster's folder.
fn line(cluster: &Cluster, file: &str) -> String {
    let path = cluster.folder.path().join("cluster").join(file);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_starts_fails_over_by_hand_and_ends_without_leaving_anything() {
    let cluster = Cluster::new();
    let proxy = Server::start_program(&mut cluster.script(&["up"])).await;
    assert_eq!(proxy.url, format!("http://127.0.0.1:{}", cluster.first));
    cluster.sees("sync standby teller_b, streaming").await;

    // What is done by one server is there at the other.
    let payers = [join(&proxy, "ann", 0).await, join(&proxy, "bob", 1).await];
    let (tally, pay) = (Tally::default(), Line::to(&proxy));
    let order = |key: &str| Order { key: key.to_owned(), from: 0, to: 1, cents: 1_250 };
    let first = pay.settle(&payers, &order("before"), &tally).await;
    assert!(matches!(first, Told::Moved { replayed: false, .. }), "{first:?}");
    for server in [1, 2] {
        let url = format!("http://127.0.0.1:{}", cluster.first + server);
        assert_eq!(balance_at(&url, &payers[0].token).await, "37.50", "server {server}");
        assert_eq!(balance_at(&url, &payers[1].token).await, "62.50", "server {server}");
    }

    // The primary dies. The standby becomes the primary, and the dead one its standby.
    let primary = line(&cluster, "postgres/a/postmaster.pid");
    assert!(Plain::new("kill").args(["-KILL", &primary]).status().expect("kill runs").success());
    let began = Instant::now();
    let (told, settled) = tokio::join!(cluster.run(&["failover"]), async {
        let second = pay.settle_within(AWAY, &payers, &order("across"), &tally).await;
        (second, began.elapsed())
    });
    assert!(told.contains("PostgreSQL a follows b"), "{told}");
    assert!(matches!(settled.0, Some(Told::Moved { .. })), "{:?}: {}", settled.0, tally.list());
    proof::record(
        "a fail-over by hand: clients without service",
        "under 30 s",
        &format!("{:.1} s", settled.1.as_secs_f64()),
        settled.1 < AWAY,
    );
    cluster.sees("sync standby teller_a, streaming").await;
    let again = pay.settle(&payers, &order("before"), &tally).await;
    assert!(matches!(again, Told::Moved { replayed: true, .. }), "{again:?}");
    assert_eq!(balances(&proxy, &payers).await, [2_500, 7_500]);

    // Two opening credits and two transfers: nothing more, nothing less.
    assert_eq!(audit(cluster.script(&["teller"])).await, 4);
    assert!(cluster.processes().len() >= 5, "{:?}", cluster.processes());
    let told = cluster.run(&["stop"]).await;
    assert!(told.contains("ended"), "{told}");
    // What the script itself was waiting for takes a second.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(cluster.processes(), Vec::<String>::new(), "nothing is left running");
    proof::tally("postgres", &test_name());
}

#[tokio::test]
async fn what_the_cluster_needs_and_does_not_find_is_said() {
    let cluster = Cluster::new();
    let taken = TcpListener::bind(("127.0.0.1", cluster.first + 1)).expect("the port is free");
    let missing = Path::new("/nowhere/teller");
    for (variable, value, told) in [
        ("CLUSTER_TELLER", missing.as_os_str(), "there is no /nowhere/teller: build it"),
        ("CLUSTER_PORT", "eight".as_ref(), "CLUSTER_PORT is eight, which is no number"),
        ("CLUSTER_PORT", cluster.first.to_string().as_ref(), "is taken; name the first of seven"),
    ] {
        let output = cluster.script(&["up"]).env(variable, value).output().await;
        let output = output.expect("the script runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.contains(told), "{complaint}");
    }
    drop(taken);
    let help = cluster.script(&["help"]).output().await.expect("the script runs");
    let help = String::from_utf8_lossy(&help.stdout);
    assert!(help.contains("deploy/cluster.sh failover"), "{help}");
}
