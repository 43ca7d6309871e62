//! Connections to PostgreSQL: the primary, a pooler before it, and a replica beside it.

#![expect(clippy::disallowed_methods, reason = "this is the floor that talks to the drivers")]

use std::{
    str::FromStr as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Row as _, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{Instant, timeout};

use super::{
    begin::{ABANDONED, PLANS, READ, READ_POOLED, WRITE, WRITE_POOLED},
    bell::Bell,
    error::DbError,
    home::Home,
    lone::{Shelf, TRUSTED},
    patience,
    place::Place,
    query::STATEMENTS_CACHED,
    session::{On, Session},
};

/// How a replica's connections are called in `pg_stat_activity`.
const REPLICA_NAME: &str = "teller replica";
/// For how long a replica that did not answer is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(5);
/// Connections past a pooler, which are seldom needed.
const SELDOM: u32 = 2;
/// Between two tries of a transaction that could not be begun.
const PAUSE: Duration = Duration::from_millis(20);

/// Connections to PostgreSQL.
#[derive(Debug, Clone)]
pub struct Cluster {
    pool: PgPool,
    /// Some of these, for single statements.
    lone: Shelf<Postgres>,
    /// Where connections are opened.
    home: Home,
    /// The pool's connections lead to a pooler, which keeps nothing between transactions.
    pooled: bool,
    /// To PostgreSQL itself.
    direct: PgPool,
    replica: Option<Replica>,
}

/// A standby that is read where it is not behind.
#[derive(Debug, Clone)]
struct Replica {
    pool: PgPool,
    /// Until when it is left alone.
    away: Arc<Mutex<Option<Instant>>>,
}

/// Connects to PostgreSQL itself, with all that a session keeps.
fn options(url: &str) -> Result<PgConnectOptions, DbError> {
    let options = PgConnectOptions::from_str(url)?;
    let options = options.statement_cache_capacity(STATEMENTS_CACHED);
    Ok(options.options(PLANS).options(ABANDONED))
}

/// Connects to a pooler: it takes no startup options, and no statement has a name there.
fn options_pooled(url: &str) -> Result<PgConnectOptions, DbError> {
    Ok(PgConnectOptions::from_str(url)?.statement_cache_capacity(0).extra_float_digits(None))
}

impl Cluster {
    /// Opens what the place names.
    pub(super) async fn open(place: &Place) -> Result<Self, DbError> {
        let main = if place.pooled { options_pooled(&place.url)? } else { options(&place.url)? };
        // A pool would try until its time is over and then say only that it was; one
        // connection by itself says why.
        let first = timeout(patience::ACQUIRE, PgConnection::connect_with(&main)).await;
        first.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await?;
        let pool = of_a_primary(place.connections).connect_with(main).await?;
        let direct = match &place.direct_url {
            Some(url) => {
                let seldom = watchful(SELDOM, patience::ACQUIRE).idle_timeout(LEFT_ALONE);
                seldom.connect_lazy_with(options(url)?)
            }
            None => pool.clone(),
        };
        let replica = match &place.replica_url {
            Some(url) => {
                let options = options(url)?.application_name(REPLICA_NAME);
                let pool = watchful(place.connections, patience::ACQUIRE_REPLICA);
                Some(Replica { pool: pool.connect_lazy_with(options), away: Arc::default() })
            }
            None => None,
        };
        let home = Home::here();
        let lone = Shelf::beside(place.connections, &home);
        Ok(Self { pool, lone, home, pooled: place.pooled, direct, replica })
    }

    /// The same over one connection of its own.
    pub(super) fn apart(&self) -> Self {
        let options = (*self.pool.connect_options()).clone();
        let pool = of_a_primary(1).connect_lazy_with(options);
        Self { pool, lone: Shelf::beside(0, &self.home), replica: None, ..self.clone() }
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    /// How many connections wait at hand.
    pub(super) fn at_hand(&self) -> usize {
        self.lone.idle()
    }

    /// Connections to PostgreSQL itself, for what no pooler lets through.
    pub(super) fn direct(&self) -> &PgPool {
        &self.direct
    }

    /// The connections that do both, for who looks behind the statements.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) async fn read(&self, bell: &Bell) -> Result<Session, DbError> {
        let statement = if self.pooled { READ_POOLED } else { READ };
        Ok(self.session(begin((&self.pool, &self.home), statement).await?, bell))
    }

    pub(super) async fn write(&self, bell: &Bell) -> Result<Session, DbError> {
        let statement = if self.pooled { WRITE_POOLED } else { WRITE };
        Ok(self.session(begin((&self.pool, &self.home), statement).await?, bell))
    }

    fn session(&self, transaction: Transaction<'static, Postgres>, bell: &Bell) -> Session {
        let session = Session::new(On::Postgres(transaction), bell);
        if self.pooled { session.without_names() } else { session }
    }

    pub(super) async fn alone(&self, bell: &Bell) -> Result<Session, DbError> {
        let started = Instant::now();
        let lone = loop {
            match self.lone.take(&self.pool).await.map_err(DbError::from) {
                Err(error) if error.is_lost() && started.elapsed() < patience::LOST => {
                    tokio::time::sleep(PAUSE).await;
                }
                taken => break taken?,
            }
        };
        let session = Session::new(On::PostgresAlone(lone), bell);
        Ok(if self.pooled { session.without_names() } else { session })
    }

    pub(super) fn has_replica(&self) -> bool {
        self.replica.is_some()
    }

    pub(super) async fn read_behind(&self, bell: &Bell) -> Option<Session> {
        let replica = self.replica.as_ref()?;
        let now = Instant::now();
        if replica.with(|away| away.is_some_and(|until| now < until)) {
            return None;
        }
        match begin_once((&replica.pool, &self.home), READ, patience::REPLICA).await {
            Ok(transaction) => {
                let session = Session::new(On::Postgres(transaction), bell);
                Some(session.within(patience::REPLICA))
            }
            Err(error) => {
                tracing::warn!(%error, "the replica cannot be asked: the primary is");
                self.leave_replica();
                None
            }
        }
    }

    /// Leaves the replica alone for a while: it did not answer.
    pub(super) fn leave_replica(&self) {
        if let Some(replica) = &self.replica {
            replica.with(|away| *away = Some(Instant::now() + LEFT_ALONE));
        }
    }

    /// Ends all connections.
    pub(super) async fn close(&self) {
        self.lone.close();
        // A connection that does not answer any more ends with the process.
        let _ = timeout(patience::FAREWELL, self.pool.close()).await;
        let _ = timeout(patience::FAREWELL, self.direct.close()).await;
        if let Some(replica) = &self.replica {
            let _ = timeout(patience::FAREWELL, replica.pool.close()).await;
        }
    }
}

impl Replica {
    fn with<T>(&self, change: impl FnOnce(&mut Option<Instant>) -> T) -> T {
        change(&mut self.away.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Begins a transaction; on another connection where this one is lost.
async fn begin(
    (pool, home): (&PgPool, &Home),
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, DbError> {
    let started = Instant::now();
    loop {
        match begin_once((pool, home), statement, patience::STATEMENT).await {
            // All connections are lost at once where the database was started anew.
            Err(error) if error.is_lost() && started.elapsed() < patience::LOST => {
                tokio::time::sleep(PAUSE).await;
            }
            begun => return begun,
        }
    }
}

/// Begins a transaction.
///
/// In a task of its own, because the driver knows of a transaction only once the
/// answer to BEGIN has come: a request that is dropped before would leave its
/// connection inside one, and the next request would find itself in there.
async fn begin_once(
    (pool, home): (&PgPool, &Home),
    statement: &'static str,
    most: Duration,
) -> Result<Transaction<'static, Postgres>, DbError> {
    let pool = pool.clone();
    let beginning = home.apart(async move { pool.begin_with(statement).await });
    // Where no answer comes the task keeps the connection, and nobody else finds it.
    patience::answered(most, beginning).await
}

/// A pool of connections to a primary.
fn of_a_primary(connections: u32) -> PgPoolOptions {
    watchful(connections, patience::ACQUIRE)
        .after_connect(|connection, _| Box::pin(refuse_standby(connection)))
}

/// A pool that finds out which of its connections still live.
fn watchful(connections: u32, acquire: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(acquire)
        // Asking each time whether a connection still lives would cost a round trip
        // before every transaction; one that was used a moment ago does.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for >= TRUSTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        // What was given up half-way is rolled back here, and the pool would wait for that
        // as long as it takes.
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.should_flush() {
                    let over = timeout(patience::FAREWELL, connection.ping()).await;
                    over.map_err(|_| sqlx::Error::WorkerCrashed)??;
                }
                Ok(true)
            })
        })
}

/// After a failover the same address may answer as a standby.
async fn refuse_standby(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Without a name, which a pooler would not keep.
    let asked = sqlx::raw_sql("SELECT pg_is_in_recovery()");
    let standby: bool = asked.fetch_one(connection).await?.try_get(0)?;
    if standby { Err(sqlx::Error::Configuration(DbError::Standby.into())) } else { Ok(()) }
}
