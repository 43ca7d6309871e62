//! What the database says of sessions: who asks while another question is under way waits
//! for the next one, which is asked for all of them together.
//!
//! One who asks alone waits for nobody. Where many ask at once, a question for each of them
//! would cost more than what they came for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Turn, oneshot},
    time::{Instant, timeout},
};

use super::error::Failure;
use crate::{
    db::{error::DbError, pool::Db},
    domain::session::Facts,
    store::session,
    types::{
        clock,
        id::{SessionId, UserId},
    },
};

/// Sessions that one question asks for, at most.
const TOGETHER_MAX: usize = 256;

/// How long the answer may take. All who are asked for wait for it, and those after them.
const PATIENCE: Duration = Duration::from_secs(2);

type Key = (SessionId, UserId);

/// What is known of a session: when it was last used, and what else.
type Known = (Facts, clock::Instant);

/// What is known, if anything, and when the database was asked.
type Said = Result<(Option<Known>, Instant), Arc<DbError>>;

#[derive(Debug)]
struct Asked {
    key: Key,
    tell: oneshot::Sender<Said>,
}

/// Who waits for what the database says of sessions.
#[derive(Debug, Clone, Default)]
pub struct SessionReads {
    waiting: Arc<Mutex<Vec<Asked>>>,
    turn: Arc<Turn<()>>,
}

impl SessionReads {
    /// What the database knows of a person's session, if there is one, and the instant
    /// before which it was not asked.
    pub(super) async fn read(
        &self,
        db: &Db,
        key: Key,
    ) -> Result<(Option<Known>, Instant), Failure> {
        loop {
            let (tell, mut told) = oneshot::channel();
            self.with(|waiting| waiting.push(Asked { key, tell }));
            let turn = tokio::select! {
                biased;
                said = &mut told => match said {
                    Ok(said) => return Ok(said?),
                    // Who asked for all of us went away before the answer came.
                    Err(_) => continue,
                },
                turn = self.turn.lock() => turn,
            };
            loop {
                match told.try_recv() {
                    Ok(said) => return Ok(said?),
                    Err(oneshot::error::TryRecvError::Closed) => break,
                    Err(oneshot::error::TryRecvError::Empty) => self.ask(db).await,
                }
            }
            drop(turn);
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Vec<Asked>) -> T) -> T {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks for those who have waited longest, and tells them.
    async fn ask(&self, db: &Db) {
        let asked: Vec<Asked> = self.with(|waiting| {
            // Who has gone away is not asked for.
            waiting.retain(|asked| !asked.tell.is_closed());
            let count = waiting.len().min(TOGETHER_MAX);
            waiting.drain(..count).collect()
        });
        let at = Instant::now();
        let said = timeout(PATIENCE, known(db, &asked)).await;
        let said = said.unwrap_or(Err(DbError::Silent)).map_err(Arc::new);
        for Asked { key, tell } in asked {
            let said = match &said {
                Ok(all) => Ok((all.iter().find(|one| one.0 == key).map(|one| one.1), at)),
                Err(error) => Err(Arc::clone(error)),
            };
            // Who has gone away meanwhile is not told.
            let _ = tell.send(said);
        }
    }
}

async fn known(db: &Db, asked: &[Asked]) -> Result<Vec<(Key, Known)>, DbError> {
    let mut s = db.alone().await?;
    if let [Asked { key, .. }] = asked {
        let found = session::known(&mut s, key.0, key.1).await?;
        return Ok(found.map(|known| (*key, known)).into_iter().collect());
    }
    let ids: Vec<SessionId> = asked.iter().map(|asked| asked.key.0).collect();
    session::known_many(&mut s, &ids).await
}
