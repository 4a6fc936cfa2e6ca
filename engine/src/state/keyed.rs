//! Interned keys: each different key gets a small number, in order of arrival.
//!
//! Keys lie one behind the other in one buffer; the hash table holds numbers only. So a key costs its bytes and some 20 more, and
//! no allocation of its own.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// A set of encoded keys, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct KeyTable {
    index: HashTable<u32>,
    hashes: Vec<u64>,
    /// Where each key ends in `bytes`.
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

/// The bits that place a key. Those of the key group are alike in one subtask, and would crowd the table.
fn spread(hash: u64) -> u64 {
    hash.rotate_left(32)
}

impl KeyTable {
    /// How many keys.
    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Bytes that it holds on to.
    pub(crate) fn size(&self) -> usize {
        self.bytes.capacity() + (self.hashes.capacity() + self.ends.capacity()) * 8 + self.index.capacity() * 5
    }

    /// The number of a key, which is added when it is new. At most `u32::MAX` keys: memory ends before.
    pub(crate) fn intern(&mut self, hash: u64, key: &[u8]) -> u32 {
        let Self { index, hashes, ends, bytes } = self;
        let same = |&id: &u32| hashes[id as usize] == hash && key_at(ends, bytes, id) == key;
        let id = hashes.len() as u32;
        match index.entry(spread(hash), same, |&id| spread(hashes[id as usize])) {
            Entry::Occupied(entry) => return *entry.get(),
            Entry::Vacant(entry) => entry.insert(id),
        };
        hashes.push(hash);
        bytes.extend_from_slice(key);
        ends.push(bytes.len());
        id
    }

    /// The number of a key that is there.
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        self.index.find(spread(hash), |&id| self.hashes[id as usize] == hash && self.key(id) == key).copied()
    }

    /// The encoding of key number `id`.
    pub(crate) fn key(&self, id: u32) -> &[u8] {
        key_at(&self.ends, &self.bytes, id)
    }

    /// The hash of key number `id`.
    pub(crate) fn hash(&self, id: u32) -> u64 {
        self.hashes[id as usize]
    }

    /// Forgets all keys and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.index.clear();
        self.hashes.clear();
        self.ends.clear();
        self.bytes.clear();
    }
}

fn key_at<'a>(ends: &[usize], bytes: &'a [u8], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &bytes[start..ends[id]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use xxhash_rust::xxh3::xxh3_64;

    proptest! {
        #[test]
        fn equal_keys_get_one_number_in_order_of_arrival(keys in prop::collection::vec("[a-c]{0,3}", 0..200)) {
            let (mut table, mut model) = (KeyTable::default(), HashMap::new());
            for key in &keys {
                let next = model.len() as u32;
                let expected = *model.entry(key.clone()).or_insert(next);
                prop_assert_eq!(table.intern(xxh3_64(key.as_bytes()), key.as_bytes()), expected);
                prop_assert_eq!(table.key(expected), key.as_bytes());
            }
            prop_assert_eq!(table.len(), model.len());
        }

        #[test]
        fn keys_whose_hashes_collide_stay_apart(keys in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut table = KeyTable::default();
            for key in &keys {
                let id = table.intern(7, &[*key]);
                prop_assert_eq!(table.key(id), &[*key]);
            }
        }
    }
}
