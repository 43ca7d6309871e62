//! Watches the sessions of what stays open: sockets and streams end with them.
//!
//! Requests ask what is known of their session and are over in a moment. What stays open
//! is looked after here: a few times a second all sessions of this process's sockets are
//! asked for by one statement, so each socket ends within a second of its session,
//! wherever that was ended.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
    db::error::DbError,
    domain::session::{Facade, Facts},
    store::posting,
    types::{
        clock::Instant,
        id::{SessionId, UserId},
    },
};

/// Between two rounds.
const EVERY: Duration = Duration::from_millis(400);
/// Sessions that are asked for by one statement.
const AT_ONCE: usize = 256;
/// How long an answer may take: another connection may be quicker.
const PATIENCE: Duration = Duration::from_millis(500);

type Key = (SessionId, UserId);

/// Watches the sessions of one process. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Sentry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    bank: Bank,
    posts: Mutex<Posts>,
}

#[derive(Debug, Default)]
struct Posts {
    guarded: HashMap<u64, Post>,
    next: u64,
    /// The rounds are made while anybody is guarded.
    walks: bool,
}

/// One that stays open.
#[derive(Debug)]
struct Post {
    key: Key,
    facade: Facade,
    expires_at: Instant,
    renews: bool,
    ended: watch::Sender<bool>,
}

/// Ends what stays open when its session or its access does; dropped, it watches no more.
#[derive(Debug)]
pub struct Guard {
    inner: Arc<Inner>,
    number: u64,
    ended: watch::Receiver<bool>,
}

fn lock(posts: &Mutex<Posts>) -> MutexGuard<'_, Posts> {
    posts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sentry {
    /// A sentry over a bank.
    pub fn new(bank: Bank) -> Self {
        Self { inner: Arc::new(Inner { bank, posts: Mutex::default() }) }
    }

    /// Guards something that a permit opened with an access until `expires_at`. Where it
    /// `renews`, each refresh of the session gives it the time of a new access: a page with
    /// cookies cannot show the new one itself.
    pub fn guard(&self, permit: &Permit, expires_at: Instant, renews: bool) -> Guard {
        let (ended, hears) = watch::channel(false);
        let key = (permit.session_id, permit.user_id);
        let mut posts = lock(&self.inner.posts);
        let number = posts.next;
        posts.next += 1;
        let facade = permit.facade;
        posts.guarded.insert(number, Post { key, facade, expires_at, renews, ended });
        if !posts.walks {
            posts.walks = true;
            self.inner.bank.db.home().start(walk(Arc::downgrade(&self.inner)));
        }
        Guard { inner: Arc::clone(&self.inner), number, ended: hears }
    }
}

impl Guard {
    /// Waits until the session or the access has ended.
    pub async fn ended(&mut self) {
        // The sender stands among the posts for as long as this lives.
        let _ = self.ended.wait_for(|ended| *ended).await;
    }

    /// The same person showed a newer access of the same session.
    pub fn extend(&self, expires_at: Instant) {
        let mut posts = lock(&self.inner.posts);
        if let Some(post) = posts.guarded.get_mut(&self.number) {
            post.expires_at = post.expires_at.max(expires_at);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&self.inner.posts).guarded.remove(&self.number);
    }
}

impl Post {
    /// A refresh of its session gives it the time of a new access.
    fn renew(&mut self, facts: &Facts) {
        if let Some(refreshed_at) = facts.refreshed_at.filter(|_| self.renews) {
            self.expires_at = self.expires_at.max(refreshed_at + self.facade.access_life());
        }
    }
}

/// Makes rounds for as long as anybody is guarded.
async fn walk(weak: Weak<Inner>) {
    loop {
        sleep(EVERY).await;
        let Some(inner) = weak.upgrade() else { return };
        let keys: HashSet<Key> = {
            let mut posts = lock(&inner.posts);
            if posts.guarded.is_empty() {
                posts.walks = false;
                posts.guarded.shrink_to_fit();
                return;
            }
            posts.guarded.values().map(|post| post.key).collect()
        };
        let keys = Vec::from_iter(keys);
        for some in keys.chunks(AT_ONCE) {
            match inner.ask(some).await {
                Ok(facts) => inner.judge(some, &facts),
                Err(failure) => tracing::warn!(%failure, "sessions of sockets cannot be asked for"),
            }
        }
        inner.end_overdue();
    }
}

impl Inner {
    async fn ask(&self, some: &[Key]) -> Result<HashMap<Key, Facts>, Failure> {
        let ids: Vec<SessionId> = some.iter().map(|key| key.0).collect();
        let asking = async {
            let mut s = self.bank.db.alone().await?;
            posting::sessions(&mut s, &ids).await
        };
        let found = timeout(PATIENCE, asking).await.unwrap_or(Err(DbError::Silent))?;
        Ok(found.into_iter().collect())
    }

    /// Ends what has no session any more, among those that were asked for.
    fn judge(&self, asked: &[Key], facts: &HashMap<Key, Facts>) {
        let (now, asked) = (self.bank.now(), HashSet::<&Key>::from_iter(asked));
        for post in lock(&self.posts).guarded.values_mut() {
            if !asked.contains(&post.key) {
                continue;
            }
            match facts.get(&post.key).filter(|facts| facts.is_alive(now)) {
                Some(facts) => post.renew(facts),
                None => {
                    post.ended.send_replace(true);
                }
            }
        }
    }

    /// Ends whose access is over, for which nobody need be asked.
    fn end_overdue(&self) {
        let now = self.bank.now();
        for post in lock(&self.posts).guarded.values() {
            if now >= post.expires_at {
                post.ended.send_replace(true);
            }
        }
    }
}
