//! The streams of all who are waited for, and the one reader of this process.
//!
//! The reader is woken by a commit of this process, by another process on the same
//! PostgreSQL, and, where neither was heard, by a slow clock. It reads for everybody
//! concerned by one statement; what comes meanwhile is read by the next.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, sleep},
};

use super::stream::Stream;
use crate::{
    db::{
        bell::{Ear, Heard},
        error::DbError,
        pool::Db,
    },
    store::{event, event::Event},
    types::id::UserId,
};

/// Streams that are read by one statement.
const STREAMS_AT_ONCE: usize = 256;
/// How long to wait where the database cannot be asked.
const PAUSE: Duration = Duration::from_millis(250);

/// The streams of all who are waited for in this process. A clone is the same registry.
#[derive(Debug, Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Db,
    poll: Duration,
    streams: Mutex<HashMap<UserId, Weak<Stream>>>,
    /// The reader runs once somebody waits.
    reads: Mutex<bool>,
    /// Streams that have, or may have, something new.
    due: Mutex<HashSet<UserId>>,
    wake: Arc<Notify>,
    statements: AtomicU64,
    /// Ends the reader and the listener when the registry goes.
    life: watch::Sender<()>,
}

impl Live {
    /// A registry that reads at the latest after each `poll`, whatever it has heard.
    pub fn new(db: Db, poll: Duration) -> Self {
        Self {
            inner: Arc::new(Inner {
                db,
                poll,
                streams: Mutex::default(),
                reads: Mutex::new(false),
                due: Mutex::default(),
                wake: Arc::default(),
                statements: AtomicU64::new(0),
                life: watch::channel(()).0,
            }),
        }
    }

    /// The stream of a person, which is read for as long as somebody holds it.
    ///
    /// Whoever joins asks the database where the stream ends after they joined, and tells
    /// it by [`Stream::begin`] and [`Live::wake`]: so nothing that is committed meanwhile is
    /// missed.
    pub fn join(&self, owner_id: UserId) -> Arc<Stream> {
        self.begin();
        let mut streams = lock(&self.inner.streams);
        if let Some(stream) = streams.get(&owner_id).and_then(Weak::upgrade) {
            return stream;
        }
        let stream = Arc::new(Stream::new(owner_id));
        streams.insert(owner_id, Arc::downgrade(&stream));
        stream
    }

    /// The person's stream may have something new.
    pub fn wake(&self, owner_id: UserId) {
        self.inner.heard(&Heard::These([owner_id.uuid()].into()));
    }

    /// How many statements the reader has run.
    pub fn statements(&self) -> u64 {
        self.inner.statements.load(Ordering::Relaxed)
    }

    /// Starts the reader, and on PostgreSQL the listener, where they do not run yet.
    fn begin(&self) {
        let mut reads = lock(&self.inner.reads);
        if !*reads {
            *reads = true;
            let (weak, ear) = (Arc::downgrade(&self.inner), self.inner.db.bell().listen());
            let home = self.inner.db.home();
            home.start(read(weak, ear, self.inner.life.subscribe(), self.inner.poll));
            if matches!(self.inner.db, Db::Postgres { .. }) {
                let weak = Arc::downgrade(&self.inner);
                let db = self.inner.db.clone();
                home.start(listen(weak, db, self.inner.life.subscribe()));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// Notes whose streams are to be read, among those who are waited for.
    fn heard(&self, heard: &Heard) {
        let streams = lock(&self.streams);
        let mut due = lock(&self.due);
        match heard {
            Heard::These(subjects) => {
                let owners = subjects.iter().map(|subject| UserId::from_uuid(*subject));
                due.extend(owners.filter(|owner| streams.contains_key(owner)));
            }
            Heard::Anybody => due.extend(streams.keys()),
            Heard::Nothing => {}
        }
        if !due.is_empty() {
            self.wake.notify_one();
        }
    }

    /// Notes that all streams are to be read, and forgets those for which nobody waits.
    fn tick(&self) {
        let mut streams = lock(&self.streams);
        streams.retain(|_, stream| stream.upgrade().is_some_and(|stream| stream.tick()));
        streams.shrink_to_fit();
        drop(streams);
        self.heard(&Heard::Anybody);
    }

    /// Some of the streams that are due, each with the number after which to read.
    fn take(&self) -> Vec<(Arc<Stream>, i64)> {
        let streams = lock(&self.streams);
        let mut due = lock(&self.due);
        let some: Vec<UserId> = due.iter().copied().take(STREAMS_AT_ONCE).collect();
        for owner in &some {
            due.remove(owner);
        }
        let taken = some.iter().filter_map(|owner| {
            let stream = streams.get(owner)?.upgrade()?;
            // Whoever joined it is about to say where it begins, and wakes us then.
            let head = stream.head()?;
            Some((stream, head))
        });
        taken.collect()
    }

    /// Reads what is due until nothing is.
    async fn read(&self) -> Result<(), DbError> {
        loop {
            let taken = self.take();
            if taken.is_empty() {
                if lock(&self.due).is_empty() {
                    return Ok(());
                }
                continue;
            }
            let wanted: Vec<(UserId, i64)> =
                taken.iter().map(|(stream, head)| (stream.owner_id, *head)).collect();
            let found = match self.ask(&wanted).await {
                Ok(found) => found,
                Err(error) => {
                    lock(&self.due).extend(wanted.iter().map(|(owner, _)| *owner));
                    return Err(error);
                }
            };
            self.hand_out(&taken, found);
        }
    }

    async fn ask(&self, wanted: &[(UserId, i64)]) -> Result<Vec<(UserId, Event)>, DbError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        event::after_each(&mut self.db.alone().await?, wanted).await
    }

    /// Gives each stream its events, which come in the order of each stream.
    fn hand_out(&self, taken: &[(Arc<Stream>, i64)], found: Vec<(UserId, Event)>) {
        let mut by_owner: HashMap<UserId, Vec<Event>> = HashMap::with_capacity(taken.len());
        for (owner, event) in found {
            by_owner.entry(owner).or_default().push(event);
        }
        for (stream, _) in taken {
            let Some(events) = by_owner.remove(&stream.owner_id) else { continue };
            if i64::try_from(events.len()).is_ok_and(|count| count >= event::AT_ONCE) {
                lock(&self.due).insert(stream.owner_id);
            }
            stream.extend(events);
        }
    }
}

/// The reader: runs until the registry goes.
async fn read(weak: Weak<Inner>, mut ear: Ear, mut life: watch::Receiver<()>, poll: Duration) {
    let Some(wake) = weak.upgrade().map(|inner| Arc::clone(&inner.wake)) else { return };
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let Some(inner) = weak.upgrade() else { return };
        let done = inner.read().await;
        drop(inner);
        if let Err(error) = done {
            tracing::warn!(%error, "events cannot be read: again shortly");
            sleep(PAUSE).await;
            continue;
        }
        let heard = tokio::select! {
            heard = ear.hear() => Some(heard),
            () = wake.notified() => Some(Heard::Nothing),
            _ = ticks.tick() => None,
            _ = life.changed() => return,
        };
        let Some(inner) = weak.upgrade() else { return };
        match heard {
            Some(heard) => inner.heard(&heard),
            None => inner.tick(),
        }
    }
}

/// The listener: hears other processes, begins anew where its connection is lost, and
/// lets everything be read again then.
async fn listen(weak: Weak<Inner>, db: Db, mut life: watch::Receiver<()>) {
    let ended = async {
        let _ = life.changed().await;
    };
    let listening = async {
        loop {
            match hear(&weak, &db).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, "other processes cannot be heard: again shortly");
                    sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = ended => {}
        () = listening => {}
    }
}

/// Hears until the connection fails for good, or there is nobody to tell.
async fn hear(weak: &Weak<Inner>, db: &Db) -> Result<(), DbError> {
    let Some(mut listener) = db.listen().await? else { return Ok(()) };
    let mut heard = Heard::Anybody;
    loop {
        let Some(inner) = weak.upgrade() else { return Ok(()) };
        inner.heard(&heard);
        drop(inner);
        heard = listener.hear().await?;
    }
}
