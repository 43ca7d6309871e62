//! Backups as an operator makes them, looks at them and puts them back; and a start that
//! serves nothing from what is broken.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::support::{
    bank::{SECRET, test_name},
    databases,
    databases::Fresh,
    proof,
    server::{Server, client, teller},
    uploads::{form, form_type},
};

/// Runs a command to its end: its exit code, what it said, and what it complained of.
async fn run(folder: &Path, url: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = teller(folder, url).args(arguments).output().await.expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn url_in(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("teller.db").display())
}

/// Every file below a folder, with what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).expect("the file is read"));
        }
    }
    all
}

/// A bank with people, money and a file, and a backup of it that was made beside a server.
struct Made {
    fresh: Fresh,
    backups: tempfile::TempDir,
    file: String,
}

async fn made() -> Made {
    let fresh = databases::sqlite().await;
    let backups = tempfile::tempdir().expect("a folder");
    let file = backups.path().join("bank").display().to_string();
    let (code, out, err) = run(fresh.folder(), &fresh.url, &["seed"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let server = Server::start(fresh.folder(), &fresh.url).await;
    let ann = crate::support::load::join(&server, "zoe", 1).await;
    let sent = client()
        .post(format!("{}/files", server.url))
        .bearer_auth(&ann.token)
        .header("content-type", form_type())
        .body(form("file", "a.csv", "text/csv", b"a,b\n1,2\n"))
        .send()
        .await
        .expect("it answers");
    assert_eq!(sent.status(), 201);
    let (code, out, err) = run(fresh.folder(), &fresh.url, &["backup", &file]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("The books hold.") && out.contains("1 files of people"), "{out}");
    assert!(server.stop().await.success());
    Made { fresh, backups, file }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_for_its_owner_alone_and_takes_no_others_place_unless_told() {
    let Made { fresh, backups, file } = made().await;
    let mode = |path: &str| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&format!("{file}.files"))), (0o600, 0o700));
    let before = contents(backups.path());
    assert_eq!(before.len(), 2, "the bank and its file, and nothing beside: {:?}", before.keys());
    let (code, _, err) = run(fresh.folder(), &fresh.url, &["backup", &file]).await;
    assert!(code == 1 && err.contains("is there already"), "{err}");
    assert_eq!(contents(backups.path()), before);
    let (code, out, _) = run(fresh.folder(), &fresh.url, &["backup", &file, "--replace"]).await;
    assert_eq!(code, 0, "{out}");
    // What does not hold is no backup, and the one before stays.
    let before = contents(backups.path());
    fresh.raw("UPDATE balances SET posted = posted + 1 WHERE posted > 0").await.expect("raw");
    let (code, out, _) = run(fresh.folder(), &fresh.url, &["backup", &file, "--replace"]).await;
    assert!(code == 1 && out.contains("BROKEN every balance is the sum"), "{out}");
    assert_eq!(contents(backups.path()), before);
    proof::tally("sqlite", &test_name());
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_does_not_hold_is_told_by_what_is_wrong_and_nothing_is_touched() {
    let Made { fresh, backups, file } = made().await;
    let folder = fresh.folder();
    let check = async |file: &str, more: &[&str]| {
        let before = contents(backups.path());
        let arguments = [&["restore", file, "--check"], more].concat();
        let (code, out, err) = run(folder, &fresh.url, &arguments).await;
        assert_eq!(contents(backups.path()), before, "nothing is touched");
        (code, format!("{out}{err}"))
    };
    let (code, told) = check(&file, &[]).await;
    assert!(code == 0 && told.ends_with("The backup holds.\n"), "{told}");
    let (code, told) = check(&file, &["--secret-key", SECRET]).await;
    assert!(code == 1 && told.contains("written with another TELLER_SECRET_KEY"), "{told}");
    let (code, told) = check("/nowhere/at/all", &[]).await;
    assert!(code == 1 && told.contains("is no file"), "{told}");
    // A page that rotted, an end that is missing, and what is no database.
    let whole = fs::read(&file).expect("the backup");
    let spoilt = backups.path().join("spoilt").display().to_string();
    for (bytes, needed) in [
        (whole[..whole.len() / 2].to_vec(), "BROKEN"),
        ([&whole[..8192], &[0xff; 4096], &whole[12288..]].concat(), "BROKEN"),
        (b"what is no database at all".repeat(400), "BROKEN"),
    ] {
        fs::write(&spoilt, bytes).expect("it is written");
        let (code, told) = check(&spoilt, &[]).await;
        assert!(code == 1 && told.contains(needed), "{told}");
        assert!(told.ends_with("The backup does not hold.\n"), "{told}");
    }
    // Somebody's hand, and the schema of an older program.
    let older = "DELETE FROM _sqlx_migrations WHERE version = 18";
    for (sql, needed) in [
        ("UPDATE balances SET version = version + 1 WHERE posted > 0", "BROKEN every version"),
        (older, "migration 18 is missing"),
    ] {
        fresh.raw(sql).await.expect("raw");
        fs::copy(folder.join("teller.db"), &spoilt).expect("it is copied");
        let (code, told) = check(&spoilt, &[]).await;
        assert!(code == 1 && told.contains(needed), "{told}");
    }
    // A file of somebody's that is not as it was.
    let files = contents(Path::new(&format!("{file}.files")));
    let one = files.keys().next().expect("there is one");
    fs::write(one, b"a,b\n1,3\n").expect("it is written");
    let (code, told) = check(&file, &[]).await;
    assert!(code == 1 && told.contains("is not as it was brought"), "{told}");
    fs::remove_file(one).expect("it is removed");
    let (code, told) = check(&file, &[]).await;
    assert!(code == 1 && told.contains("has no bytes"), "{told}");
    proof::tally("sqlite", &test_name());
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_becomes_the_bank_where_none_is_or_keeps_the_old_one_beside() {
    let Made { fresh, backups: _backups, file } = made().await;
    // In a new place, with the old secret.
    let empty = tempfile::tempdir().expect("a folder");
    let (folder, url) = (empty.path(), url_in(empty.path()));
    fs::copy(fresh.folder().join("secret.key"), folder.join("secret.key")).expect("copied");
    let (code, out, err) = run(folder, &url, &["restore", &file]).await;
    assert!(code == 0 && out.contains("is restored"), "{out}{err}");
    let mode = fs::metadata(folder.join("teller.db")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, out, _) = run(folder, &url, &["audit", "--files"]).await;
    assert!(code == 0 && out.contains("1 files are as they were brought"), "{out}");
    // Not over one that is there, nor over one that is served.
    let (code, _, err) = run(folder, &url, &["restore", &file]).await;
    assert!(code == 1 && err.contains("say --replace"), "{err}");
    let server = Server::start(folder, &url).await;
    let (code, out, err) = run(folder, &url, &["restore", &file, "--replace"]).await;
    assert!(code == 1 && err.contains("is in use"), "{out}{err}");
    crate::support::load::join(&server, "later", 2).await;
    assert!(server.stop().await.success());
    let (code, out, err) = run(folder, &url, &["restore", &file, "--replace"]).await;
    assert!(code == 0 && out.contains("What was there before is"), "{out}{err}");
    let names = contents(folder).into_keys().map(|path| path.display().to_string());
    let kept: Vec<String> = names.filter(|name| name.contains("teller.db.before-")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let (code, out, _) = run(folder, &format!("sqlite://{}", kept[0]), &["audit"]).await;
    assert_eq!(code, 0, "the old one is whole: {out}");
    let server = Server::start(folder, &url).await;
    assert!(server.stop().await.success());
    proof::tally("sqlite", &test_name());
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_told_to_use_its_own_tools() {
    let fresh = databases::postgres().await;
    let file = fresh.folder().join("backup").display().to_string();
    for (arguments, tool) in [(["backup", &file], "pg_dump"), (["restore", &file], "pg_restore")] {
        let (code, _, err) = run(fresh.folder(), &fresh.url, &arguments).await;
        assert!(code == 1 && err.contains(tool) && err.contains("teller audit"), "{err}");
    }
    proof::tally("postgres", &test_name());
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_money_is_served_from_books_that_are_not_sound() {
    for broken in [
        "UPDATE balances SET posted = posted + 1 WHERE posted > 0",
        "UPDATE balances SET held = 1 WHERE posted > 0",
        "UPDATE bank_folds SET sum = sum - 5",
    ] {
        for fresh in databases::both().await {
            let (code, out, err) = run(fresh.folder(), &fresh.url, &["seed"]).await;
            assert_eq!(code, 0, "{out}{err}");
            // Sealed, so that there are folds to break.
            let server = Server::start(fresh.folder(), &fresh.url).await;
            assert!(server.stop().await.success());
            fresh.raw(broken).await.expect("raw");
            let (code, out, err) = run(fresh.folder(), &fresh.url, &["serve"]).await;
            assert_eq!((code, out.as_str()), (1, ""), "{}: {broken}", fresh.name);
            assert!(err.contains("nothing is served") && err.contains("teller audit"), "{err}");
            proof::tally(fresh.name, &test_name());
            fresh.remove().await;
        }
    }
}
