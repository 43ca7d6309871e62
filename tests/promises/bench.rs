//! `teller bench` measures what it says, on books that hold, and leaves nothing behind.

use std::{path::Path, process::Stdio};

use serde_json::Value;

use crate::support::{
    bank::test_name, databases, databases::Fresh, people::text, proof, server::teller,
};

/// The rows of a quick run, whose names say how few clients it has.
const ROWS: [&str; 18] = [
    "transfer_many_1",
    "transfer_many_4",
    "transfer_p99",
    "transfer_many_8",
    "transfer_hot_4",
    "transfer_hot_8",
    "me_cpu",
    "memory_rest",
    "memory_load",
    "history_first",
    "history_last",
    "balance_at",
    "start",
    "live_own",
    "live_one",
    "live_rest",
    "live_median",
    "live_p99",
];

/// What the product writes for one transfer: key, two entries, transaction, two texts,
/// two events, a line of the audit log, and two rows for the sealer.
const NEW_ROWS: f64 = 11.0;

/// Runs the bench with its temporary folder inside `folder`: what it printed, and the
/// number of its process.
async fn bench(folder: &Path, url: &str, arguments: &[&str]) -> (bool, String, u32) {
    let mut command = teller(folder, url);
    command.arg("bench").args(arguments).env("TMPDIR", folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the bench starts");
    let process = child.id().expect("the bench runs");
    let output = child.wait_with_output().await.expect("the bench ends");
    let out = String::from_utf8(output.stdout).expect("its output is text");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let good = output.status.success();
    (good, if good { out } else { complaint }, process)
}

/// Neither a database nor a folder of that run is left.
async fn assert_nothing_left(fresh: &Fresh, process: u32) {
    let folders = std::fs::read_dir(fresh.folder()).expect("the folder can be listed");
    let names = folders.map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> =
        names.filter(|name| name.to_string_lossy().starts_with("teller-bench")).collect();
    assert!(left.is_empty(), "{left:?}");
    if fresh.name == "postgres" {
        let look = format!(
            "DO $$ BEGIN
                IF EXISTS (SELECT 1 FROM pg_database WHERE datname LIKE 'teller_bench_{process}_%')
                THEN RAISE EXCEPTION 'a database of the bench is left'; END IF;
            END $$"
        );
        fresh.raw(&look).await.expect("no database of the bench is left");
    }
}

/// Something came out of a row, and of its peer where it has one.
fn assert_measured(row: &Value) {
    if row["name"] == "balance_at" && row["figure"].is_null() {
        assert_eq!(row["note"], "the schema has no balanceAt yet");
        return;
    }
    let positive = |value: &Value| value.as_f64().is_some_and(|figure| figure > 0.0);
    assert!(positive(&row["figure"]), "{row}");
    assert!(!row["rounds"].as_array().expect("rounds").is_empty(), "{row}");
    let no_pgbench = row["note"].as_str().is_some_and(|note| note.contains("pgbench is not on"));
    if row["peer"].is_string() && !no_pgbench {
        assert!(positive(&row["peer_figure"]) && positive(&row["ratio"]), "{row}");
    }
    assert!(row["held"].is_null(), "a quick run judges nothing: {row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bench_measures_every_row_and_the_books_hold_after_it() {
    for fresh in databases::both().await {
        let (good, out, process) = bench(fresh.folder(), &fresh.url, &["--quick", "--json"]).await;
        assert!(good, "{out}");
        let report: Value = serde_json::from_str(&out).expect("one JSON object");
        let rows = report["rows"].as_array().expect("rows");
        let names: Vec<String> = rows.iter().map(|row| text(&row["name"])).collect();
        assert_eq!(names, ROWS);
        rows.iter().for_each(assert_measured);
        let audits = report["audits"].as_array().expect("audits");
        assert!(audits.len() >= 2, "the product's books and a peer's: {audits:?}");
        for audit in audits {
            assert_eq!(audit["holds"], true, "{audit}");
            assert!(text(&audit["told"]).contains("The books hold."), "{audit}");
        }
        for written in &report["rows_written"].as_array().expect("rows written")[1..] {
            assert_eq!(written["all"].as_f64(), Some(NEW_ROWS), "{written}");
        }
        assert_nothing_left(&fresh, process).await;
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bench_knows_its_groups() {
    let folder = tempfile::tempdir().expect("a folder");
    let (good, told, _) = bench(folder.path(), "sqlite://unused.db", &["--only", "cold"]).await;
    assert!(!good);
    assert!(told.contains("--only takes one of many, hot, me, history, memory, live"), "{told}");
}
