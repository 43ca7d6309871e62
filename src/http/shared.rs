//! Answers that several get: made once, as bytes, for all who asked the same.
//!
//! Who asks the same is one person, by the same document and the same variables, in the
//! same session where the document tells sessions apart. Of each event of that person
//! whoever comes first makes the answer, and the others take it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::body::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use super::document_cache::Key as DocumentKey;
use crate::types::id::{SessionId, UserId};

/// Answers that are kept for those who are a moment behind.
const KEPT: usize = 16;
/// How many groups there are before those without members are looked for.
const SWEPT_AT: usize = 64;

/// Who gets the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    person: UserId,
    document: DocumentKey,
    variables: [u8; 32],
    session: Option<SessionId>,
}

impl Key {
    /// The key of a document with its variables as JSON.
    pub fn new(
        person: UserId,
        document: DocumentKey,
        variables: &[u8],
        session: Option<SessionId>,
    ) -> Self {
        Self { person, document, variables: Sha256::digest(variables).into(), session }
    }
}

/// The groups of those who get the same bytes. A clone holds the same ones.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    groups: Arc<Mutex<Groups>>,
    made: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Groups {
    all: HashMap<Key, Weak<Group>>,
    /// Once there are so many, those without members go.
    sweep_at: usize,
}

/// An answer that is made once.
pub type Cell = Arc<OnceCell<Bytes>>;

/// Those who get the same bytes.
#[derive(Debug, Default)]
pub struct Group {
    /// The newest answers, by the numbers of their events.
    cells: Mutex<VecDeque<(i64, Cell)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The group of a key, which lasts as long as it has members.
    pub fn join(&self, key: Key) -> Arc<Group> {
        let mut groups = lock(&self.groups);
        if let Some(group) = groups.all.get(&key).and_then(Weak::upgrade) {
            return group;
        }
        if groups.all.len() >= groups.sweep_at.max(SWEPT_AT) {
            groups.all.retain(|_, group| group.strong_count() > 0);
            groups.sweep_at = groups.all.len() * 2;
        }
        let group = Arc::new(Group::default());
        groups.all.insert(key, Arc::downgrade(&group));
        group
    }

    /// Notes that an answer was made.
    pub fn count(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// How many answers were made.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

impl Group {
    /// Where the answer to an event is, or will be; none for one who is alone, or so far
    /// behind that nobody else wants it.
    pub fn cell(self: &Arc<Self>, number: i64) -> Option<Cell> {
        let mut cells = lock(&self.cells);
        if Arc::strong_count(self) == 1 {
            cells.clear();
            return None;
        }
        let place = cells.partition_point(|(known, _)| *known < number);
        if let Some((known, cell)) = cells.get(place)
            && *known == number
        {
            return Some(Arc::clone(cell));
        }
        if place == 0 && cells.len() == KEPT {
            return None;
        }
        let cell = Cell::default();
        cells.insert(place, (number, Arc::clone(&cell)));
        if cells.len() > KEPT {
            cells.pop_front();
        }
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::{DocumentKey, KEPT, Key, Shared};
    use crate::types::id::UserId;

    fn key(variables: &[u8]) -> Key {
        let person = UserId::from_uuid(Uuid::nil());
        Key::new(person, DocumentKey::of("{ a }", None), variables, None)
    }

    #[test]
    fn members_share_the_newest_answers_and_one_who_is_alone_shares_none() {
        let shared = Shared::default();
        let one = shared.join(key(b"{}"));
        assert!(one.cell(1).is_none(), "alone");
        let two = shared.join(key(b"{}"));
        let other = shared.join(key(b"{\"a\":1}"));
        assert!(!Arc::ptr_eq(&one, &other));
        let cell = one.cell(1).unwrap();
        assert!(Arc::ptr_eq(&cell, &two.cell(1).unwrap()));
        let newest = i64::try_from(KEPT).unwrap() + 1;
        for number in (2..=newest).rev() {
            assert!(!Arc::ptr_eq(&cell, &one.cell(number).unwrap()));
        }
        assert!(one.cell(1).is_none(), "too far behind");
        let last = one.cell(newest).unwrap();
        assert!(Arc::ptr_eq(&last, &two.cell(newest).unwrap()));
        drop((one, two));
        assert!(shared.join(key(b"{}")).cell(newest).is_none(), "nobody is left of them");
    }
}
