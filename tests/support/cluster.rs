//! PostgreSQL servers of a test's own, to be stopped, frozen, killed and promoted.
//!
//! Their programs are those that `tests/support/with-postgres.sh` found. Each server keeps
//! its data in a temporary folder; it ends, and the folder goes, when it is dropped.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests make and break databases behind the bank's back"
)]

use std::{
    env, fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use teller::db::pool::Db;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// What to do where the programs are not there.
const HOW: &str = "This test starts PostgreSQL servers of its own: run it through `make test` or \
    tests/support/with-postgres.sh, which finds or brings the programs; with a \
    TELLER_TEST_DATABASE_URL that was given, install PostgreSQL's server here as well, or set \
    TELLER_TEST_POSTGRES_BIN to the folder of initdb, postgres and pg_basebackup.";
/// What to do where PostgreSQL cannot run as whoever runs the tests.
const HOW_USER: &str =
    "PostgreSQL refuses to run as root, and there is no user postgres or nobody.";

/// How long a server, or one of its tools, may take for anything.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the processes of a server that was killed may take to be gone.
const GONE: Duration = Duration::from_secs(20);
/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(20);
/// Ports below the range from which the kernel hands out its own.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Whom a server runs as, and where its programs are.
#[derive(Debug, Clone)]
struct Programs {
    folder: PathBuf,
    /// The user and the group, where the tests run as root.
    user: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> Self {
        let folder = PathBuf::from(env::var("TELLER_TEST_POSTGRES_BIN").expect(HOW));
        for program in ["initdb", "postgres", "pg_basebackup"] {
            assert!(
                folder.join(program).exists(),
                "{program} is not in {}. {HOW}",
                folder.display()
            );
        }
        Self { folder, user: user_for_servers() }
    }

    fn command(&self, program: &str, home: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.current_dir(home).stdin(Stdio::null()).kill_on_drop(true);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Runs a tool to its end, which must be good.
    async fn run(&self, command: &mut Command) {
        let ran = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = ran.expect("the tool ends in time").expect("the tool runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {told}", command.as_std().get_program().display());
    }
}

/// Whom servers run as that refuse root, where the tests run as root: user and group.
pub fn user_for_servers() -> Option<(u32, u32)> {
    rustix::process::geteuid().is_root().then(user_of_postgres)
}

/// The user that with-postgres.sh takes as well.
fn user_of_postgres() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("the users are listed");
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    find("postgres").or_else(|| find("nobody")).expect(HOW_USER)
}

/// A port on which nothing listens.
pub fn free_port() -> u16 {
    let drawn = RandomState::new().build_hasher().finish();
    let count = u64::from(PORTS.end - PORTS.start);
    let ports = (0..count).map(|n| (drawn.wrapping_add(n * 7_919)) % count);
    let ports = ports.map(|n| PORTS.start + u16::try_from(n).expect("a port"));
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.into_iter().find(free).expect("some port is free")
}

/// One PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    /// Where it listens.
    pub port: u16,
    programs: Programs,
    home: TempDir,
    child: Option<Child>,
}

impl Postgres {
    /// Starts an empty one that takes writes.
    pub async fn start() -> Self {
        let mut server = Self::prepare();
        let mut command = server.programs.command("initdb", server.home.path());
        command.arg("--pgdata").arg(server.data()).args([
            "--username=teller",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ]);
        server.programs.run(&mut command).await;
        server.run().await;
        server
    }

    /// A folder and a port, and nothing yet in either.
    fn prepare() -> Self {
        let programs = Programs::find();
        let home = tempfile::Builder::new().prefix("teller-cluster.").tempdir();
        let home = home.expect("a temporary folder can be made");
        if let Some((user, group)) = programs.user {
            chown(home.path(), Some(user), Some(group)).expect("the folder is given to the server");
        }
        let owner_alone = fs::Permissions::from_mode(0o700);
        fs::set_permissions(home.path(), owner_alone).expect("the folder is the server's alone");
        Self { port: free_port(), programs, home, child: None }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://teller@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database in which the schema is up to date; its URL.
    pub async fn bank(&self, name: &str) -> String {
        self.sql(&format!("CREATE DATABASE {name}")).await;
        let url = self.url(name);
        let db = Db::open(&url, 2).await.expect("a fresh database opens");
        db.migrate().await.expect("the migrations run");
        db.close().await;
        url
    }

    /// Runs statements as its superuser, outside any bank.
    pub async fn sql(&self, sql: &str) {
        let work = async {
            let mut connection = PgConnection::connect(&self.url("postgres")).await?;
            // One by one, because some refuse to stand in a transaction with others.
            for one in sql.split(';').map(str::trim).filter(|one| !one.is_empty()) {
                sqlx::raw_sql(AssertSqlSafe(one.to_owned())).execute(&mut connection).await?;
            }
            connection.close().await
        };
        let done: Result<(), sqlx::Error> =
            tokio::time::timeout(PATIENCE, work).await.expect("the server answers in time");
        done.unwrap_or_else(|error| panic!("{sql}: {error}\n{}", self.log()));
    }

    /// The first column of the first row, as text; `None` where it cannot be asked.
    pub async fn ask(&self, sql: &str) -> Option<String> {
        self.ask_in("postgres", sql).await
    }

    /// The same in one of its databases.
    pub async fn ask_in(&self, database: &str, sql: &str) -> Option<String> {
        let work = async {
            let mut connection = PgConnection::connect(&self.url(database)).await.ok()?;
            let sql = AssertSqlSafe(format!("SELECT ({sql})::text"));
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.ok()
        };
        tokio::time::timeout(PATIENCE, work).await.ok().flatten()
    }

    /// Waits until it answers so.
    pub async fn until(&self, sql: &str, wanted: &str) {
        let started = Instant::now();
        let mut told = None;
        while started.elapsed() < PATIENCE {
            told = self.ask(sql).await;
            if told.as_deref() == Some(wanted) {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("{sql}: {told:?} and not {wanted}: {}", self.log());
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// Starts it on the data that is there, and waits until it can be asked.
    async fn run(&mut self) {
        let log = self.home.path().join("log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log);
        let log = log.expect("the log can be written");
        let settings = [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "max_connections=200".to_owned(),
            "shared_buffers=32MB".to_owned(),
            "wal_level=replica".to_owned(),
            "hot_standby=on".to_owned(),
            // Here processes die, and never the machine: what they wrote is there.
            "fsync=off".to_owned(),
            // A standby that was away for a while finds what it missed.
            "wal_keep_size=256MB".to_owned(),
            // A frozen or killed side is noticed while a test still runs.
            "wal_receiver_timeout=5s".to_owned(),
            "wal_sender_timeout=5s".to_owned(),
            "wal_retrieve_retry_interval=200ms".to_owned(),
        ];
        let mut command = self.programs.command("postgres", self.home.path());
        command.arg("-D").arg(self.data());
        for setting in settings {
            command.arg("-c").arg(setting);
        }
        command.stdout(log.try_clone().expect("the log is one file")).stderr(log);
        self.child = Some(command.spawn().expect("postgres starts"));
        let started = Instant::now();
        while self.ask("SELECT 1").await.is_none() {
            let child = self.child.as_mut().expect("it was started");
            let ended = child.try_wait().expect("its status is known");
            assert!(ended.is_none(), "PostgreSQL ended: {}", self.log());
            assert!(started.elapsed() < PATIENCE, "PostgreSQL is not ready: {}", self.log());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The process that all others of it come from.
    pub fn process(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("the server runs")
    }

    /// All its processes, the first one foremost.
    pub fn processes(&self) -> Vec<u32> {
        let first = self.process();
        let mut all = vec![first];
        all.extend(children_of(first));
        all
    }

    /// Stops all its processes where they stand: connections stay open and nobody answers.
    pub fn freeze(&self) {
        signal(&self.processes(), rustix::process::Signal::STOP);
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        signal(&self.processes(), rustix::process::Signal::CONT);
    }

    /// Ends all its processes as a power cut would.
    pub async fn kill(&mut self) {
        let all = self.processes();
        signal(&all, rustix::process::Signal::KILL);
        self.gone(&all).await;
    }

    /// Ends it without ceremony; the next start recovers from the log.
    pub async fn stop(&mut self) {
        let all = self.processes();
        signal(&all[..1], rustix::process::Signal::QUIT);
        self.gone(&all).await;
    }

    /// Waits until its processes are gone, so that the next one finds nothing of theirs.
    async fn gone(&mut self, all: &[u32]) {
        let mut child = self.child.take().expect("the server runs");
        let ended = tokio::time::timeout(GONE, child.wait()).await;
        ended.expect("the server ends in time").expect("its status is known");
        let started = Instant::now();
        while all.iter().any(|process| Path::new(&format!("/proc/{process}")).exists()) {
            assert!(started.elapsed() < GONE, "processes of PostgreSQL stay");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Starts it again where it was, after [`Self::kill`] or [`Self::stop`].
    pub async fn restart(&mut self) {
        assert!(self.child.is_none(), "it was ended before");
        self.run().await;
    }

    /// A standby that streams from it and can be read.
    pub async fn standby(&self) -> Self {
        let mut standby = Self::prepare();
        let name = standby.name();
        let primary = format!("host=127.0.0.1 port={} user=teller", self.port);
        let mut command = self.programs.command("pg_basebackup", standby.home.path());
        command.arg("--pgdata").arg(standby.data()).arg(format!("--dbname={primary}")).args([
            "--wal-method=stream",
            "--checkpoint=fast",
            "--no-sync",
        ]);
        self.programs.run(&mut command).await;
        let settings = format!(
            "primary_conninfo = '{primary} application_name={name}'\n\
             synchronous_standby_names = ''\n"
        );
        // It may be the copy of a server that waited for a standby of its own.
        let own = standby.data().join("postgresql.auto.conf");
        fs::write(own, settings).expect("the settings are written");
        let mark = standby.data().join("standby.signal");
        fs::write(mark, "").expect("the mark of a standby is written");
        standby.run().await;
        let streams = format!(
            "SELECT count(*) FROM pg_stat_replication WHERE application_name = '{name}' \
             AND state = 'streaming'"
        );
        self.until(&streams, "1").await;
        standby
    }

    /// How it names itself to its primary.
    fn name(&self) -> String {
        format!("standby_{}", self.port)
    }

    /// From now on a commit waits until this standby has it.
    pub async fn wait_for(&self, standby: &Self) {
        let name = standby.name();
        self.sql(&format!(
            "ALTER SYSTEM SET synchronous_standby_names = '{name}'; SELECT pg_reload_conf()"
        ))
        .await;
        let sync =
            format!("SELECT sync_state FROM pg_stat_replication WHERE application_name = '{name}'");
        self.until(&sync, "sync").await;
    }

    /// Makes a standby the primary.
    pub async fn promote(&self) {
        self.sql("SELECT pg_promote(true, 60)").await;
        self.until("SELECT pg_is_in_recovery()", "false").await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(child) = self.child.take()
            && let Some(first) = child.id()
        {
            let mut all = vec![first];
            all.extend(children_of(first));
            signal(&all, rustix::process::Signal::KILL);
        }
    }
}

/// The processes that this one started.
fn children_of(process: u32) -> Vec<u32> {
    let listed = fs::read_dir("/proc").expect("the processes are listed");
    let numbers = listed.flatten().filter_map(|one| one.file_name().to_str()?.parse().ok());
    numbers.filter(|number| parent_of(*number) == Some(process)).collect()
}

fn parent_of(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // `number (name) state parent …`; a name may have anything in it.
    let (_, rest) = status.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// Sends a signal to each of these that is still there.
pub fn signal(processes: &[u32], signal: rustix::process::Signal) {
    for process in processes {
        let number = i32::try_from(*process).ok().and_then(rustix::process::Pid::from_raw);
        // Those that have ended in the meantime are what was wanted.
        let _ = rustix::process::kill_process(number.expect("a process has a number"), signal);
    }
}
