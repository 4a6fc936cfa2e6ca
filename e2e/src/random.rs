//! A small seeded generator (splitmix64), so that a failing run can be repeated.

use std::time::Duration;

/// A sequence that its seed decides. `IRMAK_TEST_SEED` overrides the seed of a test.
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`, or of the environment's `IRMAK_TEST_SEED`; says which on standard error.
    pub fn seeded(seed: u64) -> Self {
        let seed = std::env::var("IRMAK_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed);
        eprintln!("seed {seed} (repeat with IRMAK_TEST_SEED={seed})");
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound.max(1)
    }

    /// A duration in `from..to`, in milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from)))
    }
}
