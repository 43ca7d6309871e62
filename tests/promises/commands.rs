//! The subcommands, as an operator types them.

use std::path::Path;

use crate::support::{
    bank::{SECRET, test_name},
    databases,
    databases::Fresh,
    proof,
    server::{Server, client, teller},
};

/// Runs a command to its end: its exit code, what it said, and what it complained of.
async fn run(folder: &Path, url: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = teller(folder, url).args(arguments).output().await.expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

async fn each(promise: impl AsyncFn(&Fresh)) {
    for fresh in databases::both().await {
        promise(&fresh).await;
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_command_prints_exactly_the_schema_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, out, err) = run(folder.path(), "sqlite://unused.db", &["schema"]).await;
    let path = format!("{}/schema.graphql", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read_to_string(path).expect("the schema file is there");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out == file, "renew schema.graphql with: make schema");
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_people_are_made_once_and_the_books_hold() {
    each(async |fresh| {
        let run = async |arguments: &[&str]| run(fresh.folder(), &fresh.url, arguments).await;
        let (code, out, err) = run(&["seed"]).await;
        assert_eq!(code, 0, "{out}{err}");
        let row =
            |email: &str, became: &str, what: &str| format!("{email:<24} {became:<17} {what}\n");
        assert!(out.contains(&row("ann@example.org", "was made", "a year of history")), "{out}");
        assert!(out.contains(&row("ewallet@example.org", "was made", "for ewallet")), "{out}");
        assert_eq!(out.matches("was made").count(), 8, "{out}");
        assert!(out.contains("\"demo people love cranes\""), "{out}");
        let (code, out, err) = run(&["seed"]).await;
        assert_eq!(code, 0, "{out}{err}");
        assert_eq!(out.matches("was there before").count(), 8, "{out}");
        let (code, out, _) = run(&["audit"]).await;
        assert_eq!(code, 0, "{out}");
        assert!(out.contains("261 transactions, 522 entries"), "{out}");
        assert!(out.contains("ok     the sum of all entries in USD is 0.00 USD"), "{out}");
        assert!(out.ends_with("The books hold.\n"), "{out}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_exits_with_1_and_names_the_row_that_is_wrong() {
    each(async |fresh| {
        let (code, out, err) = run(fresh.folder(), &fresh.url, &["seed"]).await;
        assert_eq!(code, 0, "{out}{err}");
        fresh.raw("UPDATE balances SET version = version + 1 WHERE posted > 0").await.expect("raw");
        let (code, out, _) = run(fresh.folder(), &fresh.url, &["audit"]).await;
        assert_eq!(code, 1, "{out}");
        let broken = "BROKEN every version counts its entries without a gap: first at account ";
        assert!(out.contains(broken), "{out}");
        assert!(out.ends_with("The books do not hold.\n"), "{out}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_secret_is_left_alone() {
    each(async |fresh| {
        let (code, out, err) = run(fresh.folder(), &fresh.url, &["seed"]).await;
        assert_eq!(code, 0, "{out}{err}");
        let mut other = teller(fresh.folder(), &fresh.url);
        let output = other.args(["seed", "--secret-key", SECRET]).output().await.expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("written with another TELLER_SECRET_KEY"), "{told}");
        assert!(!told.contains(SECRET), "{told}");
    })
    .await;
}

const PRODUCTION: &[&str] = &[
    "--production",
    "--secret-key",
    SECRET,
    "--smtp-url",
    "smtp://127.0.0.1:9",
    "--mail-from",
    "bank@example.org",
    "--frontend-url",
    "https://bank.example.org",
    "--public-url",
    "https://api.example.org",
];

#[tokio::test(flavor = "multi_thread")]
async fn production_wants_everything_explicit_and_shows_no_inbox() {
    each(async |fresh| {
        let (code, _, err) = run(fresh.folder(), &fresh.url, &["serve", "--production"]).await;
        assert_eq!(code, 2);
        for needed in ["TELLER_SECRET_KEY", "TELLER_SMTP_URL", "TELLER_FRONTEND_URL"] {
            assert!(err.contains(needed), "{err}");
        }
        let mut command = teller(fresh.folder(), &fresh.url);
        let server = Server::start_with(command.args(PRODUCTION)).await;
        assert!(!server.announced.contains("/dev/inbox"), "{}", server.announced);
        let status =
            client().get(format!("{}/dev/inbox", server.url)).send().await.expect("it answers");
        assert_eq!(status.status(), 404);
        assert!(server.stop().await.success());
        let arguments = [&["seed"], PRODUCTION].concat();
        let (code, _, err) = run(fresh.folder(), &fresh.url, &arguments).await;
        assert_eq!(code, 1);
        assert!(err.contains("Demo people are for the sandbox"), "{err}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn production_does_not_migrate_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("new/teller.db").display());
    let serve = [&["serve"], PRODUCTION].concat();
    let (code, _, err) = run(folder.path(), &url, &serve).await;
    assert_eq!(code, 1);
    assert!(err.contains("run `teller migrate` first"), "{err}");
    let (code, out, _) = run(folder.path(), &url, &[&["migrate"], PRODUCTION].concat()).await;
    let folder_of_ours = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let many = std::fs::read_dir(folder_of_ours).expect("the migrations are there").count();
    let told = format!("{many} migrations were made; the schema is up to date.\n");
    assert_eq!((code, out), (0, told));
    let (code, out, _) = run(folder.path(), &url, &[&["migrate"], PRODUCTION].concat()).await;
    assert_eq!((code, out.as_str()), (0, "The schema is up to date.\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_said_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    for (url, told) in [
        ("mysql://x", "TELLER_DATABASE_URL must begin with sqlite: or postgres:"),
        (
            "postgres://nobody@127.0.0.1:1/x",
            "the database postgres://127.0.0.1:1/x cannot be opened",
        ),
        ("sqlite::memory:", "SQLite must run with journal_mode=wal"),
    ] {
        let (code, _, err) = run(folder.path(), url, &["audit"]).await;
        assert_ne!(code, 0);
        assert!(err.contains(told), "{url}: {err}");
    }
    let missing = folder.path().join("nowhere.db");
    let url = format!("sqlite://{}", missing.display());
    let (code, _, err) = run(folder.path(), &url, &["audit"]).await;
    assert_eq!((code, missing.exists()), (1, false), "an audit makes nothing: {err}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let url = format!("sqlite://{}", folder.path().join("teller.db").display());
    let (code, _, err) = run(folder.path(), &url, &["serve", "--listen", &address]).await;
    assert_eq!(code, 1);
    assert!(err.contains(&format!("cannot listen on {address}")), "{err}");
}
