//! The sealed journal: everything is chained, and a receipt proves it to both sides.

use std::{
    collections::BTreeSet,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use teller::{ledger::sealer::Sealer, store::books, types::id::TransactionId};
use tokio::sync::watch;
use uuid::Uuid;

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, text},
    proof,
};

const README: &str = include_str!("../../README.md");

const RECEIPT: &str = "query ($id: ID!) { transaction(id: $id) {
    receipt { sequence hash previousHash content sealedAt } } }";

const RECEIPTS: &str = "{ history(first: 10) { nodes { transaction {
    id receipt { sequence hash previousHash content sealedAt } } } } }";

/// What an accepted posting leaves to be sealed: its movement, and its row of the audit log.
const OF_A_POSTING: usize = 2;

/// What a person who joins leaves to be sealed: the audit log's rows of their registration
/// and of their sign-in.
const OF_A_JOINING: usize = 2;

/// What the showing of a card leaves to be sealed: its row of the audit log.
const OF_A_SHOWING: usize = 1;

/// What [`payment`] leaves to be sealed: two people who join, two openings of cards that are
/// shown, and a payment.
const OF_A_PAYMENT: usize = 2 * (OF_A_JOINING + OF_A_SHOWING) + 3 * OF_A_POSTING;

/// What a person may read of a movement's receipt.
async fn receipt(bank: &TestBank, person: &Person, id: &str) -> Value {
    let mut data = bank.run(Some(&person.token), RECEIPT, json!({ "id": id })).await;
    data["transaction"]["receipt"].take()
}

/// Ann and ben, and what ann paid to him: the movement's id.
async fn payment(bank: &TestBank) -> (Person, Person, String) {
    let (ann, ben) = (bank.join("ann", 1).await, bank.join("ben", 2).await);
    let (from, to) = (bank.card(&ann).await, bank.card(&ben).await);
    let paid = bank.pay(&ann, "lunch", &from.id, &to.number, "12.50").await;
    assert_eq!(paid["errors"], json!([]), "{paid}");
    (ann, ben, text(&paid["transaction"]["id"]))
}

/// The hash that a receipt's reader computes from what they were given.
fn computed(receipt: &Value) -> String {
    let mut bytes = hex::decode(text(&receipt["previousHash"])).expect("a hash in hex");
    for line in text(&receipt["content"]).split('\n') {
        match hex::decode(line) {
            Ok(hash) => bytes.extend(hash),
            Err(_) => bytes.extend(Sha256::digest(line.as_bytes())),
        }
    }
    hex::encode(Sha256::digest(&bytes))
}

/// How many seals there are, and what waits for one.
async fn figures(bank: &TestBank) -> (usize, usize) {
    let mut s = bank.bank.db.read().await.expect("a transaction begins");
    let figures = books::figures(&mut s).await.expect("the books are counted");
    let counted = |count| usize::try_from(count).expect("a count");
    (counted(figures.seals), counted(figures.unsealed))
}

/// The kinds of the seals with how many there are of each.
async fn kinds(bank: &TestBank) -> Vec<(String, i64)> {
    let mut s = bank.bank.db.read().await.expect("a transaction begins");
    let sql = "SELECT kind, COUNT(*) FROM seals GROUP BY kind ORDER BY kind";
    s.query(sql).all().await.expect("the seals are counted")
}

/// All that is to be sealed or was, by the tables themselves, in the order of the ids.
async fn subjects(bank: &TestBank) -> BTreeSet<Uuid> {
    let mut s = bank.bank.db.read().await.expect("a transaction begins");
    let sql = "SELECT transaction_id FROM transactions UNION ALL SELECT audit_id FROM audit_log";
    let rows: Vec<(Uuid,)> = s.query(sql).all().await.expect("the subjects are read");
    rows.into_iter().map(|(id,)| id).collect()
}

/// The id of what [`log`] writes.
fn logged(number: u8) -> Uuid {
    let id = format!("00000000-0000-7000-8000-0000000000{number:02}");
    id.parse().expect("a number below 100")
}

/// An id as SQL.
fn literal(bank: &TestBank, id: Uuid) -> String {
    match bank.database {
        "sqlite" => format!("X'{}'", id.simple()),
        _ => format!("'{id}'"),
    }
}

/// An audit row, which waits for its seal; `number` below 100 tells it from others.
///
/// Its id is older than all that the bank makes itself.
pub async fn log(bank: &TestBank, number: u8, request: &str) {
    let id = literal(bank, logged(number));
    let sql = format!(
        "BEGIN;
         INSERT INTO audit_log (audit_id, actor_id, session_id, action, result, subject_id,
            ip_address, request_id, occurred_at)
         VALUES ({id}, {id}, NULL, 'LOOK', 'DONE', {id}, '127.0.0.1', '{request}',
            '2026-11-21T10:00:00.250+00:00');
         INSERT INTO unsealed (subject_id, kind) VALUES ({id}, 'AUDIT');
         COMMIT;"
    );
    bank.fresh.raw(&sql).await.expect("the row is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn payer_and_payee_compute_the_same_hash_from_what_each_may_read() {
    each_database(async |bank| {
        let (ann, ben, id) = payment(bank).await;
        assert_eq!(receipt(bank, &ann, &id).await, Value::Null, "nothing is sealed yet");
        assert_eq!(bank.seal().await, OF_A_PAYMENT);
        let each = [("AUDIT".to_owned(), 9), ("TRANSACTION".to_owned(), 3)];
        assert_eq!(
            kinds(bank).await,
            each,
            "two registrations, sign-ins, openings and showings, and a payment"
        );
        let (paid, got) = (receipt(bank, &ann, &id).await, receipt(bank, &ben, &id).await);
        for receipt in [&paid, &got] {
            assert_eq!(computed(receipt), text(&receipt["hash"]), "{receipt}");
            let content = text(&receipt["content"]);
            let lines: Vec<_> = content.split('\n').collect();
            assert_eq!(lines.len(), 3, "{content}");
            let place = format!(" {} {}", text(&receipt["sequence"]), text(&receipt["sealedAt"]));
            assert!(lines[0].starts_with("transaction "), "{content}");
            assert!(lines[0].ends_with(&place), "{content}");
            let own = lines.iter().filter(|line| line.starts_with("entry ")).count();
            let hashed = lines.iter().filter(|line| line.len() == 64).count();
            assert_eq!((own, hashed), (1, 1), "{content}");
        }
        for field in ["sequence", "hash", "previousHash", "sealedAt"] {
            assert_eq!(paid[field], got[field]);
        }
        assert!(text(&paid["content"]).contains(" customer -1250 USD 3750 2 "), "{paid}");
        assert!(text(&got["content"]).contains(" customer 1250 USD 6250 2 "), "{got}");
        // An opening credit's other side is the bank's own: its line is only a hash.
        let all = bank.run(Some(&ann.token), RECEIPTS, Value::Null).await;
        let all = all["history"]["nodes"].as_array().expect("a list").clone();
        assert_eq!(all.len(), 2);
        for node in &all {
            let receipt = &node["transaction"]["receipt"];
            assert_eq!(computed(receipt), text(&receipt["hash"]), "{receipt}");
            assert!(!text(&receipt["content"]).contains(" bank "), "{receipt}");
        }
        let opening = &all[1]["transaction"]["id"];
        let data = bank.run(Some(&ben.token), RECEIPT, json!({ "id": opening })).await;
        assert_eq!(data["transaction"], Value::Null, "another's movement");
        bank.audit().await;
        let name = format!("a receipt, {}", bank.database);
        let (target, figure) = ("payer and payee compute the same sealed hash", "both did");
        proof::record(&name, target, figure, true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_are_numbered_without_a_gap_and_each_covers_the_one_before() {
    each_database(async |bank| {
        let (ann, _, first) = payment(bank).await;
        let before = subjects(bank).await;
        assert_eq!(bank.seal().await, OF_A_PAYMENT);
        let card = bank.card(&ann).await;
        let paid = bank.top_up(&ann, "more", &card.id, "1.00").await;
        log(bank, 1, "quote \" and \\ backslash").await;
        let behind = subjects(bank).await.difference(&before).copied().collect::<BTreeSet<_>>();
        // An opening and a top-up, and the row that was logged.
        assert_eq!(bank.seal().await, 2 * OF_A_POSTING + OF_A_SHOWING + 1);
        assert_eq!(behind.first(), Some(&logged(1)), "its id is older than all others");
        // Each page is numbered in the order of the ids, whatever its subjects are: what
        // was made in the same millisecond stands in no order that a test could know.
        let all: Vec<Uuid> = before.into_iter().chain(behind).collect();
        assert_eq!(all.len(), OF_A_PAYMENT + 2 * OF_A_POSTING + OF_A_SHOWING + 1);
        let mut s = bank.bank.db.read().await.expect("a transaction begins");
        let sql = "SELECT sequence, subject_id FROM seals ORDER BY sequence";
        let seals: Vec<(i64, Uuid)> = s.query(sql).all().await.expect("the seals are read");
        drop(s);
        assert_eq!(seals, (1..).zip(all.iter().copied()).collect::<Vec<_>>());
        for id in [&first, &text(&paid["transaction"]["id"])] {
            let uuid = TransactionId::from_wire(id).expect("an id").uuid();
            let place = all.iter().position(|one| *one == uuid).expect("it is to be sealed");
            let sequence = receipt(bank, &ann, id).await["sequence"].take();
            assert_eq!(text(&sequence), (place + 1).to_string());
        }
        assert_eq!(figures(bank).await, (all.len(), 0));
        bank.audit().await;
        assert_eq!(bank.seal().await, 0, "nothing is sealed twice");
    })
    .await;
}

/// A movement between two of the bank's own accounts as raw SQL, with an id older than all.
fn old_movement(bank: &TestBank) -> Vec<&'static str> {
    let (id, salt) = match bank.database {
        "sqlite" => ("X'00000000000070008000000000000001'", "X'00112233445566778899aabbccddeeff'"),
        _ => (
            "CAST('00000000-0000-7000-8000-000000000001' AS UUID)",
            r"CAST('\x00112233445566778899aabbccddeeff' AS BYTEA)",
        ),
    };
    let at = match bank.database {
        "sqlite" => "'2026-11-21T10:00:00+00:00'",
        _ => "TIMESTAMPTZ '2026-11-21T10:00:00+00:00'",
    };
    let entry = |kind: &str, amount: i64| {
        format!(
            "INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt)
             SELECT {id}, account_id, FALSE, {amount}, {at}, {salt}
             FROM accounts WHERE kind = '{kind}' AND currency = 'USD'"
        )
    };
    let text = |side: &str, kind: &str| {
        format!(
            "INSERT INTO transaction_texts (transaction_id, side, account_id, label)
             SELECT {id}, '{side}', account_id, 'x'
             FROM accounts WHERE kind = '{kind}' AND currency = 'USD'"
        )
    };
    let close = format!(
        "INSERT INTO transactions (transaction_id, kind, posted_at) VALUES ({id}, 'TRANSFER', {at})"
    );
    let wait = format!("INSERT INTO unsealed (subject_id, kind) VALUES ({id}, 'TRANSACTION')");
    let all = [
        entry("CASH_CLEARING", 5),
        entry("OPENING_CREDITS", -5),
        close,
        text("FROM", "OPENING_CREDITS"),
        text("TO", "CASH_CLEARING"),
        wait,
    ];
    all.into_iter().map(|sql| &*sql.leak()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_movement_that_commits_late_is_sealed_late_and_never_skipped() {
    each_database(async |bank| {
        payment(bank).await;
        let open = async || {
            let mut s = bank.bank.db.write().await.expect("a transaction begins");
            for sql in old_movement(bank) {
                s.query(sql).execute().await.expect(sql);
            }
            s
        };
        // On SQLite a writer is alone, so there the old movement can only begin later.
        let late = if bank.database == "postgres" { Some(open().await) } else { None };
        assert_eq!(bank.seal().await, OF_A_PAYMENT);
        let late = match late {
            Some(late) => late,
            None => open().await,
        };
        late.commit().await.expect("the late one commits");
        assert_eq!(figures(bank).await, (OF_A_PAYMENT, 1));
        bank.audit().await;
        assert_eq!(bank.seal().await, 1);
        assert_eq!(figures(bank).await, (OF_A_PAYMENT + 1, 0));
        bank.audit().await;
        let name = format!("sealed while an older transaction is open, {}", bank.database);
        proof::record(&name, "0 skipped", &format!("0 of {}", OF_A_PAYMENT + 1), true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sealers_at_once_seal_everything_once() {
    each_database(async |bank| {
        let (ann, _, _) = payment(bank).await;
        let card = bank.card(&ann).await;
        for number in 0..20 {
            bank.top_up(&ann, &format!("key-{number}"), &card.id, "1.00").await;
            log(bank, number, "at once").await;
        }
        let other = bank.fresh.open().await;
        let mut running = tokio::task::JoinSet::new();
        for db in [bank.bank.db.clone(), other.clone()] {
            let sealer = Sealer::new(db, std::sync::Arc::clone(&bank.bank.clock));
            running.spawn(async move {
                for _ in 0..50 {
                    sealer.seal_page().await.expect("a sealer that comes second does nothing");
                }
            });
        }
        // Meanwhile money moves on.
        for number in 20..40 {
            bank.top_up(&ann, &format!("key-{number}"), &card.id, "1.00").await;
        }
        while let Some(done) = running.join_next().await {
            done.expect("a sealer ends well");
        }
        bank.seal().await;
        let all = OF_A_PAYMENT + OF_A_POSTING + OF_A_SHOWING + 40 * OF_A_POSTING + 20;
        assert_eq!(figures(bank).await, (all, 0), "a payment, a card, 40 top-ups, 20 rows");
        bank.audit().await;
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_page_is_sealed_page_by_page() {
    each_database(async |bank| {
        let uuid = match bank.database {
            "sqlite" => "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
                SELECT CAST(printf('%016d', i) AS BLOB) AS id FROM n",
            _ => "SELECT CAST(lpad(CAST(i AS TEXT), 32, '0') AS UUID) AS id FROM generate_series(1, 1100) i",
        };
        let sql = format!(
            "BEGIN;
             CREATE TABLE made AS {uuid};
             INSERT INTO audit_log (audit_id, action, result, occurred_at)
             SELECT id, 'LOOK', 'DONE', '2026-11-21T10:00:00+00:00' FROM made;
             INSERT INTO unsealed (subject_id, kind) SELECT id, 'AUDIT' FROM made;
             COMMIT;"
        );
        bank.fresh.raw(&sql).await.expect("the rows are written");
        let sealer = bank.sealer();
        let mut pages = Vec::new();
        for _ in 0..4 {
            pages.push(sealer.seal_page().await.expect("a page is sealed"));
        }
        assert_eq!(pages, [512, 512, 76, 0]);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_cut_off_leaves_nothing_behind() {
    each_database(async |bank| {
        payment(bank).await;
        let (cut, mend) = match bank.database {
            "sqlite" => (
                "CREATE TRIGGER cut BEFORE DELETE ON unsealed BEGIN SELECT RAISE(ABORT, 'cut'); END",
                "DROP TRIGGER cut",
            ),
            _ => (
                "CREATE TRIGGER cut BEFORE DELETE ON unsealed
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse('cut')",
                "DROP TRIGGER cut ON unsealed",
            ),
        };
        bank.fresh.raw(cut).await.expect(cut);
        let told = bank.sealer().seal_page().await.expect_err("it is cut off").to_string();
        assert!(told.contains("cut"), "{told}");
        assert_eq!(figures(bank).await, (0, OF_A_PAYMENT));
        bank.audit().await;
        bank.fresh.raw(mend).await.expect(mend);
        assert_eq!(bank.seal().await, OF_A_PAYMENT);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_but_is_not_there_holds_up_nobody() {
    each_database(async |bank| {
        payment(bank).await;
        let id = Uuid::from_u128(1);
        let waits = format!(
            "INSERT INTO unsealed (subject_id, kind) VALUES ({}, 'TRANSACTION')",
            literal(bank, id)
        );
        bank.fresh.raw(&waits).await.expect("it is written");
        let sealer = bank.sealer();
        assert_eq!(sealer.seal_page().await.expect("the others are sealed"), OF_A_PAYMENT);
        let told = sealer.seal_page().await.expect_err("nothing else waits").to_string();
        assert!(told.contains(&id.to_string()), "{told}");
        let report = teller::bank::books::audit(&bank.bank).await.expect("the books are read");
        let broken: Vec<_> = report.findings.iter().filter_map(|f| f.broken).collect();
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert_eq!(broken[0].to_string(), format!("subject {id}"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sealer_seals_within_a_second_and_ends_when_it_is_told() {
    each_database(async |bank| {
        let (stop, stopped) = watch::channel(false);
        let worker = tokio::spawn(bank.sealer().work(stopped));
        let (ann, _, id) = payment(bank).await;
        let sealed = async {
            while receipt(bank, &ann, &id).await == Value::Null {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), sealed).await.expect("it is sealed soon");
        stop.send_replace(true);
        let ended = tokio::time::timeout(Duration::from_secs(5), worker).await;
        ended.expect("it ends soon").expect("it ends well");
        bank.audit().await;
    })
    .await;
}

/// Seals the movements before the rows of the audit log, which nobody has a receipt of:
/// so one receipt is certainly right behind another.
async fn seal_movements_first(bank: &TestBank) {
    let apart = "BEGIN;
        CREATE TABLE later AS SELECT * FROM unsealed WHERE kind = 'AUDIT';
        DELETE FROM unsealed WHERE kind = 'AUDIT';
        COMMIT;";
    bank.fresh.raw(apart).await.expect("the rows are set apart");
    assert_eq!(bank.seal().await, 3, "two openings and a payment");
    let again = "INSERT INTO unsealed (subject_id, kind) SELECT subject_id, kind FROM later";
    bank.fresh.raw(again).await.expect("the rows wait again");
    let rows = OF_A_PAYMENT - 3;
    assert_eq!(bank.seal().await, rows, "a row for each, for two who join and two showings");
    bank.audit().await;
}

/// What the README gives its reader to check a receipt with.
fn checker() -> &'static str {
    let section = README.split_once("\n## Check a receipt yourself\n");
    let (_, section) = section.expect("the README says how to check a receipt");
    let (_, block) = section.split_once("\n```bash\n").expect("it has a block for bash");
    block.split_once("```").expect("the block ends").0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readers_own_check_accepts_a_receipt_and_refuses_a_changed_one() {
    each_database(async |bank| {
        let (ann, ben, id) = payment(bank).await;
        seal_movements_first(bank).await;
        let (paid, got) = (receipt(bank, &ann, &id).await, receipt(bank, &ben, &id).await);
        let all = bank.run(Some(&ben.token), RECEIPTS, Value::Null).await;
        let opening = all["history"]["nodes"][1]["transaction"]["receipt"].clone();
        let with = |field: &str, from: &str, to: &str| {
            let mut changed = paid.clone();
            let text = text(&changed[field]);
            assert!(text.contains(from), "{text}");
            changed[field] = json!(text.replacen(from, to, 1));
            changed
        };
        for (name, receipt, next, holds) in [
            ("the payer's", paid.clone(), None, true),
            ("the payee's", got.clone(), None, true),
            ("an amount", with("content", "-1250", "-1251"), None, false),
            ("a line less", with("content", "\nentry", " entry"), None, false),
            ("another number", with("sequence", "3", "4"), None, false),
            ("another instant", with("sealedAt", "2026", "2027"), None, false),
            ("the next one", opening.clone(), Some(paid.clone()), true),
            ("not the next one", paid.clone(), Some(opening.clone()), false),
        ] {
            let folder = bank.fresh.folder();
            let write = |name: &str, receipt: &Value| {
                std::fs::write(folder.join(name), receipt.to_string()).expect("it is written");
            };
            write("receipt.json", &receipt);
            let mut typed = format!("{}check_receipt receipt.json", checker());
            if let Some(next) = &next {
                write("next.json", next);
                typed.push_str(" next.json");
            }
            let output = tokio::process::Command::new("bash")
                .args(["-uo", "pipefail", "-c", &typed])
                .current_dir(folder)
                .stdin(Stdio::null())
                .output()
                .await
                .expect("the README's check needs bash");
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            let complained = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.success(), holds, "{name}: {told}{complained}");
            assert_eq!(told == "The receipt holds.\n", holds, "{name}: {told}{complained}");
        }
    })
    .await;
}

/// The cards that [`many`] moves money to, each opened by a posting.
const CARDS: usize = 10;

/// Movements without end, written behind the bank's back: a unit for one card after the
/// other, with everything that the audit wants of them.
async fn many(bank: &TestBank, count: u32) {
    let ann = bank.join("ann", 1).await;
    for _ in 0..CARDS {
        bank.create_card(&ann, json!({})).await;
    }
    let (ids, salt) = match bank.database {
        "sqlite" => (
            format!(
                "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n
                    WHERE i < {count} - 1)
                 SELECT i, CAST(printf('%016d', i) AS BLOB) AS id FROM n"
            ),
            "X'00112233445566778899aabbccddeeff'",
        ),
        _ => (
            format!(
                "SELECT CAST(i AS BIGINT) AS i, CAST(lpad(CAST(i AS TEXT), 32, '0') AS UUID) AS id
                 FROM generate_series(0, {count} - 1) i"
            ),
            "CAST('\\x00112233445566778899aabbccddeeff' AS BYTEA)",
        ),
    };
    let (at, analyze) = match bank.database {
        "sqlite" => ("'2026-11-22T10:00:00+00:00'", ""),
        _ => ("TIMESTAMPTZ '2026-11-22T10:00:00+00:00'", "ANALYZE;"),
    };
    let cash =
        "(SELECT account_id FROM accounts WHERE kind = 'CASH_CLEARING' AND currency = 'USD')";
    super::tamper::take_down(bank).await;
    let sql = format!(
        "BEGIN;
         CREATE TABLE made AS {ids};
         CREATE TABLE places AS
            SELECT account_id, ROW_NUMBER() OVER (ORDER BY account_id) - 1 AS place
            FROM accounts WHERE kind = 'CARD';
         INSERT INTO transactions (transaction_id, kind, posted_at)
            SELECT id, 'TOP_UP', {at} FROM made ORDER BY i;
         INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
                posted_at, salt)
            SELECT m.id, p.account_id, TRUE, 1, 5001 + m.i / {CARDS}, 2 + m.i / {CARDS}, {at}, {salt}
            FROM made m JOIN places p ON p.place = m.i % {CARDS};
         INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt)
            SELECT id, {cash}, FALSE, -1, {at}, {salt} FROM made;
         INSERT INTO transaction_texts (transaction_id, side, account_id, label)
            SELECT id, 'FROM', {cash}, 'Cash' FROM made;
         INSERT INTO transaction_texts (transaction_id, side, account_id, label)
            SELECT m.id, 'TO', p.account_id, 'Card'
            FROM made m JOIN places p ON p.place = m.i % {CARDS};
         INSERT INTO unsealed (subject_id, kind) SELECT id, 'TRANSACTION' FROM made;
         UPDATE balances SET posted = posted + {count} / {CARDS}, version = version + {count} / {CARDS},
            last_posted_at = {at} WHERE version > 0;
         COMMIT; {analyze}"
    );
    bank.fresh.raw(&sql).await.expect("the movements are written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_sealed_and_audited_in_time() {
    each_database(async |bank| {
        let count = u32::try_from(proof::sized(2_000, 1_000_000)).expect("it is a million at most");
        many(bank, count).await;
        let started = Instant::now();
        assert_eq!(bank.seal().await, count as usize + CARDS * OF_A_POSTING + OF_A_JOINING);
        let sealed = f64::from(count) / started.elapsed().as_secs_f64();
        let started = Instant::now();
        bank.audit().await;
        let audited = started.elapsed().as_secs_f64();
        if proof::scale() == proof::Scale::Full {
            let wanted = if bank.database == "sqlite" { 20_000.0 } else { 5_000.0 };
            let name = bank.database;
            let (target, figure) = (format!("{wanted} a second"), format!("{sealed:.0} a second"));
            proof::record(&format!("sealing, {name}"), &target, &figure, sealed >= wanted);
            let (target, figure) = ("120 s for 1,000,000", format!("{audited:.1} s"));
            proof::record(&format!("audit, {name}"), target, &figure, audited <= 120.0);
            assert!(sealed >= wanted && audited <= 120.0, "{name}: {sealed:.0}, {audited:.1}");
        }
    })
    .await;
}
