//! Fresh databases: a SQLite file and a PostgreSQL database for each test.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests make and break databases behind the bank's back"
)]

use std::{
    collections::BTreeMap,
    env,
    str::FromStr as _,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use teller::db::{place::Place, pool::Db};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::pooler;

/// What to do where there is no PostgreSQL.
const HOW: &str = "The tests need PostgreSQL: run `make test`, which brings its own, or set \
    TELLER_TEST_DATABASE_URL=postgres://USER@HOST:PORT/NAME to a server on which databases may be \
    created.";

static NEXT: AtomicU32 = AtomicU32::new(0);
/// Its schema is up to date, and every test's database is a copy of it.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// What every table holds, as a digest or as its whole text.
pub type Contents = BTreeMap<String, Option<String>>;

/// A statement for each table, which gives its name and all its rows as one text.
const SQLITE_CONTENTS: &str = "
    SELECT 'SELECT ''' || m.name || ''', group_concat(line, char(10)) FROM (SELECT '
        || (SELECT group_concat('quote(\"' || p.name || '\")', ' || '','' || ')
            FROM pragma_table_info(m.name) p)
        || ' AS line FROM \"' || m.name || '\" ORDER BY 1)'
    FROM sqlite_master m WHERE m.type = 'table'";

/// The same with a digest of the rows.
const POSTGRES_CONTENTS: &str = "
    SELECT format('SELECT %L, md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM %I t',
        table_name, table_name)
    FROM information_schema.tables WHERE table_schema = current_schema()";

/// A fresh, empty database with its schema up to date.
#[derive(Debug)]
pub struct Fresh {
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    /// Its URL.
    pub url: String,
    folder: TempDir,
}

impl Fresh {
    /// A folder that lives as long as the database.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Opens it as the bank does.
    pub async fn open(&self) -> Db {
        let place = match pooler::of_the_environment(&self.url) {
            Some(url) => {
                let direct_url = Some(self.url.clone());
                Place { direct_url, pooled: true, ..Place::plain(&url, 8) }
            }
            None => Place::plain(&self.url, 8),
        };
        Db::open_at(&place).await.expect("a fresh database opens")
    }

    /// Runs statements as whoever has the database's password would.
    pub async fn raw(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.name == "sqlite" {
            let options = sqlx::sqlite::SqliteConnectOptions::from_str(&self.url)?
                .foreign_keys(true)
                .pragma("recursive_triggers", "ON")
                .busy_timeout(std::time::Duration::from_secs(10));
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
            connection.close().await
        } else {
            let mut connection = PgConnection::connect(&self.url).await?;
            sqlx::raw_sql(sql).execute(&mut connection).await?;
            connection.close().await
        }
    }

    /// How many deadlocks PostgreSQL has counted in this database. A session's are
    /// counted by the time it has ended.
    pub async fn deadlocks(&self) -> i64 {
        let mut connection = PgConnection::connect(&self.url).await.expect("the database answers");
        let sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        let counted = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
        counted.expect("the deadlocks are counted")
    }

    /// Every byte that the database keeps: SQLite's files, or all rows of PostgreSQL's tables.
    pub async fn everything(&self) -> Vec<u8> {
        if self.name == "postgres" {
            return self.rows().await;
        }
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.folder()).expect("the folder is read") {
            let path = entry.expect("a file").path();
            all.extend(std::fs::read(path).expect("the file is read"));
        }
        all
    }

    /// Every row of every table of a PostgreSQL database as text, with bytes as they are.
    pub async fn rows(&self) -> Vec<u8> {
        let mut connection = PgConnection::connect(&self.url).await.expect("the database answers");
        let tables = "SELECT table_name::text FROM information_schema.tables
            WHERE table_schema = current_schema()";
        let tables: Vec<String> = sqlx::query_scalar(tables)
            .fetch_all(&mut connection)
            .await
            .expect("the tables are listed");
        let mut all = Vec::new();
        for table in tables {
            // As bytes, so that a secret inside a BYTEA column would be seen too.
            let sql = format!("SELECT encode(t::text::bytea, 'escape') FROM \"{table}\" t");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_all(&mut connection)
                .await
                .expect("the rows are read");
            for row in rows {
                all.extend(row.as_bytes());
                // A BYTEA column shows as hexadecimal digits: read those too.
                for word in row.split(|c: char| !c.is_ascii_hexdigit()) {
                    if word.len() >= 16 && word.len() % 2 == 0 {
                        all.extend(hex::decode(word).unwrap_or_default());
                    }
                }
            }
        }
        all
    }

    /// What every table holds, to be compared with what it held before.
    pub async fn contents(&self) -> Contents {
        let rows: Vec<(String, Option<String>)> = if self.name == "sqlite" {
            let options = sqlx::sqlite::SqliteConnectOptions::from_str(&self.url);
            let options = options.expect("the URL is one of SQLite").read_only(true);
            let connected = sqlx::SqliteConnection::connect_with(&options).await;
            let mut connection = connected.expect("the database answers");
            let made: Vec<String> = sqlx::query_scalar(SQLITE_CONTENTS)
                .fetch_all(&mut connection)
                .await
                .expect("the tables are listed");
            let sql = AssertSqlSafe(made.join(" UNION ALL "));
            sqlx::query_as(sql).fetch_all(&mut connection).await.expect("the rows are read")
        } else {
            let connected = PgConnection::connect(&self.url).await;
            let mut connection = connected.expect("the database answers");
            let made: Vec<String> = sqlx::query_scalar(POSTGRES_CONTENTS)
                .fetch_all(&mut connection)
                .await
                .expect("the tables are listed");
            let sql = AssertSqlSafe(made.join(" UNION ALL "));
            sqlx::query_as(sql).fetch_all(&mut connection).await.expect("the rows are read")
        };
        rows.into_iter().collect()
    }

    /// Removes the database.
    pub async fn remove(self) {
        if self.name == "postgres" {
            let name = self.url.rsplit_once('/').map_or("", |(_, name)| name).to_owned();
            admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}

/// A fresh SQLite file.
pub async fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite://{}", folder.path().join("teller.db").display());
    let fresh = Fresh { name: "sqlite", url, folder };
    let db = fresh.open().await;
    db.migrate().await.expect("the migrations run on SQLite");
    db.close().await;
    fresh
}

/// A fresh PostgreSQL database.
pub async fn postgres() -> Fresh {
    let template = TEMPLATE.get_or_init(make_template).await;
    let name = fresh_name();
    admin(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    Fresh { name: "postgres", url: url_of(&name), folder }
}

/// A PostgreSQL database with nothing in it, not even a schema.
pub async fn postgres_empty() -> Fresh {
    let name = fresh_name();
    admin(&format!("CREATE DATABASE {name}")).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    Fresh { name: "postgres", url: url_of(&name), folder }
}

/// Both databases, fresh.
pub async fn both() -> [Fresh; 2] {
    [sqlite().await, postgres().await]
}

async fn make_template() -> String {
    let name = format!("{}_template", fresh_name());
    admin(&format!("CREATE DATABASE {name}")).await;
    let db = Db::open(&url_of(&name), 2).await.expect("the template opens");
    db.migrate().await.expect("the migrations run on PostgreSQL");
    db.close().await;
    name
}

fn fresh_name() -> String {
    let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("teller_test_{process}_{number}")
}

fn admin_url() -> String {
    env::var("TELLER_TEST_DATABASE_URL").unwrap_or_else(|_| panic!("{HOW}"))
}

fn url_of(name: &str) -> String {
    let mut url = url::Url::parse(&admin_url()).unwrap_or_else(|error| panic!("{HOW} ({error})"));
    url.set_path(name);
    url.to_string()
}

async fn admin(sql: &str) {
    let url = admin_url();
    let options =
        PgConnectOptions::from_str(&url).unwrap_or_else(|error| panic!("{HOW} ({error})"));
    let connection = PgConnection::connect_with(&options).await;
    let mut connection = connection.unwrap_or_else(|error| panic!("{HOW} ({error})"));
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("the connection closes");
}
