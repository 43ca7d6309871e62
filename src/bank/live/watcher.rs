//! One who waits for what happens to a person.

use std::{any::Any, collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use super::stream::Stream;
use crate::{
    db::{error::DbError, pool::Db},
    store::{event, event::Event},
};

/// How long to wait where the database cannot be asked.
const PAUSE: Duration = Duration::from_millis(250);

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// An event, the one after the last.
    Event(Arc<Event>),
    /// What comes next was swept away before it was read.
    Gap,
}

/// A position in a person's stream, which moves with each event that is taken.
#[derive(Debug)]
pub struct Watcher {
    db: Db,
    stream: Arc<Stream>,
    news: watch::Receiver<i64>,
    /// The number of the last event that was taken.
    seen: i64,
    /// What was read from the database and not taken yet.
    read: VecDeque<Arc<Event>>,
}

impl Watcher {
    /// Waits for what comes after a number.
    pub fn new(db: Db, stream: Arc<Stream>, seen: i64) -> Self {
        Self { db, news: stream.news(), stream, seen, read: VecDeque::new() }
    }

    /// The number of the last event that was taken.
    pub fn seen(&self) -> i64 {
        self.seen
    }

    /// What all who wait for this person have together.
    pub fn shared<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        self.stream.shared()
    }

    /// Goes on from another place.
    pub fn go_to(&mut self, seen: i64) {
        self.seen = seen;
        self.read.clear();
    }

    /// The next event, whenever it comes. It can be dropped while it waits, and loses nothing.
    pub async fn next(&mut self) -> Next {
        loop {
            let next = self.seen + 1;
            if let Some(event) = self.read.pop_front() {
                self.seen = event.number;
                return Next::Event(event);
            }
            if self.stream.head().is_none_or(|head| head < next) {
                // The stream is ours, so its head has not gone.
                let _ = self.news.wait_for(|head| *head >= next).await;
                continue;
            }
            if let Some(event) = self.stream.find(next) {
                self.seen = next;
                return Next::Event(event);
            }
            // Boxed, because it is seldom asked for, and most of the time this waits.
            match Box::pin(self.ask()).await {
                Ok(events) if events.front().is_some_and(|first| first.number == next) => {
                    self.read = events;
                }
                Ok(_) => return Next::Gap,
                Err(error) => {
                    tracing::warn!(%error, "missed events cannot be read: again shortly");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn ask(&self) -> Result<VecDeque<Arc<Event>>, DbError> {
        let mut s = self.db.alone().await?;
        let (owner, seen) = (self.stream.owner_id, self.seen);
        let found = event::after(&mut s, owner, seen, event::AT_ONCE).await?;
        Ok(found.into_iter().map(Arc::new).collect())
    }
}
