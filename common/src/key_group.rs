//! Key groups: the fixed buckets that keyed state lives in and moves in.
//!
//! A key's group never changes while its job lives, whatever the parallelism. Subtasks own contiguous ranges of groups, so
//! rescaling hands over ranges and nothing else. The hash and both formulas are part of the stored format: changing one breaks
//! every savepoint.
//!
//! Knows nothing of rows, columns or state: bytes in, numbers out.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// How many key groups a job has, for all its life: `1..=32768`. Default 128, as in Flink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaxParallelism(u16);

impl MaxParallelism {
    /// Checked: `None` outside `1..=32768`.
    pub fn new(groups: u32) -> Option<Self> {
        (1..=32_768).contains(&groups).then_some(Self(groups as u16))
    }

    /// The number of groups.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Default for MaxParallelism {
    fn default() -> Self {
        Self(128)
    }
}

/// One bucket of keyed state, in `0..max_parallelism`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyGroup(pub u16);

impl KeyGroup {
    /// The group of an encoded key.
    pub fn of(key: &[u8], max: MaxParallelism) -> Self {
        Self::of_hash(xxh3_64(key), max)
    }

    /// The group of a key whose 64-bit hash is already known (`xxh3_64` of its encoding).
    pub fn of_hash(hash: u64, max: MaxParallelism) -> Self {
        Self((hash % u64::from(max.0)) as u16)
    }

    /// The subtask that owns this group at a parallelism. The inverse of [`owned_range`].
    ///
    /// Source: Flink's `KeyGroupRangeAssignment.computeOperatorIndexForKeyGroup`.
    pub fn owner(self, parallelism: u32, max: MaxParallelism) -> u32 {
        u32::from(self.0) * parallelism / u32::from(max.0)
    }
}

/// The groups that subtask `index` of `parallelism` owns. Over all subtasks the ranges cover `0..max` without gap or overlap.
///
/// Source: Flink's `KeyGroupRangeAssignment`, so that ranges grow and shrink by one group at most.
pub fn owned_range(index: u32, parallelism: u32, max: MaxParallelism) -> Range<u16> {
    let groups = u32::from(max.0);
    let start = (index * groups).div_ceil(parallelism);
    let end = ((index + 1) * groups).div_ceil(parallelism);
    start as u16..end as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_tile_all_groups(parallelism in 1..=64u32, groups in 64..=512u32) {
            let max = MaxParallelism::new(groups).unwrap();
            let tiled: Vec<u16> = (0..parallelism).flat_map(|i| owned_range(i, parallelism, max)).collect();
            prop_assert_eq!(tiled, (0..groups as u16).collect::<Vec<_>>());
        }

        #[test]
        fn the_owner_of_a_group_has_it_in_its_range(parallelism in 1..=64u32, group in 0..128u16) {
            let max = MaxParallelism::default();
            let owner = KeyGroup(group).owner(parallelism, max);
            prop_assert!(owned_range(owner, parallelism, max).contains(&group));
        }
    }

    #[test]
    fn the_hash_is_the_stored_one() {
        assert_eq!(KeyGroup::of(b"irmak", MaxParallelism::default()), KeyGroup((xxh3_64(b"irmak") % 128) as u16));
        assert_eq!(xxh3_64(b""), 0x2d06_8005_38d3_94c2, "xxh3 with seed 0 is part of the stored format");
    }
}
