//! Bits that flip while the server is stopped: in the database, in its log, in the files
//! of people. Each is found by the audit or at the start, or changes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    bank::test_name,
    databases,
    load::{Line, Order, Payer, Tally, Told, balances, town},
    proof,
    server::{Server, client, post, teller},
    uploads::{form, form_type},
};

const PEOPLE: u32 = 3;
const MORE: i64 = 1_000;
/// Transfers before the bank is stopped.
const TRANSFERS: usize = 120;
/// A start that has not ended by then serves.
const START: Duration = Duration::from_mins(1);

/// A bank that is stopped, and what it served before.
struct Still {
    folder: TempDir,
    payers: Arc<Vec<Payer>>,
    balances: Vec<i64>,
    /// Paths with their keys, and what they show.
    files: Vec<(String, Vec<u8>)>,
}

/// What is hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hit {
    Database,
    Log,
    File,
}

/// What came of a flip.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// `teller audit` said so.
    Audited,
    /// It passes the audit, and no server starts.
    Refused,
    /// All is as it was.
    Nothing,
    /// What is asked is told as an error, and no total is.
    AnError(String),
    /// A total, or a file, is another one, and nobody says so.
    Wrong(String),
}

fn url_in(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("teller.db").display())
}

/// Fills a bank and stops it: in order, or by a kill, which leaves its log.
async fn fill(in_order: bool) -> Still {
    let fresh = databases::sqlite().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    copy_folder(fresh.folder(), folder.path());
    fresh.remove().await;
    let server = Server::start(folder.path(), &url_in(folder.path())).await;
    let payers = town(&server, PEOPLE, MORE).await;
    let (line, tally) = (Line::to(&server), Tally::default());
    for n in 0..TRANSFERS {
        let (from, to) = (n % payers.len(), (n + 1) % payers.len());
        let order =
            Order { key: format!("transfer{n}"), from, to, cents: if n % 2 == 0 { 1 } else { 3 } };
        let told = line.settle(&payers, &order, &tally).await;
        assert!(matches!(told, Told::Moved { .. }), "{told:?}");
    }
    let mut files = Vec::new();
    for payer in payers.iter() {
        let content = format!("a,b\n{}\n", "1,2\n".repeat(400)).into_bytes();
        let sent = client()
            .post(format!("{}/files", server.url))
            .bearer_auth(&payer.token)
            .header("content-type", form_type())
            .body(form("file", "figures.csv", "text/csv", &content))
            .send()
            .await
            .expect("it answers");
        let answer: Value = sent.json().await.expect("the answer is JSON");
        let url = answer["url"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
        let (_, path) = url.split_once("/files/").expect("a file's URL");
        files.push((format!("/files/{path}"), content));
    }
    let balances = balances(&server, &payers).await;
    if in_order {
        assert!(server.stop().await.success());
    } else {
        server.kill().await;
    }
    Still { folder, payers, balances, files }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is made");
    for entry in fs::read_dir(from).expect("the folder is read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("the file is copied");
        }
    }
}

fn draw(chance: &mut ChaCha20Rng, below: usize) -> usize {
    usize::try_from(chance.next_u64() % below as u64).expect("it is below a usize")
}

/// Flips one bit of what is hit.
fn flip(folder: &Path, hit: Hit, chance: &mut ChaCha20Rng) {
    let file: PathBuf = match hit {
        Hit::Database => folder.join("teller.db"),
        Hit::Log => folder.join("teller.db-wal"),
        Hit::File => {
            let entries = fs::read_dir(folder.join("files")).expect("the files are there");
            let mut all: Vec<PathBuf> = entries.map(|entry| entry.expect("one").path()).collect();
            all.sort();
            all.swap_remove(draw(chance, all.len()))
        }
    };
    let mut bytes = fs::read(&file).expect("the file is read");
    let place = draw(chance, bytes.len());
    bytes[place] ^= 1 << draw(chance, 8);
    fs::write(&file, bytes).expect("the file is written");
}

/// What a flipped bank serves, against what it served before.
async fn ask(server: &Server, still: &Still) -> Came {
    let refresh = "mutation ($input: RefreshSessionInput) {
        refreshSession(input: $input) { accessToken errors { code } } }";
    let query = "query ($id: ID!) { card(by: { id: $id }) { balance { posted { amount } } } }";
    let mut errors = Vec::new();
    for (payer, cents) in still.payers.iter().zip(&still.balances) {
        // The token may have ended since; each copy takes the refresh token for the first time.
        let input = json!({ "input": { "refreshToken": payer.refresh } });
        let renewed = post(&client(), &server.url, None, refresh, input).await;
        let renewed = renewed.unwrap_or_else(|error| json!(error.to_string()));
        let Some(token) = renewed["data"]["refreshSession"]["accessToken"].as_str() else {
            errors.push(renewed.to_string());
            continue;
        };
        let id = json!({ "id": payer.card });
        let found = post(&client(), &server.url, Some(token), query, id).await;
        let found = found.unwrap_or_else(|error| json!(error.to_string()));
        let amount = found["data"]["card"]["balance"]["posted"]["amount"].as_str();
        match amount.map(|amount| amount.replace('.', "").parse::<i64>()) {
            Some(Ok(found)) if found == *cents => {}
            Some(_) => return Came::Wrong(format!("{found} in place of {cents}")),
            None => errors.push(found.to_string()),
        }
    }
    for (path, content) in &still.files {
        let answer = client().get(format!("{}{path}", server.url)).send().await;
        let answer = answer.expect("it answers");
        if !answer.status().is_success() {
            errors.push(format!("{path}: {}", answer.status()));
        } else if answer.bytes().await.is_ok_and(|bytes| bytes != content.as_slice()) {
            return Came::Wrong(path.clone());
        }
    }
    errors.pop().map_or(Came::Nothing, Came::AnError)
}

/// Flips one bit of a copy, and looks what comes of it.
async fn try_one(still: &Still, hit: Hit, chance: &mut ChaCha20Rng) -> Came {
    let copy = tempfile::tempdir().expect("a temporary folder can be made");
    copy_folder(still.folder.path(), copy.path());
    flip(copy.path(), hit, chance);
    let command = || teller(copy.path(), &url_in(copy.path()));
    let audit = command().args(["audit", "--files"]).output().await.expect("the audit runs");
    let told = String::from_utf8_lossy(&audit.stderr);
    assert!(!told.contains("panicked"), "{hit:?}: {told}");
    if !audit.status.success() {
        return Came::Audited;
    }
    let started = tokio::time::timeout(START, Server::try_start(command().arg("serve"))).await;
    let server = match started.expect("it starts or ends in time") {
        Ok(server) => server,
        Err(log) => {
            assert!(!log.contains("panicked"), "{hit:?}: {log}");
            return Came::Refused;
        }
    };
    let came = ask(&server, still).await;
    let log = server.log();
    assert!(!log.contains("panicked"), "{hit:?}: {log}");
    server.kill().await;
    came
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_is_found_or_changes_nothing() {
    let flips = proof::sized(40, 1_000);
    let mut chance = ChaCha20Rng::seed_from_u64(proof::seed());
    let (ended, killed) = (fill(true).await, fill(false).await);
    let counts = Tally::default();
    let mut wrong = Vec::new();
    for number in 0..flips {
        let (still, hit) = match number % 10 {
            0..5 => (&ended, Hit::Database),
            5..8 => (&killed, Hit::Log),
            _ => (&ended, Hit::File),
        };
        let word = match try_one(still, hit, &mut chance).await {
            Came::Audited => "found by the audit",
            Came::Refused => "found at the start",
            Came::Nothing => "without effect",
            Came::AnError(told) => {
                counts.note(&format!("error: {told}"));
                "told as an error"
            }
            Came::Wrong(what) => {
                wrong.push(format!("{hit:?}: {what}"));
                "wrong"
            }
        };
        counts.note(&format!("{hit:?} {word}"));
    }
    let held = wrong.is_empty();
    let figure = format!("{flips} flips: {}: {} wrong, 0 panics", counts.list(), wrong.len());
    let target = "each is found by `teller audit --files` or at the start, is told as an error, \
        or has no effect; 0 wrong totals served, 0 panics";
    proof::record(
        "F7 flipped bits in the database, its log and files, SQLite",
        target,
        &figure,
        held,
    );
    proof::tally("sqlite", &test_name());
    assert!(held, "{figure}: {wrong:?}");
}
