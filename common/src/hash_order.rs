//! The order in which Flink shows a map's entries: that of Java's `HashMap` over Flink's string hash.
//!
//! Nobody should depend on it, but results are compared by their text. Source: Flink's `MurmurHashUtils.hashBytes` (seed 42),
//! `java.util.HashMap` (16 buckets at first, doubled beyond three quarters full, buckets in order of insertion).

/// Sorts entries (distinct keys, in order of insertion) as a hash table iterates that holds keys of these hashes.
pub fn sort_as_hash_table<T>(entries: &mut [T], hash: impl Fn(&T) -> u32) {
    if entries.len() < 2 {
        return;
    }
    let mut buckets = 16usize;
    while entries.len() > buckets / 4 * 3 {
        buckets *= 2;
    }
    entries.sort_by_cached_key(|entry| {
        let hash = hash(entry);
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
}

/// Flink's hash of a text, of its UTF-8.
pub fn hash_of_text(bytes: &[u8]) -> u32 {
    let mix = |hash: u32, word: u32| {
        let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
        (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    };
    let (words, tail) = bytes.as_chunks::<4>();
    let hash = words.iter().fold(42, |hash, word| mix(hash, u32::from_le_bytes(*word)));
    // The bytes behind the last whole word are mixed one by one, with their sign.
    let mut hash = tail.iter().fold(hash, |hash, byte| mix(hash, i32::from(*byte as i8) as u32)) ^ bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_as_flink_recorded_them() {
        for (inserted, shown) in [(["k", "z"], ["z", "k"]), (["p", "q"], ["q", "p"]), (["b", "a"], ["a", "b"])] {
            let mut entries = inserted;
            sort_as_hash_table(&mut entries, |key| hash_of_text(key.as_bytes()));
            assert_eq!(entries, shown);
        }
    }
}
