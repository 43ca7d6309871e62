//! PgBouncer before a PostgreSQL, lending a connection for one transaction at a time.

use std::{
    env, fs,
    os::unix::fs::chown,
    process::Stdio,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};
use url::Url;

use super::cluster::{free_port, user_for_servers};

/// What to do where it is not there.
const HOW: &str = "This test runs PgBouncer: install the package pgbouncer (as root, `make test` \
    does), or put pgbouncer on the PATH.";
/// How long it may take to listen.
const READY: Duration = Duration::from_secs(20);
/// Names a pooler through which all PostgreSQL databases of the tests are opened.
pub const VARIABLE: &str = "TELLER_TEST_POOLER_URL";

/// A running PgBouncer; it ends when this is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    _child: Child,
    _folder: TempDir,
}

/// Where the program is; Debian keeps it where only root looks.
fn program() -> String {
    let path = env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin"]);
    let found = folders
        .map(|folder| format!("{folder}/pgbouncer"))
        .find(|one| fs::exists(one).unwrap_or(false));
    found.expect(HOW)
}

impl PgBouncer {
    /// Starts one before the server of a URL, with so few connections of its own that
    /// clients cannot keep one for themselves.
    pub async fn before(server: &str) -> Self {
        let program = program();
        let url = Url::parse(server).expect("the address of a database");
        let folder = tempfile::Builder::new().prefix("teller-pooler.").tempdir();
        let folder = folder.expect("a temporary folder can be made");
        let port = free_port();
        let password = url.password().map(|word| format!(" password={word}")).unwrap_or_default();
        let settings = format!(
            "[databases]\n* = host={} port={} user={}{password}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = 6\n\
             max_client_conn = 1000\nserver_idle_timeout = 5\nlogfile = {}\n",
            url.host_str().expect("a host"),
            url.port().unwrap_or(5432),
            url.username(),
            folder.path().join("log").display(),
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("its settings are written");
        let mut command = Command::new(program);
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((user, group)) = user_for_servers() {
            chown(folder.path(), Some(user), Some(group)).expect("the folder is given to it");
            chown(&file, Some(user), Some(group)).expect("the file is given to it");
            command.uid(user).gid(group);
        }
        let child =
            command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{HOW} ({error})"));
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < READY, "PgBouncer does not listen: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { port, _child: child, _folder: folder }
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> String {
        format!("postgres://teller@127.0.0.1:{}/postgres", self.port)
    }

    /// How a database is reached through it.
    pub fn of(&self, database_url: &str) -> String {
        through(&self.url(), database_url)
    }
}

/// The URL of the same database through a pooler.
fn through(pooler: &str, database_url: &str) -> String {
    let mut url = Url::parse(pooler).expect("the address of a pooler");
    let database = Url::parse(database_url).expect("the address of a database");
    url.set_path(database.path());
    url.into()
}

/// How a PostgreSQL database is reached through the pooler that the environment names, if
/// it names one.
pub fn of_the_environment(database_url: &str) -> Option<String> {
    let pooler = env::var(VARIABLE).ok()?;
    database_url.starts_with("postgres").then(|| through(&pooler, database_url))
}
