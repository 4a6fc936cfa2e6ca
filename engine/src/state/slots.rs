//! A value a key, for operators that hold one thing a key: numbered keys, values that come and go, and a TTL.
//!
//! A key whose value is gone keeps its number until many are gone; numbers hold between two calls of [`Slots::tidy`].

use std::collections::BTreeMap;

use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::time::Millis;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::EngineError;
use crate::key::{KeyEncoder, KeyFormat};
use crate::state::bytes::{BytesWriter, put_number, read_entries, take_number};
use crate::state::keyed::KeyTable;
use crate::state::snapshot::Reader;

/// Numbers of keys without a value are kept up to this many, and up to as many as there are others.
const GONE_MIN: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Slots<T> {
    keys: KeyTable,
    slots: Vec<Slot<T>>,
    ttl_ms: Millis,
    swept: Millis,
    /// Keys asked for since the values were counted last: as many may have lost theirs, and no more.
    asked: usize,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    reached: Millis,
}

impl<T> Slots<T> {
    /// No keys. `ttl_ms` 0: values stay.
    pub(crate) fn new(ttl_ms: u64) -> Self {
        let ttl_ms = Millis::try_from(ttl_ms).unwrap_or(Millis::MAX);
        Self { keys: KeyTable::default(), slots: Vec::new(), ttl_ms, swept: 0, asked: 0 }
    }

    /// The number of a row's key. A value that has outlived its time is gone.
    pub(crate) fn of_row(&mut self, keys: &KeyEncoder, row: usize, now: Millis) -> u32 {
        self.asked += 1;
        let id = self.intern(keys.hash(row), keys.key(row));
        if self.ttl_ms > 0 {
            let slot = &mut self.slots[id as usize];
            if now.saturating_sub(slot.reached) >= self.ttl_ms {
                slot.value = None;
            }
            slot.reached = now;
        }
        id
    }

    fn intern(&mut self, hash: u64, key: &[u8]) -> u32 {
        let id = self.keys.intern(hash, key);
        if id as usize == self.slots.len() {
            self.slots.push(Slot { value: None, reached: 0 });
        }
        id
    }

    /// The value of a key, there or not.
    pub(crate) fn value(&mut self, id: u32) -> &mut Option<T> {
        &mut self.slots[id as usize].value
    }

    /// The encoded key of a number.
    pub(crate) fn key(&self, id: u32) -> &[u8] {
        self.keys.key(id)
    }

    /// Between batches: lets go of what has outlived its time, and of the numbers of keys without a value.
    pub(crate) fn tidy(&mut self, now: Millis) {
        if self.ttl_ms > 0 && now.saturating_sub(self.swept) >= self.ttl_ms {
            self.swept = now;
            let ttl_ms = self.ttl_ms;
            self.slots.iter_mut().filter(|slot| now.saturating_sub(slot.reached) >= ttl_ms).for_each(|slot| slot.value = None);
            self.asked = self.slots.len();
        }
        // Counting costs a step a key, and so comes once in as many rows as there are keys.
        if self.slots.len() <= GONE_MIN || self.asked * 2 < self.slots.len() {
            return;
        }
        self.asked = 0;
        let gone = self.slots.iter().filter(|slot| slot.value.is_none()).count();
        if gone <= GONE_MIN || gone * 2 <= self.slots.len() {
            return;
        }
        let mut keys = KeyTable::default();
        for (id, _) in self.slots.iter().enumerate().filter(|(_, slot)| slot.value.is_some()) {
            keys.intern(self.keys.hash(id as u32), self.keys.key(id as u32));
        }
        self.keys = keys;
        self.slots.retain(|slot| slot.value.is_some());
    }

    /// All values, as `write` stores one.
    pub(crate) fn snapshot(
        &self,
        fingerprint: u64,
        max: MaxParallelism,
        write: impl Fn(&T, &mut Vec<u8>),
    ) -> Result<BTreeMap<KeyGroup, Vec<u8>>, EngineError> {
        let mut writer = BytesWriter::new(fingerprint, max);
        for (id, slot) in self.slots.iter().enumerate() {
            let Some(value) = &slot.value else { continue };
            let id = id as u32;
            writer.entry(self.keys.hash(id), self.keys.key(id), |out| {
                put_number(out, slot.reached);
                write(value, out);
                Ok(())
            })?;
        }
        Ok(writer.finish())
    }

    /// Adds one key group's values.
    ///
    /// # Errors
    /// [`EngineError::State`] for bytes of another query.
    pub(crate) fn restore(
        &mut self,
        fingerprint: u64,
        format: &KeyFormat,
        bytes: &[u8],
        mut read: impl FnMut(&mut Reader<'_>) -> Result<T, EngineError>,
    ) -> Result<(), EngineError> {
        read_entries(fingerprint, bytes, |key, from| {
            if !format.holds(key) {
                return Err(EngineError::state("a key has not the form of this query's keys"));
            }
            let id = self.intern(xxh3_64(key), key) as usize;
            self.slots[id].reached = take_number(from)?;
            self.slots[id].value = Some(read(from)?);
            Ok(())
        })
    }
}
