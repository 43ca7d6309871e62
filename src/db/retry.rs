//! The one place where a transaction is begun again.

use std::{
    marker::PhantomData,
    ops::{Deref, DerefMut},
    pin::Pin,
    time::Duration,
};

use super::{
    error::{DbError, Transient},
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

impl Db {
    /// Runs `work` in a writing transaction and commits it, from the start again
    /// where the database says that another try may succeed.
    ///
    /// `work` decides by its answer: `Ok` commits, `Err` rolls back.
    pub async fn write_retrying<'env, T, E, W>(&self, mut work: W) -> Result<T, E>
    where
        E: From<DbError> + Transient,
        W: for<'s> FnMut(&'s mut Attempt<'env>) -> Work<'s, T, E> + Send,
        T: Send,
    {
        let mut tries = 1;
        loop {
            let session = self.write().await?;
            let mut attempt = Attempt { session, environment: PhantomData };
            let failure = match work(&mut attempt).await {
                Ok(value) => match attempt.session.commit().await {
                    Ok(()) => return Ok(value),
                    Err(error) => E::from(error),
                },
                Err(failure) => {
                    drop(attempt);
                    failure
                }
            };
            if !failure.is_transient() || tries == TRIES_MAX {
                return Err(failure);
            }
            // Two that collided wait for different times, because the second
            // one waits for its turn at the lock.
            tokio::time::sleep(Duration::from_millis(u64::from(2_u32.pow(tries)))).await;
            tries += 1;
        }
    }
}
