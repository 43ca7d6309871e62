//! Connections for single statements, kept at hand.
//!
//! The pool asks each connection that comes back whether it still lives, which is a round
//! trip after every one. A statement that ended well has just told, so its connection waits
//! here for the next one, a moment at most.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{Database, Pool, pool::PoolConnection};
use tokio::time::Instant;

use super::home::Home;

/// How long an idle connection is taken to live without being asked.
pub(super) const TRUSTED: Duration = Duration::from_secs(1);

/// The connections of one pool that wait at hand.
#[derive(Debug)]
pub struct Shelf<DB: Database> {
    kept: Arc<Mutex<Kept<DB>>>,
    home: Home,
}

#[derive(Debug)]
struct Kept<DB: Database> {
    /// The one that was used last is taken first.
    idle: Vec<(PoolConnection<DB>, Instant)>,
    most: usize,
}

impl<DB: Database> Clone for Shelf<DB> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), home: self.home.clone() }
    }
}

impl<DB: Database> Shelf<DB> {
    /// A shelf beside a pool of so many connections. Half of them are always left to
    /// transactions, which know nothing of it.
    pub fn beside(connections: u32, home: &Home) -> Self {
        let most = usize::try_from(connections / 2).unwrap_or(usize::MAX);
        let kept = Kept { idle: Vec::new(), most };
        Self { kept: Arc::new(Mutex::new(kept)), home: home.clone() }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Kept<DB>) -> T) -> T {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A connection for one statement: one at hand, or else one of the pool.
    pub(super) async fn take(&self, pool: &Pool<DB>) -> Result<Lone<DB>, sqlx::Error> {
        let now = Instant::now();
        let at_hand = self.with(|kept| {
            let (connection, since) = kept.idle.pop()?;
            if now.duration_since(since) < TRUSTED {
                return Some(connection);
            }
            // All others have waited longer: the pool asks them whether they live.
            kept.idle.clear();
            None
        });
        let connection = match at_hand {
            Some(connection) => connection,
            // On the heap: hardly anybody waits here, and everybody would carry the room for it.
            None => Box::pin(self.home.run(pool.acquire())).await?,
        };
        Ok(Lone { connection: Some(connection), mark: Mark::Refused, shelf: self.clone() })
    }

    /// How many connections wait at hand.
    pub(super) fn idle(&self) -> usize {
        self.with(|kept| kept.idle.len())
    }

    /// Gives all connections back to the pool, and takes none any more.
    pub(super) fn close(&self) {
        self.with(|kept| {
            kept.most = 0;
            kept.idle.clear();
        });
    }
}

impl<DB: Database> Drop for Kept<DB> {
    fn drop(&mut self) {
        for (connection, _) in self.idle.drain(..) {
            // Where no runtime is left that could give it back to the pool.
            drop(connection.detach());
        }
    }
}

/// How the last statement of a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was answered to its end, and not refused.
    EndedWell,
    /// It was refused, or none was asked.
    Refused,
    /// Its answer has not come, or not wholly.
    Open,
}

/// A connection on which each statement is a transaction of its own.
#[derive(Debug)]
pub struct Lone<DB: Database> {
    connection: Option<PoolConnection<DB>>,
    mark: Mark,
    shelf: Shelf<DB>,
}

impl<DB: Database> Lone<DB> {
    /// The connection, and where to note how a statement has ended.
    pub(super) fn parts(&mut self) -> (&mut DB::Connection, &mut Mark) {
        self.mark = Mark::Open;
        let connection = self.connection.as_mut().expect("it is given back when this is dropped");
        (&mut **connection, &mut self.mark)
    }
}

impl<DB: Database> Drop for Lone<DB> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match self.mark {
            Mark::EndedWell => self.shelf.with(|kept| {
                if kept.idle.len() < kept.most {
                    kept.idle.push((connection, Instant::now()));
                }
            }),
            // The pool asks it whether it still lives.
            Mark::Refused => drop(connection),
            // The pool would wait for the answer, which may never come.
            Mark::Open => drop(connection.detach()),
        }
    }
}
