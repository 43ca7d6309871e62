//! One person's stream of events, as far as this process has read it.

use std::{
    any::Any,
    collections::VecDeque,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::sync::watch;

use crate::{store::event::Event, types::id::UserId};

/// Events that are kept for watchers who are a moment behind.
const RECENT_MAX: usize = 64;
/// Nobody knows yet where the stream ends.
const UNKNOWN: i64 = -1;

/// One person's stream of events.
#[derive(Debug)]
pub struct Stream {
    /// Whose it is.
    pub owner_id: UserId,
    recent: Mutex<VecDeque<Arc<Event>>>,
    /// The number of the last event that was read.
    head: watch::Sender<i64>,
    at_last_tick: AtomicI64,
    shared: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Stream {
    /// A stream of which nothing is known.
    pub fn new(owner_id: UserId) -> Self {
        Self {
            owner_id,
            recent: Mutex::default(),
            head: watch::channel(UNKNOWN).0,
            at_last_tick: AtomicI64::new(UNKNOWN),
            shared: OnceLock::new(),
        }
    }

    /// What all who wait for this stream have together, for as long as anybody does. What
    /// that is the first who asks says, and the stream does not know.
    pub fn shared<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let shared = self.shared.get_or_init(|| Arc::new(T::default()));
        Arc::clone(shared).downcast().unwrap_or_default()
    }

    /// The stream ends here, says somebody who has asked; who was first is believed.
    pub fn begin(&self, last: i64) {
        self.head.send_if_modified(|head| {
            let begins = *head == UNKNOWN;
            if begins {
                *head = last;
            }
            begins
        });
    }

    /// The number of the last event that was read; `None` where nobody has asked yet.
    pub fn head(&self) -> Option<i64> {
        Some(*self.head.borrow()).filter(|head| *head != UNKNOWN)
    }

    /// Tells when the head moves.
    pub fn news(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Takes in what was read after the head, in its order, and wakes whoever waits.
    pub fn extend(&self, events: impl IntoIterator<Item = Event>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *self.head.borrow();
        let mut last = before;
        for event in events.into_iter().filter(|event| event.number > before) {
            last = event.number;
            if recent.len() == RECENT_MAX {
                recent.pop_front();
            }
            recent.push_back(Arc::new(event));
        }
        drop(recent);
        if last > before {
            self.head.send_replace(last);
        }
    }

    /// The event of this number, where it is still in memory.
    pub fn find(&self, number: i64) -> Option<Arc<Event>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        recent.get(place).filter(|event| event.number == number).cloned()
    }

    /// Called now and then: where nothing happened since the last time, what everybody has
    /// seen by now is forgotten. Always true.
    pub fn tick(&self) -> bool {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let head = *self.head.borrow();
        if self.at_last_tick.swap(head, Ordering::Relaxed) == head {
            recent.clear();
            recent.shrink_to_fit();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Event, RECENT_MAX, Stream};
    use crate::{domain::event::Body, types::id::UserId};

    fn events(numbers: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = Event> {
        let occurred_at = "2026-11-21T10:00:00Z".parse().unwrap();
        numbers.map(move |number| Event { number, occurred_at, body: Body::Unknown })
    }

    #[test]
    fn those_who_wait_have_one_thing_together() {
        let stream = Stream::new(UserId::from_uuid(Uuid::nil()));
        let one = stream.shared::<Vec<u8>>();
        assert!(std::sync::Arc::ptr_eq(&one, &stream.shared()));
    }

    #[test]
    fn a_stream_keeps_the_newest_events_and_takes_none_twice() {
        let stream = Stream::new(UserId::from_uuid(Uuid::nil()));
        assert_eq!(stream.head(), None);
        stream.begin(4);
        stream.begin(9);
        assert_eq!(stream.head(), Some(4), "who was first is believed");
        stream.extend(events(3..=6));
        stream.extend(events(5..=7));
        assert_eq!(stream.head(), Some(7));
        let found = |number| stream.find(number).map(|event| event.number);
        assert_eq!((found(4), found(5), found(7), found(8)), (None, Some(5), Some(7), None));
        let most = i64::try_from(RECENT_MAX).unwrap();
        stream.extend(events(8..=7 + most));
        assert_eq!((found(7), found(8), found(7 + most)), (None, Some(8), Some(7 + most)));
        stream.tick();
        assert_eq!(found(8), Some(8), "something has happened since the last time");
        stream.tick();
        assert_eq!((found(8), stream.head()), (None, Some(7 + most)));
    }
}
