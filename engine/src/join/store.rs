//! Kept rows: encoded, one behind the other in one buffer, and listed by key.
//!
//! A record is a key, a row, a time and a number that the operator minds (partners found, say). The records of a key are a linked
//! list, by arrival or by time; a key lives as long as it has records. Room that removed records leave is won back when it is more
//! than the rest. Knows nothing of columns or of what the bytes mean.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use irmak_common::time::Millis;
use xxhash_rust::xxh3::xxh3_64;

use crate::operator::OperatorMetrics;

/// No record.
const NONE: u32 = u32::MAX;

/// Removed bytes below which nothing is moved.
const GARBAGE_BYTES_MIN: usize = 64 << 10;

#[derive(Clone, Copy, Debug)]
struct Record {
    hash: u64,
    next: u32,
    previous: u32,
    start: usize,
    key: u32,
    row: u32,
    time: Millis,
    count: i64,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

/// A record to be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    /// The key's hash.
    pub(crate) hash: u64,
    pub(crate) key: &'a [u8],
    pub(crate) row: &'a [u8],
    pub(crate) time: Millis,
    pub(crate) count: i64,
}

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Store {
    records: Vec<Record>,
    free: Vec<u32>,
    bytes: Vec<u8>,
    garbage: usize,
    keys: HashTable<List>,
    /// Records by row, where rows are looked for: on sides that take rows back.
    by_row: Option<HashTable<u32>>,
}

/// The bits that place a key. Those of the key group are alike in one subtask, and would crowd the table.
fn spread(hash: u64) -> u64 {
    hash.rotate_left(32)
}

fn row_hash(key: u64, row: &[u8]) -> u64 {
    spread(key) ^ xxh3_64(row)
}

impl Store {
    /// An empty store, in which [`Store::find_row`] is quick.
    pub(crate) fn searchable() -> Self {
        Self { by_row: Some(HashTable::new()), ..Self::default() }
    }

    /// How many records.
    pub(crate) fn len(&self) -> usize {
        self.records.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes_of(&self, record: &Record) -> &[u8] {
        &self.bytes[record.start..record.start + (record.key + record.row) as usize]
    }

    pub(crate) fn key(&self, id: u32) -> &[u8] {
        let record = &self.records[id as usize];
        &self.bytes_of(record)[..record.key as usize]
    }

    pub(crate) fn row(&self, id: u32) -> &[u8] {
        let record = &self.records[id as usize];
        &self.bytes_of(record)[record.key as usize..]
    }

    pub(crate) fn hash(&self, id: u32) -> u64 {
        self.records[id as usize].hash
    }

    pub(crate) fn time(&self, id: u32) -> Millis {
        self.records[id as usize].time
    }

    pub(crate) fn count(&self, id: u32) -> i64 {
        self.records[id as usize].count
    }

    pub(crate) fn set_count(&mut self, id: u32, count: i64) {
        self.records[id as usize].count = count;
    }

    pub(crate) fn set_time(&mut self, id: u32, time: Millis) {
        self.records[id as usize].time = time;
    }

    /// Gives records without a time (0) this one.
    pub(crate) fn give_times(&mut self, time: Millis) {
        self.records.iter_mut().filter(|record| record.time == 0).for_each(|record| record.time = time);
    }

    /// All records.
    pub(crate) fn all(&self) -> impl Iterator<Item = u32> {
        self.first_of_keys().flat_map(|first| std::iter::successors(Some(first), |id| self.next(*id)))
    }

    /// The first record of a key.
    pub(crate) fn first(&self, hash: u64, key: &[u8]) -> Option<u32> {
        self.keys.find(spread(hash), |list| self.hash(list.first) == hash && self.key(list.first) == key).map(|list| list.first)
    }

    /// The record behind one of the same key.
    pub(crate) fn next(&self, id: u32) -> Option<u32> {
        Some(self.records[id as usize].next).filter(|next| *next != NONE)
    }

    /// The records of a key, in order.
    pub(crate) fn of_key(&self, hash: u64, key: &[u8]) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first(hash, key), |id| self.next(*id))
    }

    /// The first record of each key.
    pub(crate) fn first_of_keys(&self) -> impl Iterator<Item = u32> {
        self.keys.iter().map(|list| list.first)
    }

    /// Appends a record to its key's list.
    pub(crate) fn push(&mut self, kept: Kept<'_>) -> u32 {
        self.insert(kept, |_, last| last)
    }

    /// Puts a record behind those of its key that are not later.
    pub(crate) fn push_by_time(&mut self, kept: Kept<'_>) -> u32 {
        self.insert(kept, |store, mut before| {
            while before != NONE && store.records[before as usize].time > kept.time {
                before = store.records[before as usize].previous;
            }
            before
        })
    }

    fn insert(&mut self, kept: Kept<'_>, place: impl Fn(&Self, u32) -> u32) -> u32 {
        let last = self.keys.find(spread(kept.hash), |list| self.hash(list.first) == kept.hash && self.key(list.first) == kept.key);
        let last = last.map_or(NONE, |list| list.last);
        let before = if last == NONE { NONE } else { place(self, last) };
        let after = match before {
            NONE if last == NONE => NONE,
            NONE => self.first(kept.hash, kept.key).unwrap_or(NONE),
            before => self.records[before as usize].next,
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(kept.key);
        self.bytes.extend_from_slice(kept.row);
        let Kept { hash, time, count, .. } = kept;
        let record =
            Record { hash, next: after, previous: before, start, key: kept.key.len() as u32, row: kept.row.len() as u32, time, count };
        let id = match self.free.pop() {
            Some(id) => {
                self.records[id as usize] = record;
                id
            }
            None => {
                self.records.push(record);
                self.records.len() as u32 - 1
            }
        };
        if before != NONE {
            self.records[before as usize].next = id;
        }
        if after != NONE {
            self.records[after as usize].previous = id;
        }
        self.listed(id, before, after);
        let records = &self.records;
        let bytes = &self.bytes;
        if let Some(by_row) = &mut self.by_row {
            by_row.insert_unique(row_hash(hash, kept.row), id, |id| {
                let record = &records[*id as usize];
                let row = record.start + record.key as usize..record.start + (record.key + record.row) as usize;
                row_hash(record.hash, &bytes[row])
            });
        }
        id
    }

    /// Enters a linked record into its key's ends.
    fn listed(&mut self, id: u32, before: u32, after: u32) {
        let hash = self.records[id as usize].hash;
        let Self { keys, records, .. } = self;
        let known = if after != NONE { after } else { before };
        let same = |list: &List| known != NONE && (list.first == after || list.last == before);
        let entry = keys.entry(
            spread(hash),
            |list| records[list.first as usize].hash == hash && same(list),
            |list| spread(records[list.first as usize].hash),
        );
        match entry {
            Entry::Occupied(mut entry) => {
                let list = entry.get_mut();
                if before == NONE {
                    list.first = id;
                }
                if after == NONE {
                    list.last = id;
                }
            }
            Entry::Vacant(entry) if known == NONE => {
                entry.insert(List { first: id, last: id });
            }
            // In the middle of a list: its ends stay.
            Entry::Vacant(_) => {}
        }
    }

    /// A record of this key with this very row.
    pub(crate) fn find_row(&self, hash: u64, key: &[u8], row: &[u8]) -> Option<u32> {
        match &self.by_row {
            Some(by_row) => {
                let same = |id: &u32| self.hash(*id) == hash && self.row(*id) == row && self.key(*id) == key;
                by_row.find(row_hash(hash, row), same).copied()
            }
            None => self.of_key(hash, key).find(|id| self.row(*id) == row),
        }
    }

    /// All records of this key with this very row.
    pub(crate) fn same_rows(&self, hash: u64, key: &[u8], row: &[u8]) -> Vec<u32> {
        match &self.by_row {
            Some(by_row) => {
                let same = |id: &u32| self.hash(*id) == hash && self.row(*id) == row && self.key(*id) == key;
                by_row.iter_hash(row_hash(hash, row)).copied().filter(same).collect()
            }
            None => self.of_key(hash, key).filter(|id| self.row(*id) == row).collect(),
        }
    }

    /// Forgets a record. Its number may be given to another.
    pub(crate) fn remove(&mut self, id: u32) {
        let Record { hash, next, previous, key, row, .. } = self.records[id as usize];
        let hashed = row_hash(hash, self.row(id));
        if let Some(by_row) = &mut self.by_row
            && let Ok(entry) = by_row.find_entry(hashed, |known| *known == id)
        {
            entry.remove();
        }
        if next != NONE {
            self.records[next as usize].previous = previous;
        }
        if previous != NONE {
            self.records[previous as usize].next = next;
        }
        if let Ok(mut entry) = self.keys.find_entry(spread(hash), |list| list.first == id || list.last == id) {
            let list = entry.get_mut();
            if list.first == id && list.last == id {
                entry.remove();
            } else if list.first == id {
                list.first = next;
            } else {
                list.last = previous;
            }
        }
        self.free.push(id);
        self.records[id as usize].key = 0;
        self.records[id as usize].row = 0;
        self.garbage += (key + row) as usize;
        self.tidy();
    }

    fn tidy(&mut self) {
        if self.is_empty() {
            self.records.clear();
            self.free.clear();
            self.bytes.clear();
            self.garbage = 0;
            return;
        }
        if self.garbage < GARBAGE_BYTES_MIN || self.garbage * 2 < self.bytes.len() {
            return;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.garbage);
        for record in &mut self.records {
            let start = bytes.len();
            bytes.extend_from_slice(&self.bytes[record.start..record.start + (record.key + record.row) as usize]);
            record.start = start;
        }
        self.bytes = bytes;
        self.garbage = 0;
    }
}

/// What every join says of the rows that it keeps.
pub(crate) fn kept_metrics(stores: &[Store; 2]) -> OperatorMetrics {
    let kept = stores.iter().map(Store::len).sum::<usize>();
    OperatorMetrics { more: vec![("joinRecordsKept", kept as f64)], ..OperatorMetrics::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept<'a>(key: &'a [u8], row: &'a [u8], time: Millis) -> Kept<'a> {
        Kept { hash: xxh3_64(key), key, row, time, count: 0 }
    }

    fn times(store: &Store, key: &[u8]) -> Vec<Millis> {
        store.of_key(xxh3_64(key), key).map(|id| store.time(id)).collect()
    }

    #[test]
    fn records_stand_in_order_of_arrival_or_of_time() {
        let mut store = Store::default();
        for time in [3, 1, 2] {
            store.push(kept(b"a", b"", time));
            store.push_by_time(kept(b"b", b"", time));
        }
        assert_eq!((times(&store, b"a"), times(&store, b"b")), (vec![3, 1, 2], vec![1, 2, 3]));
    }

    proptest! {
        #[test]
        fn a_store_holds_what_a_plain_list_holds(
            steps in prop::collection::vec((any::<bool>(), 0..4u8, 0..6u8, any::<bool>()), 1..120),
            searchable in any::<bool>(),
        ) {
            let mut store = if searchable { Store::searchable() } else { Store::default() };
            let mut model: Vec<(u8, u8, i64)> = Vec::new();
            for (at, (add, key, row, by_time)) in steps.into_iter().enumerate() {
                let (key_bytes, row_bytes) = ([key; 3], vec![row; 2_000 * usize::from(row)]);
                let hash = xxh3_64(&key_bytes);
                if add {
                    let time = if by_time { -(at as i64) } else { i64::MAX };
                    store.push_by_time(Kept { hash, key: &key_bytes, row: &row_bytes, time, count: 0 });
                    let place = model.iter().position(|known| known.2 > time).unwrap_or(model.len());
                    model.insert(place, (key, row, time));
                } else {
                    let found = store.find_row(hash, &key_bytes, &row_bytes);
                    prop_assert_eq!(found.is_some(), model.iter().any(|known| known.0 == key && known.1 == row));
                    if let Some(id) = found {
                        let time = store.time(id);
                        store.remove(id);
                        let place = model.iter().position(|known| *known == (key, row, time)).unwrap();
                        model.remove(place);
                    }
                }
                prop_assert_eq!(store.len(), model.len());
            }
            for key in 0..4u8 {
                let rows: Vec<(usize, i64)> =
                    store.of_key(xxh3_64(&[key; 3]), &[key; 3]).map(|id| (store.row(id).len() / 2_000, store.time(id))).collect();
                let mut expected: Vec<(usize, i64)> = model.iter().filter(|known| known.0 == key).map(|known| (usize::from(known.1), known.2)).collect();
                let mut rows_sorted = rows.clone();
                rows_sorted.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(rows_sorted, expected);
                prop_assert!(rows.is_sorted_by_key(|row| row.1));
            }
        }
    }
}
