//! Which subtask reads a partition: a pure function, so that nobody needs to hand partitions out.
//!
//! Source: Flink's `KafkaSourceEnumerator.getSplitOwner`, so that a job moved over finds its partitions spread as before.

/// The subtask, in `0..parallelism`, that reads this partition of this topic.
pub(super) fn owner(topic: &str, partition: i32, parallelism: u32) -> u32 {
    let hash = topic.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    let parallelism = parallelism.max(1);
    let start = (hash.wrapping_mul(31) & i32::MAX) as u32 % parallelism;
    ((u64::from(start) + partition.max(0) as u64) % u64::from(parallelism)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn owners_are_those_that_flink_chooses() {
        // "abc".hashCode() is 96354 in Java; 96354 * 31 = 2986974.
        for (partition, parallelism, expected) in [(0, 1, 0), (0, 4, 2986974 % 4), (3, 4, (2986974 + 3) % 4), (0, 7, 2986974 % 7)] {
            assert_eq!(owner("abc", partition, parallelism), expected, "{partition} of {parallelism}");
        }
    }

    proptest! {
        #[test]
        fn partitions_are_spread_evenly(topic in "[a-z.ğş]{1,20}", partitions in 1i32..64, parallelism in 1u32..32) {
            let mut load = vec![0i32; parallelism as usize];
            (0..partitions).for_each(|partition| load[owner(&topic, partition, parallelism) as usize] += 1);
            let (least, most) = (load.iter().min().unwrap(), load.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }
    }
}
