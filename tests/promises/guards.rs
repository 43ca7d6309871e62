//! The database's own guards: each is tried by raw SQL that breaks its rule.

use serde_json::json;
use teller::bank::books;

use crate::support::{
    bank::{TestBank, each_database},
    people::Person,
};

/// Money that has moved once, so that there is something to break.
async fn furnished(bank: &TestBank) -> (Person, String) {
    let ann = bank.join("ann", 1).await;
    let card = bank.create_card(&ann, json!({})).await;
    (ann, card["card"]["id"].as_str().expect("a card").to_owned())
}

/// Runs raw SQL that must be refused, with the sentence of the guard.
async fn refused(bank: &TestBank, sql: &str, told: &str) {
    let error = bank.fresh.raw(sql).await.expect_err(sql).to_string();
    assert!(error.contains(told), "{}: {sql}: {error}", bank.database);
}

/// One text for both databases; `X'…'` is a blob on SQLite and a UUID on PostgreSQL.
fn adapt(bank: &TestBank, sql: &str) -> String {
    match bank.database {
        "sqlite" => sql.replace("SALT", "X'00112233445566778899aabbccddeeff'"),
        _ => sql
            .replace("SALT", "'\\x00112233445566778899aabbccddeeff'")
            .replace("X'", "'")
            .replace("'2026-11-21T10:00:00+00:00'", "TIMESTAMPTZ '2026-11-21T10:00:00+00:00'"),
    }
}

const FRESH: &str = "X'ffffffffffffffffffffffffffffffff'";

/// An entry of a transaction that is not closed, on the bank's own cash account.
fn entry(transaction: &str, kind: &str, currency: &str, amount: i64) -> String {
    format!(
        "INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt)
         SELECT {transaction}, account_id, FALSE, {amount}, '2026-11-21T10:00:00+00:00', SALT
         FROM accounts WHERE kind = '{kind}' AND currency = '{currency}';"
    )
}

fn close(transaction: &str) -> String {
    format!(
        "INSERT INTO transactions (transaction_id, kind, posted_at)
         VALUES ({transaction}, 'TRANSFER', '2026-11-21T10:00:00+00:00');"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_never_rewritten() {
    each_database(async |bank| {
        furnished(bank).await;
        for (sql, told) in [
            ("UPDATE entries SET amount = amount + 1", "entries are never updated"),
            ("DELETE FROM entries", "entries are never deleted"),
            ("UPDATE transactions SET kind = 'TOP_UP'", "transactions are never updated"),
            ("DELETE FROM transactions", "transactions are never deleted"),
            ("UPDATE accounts SET currency = 'EUR' WHERE customer", "an account keeps its owner"),
            ("UPDATE accounts SET owner_id = NULL WHERE customer", "an account keeps its owner"),
        ] {
            refused(bank, sql, told).await;
        }
        if bank.database == "postgres" {
            refused(bank, "TRUNCATE entries", "entries are never deleted").await;
            refused(bank, "TRUNCATE transactions CASCADE", "never deleted").await;
        } else {
            let replace = "INSERT OR REPLACE INTO entries SELECT * FROM entries LIMIT 1";
            refused(bank, replace, "the transaction is closed").await;
            let replace = "INSERT OR REPLACE INTO transactions SELECT * FROM transactions LIMIT 1";
            refused(bank, replace, "transactions are never deleted").await;
        }
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_sums_to_zero_in_each_currency() {
    each_database(async |bank| {
        furnished(bank).await;
        let told = "two entries or more that sum to zero in each currency";
        let cash = |currency, amount| entry(FRESH, "CASH_CLEARING", currency, amount);
        let credit = |currency, amount| entry(FRESH, "OPENING_CREDITS", currency, amount);
        for (name, sql) in [
            ("none", String::new()),
            ("one entry", cash("USD", 5)),
            ("not zero", cash("USD", 5) + &credit("USD", -4)),
            ("zero over two currencies", cash("USD", 5) + &credit("EUR", -5)),
        ] {
            let sql = adapt(bank, &format!("BEGIN; {sql} {} COMMIT;", close(FRESH)));
            let error = bank.fresh.raw(&sql).await.expect_err(name).to_string();
            assert!(error.contains(told), "{}: {name}: {error}", bank.database);
        }
        let balanced = cash("USD", 5) + &credit("USD", -5) + &close(FRESH);
        bank.fresh
            .raw(&adapt(bank, &format!("BEGIN; {balanced} COMMIT;")))
            .await
            .expect("balanced");
        let late = adapt(bank, &entry(FRESH, "CASH_CLEARING", "EUR", 5));
        refused(bank, &late, "the transaction is closed").await;
        let nothing = entry("X'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee'", "CASH_CLEARING", "USD", 0);
        refused(bank, &adapt(bank, &nothing), "entries_amount").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_balance_falls_below_its_floor() {
    each_database(async |bank| {
        furnished(bank).await;
        for (sql, told) in [
            ("UPDATE balances SET posted = -1", "balances_floor"),
            ("UPDATE balances SET held = posted + 1", "balances_floor"),
            ("UPDATE balances SET held = -1", "balances_held"),
            (
                "UPDATE balances SET overdraft_limit = -1 WHERE posted > 0",
                "balances_overdraft_limit",
            ),
            ("UPDATE balances SET version = -1", "balances_version"),
        ] {
            refused(bank, sql, told).await;
        }
        bank.fresh
            .raw("UPDATE balances SET overdraft_limit = 10")
            .await
            .expect("a limit may be set");
        bank.fresh
            .raw("UPDATE balances SET posted = posted - 10")
            .await
            .expect("down to the limit");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_a_customer_has_a_version_and_a_balance_and_the_banks_have_none() {
    each_database(async |bank| {
        furnished(bank).await;
        let into = |customer: &str, columns: &str, values: &str, kind: &str| {
            format!(
                "INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt{columns})
                 SELECT {FRESH}, account_id, {customer}, 1, '2026-11-21T10:00:00+00:00', SALT{values}
                 FROM accounts WHERE kind = '{kind}'"
            )
        };
        for (name, sql) in [
            ("a customer's without a version", into("TRUE", "", "", "CARD")),
            ("a customer's without a balance", into("TRUE", ", version", ", 9", "CARD")),
            ("the bank's with a version", into("FALSE", ", version", ", 9", "CASH_CLEARING")),
            ("a customer's that claims to be the bank's", into("FALSE", "", "", "CARD")),
            ("a version twice", into("TRUE", ", version, balance_after", ", 1, 1", "CARD")),
        ] {
            let error = bank.fresh.raw(&adapt(bank, &sql)).await.expect_err(name).to_string();
            let rule = ["CHECK", "check", "FOREIGN KEY", "foreign key", "UNIQUE", "unique"];
            assert!(rule.iter().any(|rule| error.contains(rule)), "{}: {name}: {error}", bank.database);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_entry_is_refused_at_commit_and_the_connection_lives_on() {
    each_database(async |bank| {
        furnished(bank).await;
        for _ in 0..3 {
            let mut session = bank.bank.db.write().await.expect("a transaction begins");
            let orphan: &'static str = adapt(bank, &entry(FRESH, "CASH_CLEARING", "USD", 5)).leak();
            let orphan = orphan.trim_end_matches(';');
            session.query(orphan).execute().await.expect("the entry itself is taken");
            let error = session.commit().await.expect_err("the commit is refused").to_string();
            let told = error.to_lowercase();
            assert!(told.contains("foreign key"), "{}: {error}", bank.database);
        }
        // SQLite has one writing connection: if it were stuck in the refused
        // transaction, this would fail or see the orphan.
        let ben = bank.join("ben", 2).await;
        assert_eq!(bank.create_card(&ben, json!({})).await["errors"], json!([]));
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_names_what_is_wrong() {
    each_database(async |bank| {
        furnished(bank).await;
        bank.audit().await;
        for (breaks, mends, promise) in [
            (
                "UPDATE balances SET posted = posted + 1 WHERE version > 0",
                "UPDATE balances SET posted = posted - 1 WHERE version > 0",
                "every balance is the sum of its entries",
            ),
            (
                "UPDATE balances SET last_posted_at = '2999-01-01T00:00:00+00:00' WHERE version > 0",
                "UPDATE balances SET last_posted_at = (SELECT MAX(posted_at) FROM entries e
                    WHERE e.account_id = balances.account_id)",
                "every account knows its last posting",
            ),
            (
                "UPDATE transaction_texts SET account_id = (SELECT account_id FROM accounts WHERE kind = 'WALLET') WHERE side = 'TO'",
                "UPDATE transaction_texts SET account_id = (SELECT account_id FROM accounts WHERE kind = 'CARD') WHERE side = 'TO'",
                "every text is of an account that the transaction moved",
            ),
            (
                "UPDATE balances SET held = 1 WHERE posted > 0",
                "UPDATE balances SET held = 0",
                "what is held is the sum of the open holds",
            ),
            (
                "DELETE FROM cards",
                "",
                "every card's account has its card, and no other has one",
            ),
        ] {
            bank.fresh.raw(breaks).await.expect(breaks);
            let report = books::audit(&bank.bank).await.expect("the books are read");
            let broken: Vec<_> = report.findings.iter().filter(|f| f.broken.is_some()).collect();
            assert_eq!(broken.len(), 1, "{}: {breaks}: {broken:?}", bank.database);
            assert_eq!(broken[0].promise, promise);
            assert!(!report.holds());
            if !mends.is_empty() {
                bank.fresh.raw(mends).await.expect(mends);
                bank.audit().await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_adds_an_entry_to_a_transaction_that_is_being_closed() {
    each_database(async |bank| {
        furnished(bank).await;
        let balanced = entry(FRESH, "CASH_CLEARING", "USD", 5)
            + &entry(FRESH, "OPENING_CREDITS", "USD", -5)
            + &close(FRESH);
        let hold = match bank.database {
            "sqlite" => "",
            _ => "SELECT pg_sleep(0.5);",
        };
        let closing = adapt(bank, &format!("BEGIN; {balanced} {hold} COMMIT;"));
        let added = adapt(bank, &entry(FRESH, "CASH_CLEARING", "EUR", 7));
        let meanwhile = async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            bank.fresh.raw(&added).await
        };
        let (closed, added) = tokio::join!(bank.fresh.raw(&closing), meanwhile);
        closed.expect("the transaction itself is taken");
        let told = added.expect_err("the late entry is refused").to_string();
        assert!(told.contains("the transaction is closed"), "{}: {told}", bank.database);
        bank.audit_sums().await;
    })
    .await;
}
