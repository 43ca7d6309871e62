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

use tokio::{sync::watch, time::sleep};

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
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
    key: (SessionId, UserId),
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
            tokio::spawn(walk(Arc::downgrade(&self.inner)));
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
    /// The session may act, and so may this.
    fn stands(&self, facts: &Facts, now: Instant) -> bool {
        let renewed = facts.refresh_expires_at - self.facade.idle_life();
        let renewed = renewed + self.facade.access_life();
        let until = if self.renews { self.expires_at.max(renewed) } else { self.expires_at };
        facts.is_alive(now) && now < until
    }
}

/// Makes rounds for as long as anybody is guarded.
async fn walk(weak: Weak<Inner>) {
    loop {
        sleep(EVERY).await;
        let Some(inner) = weak.upgrade() else { return };
        let keys: HashSet<(SessionId, UserId)> = {
            let mut posts = lock(&inner.posts);
            if posts.guarded.is_empty() {
                posts.walks = false;
                posts.guarded.shrink_to_fit();
                return;
            }
            posts.guarded.values().map(|post| post.key).collect()
        };
        let ids: Vec<SessionId> = keys.iter().map(|key| key.0).collect();
        match inner.ask(&ids).await {
            Ok(facts) => inner.judge(&keys, &facts),
            // Where nothing can be read nothing is delivered either.
            Err(failure) => tracing::warn!(?failure, "sessions of sockets cannot be asked for"),
        }
    }
}

impl Inner {
    async fn ask(&self, ids: &[SessionId]) -> Result<HashMap<(SessionId, UserId), Facts>, Failure> {
        let mut all = HashMap::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let mut s = self.bank.db.alone().await?;
            all.extend(posting::sessions(&mut s, some).await?);
        }
        Ok(all)
    }

    /// Ends what has no right to stay, among those that were asked for.
    fn judge(
        &self,
        asked: &HashSet<(SessionId, UserId)>,
        facts: &HashMap<(SessionId, UserId), Facts>,
    ) {
        let now = self.bank.now();
        for post in lock(&self.posts).guarded.values() {
            let stands = facts.get(&post.key).is_some_and(|facts| post.stands(facts, now));
            if asked.contains(&post.key) && !stands {
                post.ended.send_replace(true);
            }
        }
    }
}
