//! Chance that can be repeated, and costs a client nothing.

/// `SplitMix64`: good enough to choose accounts, and a handful of instructions.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Begins at a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A place below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % count).unwrap_or(0)
    }

    /// Two different places below `count`, which is 2 or more; where all go through
    /// one hot account, that is one of them.
    pub fn pair(&mut self, count: usize, hot: bool) -> (usize, usize) {
        let (one, other) = if hot {
            (0, 1 + self.below(count - 1))
        } else {
            let one = self.below(count);
            (one, (one + 1 + self.below(count - 1)) % count)
        };
        if hot && self.below(2) == 0 { (other, one) } else { (one, other) }
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_pair_is_two_accounts_and_hot_ones_share_the_first() {
        let mut chance = Chance::new(1);
        for _ in 0..1_000 {
            let (from, to) = chance.pair(5, false);
            assert!(from != to && from < 5 && to < 5);
            let (from, to) = chance.pair(5, true);
            assert!(from != to && (from == 0 || to == 0));
        }
    }
}
