//! Keeping partitions together in event time: one that has run too far ahead waits for the slowest.
//!
//! Read from its beginning, a topic's partitions come at the pace of their bytes, not of their time; what lies between the slowest and the fastest is
//! kept as open windows. So the fastest wait: state stays as small as in live reading. A partition that has nothing more to be read, or is idle,
//! is waited for by nobody. Source: Flink's watermark alignment, within a subtask; on by default here.
//!
//! Pure.

use irmak_common::split::SplitProgress;
use irmak_common::time::Millis;

/// The watermark beyond which a split waits; `None`: none waits.
pub(super) fn limit(progress: &[SplitProgress], drift: Millis) -> Option<Millis> {
    let slowest = progress.iter().filter(|split| split.behind).map(|split| split.watermark).min()?;
    Some(slowest.saturating_add(drift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(splits: &[(Millis, bool)], expected: Option<Millis>) {
        let progress: Vec<_> = splits
            .iter()
            .zip(0..)
            .map(|((watermark, behind), split)| SplitProgress { split, watermark: *watermark, behind: *behind })
            .collect();
        assert_eq!(limit(&progress, 1_000), expected, "{splits:?}");
    }

    #[test]
    fn the_slowest_that_has_more_to_read_sets_the_limit() {
        check(&[(5_000, true), (9_000, true)], Some(6_000));
        check(&[(5_000, false), (9_000, true)], Some(10_000));
        check(&[(Millis::MIN, true), (0, true)], Some(Millis::MIN + 1_000));
        check(&[(5_000, false)], None);
        check(&[], None);
    }

    proptest! {
        #[test]
        fn while_any_has_more_to_read_one_of_them_is_read(splits in proptest::collection::vec((-10_000..10_000i64, any::<bool>()), 1..8)) {
            let progress: Vec<_> =
                splits.iter().zip(0..).map(|((watermark, behind), split)| SplitProgress { split, watermark: *watermark, behind: *behind }).collect();
            if let Some(limit) = limit(&progress, 100) {
                prop_assert!(progress.iter().any(|split| split.behind && split.watermark <= limit));
            }
        }
    }
}
