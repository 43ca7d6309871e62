//! History is tamper-evident: whatever somebody changes behind the bank's back, with
//! every guard of the database taken down, the audit names the row.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::json;
use teller::bank::{books, books::Finding};
use uuid::Uuid;

use super::seal::log;
use crate::support::{
    bank::{TestBank, each_database},
    people::Person,
    proof,
    server::teller,
};

const CHAIN: &str = "every seal follows from its rows and the seal before it";

/// The tables whose rows are never changed.
const TABLES: [&str; 4] = ["entries", "transactions", "seals", "audit_log"];

const MIGRATIONS: [&str; 2] = [
    include_str!("../../migrations/sqlite/0001_house.sql"),
    include_str!("../../migrations/sqlite/0002_ledger.sql"),
];

/// Takes down all guards of a PostgreSQL database: triggers, foreign keys, checks.
const TAKE_DOWN: &str = "DO $$ DECLARE r RECORD; BEGIN
    FOR r IN SELECT tgrelid::regclass AS place, tgname FROM pg_trigger
        WHERE NOT tgisinternal LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', r.tgname, r.place);
    END LOOP;
    FOR r IN SELECT conrelid::regclass AS place, conname FROM pg_constraint
        WHERE contype IN ('f', 'c') AND connamespace = current_schema()::regnamespace
            AND conrelid <> 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.place, r.conname);
    END LOOP;
END $$;";

/// A bank whose guards are down, with something of everything sealed.
struct Open<'b> {
    bank: &'b TestBank,
    /// The payment: the last movement of both its accounts.
    payment: Uuid,
    /// The number of its seal.
    sequence: i64,
}

/// Takes down all guards of a bank's database that are not in the pragmas of a connection.
pub async fn take_down(bank: &TestBank) {
    if bank.database == "postgres" {
        bank.fresh.raw(TAKE_DOWN).await.expect("the guards are taken down");
        return;
    }
    let trigger = Regex::new("CREATE TRIGGER (\\w+)").expect("a pattern");
    for found in MIGRATIONS.iter().flat_map(|migration| trigger.captures_iter(migration)) {
        let down = format!("DROP TRIGGER {}", &found[1]);
        bank.fresh.raw(&down).await.expect("the trigger is taken down");
    }
}

async fn pay(bank: &TestBank) -> (Person, Person, Uuid) {
    let (ann, ben) = (bank.join("ann", 1).await, bank.join("ben", 2).await);
    let (from, to) = (bank.card(&ann).await, bank.card(&ben).await);
    bank.top_up(&ann, "salary", &from.id, "100.00").await;
    let paid = bank.pay(&ann, "lunch", &from.id, &to.number, "12.50").await;
    assert_eq!(paid["errors"], json!([]), "{paid}");
    let id = teller::types::id::TransactionId::from_wire(
        paid["transaction"]["id"].as_str().expect("a transaction"),
    );
    (ann, ben, id.expect("an id").uuid())
}

impl<'b> Open<'b> {
    async fn new(bank: &'b TestBank) -> Self {
        let (_, ben, payment) = pay(bank).await;
        log(bank, 1, "one").await;
        log(bank, 2, "two").await;
        bank.seal().await;
        // One more of each behind, so that no end of the chain is what is tried.
        let card = bank.card(&ben).await;
        bank.top_up(&ben, "more", &card.id, "1.00").await;
        log(bank, 3, "three").await;
        bank.seal().await;
        let mut s = bank.bank.db.read().await.expect("a transaction begins");
        let number = "SELECT sequence FROM seals WHERE subject_id = $1";
        let sequence = s.query(number).bind(payment).scalar().await.expect("it is sealed");
        drop(s);
        let open = Self { bank, payment, sequence: sequence.expect("it is sealed") };
        take_down(bank).await;
        for table in TABLES {
            open.raw(&format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        bank.audit().await;
        open
    }

    async fn raw(&self, sql: &str) {
        let guards = match self.bank.database {
            "sqlite" => "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;",
            _ => "",
        };
        let done = self.bank.fresh.raw(&format!("{guards}{sql}")).await;
        done.unwrap_or_else(|error| panic!("{}: {sql}: {error}", self.bank.database));
    }

    /// `sql` with what the two databases write differently: `ID(hex)` and `BYTES(hex)`.
    fn adapt(&self, sql: &str) -> String {
        let (id, bytes) = match self.bank.database {
            "sqlite" => ("X'$1'", "X'$1'"),
            _ => ("CAST('$1' AS UUID)", "CAST('\\x$1' AS BYTEA)"),
        };
        let sql = sql.replace("PAYMENT", &format!("ID({})", self.payment.simple()));
        let sql = Regex::new("ID\\((\\w+)\\)").expect("a pattern").replace_all(&sql, id);
        Regex::new("BYTES\\((\\w+)\\)").expect("a pattern").replace_all(&sql, bytes).into_owned()
    }

    async fn findings(&self) -> Vec<Finding> {
        let report = books::audit(&self.bank.bank).await.expect("the books are read");
        assert_eq!(report.holds(), report.findings.iter().all(|found| found.broken.is_none()));
        report.findings.into_iter().filter(|found| found.broken.is_some()).collect()
    }

    /// What `teller audit` prints, which ends as it should where books do not hold.
    async fn told_by_the_program(&self) -> String {
        let output = teller(self.bank.fresh.folder(), &self.bank.fresh.url).arg("audit").output();
        let output = output.await.expect("the audit runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.ends_with("The books do not hold.\n"), "{told}");
        told
    }

    /// What the audit says of the chain after a change, which is then taken back.
    async fn broken_by(&self, table: &str, change: &str) -> (Vec<Finding>, String) {
        self.raw(&self.adapt(change)).await;
        let findings = self.findings().await;
        let chain = findings.iter().find(|found| found.promise == CHAIN);
        let told = chain.and_then(|found| found.broken).map(|row| row.to_string());
        let program = self.told_by_the_program().await;
        if let Some(row) = &told {
            let line = format!("BROKEN {CHAIN}: first at {row}\n");
            assert!(program.contains(&line), "{change}: {program}");
        }
        self.restore(table).await;
        self.bank.audit().await;
        (findings, told.unwrap_or_default())
    }

    /// Notes for `make prove` what was found; a change that was not would have ended the test.
    fn record(&self, what: &str, tried: usize) {
        proof::record(
            &format!("{what}, {}", self.bank.database),
            "`teller audit` names the row and exits 1 each time",
            &format!("{tried} changes, {tried} named, {tried} times exit 1"),
            tried > 0,
        );
    }

    async fn restore(&self, table: &str) {
        let back = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}");
        self.raw(&back).await;
    }

    /// What the seals at a place are of.
    async fn kinds(&self, place: &str) -> Vec<String> {
        let sql: &'static str = format!("SELECT kind FROM seals WHERE {place}").leak();
        let mut s = self.bank.bank.db.read().await.expect("a transaction begins");
        let rows: Vec<(String,)> = s.query(sql).all().await.expect("the seals are read");
        rows.into_iter().map(|(kind,)| kind).collect()
    }

    async fn columns(&self, table: &str) -> BTreeSet<String> {
        let sql = match self.bank.database {
            "sqlite" => "SELECT name FROM pragma_table_info($1)",
            _ => {
                "SELECT column_name::text FROM information_schema.columns
                 WHERE table_name = $1 AND table_schema = current_schema()"
            }
        };
        let mut s = self.bank.bank.db.read().await.expect("a transaction begins");
        let rows: Vec<(String,)> = s.query(sql).bind(table).all().await.expect("the columns");
        rows.into_iter().map(|(name,)| name).collect()
    }
}

/// A table, one row of it, and each of its columns with another value for it.
type Changes = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const CHANGES: [Changes; 4] = [
    (
        "entries",
        "transaction_id = PAYMENT AND amount < 0",
        &[
            ("transaction_id", "ID(00000000000070008000000000000099)"),
            ("account_id", "(SELECT account_id FROM balances WHERE version = 0 LIMIT 1)"),
            ("customer", "FALSE"),
            ("amount", "amount - 1"),
            ("balance_after", "balance_after + 1"),
            ("version", "version + 100"),
            ("posted_at", "'2026-11-21T09:00:00+00:00'"),
            ("salt", "BYTES(ffffffffffffffffffffffffffffffff)"),
        ],
    ),
    (
        "transactions",
        "transaction_id = PAYMENT",
        &[
            ("transaction_id", "ID(00000000000070008000000000000099)"),
            ("kind", "'TOP_UP'"),
            ("reverses", "transaction_id"),
            ("posted_at", "'2026-11-21T09:00:00+00:00'"),
        ],
    ),
    (
        "seals",
        "subject_id = PAYMENT",
        &[
            ("sequence", "sequence + 1000"),
            ("kind", "'AUDIT'"),
            ("subject_id", "ID(00000000000070008000000000000099)"),
            ("hash", "BYTES(ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff)"),
            ("sealed_at", "'2026-11-21T09:00:00+00:00'"),
        ],
    ),
    (
        "audit_log",
        "request_id = 'two'",
        &[
            ("audit_id", "ID(00000000000070008000000000000099)"),
            ("actor_id", "NULL"),
            ("session_id", "audit_id"),
            ("action", "'PEEK'"),
            ("result", "'FORBIDDEN'"),
            ("subject_id", "NULL"),
            ("ip_address", "NULL"),
            ("request_id", "'2'"),
            ("occurred_at", "'2026-11-21T09:00:00+00:00'"),
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_column_of_what_is_sealed_can_be_changed_unseen() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        for (table, place, columns) in CHANGES {
            let tried: BTreeSet<_> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(tried, open.columns(table).await, "{table}: every column is tried");
            for (column, value) in columns {
                let change = format!("UPDATE {table} SET {column} = {value} WHERE {place}");
                let (_, told) = open.broken_by(table, &change).await;
                let row = match table {
                    // What was logged has the oldest ids, so it leads the first page.
                    "audit_log" => {
                        "seal 2, audit row 00000000-0000-7000-8000-000000000002".to_owned()
                    }
                    "seals" if *column == "sequence" => {
                        format!("seal {}, which is missing or unreadable", open.sequence)
                    }
                    "seals" if *column == "kind" => {
                        format!("seal {}, audit row {}", open.sequence, open.payment)
                    }
                    "seals" if *column == "subject_id" => format!(
                        "seal {}, transaction 00000000-0000-7000-8000-000000000099",
                        open.sequence
                    ),
                    _ => format!("seal {}, transaction {}", open.sequence, open.payment),
                };
                assert_eq!(told, row, "{}: {change}", bank.database);
            }
        }
        let tried = CHANGES.iter().map(|(_, _, columns)| columns.len()).sum();
        open.record("each column of what is sealed changed in turn", tried);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_after_which_all_sums_still_hold_breaks_the_chain() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        // A cent more in both legs, in both running balances, and in both balances.
        let more = "CASE WHEN e.amount < 0 THEN -1 ELSE 1 END";
        let change = format!(
            "UPDATE balances SET posted = posted + (
                SELECT {more} FROM entries e
                WHERE e.transaction_id = PAYMENT AND e.account_id = balances.account_id)
             WHERE account_id IN (SELECT account_id FROM entries WHERE transaction_id = PAYMENT);
             UPDATE entries AS e SET amount = amount + {more}, balance_after = balance_after + {more}
             WHERE transaction_id = PAYMENT"
        );
        open.raw(&open.adapt(&change)).await;
        let findings = open.findings().await;
        let promises: Vec<_> = findings.iter().map(|found| found.promise).collect();
        assert_eq!(promises, [CHAIN], "{}", bank.database);
        let told = open.told_by_the_program().await;
        let row = format!("seal {}, transaction {}", open.sequence, open.payment);
        assert!(told.contains(&format!("BROKEN {CHAIN}: first at {row}\n")), "{told}");
        open.record("both legs of a transaction changed, so that all sums still hold", 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_can_be_removed_unseen() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        let payment = format!("seal {}, transaction {}", open.sequence, open.payment);
        let removed = [
            ("entries", "transaction_id = PAYMENT AND amount > 0", payment.as_str()),
            ("entries", "transaction_id = PAYMENT", &payment),
            ("transactions", "transaction_id = PAYMENT", &payment),
            (
                "audit_log",
                "request_id = 'one'",
                "seal 1, audit row 00000000-0000-7000-8000-000000000001",
            ),
            ("seals", "sequence = 1", "seal 1, which is missing or unreadable"),
        ];
        for (table, place, row) in removed {
            let change = format!("DELETE FROM {table} WHERE {place}");
            let (_, told) = open.broken_by(table, &change).await;
            assert_eq!(told, row, "{}: {change}", bank.database);
        }
        // The chain has no end that could be missed, but what has lost its seal is. The last
        // two are a top-up and its row of the audit log, in the order that chance gave them.
        for gone in 1..=2 {
            let place = format!("sequence > (SELECT MAX(sequence) FROM seals) - {gone}");
            let missed = open.kinds(&place).await.into_iter().map(|kind| match kind.as_str() {
                "TRANSACTION" => "every transaction is sealed or waits for it",
                _ => "every row of the audit log is sealed or waits for it",
            });
            let missed: BTreeSet<_> = missed.collect();
            assert_eq!(missed.len(), gone, "{}", bank.database);
            let last = format!("DELETE FROM seals WHERE {place}");
            let (findings, told) = open.broken_by("seals", &last).await;
            assert_eq!(told, "");
            let promises = findings.iter().map(|found| found.promise);
            let sealed: BTreeSet<_> =
                promises.filter(|promise| promise.ends_with("is sealed or waits for it")).collect();
            assert_eq!(sealed, missed, "{}: {last}", bank.database);
        }
        open.record("a row of what is sealed removed", removed.len() + 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_even_be_read_is_named() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        if bank.database == "sqlite" {
            for (table, column) in [("transactions", "posted_at"), ("seals", "sealed_at")] {
                let change = format!(
                    "UPDATE {table} SET {column} = 'yesterday'
                     WHERE {} = PAYMENT",
                    if table == "seals" { "subject_id" } else { "transaction_id" }
                );
                let (_, told) = open.broken_by(table, &change).await;
                assert_eq!(told, format!("seal {}, which is missing or unreadable", open.sequence));
            }
        }
        let short = "UPDATE seals SET hash = BYTES(ff) WHERE subject_id = PAYMENT";
        let (_, told) = open.broken_by("seals", short).await;
        assert_eq!(told, format!("seal {}, which is missing or unreadable", open.sequence));
        let odd = "UPDATE transactions SET kind = 'TRANSFER - ' WHERE transaction_id = PAYMENT";
        let (_, told) = open.broken_by("transactions", odd).await;
        assert_eq!(told, format!("seal {}, transaction {}", open.sequence, open.payment));
    })
    .await;
}

/// Breaks something, finds the promise among those that the audit says are broken, and
/// mends it again.
async fn names(open: &Open<'_>, breaks: &str, mends: &str, promise: &str) {
    open.raw(&open.adapt(breaks)).await;
    let promises: Vec<_> = open.findings().await.iter().map(|found| found.promise).collect();
    assert!(promises.contains(&promise), "{}: {breaks}: {promises:?}", open.bank.database);
    if !mends.is_empty() {
        open.raw(mends).await;
        open.bank.audit().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_a_hold_that_holds_nothing_and_a_capture_without_a_purchase() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        let hold = |status: &str, captured: u8, transaction: &str| {
            format!(
                "INSERT INTO holds (hold_id, account_id, status, amount, captured, merchant,
                    transaction_id, created_at, expires_at)
                 SELECT ID(00000000000070008000000000000098), account_id, '{status}', 5, {captured},
                    'shop', {transaction}, '2026-11-21T10:00:00+00:00', '2026-11-21T10:00:00+00:00'
                 FROM accounts WHERE kind = 'CARD' ORDER BY account_id LIMIT 1"
            )
        };
        let sum = "what is held is the sum of the open holds";
        let purchase = "every captured hold, and no other, has its purchase";
        let mends = "DELETE FROM holds";
        names(&open, &hold("OPEN", 0, "NULL"), mends, sum).await;
        names(&open, &hold("CAPTURED", 5, "NULL"), mends, purchase).await;
        names(&open, &hold("CAPTURED", 5, "PAYMENT"), mends, purchase).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_a_stream_whose_numbers_have_a_gap() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        open.raw("CREATE TABLE kept_events AS SELECT * FROM events").await;
        // Ann's stream: she signed in, her card was opened and paid into, then came a top-up
        // and a payment.
        let owner = "owner_id = (SELECT user_id FROM users ORDER BY user_id LIMIT 1)";
        let count: &'static str = format!(
            "SELECT CAST(s.last AS BIGINT), (SELECT COUNT(*) FROM events WHERE {owner})
             FROM streams s WHERE s.{owner}"
        )
        .leak();
        let mut s = bank.bank.db.read().await.expect("a transaction begins");
        let told: (i64, i64) = s.query(count).one().await.expect("the stream is there");
        drop(s);
        assert_eq!(told, (5, 5), "{}", bank.database);
        let mends = "INSERT INTO streams (owner_id, last) SELECT user_id, 0 FROM users
                WHERE user_id NOT IN (SELECT owner_id FROM streams);
            DELETE FROM events;
            INSERT INTO events SELECT * FROM kept_events;
            UPDATE streams SET last = (
                SELECT COUNT(*) FROM events WHERE events.owner_id = streams.owner_id)";
        let numbers = "every stream's numbers have no gap and end at its last";
        let inner = format!("DELETE FROM events WHERE number = 2 AND {owner}");
        names(&open, &inner, mends, numbers).await;
        let latest = format!("DELETE FROM events WHERE number = 5 AND {owner}");
        names(&open, &latest, mends, numbers).await;
        let beyond = format!(
            "INSERT INTO events (owner_id, number, kind, body, occurred_at)
             SELECT owner_id, 6, kind, body, occurred_at FROM events WHERE number = 5 AND {owner}"
        );
        names(&open, &beyond, mends, numbers).await;
        let ahead = format!("UPDATE streams SET last = 6 WHERE {owner}");
        names(&open, &ahead, mends, numbers).await;
        // Swept from the front, or altogether.
        for swept in ["number < 3", "number < 6"] {
            open.raw(&format!("DELETE FROM events WHERE {swept} AND {owner}")).await;
            bank.audit().await;
            open.raw(mends).await;
        }
        let gone = format!("DELETE FROM streams WHERE {owner}");
        names(&open, &gone, mends, "every person has a stream of events").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_what_was_reversed_beyond_its_amount() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        let id = "ID(00000000000070008000000000000097)";
        let reverse = |amount: u16| {
            format!(
                "INSERT INTO transactions (transaction_id, kind, reverses, posted_at)
                 SELECT {id}, 'REVERSAL', PAYMENT, '2026-11-21T10:00:00+00:00';
                 INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt)
                 SELECT {id}, account_id, FALSE, {amount}, '2026-11-21T10:00:00+00:00',
                    BYTES(ffffffffffffffffffffffffffffffff)
                 FROM accounts WHERE kind = 'CASH_CLEARING' AND currency = 'USD'"
            )
        };
        let beyond = "no transaction is reversed beyond its amount";
        open.raw(&open.adapt(&reverse(1_250))).await;
        assert!(open.findings().await.iter().all(|found| found.promise != beyond));
        open.restore("entries").await;
        open.restore("transactions").await;
        names(&open, &reverse(1_251), "", beyond).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fold_that_is_wrong_or_missing_is_named() {
    each_database(async |bank| {
        let open = Open::new(bank).await;
        let wrong = "every folded sum is that of its sealed entries";
        let rest = "folded sums and unsealed entries are all entries";
        open.raw("UPDATE bank_folds SET sum = sum + 1 WHERE sum <> 0").await;
        let promises: Vec<_> = open.findings().await.iter().map(|found| found.promise).collect();
        assert_eq!(promises, [wrong, rest]);
        open.raw("UPDATE bank_folds SET sum = sum - 1 WHERE sum <> 0").await;
        bank.audit().await;
        open.raw("DELETE FROM bank_folds WHERE sum = 0").await;
        let promises: Vec<_> = open.findings().await.iter().map(|found| found.promise).collect();
        assert_eq!(promises, ["the bank's accounts have a folded sum, customers' have none"]);
    })
    .await;
}
