//! The migrations of a release that is not there yet: today's, and one that adds to them.

use std::{env, fmt::Write as _, fs, io, io::Write as _, path::Path, process::Stdio};

use sqlx::migrate::Migrator;
use teller::db::{migrate::beside_newer, pool::Db};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// What names the database and the folder of migrations to a process that migrates.
const URL: &str = "TELLER_TEST_TOMORROW_URL";
const FOLDER: &str = "TELLER_TEST_TOMORROW_FOLDER";
/// What such a process says before it begins.
const BEGINS: &str = "tomorrow begins";
/// What is added; each is one statement, on either database.
pub const STATEMENTS: [&str; 5] = [
    "CREATE TABLE tomorrow (number INTEGER NOT NULL PRIMARY KEY, word TEXT NOT NULL)",
    "ALTER TABLE accounts ADD COLUMN tomorrow TEXT",
    "CREATE INDEX tomorrow_by_word ON tomorrow (word)",
    "INSERT INTO tomorrow (number, word) VALUES (1, 'one')",
    "ALTER TABLE users ADD COLUMN tomorrow TEXT",
];
/// The first of the locks at which PostgreSQL waits between the statements.
pub const LOCKS: i64 = 990_000;

/// The folder of tomorrow's migrations for a database. On PostgreSQL each statement is
/// followed by a lock that is free unless somebody holds it; on SQLite one statement, if any,
/// is followed by one that takes seconds.
pub fn folder(database: &str, slow_after: Option<usize>) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let today = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    for file in fs::read_dir(today).expect("the migrations are there") {
        let file = file.expect("a file");
        fs::copy(file.path(), folder.path().join(file.file_name())).expect("it is copied");
    }
    let mut text = String::new();
    for (place, statement) in STATEMENTS.into_iter().enumerate() {
        text.push_str(statement);
        text.push_str(";\n");
        if database == "postgres" {
            let lock = LOCKS + i64::try_from(place).expect("few");
            writeln!(text, "SELECT pg_advisory_xact_lock({lock});").expect("a text takes it");
        } else if slow_after == Some(place) {
            text.push_str(
                "CREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL \
                SELECT i + 1 FROM n WHERE i < 50000000) SELECT count(*) AS total FROM n;\n",
            );
        }
    }
    fs::write(folder.path().join("9000_tomorrow.sql"), text).expect("it is written");
    folder
}

/// Migrates a database by a folder's migrations.
pub async fn migrate(url: &str, folder: &Path) {
    let migrations = Migrator::new(folder).await.expect("the migrations are read");
    let db = Db::open(url, 2).await.expect("the database opens");
    let done = db.migrate_by(&beside_newer(migrations)).await;
    done.expect("the migrations run");
    db.close().await;
}

/// In a process that was started by [`start`] does what that was started for, and tells so.
pub async fn is_meant() -> bool {
    let (Ok(url), Ok(folder)) = (env::var(URL), env::var(FOLDER)) else {
        return false;
    };
    writeln!(io::stdout(), "{BEGINS}").expect("somebody reads it");
    migrate(&url, Path::new(&folder)).await;
    true
}

/// Starts a process that migrates, by the test that asks [`is_meant`]; it has begun.
pub async fn start(test: &str, url: &str, folder: &Path) -> Child {
    let program = env::current_exe().expect("the tests know where they are");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture"]).env(URL, url).env(FOLDER, folder);
    command.env_remove("TELLER_TEST_TALLY").env_remove("TELLER_PROOF");
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().expect("the process starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    loop {
        let line = lines.next_line().await.expect("its output is text");
        let line = line.expect("it begins before it ends");
        if line.contains(BEGINS) {
            break;
        }
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}
