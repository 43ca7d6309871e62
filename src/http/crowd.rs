//! How many sockets and streams each person and each address has open.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::types::id::UserId;

/// Those who have something open.
type Counts<K> = Arc<Mutex<HashMap<K, usize>>>;

/// Counts what is open in this process. A clone counts the same.
#[derive(Debug, Clone, Default)]
pub struct Crowd {
    addresses: Counts<String>,
    people: Counts<UserId>,
    sockets: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

/// How many are open of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// WebSockets.
    pub sockets: usize,
    /// Streams of server-sent events.
    pub streams: usize,
}

/// One that is open, for as long as this lives.
#[derive(Debug)]
pub struct One(Arc<AtomicUsize>);

impl One {
    fn of(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place in the crowd, which is free again when this is dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash> {
    counts: Counts<K>,
    key: K,
}

impl<K: Eq + Hash + Clone> Place<K> {
    fn take(counts: &Counts<K>, key: K, most: usize) -> Option<Self> {
        let mut all = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(key.clone()).or_default();
        // A key that is refused has places, so it never stands here with none.
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self { counts: Arc::clone(counts), key })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut all = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.key);
            }
        }
    }
}

impl Crowd {
    /// A place for an address; none where it has as many as it may.
    pub fn address(&self, address: &str, most: usize) -> Option<Place<String>> {
        Place::take(&self.addresses, address.to_owned(), most)
    }

    /// Counts a WebSocket.
    pub fn socket(&self) -> One {
        One::of(&self.sockets)
    }

    /// Counts a stream.
    pub fn stream(&self) -> One {
        One::of(&self.streams)
    }

    /// How many are open.
    pub fn open(&self) -> Open {
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        Open { sockets: count(&self.sockets), streams: count(&self.streams) }
    }

    /// A place for a person; none where they have as many as they may.
    pub fn person(&self, person: UserId, most: usize) -> Option<Place<UserId>> {
        Place::take(&self.people, person, most)
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowd, Open};

    #[test]
    fn a_place_is_free_again_once_it_is_left() {
        let crowd = Crowd::default();
        let one = crowd.address("192.0.2.1", 2);
        let two = crowd.address("192.0.2.1", 2);
        assert!(one.is_some() && two.is_some());
        assert!(crowd.address("192.0.2.1", 2).is_none());
        assert!(crowd.address("192.0.2.2", 2).is_some(), "another address");
        drop(one);
        assert!(crowd.address("192.0.2.1", 2).is_some());
        drop(two);
        let left = crowd.addresses.lock().unwrap().len();
        assert_eq!(left, 0, "nobody is remembered who has nothing open");
        let (socket, stream) = (crowd.socket(), crowd.clone().stream());
        assert_eq!(crowd.open(), Open { sockets: 1, streams: 1 });
        drop((socket, stream));
        assert_eq!(crowd.open(), Open { sockets: 0, streams: 0 });
    }
}
