//! Where the connections of a database live, and those who read it for everybody.

use futures_util::future::Either;
use tokio::runtime::Handle;

use super::error::DbError;

/// The runtime in which a database was opened. Its connections are opened there too, by
/// whoever needs one: a connection is woken by the threads that opened it, for as long as
/// it lives, and those that stand back would let whoever has it next wait for them.
#[derive(Debug, Clone)]
pub struct Home(Handle);

impl Home {
    /// The runtime of whoever opens the database.
    pub(super) fn here() -> Self {
        Self(Handle::current())
    }

    /// Starts what serves everybody for as long as there is somebody to serve.
    pub fn start(&self, service: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(service);
    }

    /// Does what reads for somebody who may stand back: its connection is wanted by others
    /// as soon as it is done.
    pub async fn serve<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, DbError> {
        if Handle::current().id() == self.0.id() {
            return Ok(Box::pin(work).await);
        }
        let task = self.0.spawn(work);
        task.await.map_err(|_| sqlx::Error::WorkerCrashed.into())
    }

    /// Does what may open a connection.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> impl Future<Output = Result<T, sqlx::Error>> {
        // Not an `async fn`, which would keep room for the work twice over.
        let is_here = Handle::current().id() == self.0.id();
        if is_here { Either::Left(work) } else { Either::Right(self.apart(work)) }
    }

    /// The same in a task of its own, which ends its work whoever is dropped meanwhile.
    pub(super) fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> impl Future<Output = Result<T, sqlx::Error>> {
        let task = self.0.spawn(work);
        async move { task.await.map_err(|_| sqlx::Error::WorkerCrashed)? }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::Home;

    #[tokio::test]
    async fn what_others_ask_for_is_done_at_home() {
        let home = Home::here();
        let here = thread::current().id();
        let done_on = || async { Ok(thread::current().id()) };
        assert_eq!(home.run(done_on()).await.unwrap(), here);
        let elsewhere = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let elsewhere = elsewhere.unwrap();
        let asked = elsewhere.spawn(async move {
            let by = thread::current().id();
            (by, home.run(done_on()).await.unwrap())
        });
        let (by, done) = asked.await.unwrap();
        assert_ne!(by, here);
        assert_eq!(done, here);
        elsewhere.shutdown_background();
    }
}
