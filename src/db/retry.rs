//! The one place where a transaction is begun again.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    pin::Pin,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    error::{DbError, Transient},
    patience,
    pool::Db,
    session::Session,
};

/// How often a transaction is begun before its failure is reported.
const TRIES_MAX: u32 = 8;

/// One try of a transaction: a session that the work may use but not commit.
///
/// The lifetime `'env` is that of what the work borrows from its surroundings.
/// It stands here because `&'s mut Attempt<'env>` implies that `'env` outlives
/// `'s`, and so the work may keep its borrows across its awaits.
#[derive(Debug)]
pub struct Attempt<'env> {
    session: Session,
    environment: PhantomData<fn(&'env ()) -> &'env ()>,
}

impl Deref for Attempt<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Attempt<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

/// What one try of a retried transaction is: a boxed future, because the future
/// of an `async` closure cannot yet be promised to be `Send`.
pub type Work<'s, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 's>>;

/// How a try ended that brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The database says that another try may succeed.
    Collided,
    /// The connection was lost before the commit: nothing was done.
    Lost,
    /// The answer to the commit was lost, and the work finds out by itself if it was done.
    Unsettled,
    /// The database could not be asked.
    Away,
    /// For good.
    Refused,
}

/// When to give up.
struct Endurance {
    started: Instant,
    tries: u32,
    /// A commit whose answer was lost must be asked after, whatever comes in between.
    unsettled: bool,
}

impl Endurance {
    /// How long to wait before the next try; `None` where there is none.
    fn pause(&mut self, ended: Ended) -> Option<Duration> {
        self.unsettled |= ended == Ended::Unsettled;
        let elapsed = self.started.elapsed();
        let most = if self.unsettled { patience::UNSETTLED } else { patience::LOST };
        let more = match ended {
            Ended::Refused => false,
            // That it cannot be asked is no answer to whether it was done.
            Ended::Away => self.unsettled && elapsed < most,
            Ended::Collided => self.tries < TRIES_MAX,
            Ended::Lost | Ended::Unsettled => elapsed < most,
        };
        // Two that collided wait for different times, because the second one waits for
        // its turn at the lock.
        let pause = Duration::from_millis(u64::from(2_u32.pow(self.tries.min(TRIES_MAX))));
        self.tries += 1;
        more.then_some(pause)
    }
}

impl Db {
    /// Runs `work` in a writing transaction and commits it, from the start again
    /// where the database says that another try may succeed, or where the connection is
    /// lost before the commit.
    ///
    /// `work` decides by its answer: `Ok` commits, `Err` rolls back. Where the answer to a
    /// commit is lost it is done again if it said that it may be repeated.
    pub async fn write_retrying<'env, T, E, W>(&self, mut work: W) -> Result<T, E>
    where
        E: From<DbError> + Transient,
        W: for<'s> FnMut(&'s mut Attempt<'env>) -> Work<'s, T, E> + Send,
        T: Send,
    {
        let mut endurance = Endurance { started: Instant::now(), tries: 1, unsettled: false };
        // What is told where nobody could say any more whether it was done.
        let mut unsure = None;
        loop {
            let (ended, failure) = match self.once(&mut work).await {
                Ok(value) => return Ok(value),
                Err(ended) => ended,
            };
            let pause = endurance.pause(ended);
            let failure = match (ended, unsure.take()) {
                (Ended::Unsettled | Ended::Refused, _) | (_, None) => failure,
                (_, Some(first)) => first,
            };
            let Some(pause) = pause else {
                return Err(failure);
            };
            if endurance.unsettled {
                unsure = Some(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One try.
    async fn once<'env, T, E, W>(&self, work: &mut W) -> Result<T, (Ended, E)>
    where
        E: From<DbError> + Transient,
        W: for<'s> FnMut(&'s mut Attempt<'env>) -> Work<'s, T, E> + Send,
        T: Send,
    {
        let session = self.write().await.map_err(|error| (Ended::Away, E::from(error)))?;
        let mut attempt = Attempt { session, environment: PhantomData };
        let value = match work(&mut attempt).await {
            Ok(value) => value,
            Err(failure) if attempt.session.fate.lost => return Err((Ended::Lost, failure)),
            Err(failure) if failure.is_transient() => return Err((Ended::Collided, failure)),
            Err(failure) => return Err((Ended::Refused, failure)),
        };
        let repeatable = attempt.session.fate.repeatable;
        let Err(error) = attempt.session.commit().await else {
            return Ok(value);
        };
        let ended = match &error {
            DbError::Unsure(why) if repeatable && why.is_gone() => Ended::Unsettled,
            error if error.is_transient() => Ended::Collided,
            _ => Ended::Refused,
        };
        Err((ended, E::from(error)))
    }
}
