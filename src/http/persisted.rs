//! Automatic persisted queries: a text that was sent once is named by its hash after.
//!
//! A client sends the SHA-256 alone; where it is not known the answer is
//! `PERSISTED_QUERY_NOT_FOUND`, and the client sends hash and text together. A text is
//! kept after it was valid and ran, so that a stranger cannot fill the place with
//! nonsense, and never where it holds somebody's data. Each process keeps its own, as a
//! client that meets another one just sends its text again.

use std::{fmt, str::FromStr, sync::Arc};

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

/// The memory for texts, in bytes: some thousands of the usual size.
const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What the cache itself needs for each text.
const OVERHEAD: usize = 256;

/// The SHA-256 of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }
}

impl FromStr for Hash {
    type Err = hex::FromHexError;

    /// Reads 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The texts of persisted queries. A clone is the same store.
#[derive(Debug, Clone)]
pub struct Persisted {
    texts: Cache<Hash, Arc<str>>,
}

impl Default for Persisted {
    fn default() -> Self {
        let weigh =
            |_: &Hash, text: &Arc<str>| u32::try_from(text.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self { texts: Cache::builder().max_capacity(BYTES_MAX).weigher(weigh).build() }
    }
}

impl Persisted {
    /// The text of a hash, where it is known.
    pub fn find(&self, hash: Hash) -> Option<Arc<str>> {
        self.texts.get(&hash)
    }

    /// Keeps a text whose document was valid and ran, if there is a place for it.
    pub fn keep(&self, hash: Hash, text: &Arc<str>) {
        self.texts.insert(hash, Arc::clone(text));
        self.texts.run_pending_tasks();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{BYTES_MAX, Hash, Persisted};

    #[test]
    fn a_hash_is_read_as_it_is_shown() {
        let hash = Hash::of("{ __typename }");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
        assert!("ab".parse::<Hash>().is_err());
        assert!("x".repeat(64).parse::<Hash>().is_err());
    }

    #[test]
    fn the_texts_together_are_bounded() {
        let store = Persisted::default();
        for number in 0..500 {
            let text: Arc<str> = format!("{number}{}", " ".repeat(100_000)).into();
            store.keep(Hash::of(&text), &text);
            assert!(store.texts.weighted_size() <= BYTES_MAX);
        }
        assert!(store.texts.entry_count() > 10);
    }
}
