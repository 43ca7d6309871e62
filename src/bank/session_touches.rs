//! Notes that sessions are in use, beside the requests that use them.
//!
//! A request that only reads neither waits for the note nor fails with it. One task at a
//! time writes what was noted; what comes meanwhile waits for it in one place.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    db::{error::DbError, pool::Db},
    domain::session::ACTIVITY_STEP,
    store::session,
    types::{clock::Instant, id::SessionId},
};

/// Notes that are written together, at most.
const TOGETHER_MAX: usize = 256;
/// Notes that wait, at most: one more is not taken, and is made when its session is asked
/// for again.
const WAITING_MAX: usize = 65_536;

/// From where a session was used, and when.
type Use = (String, Instant);

#[derive(Debug, Default)]
struct Notes {
    waiting: BTreeMap<SessionId, Use>,
    /// A task writes them.
    under_way: bool,
}

/// What is to be noted of sessions in use.
#[derive(Debug, Clone, Default)]
pub struct SessionTouches(Arc<Mutex<Notes>>);

impl SessionTouches {
    /// Notes that a session is in use.
    pub(super) fn note(&self, db: &Db, id: SessionId, ip_address: String, at: Instant) {
        let begins = self.with(|notes| {
            if notes.waiting.len() < WAITING_MAX {
                notes.waiting.insert(id, (ip_address, at));
            }
            !std::mem::replace(&mut notes.under_way, true)
        });
        if begins {
            let (touches, own) = (self.clone(), db.clone());
            db.home().start(async move { touches.write(&own).await });
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Notes) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes what waits, until nothing does.
    async fn write(&self, db: &Db) {
        loop {
            let noted = self.with(|notes| {
                let rest = match notes.waiting.keys().nth(TOGETHER_MAX).copied() {
                    Some(next) => notes.waiting.split_off(&next),
                    None => BTreeMap::new(),
                };
                let noted = std::mem::replace(&mut notes.waiting, rest);
                notes.under_way = !noted.is_empty();
                noted
            });
            if noted.is_empty() {
                return;
            }
            if let Err(error) = touch(db, &noted).await {
                tracing::warn!(%error, "it could not be noted that sessions are in use");
            }
        }
    }
}

/// On SQLite together, as each commit waits for the disk; on PostgreSQL each by itself, so
/// that no two of a person's are locked at once.
async fn touch(db: &Db, noted: &BTreeMap<SessionId, Use>) -> Result<(), DbError> {
    let together = matches!(db, Db::Sqlite { .. });
    let mut s = if together { db.write().await? } else { db.alone().await? };
    for (id, (ip_address, at)) in noted {
        session::touch(&mut s, *id, ip_address, *at, *at - ACTIVITY_STEP).await?;
    }
    s.commit().await
}
