//! The groups of a running aggregation: keys, accumulators, how many rows each has, and when it was touched last.
//!
//! A group that is gone keeps its number until many are; then those that are there move together.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::time::Millis;
use xxhash_rust::xxh3::xxh3_64;

use super::adds;
use crate::accumulate::Inputs;
use crate::changelog::Change;
use crate::error::EngineError;
use crate::key::{KeyEncoder, KeyFormat};
use crate::running::Running;
use crate::state::bytes::{BytesWriter, put_number, read_entries, take_number};
use crate::state::keyed::KeyTable;

/// Numbers of groups that are gone are kept up to this many, and up to as many as there are others.
const GONE_MIN: usize = 4_096;

pub(crate) struct Groups {
    keys: KeyTable,
    slots: Vec<Slot>,
    aggregates: Vec<Box<dyn Running>>,
    gone: usize,
    ttl_ms: Millis,
    /// They are windows of which some have not spoken.
    held: bool,
    /// When groups were last searched for those that nobody reaches any more.
    swept: Millis,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    live: bool,
    /// In the present bundle.
    touched: bool,
    /// Rows that came, less those taken back.
    rows: i64,
    reached: Millis,
    /// Windows: when it is over.
    end: Millis,
    /// Windows that are held: it has spoken.
    spoken: bool,
}

impl Groups {
    /// No groups. `held`: they are windows that speak when they are over.
    pub(crate) fn new(aggregates: Vec<Box<dyn Running>>, ttl_ms: u64, held: bool) -> Self {
        let ttl_ms = Millis::try_from(ttl_ms).unwrap_or(Millis::MAX);
        Self { keys: KeyTable::default(), slots: Vec::new(), aggregates, gone: 0, ttl_ms, held, swept: 0 }
    }

    /// The group of a row, and whether it begins with it; `None`: the row takes back what is not there.
    pub(crate) fn of_row(&mut self, keys: &KeyEncoder, row: usize, change: Change, now: Millis) -> Option<(u32, bool)> {
        let group = self.intern(keys.hash(row), keys.key(row));
        if self.ttl_ms > 0 {
            let slot = self.slots[group as usize];
            if slot.live && now.saturating_sub(slot.reached) >= self.ttl_ms {
                self.forget(group);
            }
            self.slots[group as usize].reached = now;
        }
        let slot = &mut self.slots[group as usize];
        if slot.live {
            return Some((group, false));
        }
        if !adds(change) {
            return None;
        }
        slot.live = true;
        self.gone -= 1;
        Some((group, true))
    }

    /// The number of a key; a new one is not live yet.
    fn intern(&mut self, hash: u64, key: &[u8]) -> u32 {
        let group = self.keys.intern(hash, key);
        if group as usize == self.slots.len() {
            self.slots.push(Slot::default());
            self.gone += 1;
            let groups = self.slots.len();
            self.aggregates.iter_mut().for_each(|aggregate| aggregate.resize(groups));
        }
        group
    }

    pub(crate) fn bind(&mut self, inputs: &Inputs) -> Result<(), EngineError> {
        self.aggregates.iter_mut().enumerate().try_for_each(|(index, aggregate)| aggregate.bind(inputs.args(index)))
    }

    pub(crate) fn apply(&mut self, group: u32, row: usize, change: Change, inputs: &Inputs, counted: bool) -> Result<(), EngineError> {
        if counted {
            self.slots[group as usize].rows += if adds(change) { 1 } else { -1 };
        }
        for (index, aggregate) in self.aggregates.iter_mut().enumerate() {
            if inputs.filter(index).is_none_or(|filter| filter.value(row)) {
                aggregate.apply(group, row, change)?;
            }
        }
        Ok(())
    }

    /// Whether all rows of a group have been taken back.
    pub(crate) fn is_empty(&self, group: u32) -> bool {
        self.slots[group as usize].rows == 0
    }

    pub(crate) fn push(&mut self, group: u32) -> Result<(), EngineError> {
        self.aggregates.iter_mut().try_for_each(|aggregate| aggregate.push(group))
    }

    pub(crate) fn same(&self, a: usize, b: usize) -> bool {
        self.aggregates.iter().all(|aggregate| aggregate.same(a, b))
    }

    pub(crate) fn pop(&mut self, results: usize) {
        self.aggregates.iter_mut().for_each(|aggregate| aggregate.pop(results));
    }

    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, EngineError> {
        self.aggregates.iter_mut().map(|aggregate| aggregate.finish()).collect()
    }

    /// The groups that there are, in order of their numbers.
    pub(crate) fn live(&self) -> Vec<u32> {
        (0..self.slots.len() as u32).filter(|group| self.slots[*group as usize].live).collect()
    }

    pub(crate) fn key(&self, group: u32) -> &[u8] {
        self.keys.key(group)
    }

    /// Whether the bundle touches a group for the first time.
    pub(crate) fn touch(&mut self, group: u32) -> bool {
        !std::mem::replace(&mut self.slots[group as usize].touched, true)
    }

    pub(crate) fn untouch(&mut self, group: u32) {
        self.slots[group as usize].touched = false;
    }

    /// The group is a window with this end.
    pub(crate) fn closes_at(&mut self, group: u32, end: Millis) {
        self.slots[group as usize].end = end;
    }

    /// Whether a window is said for the first time; from now on it is said.
    pub(super) fn speak(&mut self, group: u32) -> bool {
        !std::mem::replace(&mut self.slots[group as usize].spoken, true)
    }

    /// The windows that have not spoken and may, by their ends.
    pub(super) fn silent(&self, may_speak: impl Fn(Millis) -> bool) -> Vec<u32> {
        let waits = |slot: &Slot| slot.live && !slot.spoken && may_speak(slot.end);
        let mut groups: Vec<u32> = (0..self.slots.len() as u32).filter(|group| waits(&self.slots[*group as usize])).collect();
        groups.sort_by_key(|group| self.slots[*group as usize].end);
        groups
    }

    /// Lets go of the windows that are over.
    pub(crate) fn close(&mut self, mut is_over: impl FnMut(Millis) -> bool) {
        for group in 0..self.slots.len() {
            let slot = self.slots[group];
            if slot.live && is_over(slot.end) {
                self.forget(group as u32);
            }
        }
    }

    pub(crate) fn forget(&mut self, group: u32) {
        self.slots[group as usize] = Slot { touched: self.slots[group as usize].touched, ..Slot::default() };
        self.gone += 1;
        self.aggregates.iter_mut().for_each(|aggregate| aggregate.forget(group));
    }

    /// Between batches: lets go of groups that have outlived the TTL, and of the numbers of those that are gone.
    pub(crate) fn tidy(&mut self, now: Millis) -> Result<(), EngineError> {
        if self.ttl_ms > 0 && now.saturating_sub(self.swept) >= self.ttl_ms {
            self.swept = now;
            for group in 0..self.slots.len() {
                let slot = self.slots[group];
                if slot.live && now.saturating_sub(slot.reached) >= self.ttl_ms {
                    self.forget(group as u32);
                }
            }
        }
        if self.gone <= GONE_MIN || self.gone * 2 <= self.slots.len() {
            return Ok(());
        }
        let kept: Vec<u32> = (0..self.slots.len() as u32).filter(|group| self.slots[*group as usize].live).collect();
        let mut keys = KeyTable::default();
        for &group in &kept {
            keys.intern(self.keys.hash(group), self.keys.key(group));
        }
        self.keys = keys;
        self.slots.retain(|slot| slot.live);
        self.gone = 0;
        self.aggregates.iter_mut().try_for_each(|aggregate| aggregate.compact(&kept))
    }

    pub(crate) fn snapshot(&self, fingerprint: u64, max: MaxParallelism) -> Result<BTreeMap<KeyGroup, Vec<u8>>, EngineError> {
        let mut writer = BytesWriter::new(fingerprint, max);
        for (group, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.live) {
            let group = group as u32;
            writer.entry(self.keys.hash(group), self.keys.key(group), |out| {
                put_number(out, slot.rows);
                put_number(out, slot.reached);
                put_number(out, slot.end);
                if self.held {
                    put_number(out, i64::from(slot.spoken));
                }
                self.aggregates.iter().try_for_each(|aggregate| aggregate.save(group, out))
            })?;
        }
        Ok(writer.finish())
    }

    pub(crate) fn restore(&mut self, fingerprint: u64, format: &KeyFormat, bytes: &[u8]) -> Result<(), EngineError> {
        read_entries(fingerprint, bytes, |key, value| {
            if !format.holds(key) {
                return Err(EngineError::state("a key has not the form of this query's keys"));
            }
            let group = self.intern(xxh3_64(key), key);
            self.gone -= 1;
            let (rows, reached, end) = (take_number(value)?, take_number(value)?, take_number(value)?);
            let spoken = self.held && take_number(value)? != 0;
            self.slots[group as usize] = Slot { live: true, touched: false, rows, reached, end, spoken };
            self.aggregates.iter_mut().try_for_each(|aggregate| aggregate.load(group, value))
        })
    }
}
