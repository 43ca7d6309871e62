//! Two databases, one house: the same tables, and statements that both understand.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the schema is compared behind the bank's back"
)]

use std::collections::BTreeSet;

use sqlx::{Column as _, Either, Executor as _, SqlSafeStr as _, Statement as _};
use teller::{
    db::{error::DbError, pool::Db},
    store::catalogue,
};

use crate::support::{bank::test_name, databases, proof};

const SQLITE_COLUMNS: &str = "
    SELECT m.name, p.name, p.\"notnull\" = 0 FROM sqlite_master m JOIN pragma_table_info(m.name) p
    WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'";
const POSTGRES_COLUMNS: &str = "
    SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_%'";

/// Unique indexes and primary keys, as table and columns; an alias of the row id has no index.
const SQLITE_UNIQUE: &str = "
    SELECT m.name, (SELECT group_concat(name, ',') FROM (
        SELECT c.name FROM pragma_index_info(i.name) c ORDER BY c.seqno))
    FROM sqlite_master m JOIN pragma_index_list(m.name) i
    WHERE m.type = 'table' AND i.\"unique\" AND m.name NOT LIKE '\\_%' ESCAPE '\\'
    UNION SELECT m.name, p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p
    WHERE m.type = 'table' AND p.pk = 1 AND m.name NOT LIKE '\\_%' ESCAPE '\\'
        AND m.name NOT LIKE 'sqlite%'
        AND (SELECT COUNT(*) FROM pragma_table_info(m.name) q WHERE q.pk > 0) = 1";
const POSTGRES_UNIQUE: &str = "
    SELECT t.relname::text, string_agg(a.attname::text, ',' ORDER BY k.place)
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
        CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
    WHERE i.indisunique AND t.relname NOT LIKE '\\_%' GROUP BY i.indexrelid, t.relname";

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_have_the_same_columns_and_unique_indexes() {
    let mut columns: Vec<BTreeSet<(String, String, bool)>> = Vec::new();
    let mut uniques: Vec<BTreeSet<(String, String)>> = Vec::new();
    for fresh in databases::both().await {
        let db = fresh.open().await;
        let (found, unique): (Vec<_>, Vec<_>) = match &db {
            Db::Sqlite { writer, .. } => (
                sqlx::query_as(SQLITE_COLUMNS).fetch_all(writer).await.unwrap(),
                sqlx::query_as(SQLITE_UNIQUE).fetch_all(writer).await.unwrap(),
            ),
            Db::Postgres { cluster, .. } => (
                sqlx::query_as(POSTGRES_COLUMNS).fetch_all(cluster.pool()).await.unwrap(),
                sqlx::query_as(POSTGRES_UNIQUE).fetch_all(cluster.pool()).await.unwrap(),
            ),
        };
        columns.push(found.into_iter().collect());
        uniques.push(unique.into_iter().collect());
        proof::tally(fresh.name, &test_name());
        db.close().await;
        fresh.remove().await;
    }
    assert!(columns[0].len() > 90, "{}", columns[0].len());
    assert!(uniques[0].len() > 20, "{}", uniques[0].len());
    let differ = |one: &BTreeSet<_>, two: &BTreeSet<_>| {
        one.symmetric_difference(two).cloned().collect::<Vec<_>>()
    };
    assert_eq!(differ(&columns[0], &columns[1]), Vec::new(), "columns on one database only");
    let only: Vec<_> = uniques[0].symmetric_difference(&uniques[1]).collect();
    assert!(only.is_empty(), "unique indexes on one database only: {only:?}");
}

#[test]
fn migrations_come_in_pairs() {
    let names = |folder: &str| {
        let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    assert!(!names("sqlite").is_empty());
    assert_eq!(names("sqlite"), names("postgres"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_named_statement_prepares_on_both() {
    let mut shapes: Vec<Vec<(String, usize, usize)>> = Vec::new();
    for fresh in databases::both().await {
        let db = fresh.open().await;
        let mut seen = Vec::new();
        let alone = match &db {
            Db::Sqlite { .. } => catalogue::SQLITE,
            Db::Postgres { .. } => catalogue::POSTGRES,
        };
        for (file, statements) in catalogue::ALL.iter().chain(alone) {
            let shared = catalogue::ALL.iter().any(|(name, _)| name == file);
            for (name, sql) in *statements {
                let label = format!("{file}::{name}");
                let sql: &'static str = ["1", "2", "3", "4"]
                    .iter()
                    .fold(sql.to_string(), |sql, n| {
                        let next = n.parse::<usize>().unwrap() + 1;
                        sql.replace(&format!("(${n}..)"), &format!("(${n}, ${next})"))
                    })
                    .leak();
                let count = |parameters: Option<Either<usize, usize>>| match parameters {
                    Some(Either::Left(count) | Either::Right(count)) => count,
                    None => 0,
                };
                let shape = match &db {
                    Db::Sqlite { writer, .. } => {
                        writer.prepare(sql.into_sql_str()).await.map(|statement| {
                            let parameters = statement.parameters().map(|p| p.map_left(<[_]>::len));
                            (count(parameters), statement.columns().len())
                        })
                    }
                    Db::Postgres { cluster, .. } => {
                        cluster.pool().prepare(sql.into_sql_str()).await.map(|statement| {
                            let parameters = statement.parameters().map(|p| p.map_left(<[_]>::len));
                            let columns = statement.columns();
                            assert!(columns.iter().all(|column| !column.name().is_empty()));
                            (count(parameters), columns.len())
                        })
                    }
                };
                let (parameters, columns) = shape.unwrap_or_else(|error| {
                    panic!("{}: {label} does not prepare: {error}", fresh.name)
                });
                if shared {
                    seen.push((label, parameters, columns));
                }
            }
        }
        proof::tally(fresh.name, &test_name());
        db.close().await;
        fresh.remove().await;
        shapes.push(seen);
    }
    assert!(shapes[0].len() > 60, "{} statements", shapes[0].len());
    assert_eq!(shapes[0], shapes[1], "parameters and columns");
}

#[test]
fn the_catalogue_lists_every_file_of_the_store() {
    let path = format!("{}/src/store", env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if text.contains("\nstatements! {") {
            let all = [catalogue::ALL, catalogue::SQLITE, catalogue::POSTGRES];
            let listed = all.iter().any(|list| list.iter().any(|(file, _)| *file == name));
            assert!(listed, "{name} is not listed");
        }
    }
}

#[tokio::test]
async fn sqlite_that_could_lose_an_acknowledged_commit_is_refused() {
    // A database in memory has no write-ahead log and survives nothing.
    let error = Db::open("sqlite::memory:", 1).await.unwrap_err();
    assert!(matches!(error, DbError::Unsafe { setting: "journal_mode", .. }), "{error}");
    assert!(error.to_string().contains("SQLite must run with journal_mode=wal"), "{error}");
    let error = Db::open("mysql://x", 1).await.unwrap_err();
    assert!(error.to_string().contains("sqlite: or postgres:"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_value_is_refused_on_both() {
    for fresh in databases::both().await {
        let db = fresh.open().await;
        let mut session = db.read().await.unwrap();
        let found = session.query("SELECT 1 WHERE 1 = $1").scalar::<i32>().await;
        assert!(matches!(found, Err(DbError::Arity { wanted: 1, given: 0 })), "{found:?}");
        drop(session);
        proof::tally(fresh.name, &test_name());
        db.close().await;
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_collide_are_begun_again_and_all_end_well() {
    const TOUCH: &str = "UPDATE key_ring SET created_at = $2 WHERE key_id = $1";
    for fresh in databases::both().await {
        fresh.raw("INSERT INTO key_ring VALUES ('a', '2026-11-21T10:00:00+00:00'), ('b', '2026-11-21T10:00:00+00:00')").await.unwrap();
        let db = fresh.open().await;
        let mut running = tokio::task::JoinSet::new();
        for n in 0..3 {
            let db = db.clone();
            // On purpose in request order: PostgreSQL deadlocks, the retry mends it.
            let (first, second) = if n % 2 == 0 { ("a", "b") } else { ("b", "a") };
            running.spawn(async move {
                db.write_retrying(|s| {
                    Box::pin(async move {
                        let at: teller::types::clock::Instant =
                            "2026-11-21T10:00:00Z".parse().expect("an instant");
                        s.query(TOUCH).bind(first).bind(at).execute().await?;
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        s.query(TOUCH).bind(second).bind(at).execute().await?;
                        Ok::<_, DbError>(())
                    })
                })
                .await
            });
        }
        while let Some(done) = running.join_next().await {
            done.unwrap().unwrap_or_else(|error| panic!("{}: {error}", fresh.name));
        }
        proof::tally(fresh.name, &test_name());
        db.close().await;
        fresh.remove().await;
    }
}
