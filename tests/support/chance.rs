//! Chance that a test draws from, the same for the same seed.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// A seeded source.
#[derive(Debug)]
pub struct Chance(ChaCha20Rng);

impl Chance {
    /// A source of its own for a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// A number from 0 up to, and without, `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// The same, small.
    pub fn small(&mut self, bound: u32) -> u32 {
        self.0.next_u32() % bound
    }

    /// One of these.
    pub fn pick<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        let place = self.below(u64::try_from(all.len().max(1)).expect("a list is short"));
        all.get(usize::try_from(place).expect("a place in a list"))
    }
}
