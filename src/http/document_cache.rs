//! The documents that have run, ready to run again.
//!
//! Programs send the same few texts over and over. What depends on a text alone (its
//! nesting, its syntax, its cost, its marks and its plan) is found out once; what
//! depends on the variables (the shapes of inputs and the library's validation) is
//! checked every time.
//!
//! A stranger must not be able to flush it, so a document enters after it was valid and
//! ran, never before. One who sends many valid ones finds the places taken: a newcomer
//! enters only if it is asked for more often than what it would push out. All documents
//! together are bounded in bytes. What holds somebody's data (`document::is_personal`)
//! never enters.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

use crate::graphql::completion::prepared::Prepared;

/// The memory for documents, in bytes: some hundreds of the usual size.
pub const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What the cache itself needs for each document: its key, and its places in the table
/// and in the queues of the policy.
const OVERHEAD: usize = 512;

/// Names a text and the operation of it that runs. Two texts never share one: what a
/// person may do is decided later, but which amount is paid stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a text with the name of its operation.
    pub fn of(text: &str, operation_name: Option<&str>) -> Self {
        // The length and a mark keep apart what would run together.
        let mut hash = Sha256::new();
        hash.update(text.len().to_le_bytes());
        hash.update(text);
        if let Some(name) = operation_name {
            hash.update([1]);
            hash.update(name);
        }
        Self(hash.finalize().into())
    }
}

/// What an operator wants to know of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Documents that are kept.
    pub documents: u64,
    /// The memory that they take together, in bytes.
    pub bytes: u64,
    /// Requests whose document was kept.
    pub found: u64,
    /// Requests whose document had to be read from its text.
    pub missed: u64,
}

/// Documents by their keys. A clone is the same cache.
#[derive(Debug, Clone)]
pub struct DocumentCache {
    kept: Cache<Key, Arc<Prepared>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    found: AtomicU64,
    missed: AtomicU64,
}

impl DocumentCache {
    /// An empty cache for documents of so many bytes together.
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |_: &Key, prepared: &Arc<Prepared>| {
            u32::try_from(prepared.bytes() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().max_capacity(bytes_max).weigher(weigh).build();
        Self { kept, counts: Arc::default() }
    }

    /// A document that is kept.
    pub fn find(&self, key: &Key) -> Option<Arc<Prepared>> {
        let found = self.kept.get(key);
        let count = if found.is_some() { &self.counts.found } else { &self.counts.missed };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps a document that was valid and ran, if there is a place for it.
    pub fn keep(&self, key: Key, prepared: Arc<Prepared>) {
        self.kept.insert(key, prepared);
        // Otherwise it would be weighed later, together with up to 64 others, which
        // would be over the bound until then.
        self.kept.run_pending_tasks();
    }

    /// The figures of this moment.
    pub fn figures(&self) -> Figures {
        Figures {
            documents: self.kept.entry_count(),
            bytes: self.kept.weighted_size(),
            found: self.counts.found.load(Ordering::Relaxed),
            missed: self.counts.missed.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_graphql::parser::parse_query;

    use super::{DocumentCache, Key, Prepared};
    use crate::graphql::{completion::types::Types, schema};

    /// Room for some twenty of the documents of these tests.
    const SMALL: u64 = 100_000;

    fn types() -> Types {
        Types::from_sdl(&schema::sdl()).unwrap()
    }

    fn text(number: u32) -> String {
        format!("{{ a{number}: __typename }}")
    }

    /// A document as it is after it ran.
    fn ran(cache: &DocumentCache, types: &Types, text: &str) {
        let key = Key::of(text, None);
        if cache.find(&key).is_none() {
            let document = parse_query(text).unwrap();
            cache.keep(key, Arc::new(Prepared::new(document, None, text.len(), types)));
        }
    }

    #[test]
    fn two_texts_or_two_operations_never_share_a_key() {
        let keys = [
            Key::of("", None),
            Key::of("", Some("")),
            Key::of("a", None),
            Key::of("a", Some("b")),
            Key::of("ab", None),
            Key::of("a\u{1}b", None),
            Key::of(" a", None),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(at));
        }
    }

    #[test]
    fn the_bound_holds_whatever_is_sent() {
        let (cache, types) = (DocumentCache::new(SMALL), types());
        for number in 0..5_000 {
            ran(&cache, &types, &text(number));
            let figures = cache.figures();
            assert!(figures.bytes <= SMALL, "{figures:?}");
        }
        let figures = cache.figures();
        assert!(figures.documents >= 10, "there is room for some: {figures:?}");
        let huge = format!("{{ {} }}", "__typename ".repeat(100));
        ran(&cache, &types, &huge);
        assert!(cache.find(&Key::of(&huge, None)).is_none(), "it weighs more than all may");
    }

    #[test]
    fn a_stranger_s_many_documents_do_not_push_out_what_is_asked_for_often() {
        let (cache, types) = (DocumentCache::new(SMALL), types());
        let often = "{ serverInfo { sandbox } }";
        let mut read = 0;
        for number in 0..5_000 {
            ran(&cache, &types, &text(number));
            if number % 10 == 0 {
                read += u32::from(cache.find(&Key::of(often, None)).is_none());
                ran(&cache, &types, often);
            }
        }
        assert!(read < 5, "{read} of 500 requests had to be read again");
    }
}
