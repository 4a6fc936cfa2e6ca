//! How long to wait before trying again: exponential, bounded, jittered by a number that the caller draws.
//!
//! Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (equal jitter).

/// A backoff in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first wait.
    pub initial_ms: u64,
    /// The longest.
    pub max_ms: u64,
    /// Each failure multiplies by this, at least 1.
    pub multiplier: f64,
    /// Share of the wait that is random, `0.0..=1.0`.
    pub jitter: f64,
}

impl Backoff {
    /// The wait before try `failures + 1`, after `failures` (at least 1) in a row; `draw` in `0.0..1.0`.
    pub fn delay_ms(&self, failures: u32, draw: f64) -> u64 {
        let factor = self.multiplier.max(1.0).powi(failures.saturating_sub(1).min(1_000) as i32);
        let full = (self.initial_ms as f64 * factor).min(self.max_ms as f64);
        (full * (1.0 - self.jitter * draw)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_until_the_bound() {
        let backoff = Backoff { initial_ms: 100, max_ms: 1_000, multiplier: 2.0, jitter: 0.0 };
        let waits: Vec<u64> = (1..=6).map(|failures| backoff.delay_ms(failures, 0.5)).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
    }

    proptest! {
        #[test]
        fn a_wait_never_leaves_its_bounds(failures in 0..u32::MAX, draw in 0.0..1.0f64) {
            let backoff = Backoff { initial_ms: 100, max_ms: 60_000, multiplier: 1.5, jitter: 0.1 };
            prop_assert!((90..=60_000).contains(&backoff.delay_ms(failures, draw)));
        }
    }
}
