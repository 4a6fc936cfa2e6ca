//! Which of VAR_POP, VAR_SAMP, STDDEV_POP and STDDEV_SAMP, and what it divides by.

/// Which of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statistic {
    /// Divides by n - 1 instead of n.
    pub(super) sample: bool,
    /// Takes the square root.
    pub(super) deviation: bool,
}

impl Statistic {
    /// The statistic of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (sample, deviation) = match name {
            "VAR_POP" => (false, false),
            "VAR_SAMP" | "VARIANCE" => (true, false),
            "STDDEV_POP" => (false, true),
            "STDDEV_SAMP" | "STDDEV" => (true, true),
            _ => return None,
        };
        Some(Self { sample, deviation })
    }

    /// What the sum of squares is divided by; `None`: the result is NULL.
    pub(super) fn divisor(self, count: i64) -> Option<i64> {
        match (count, self.sample) {
            (0, _) | (1, true) => None,
            (count, true) => Some(count - 1),
            (count, false) => Some(count),
        }
    }
}
