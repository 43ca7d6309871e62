//! Hears what other processes on the same PostgreSQL have committed.

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::{
    bell::{Bell, Heard},
    error::DbError,
    pool::Db,
};

/// Where processes tell each other. It stands in the statements of `store` as well.
pub const CHANNEL: &str = "teller_events";
/// How the connection is called in `pg_stat_activity`.
const NAME: &str = "teller listener";

/// A connection of its own that only listens.
#[derive(Debug)]
pub struct Listener {
    connection: PgListener,
    bell: Bell,
}

impl Db {
    /// Begins to listen to other processes; `None` on SQLite, where there is one.
    pub async fn listen(&self) -> Result<Option<Listener>, DbError> {
        let Self::Postgres { cluster, bell } = self else {
            return Ok(None);
        };
        let options = (*cluster.direct().connect_options()).clone().application_name(NAME);
        // A pool of one, which never lets its connection go.
        let one = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let mut connection = PgListener::connect_with(&one.connect_lazy_with(options)).await?;
        connection.listen(CHANNEL).await?;
        Ok(Some(Listener { connection, bell: bell.clone() }))
    }
}

impl Listener {
    /// Waits for news. What was told while the connection was lost is lost: then it is
    /// [`Heard::Anybody`].
    ///
    /// # Errors
    ///
    /// Where the database cannot be reached; whoever listens begins anew.
    pub async fn hear(&mut self) -> Result<Heard, DbError> {
        Ok(match self.connection.try_recv().await? {
            Some(notification) => self.bell.read(notification.payload()),
            None => Heard::Anybody,
        })
    }
}
