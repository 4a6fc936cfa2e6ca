//! The open sessions of all keys: intervals that grow, meet and end.
//!
//! A session has a slot, which is also its group in the accumulators; the slots of a key are a chain, newest first, so that a row in
//! order finds its session at once. Slots are used again, and keys without sessions are cleared away when they are many, so memory
//! follows what is open. A heap tells which session ends next; a session that has grown since is put back, so growing costs nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use irmak_common::time::Millis;

use super::{Progress, Slice};
use crate::accumulate::Accumulator;
use crate::error::EngineError;
use crate::state::keyed::KeyTable;

const NONE: u32 = u32::MAX;

/// Keys without a session are kept up to this number, and up to as many as there are with one.
const DEAD_KEYS_MIN: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Slot {
    key: u32,
    window: Slice,
    /// The key's sessions before and behind this one in time.
    older: u32,
    newer: u32,
    /// Counts sessions; a slot that is used again has another.
    serial: u64,
}

/// Open sessions and their accumulators.
pub(crate) struct Sessions {
    pub(crate) keys: KeyTable,
    pub(crate) accumulators: Vec<Box<dyn Accumulator>>,
    /// The newest session of each key.
    heads: Vec<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// (end when put in, serial, slot)
    due: BinaryHeap<Reverse<(Millis, u64, u32)>>,
    serial: u64,
    dead_keys: usize,
}

/// What a row met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// Nothing, and its own window is over.
    Late,
    /// One session, or none and has begun one: this slot.
    One(u32),
    /// Several, which must be joined by [`Sessions::join`] first.
    Several,
}

impl Sessions {
    pub(crate) fn new(accumulators: Vec<Box<dyn Accumulator>>) -> Self {
        Self {
            keys: KeyTable::default(),
            accumulators,
            heads: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            due: BinaryHeap::new(),
            serial: 0,
            dead_keys: 0,
        }
    }

    /// Slots there are, used or not: the number of groups.
    pub(crate) fn groups(&self) -> usize {
        self.slots.len()
    }

    /// Adds the interval of a row to its key's sessions.
    pub(crate) fn meet(&mut self, hash: u64, key: &[u8], window: Slice, progress: &Progress) -> Meeting {
        let known = self.keys.find(hash, key);
        let touched = known.map_or((NONE, false), |key| self.touched(key, window));
        match touched {
            (_, true) => Meeting::Several,
            (NONE, _) if progress.is_over(window.end) => Meeting::Late,
            (NONE, _) => Meeting::One(self.begin(hash, key, window)),
            (slot, _) => {
                let held = &mut self.slots[slot as usize].window;
                (held.start, held.end) = (held.start.min(window.start), held.end.max(window.end));
                Meeting::One(slot)
            }
        }
    }

    /// Joins all sessions that an interval touches, oldest first, and the interval with them. The slot that is left.
    pub(crate) fn join(&mut self, hash: u64, key: &[u8], window: Slice) -> Result<Option<u32>, EngineError> {
        let Some(key) = self.keys.find(hash, key) else { return Ok(None) };
        let mut touched: Vec<u32> = self.touching(key, window).collect();
        touched.reverse();
        let Some((&first, rest)) = touched.split_first() else { return Ok(None) };
        for &slot in rest {
            for accumulator in &mut self.accumulators {
                let state = accumulator.state(&[slot])?;
                accumulator.merge(&[first], &state)?;
            }
            let (Slice { end, .. }, held) = (self.slots[slot as usize].window, &mut self.slots[first as usize].window);
            held.end = held.end.max(end);
            self.release(slot);
        }
        let held = &mut self.slots[first as usize].window;
        (held.start, held.end) = (held.start.min(window.start), held.end.max(window.end));
        Ok(Some(first))
    }

    /// The session that ends next, if it is over: its slot, key and window. It stays until released.
    pub(crate) fn pop(&mut self, progress: &Progress) -> Option<(u32, u32, Slice)> {
        loop {
            let &Reverse((end, serial, index)) = self.due.peek()?;
            let slot = self.slots[index as usize];
            if slot.serial != serial {
                self.due.pop();
            } else if slot.window.end > end {
                self.due.pop();
                self.due.push(Reverse((slot.window.end, serial, index)));
            } else if progress.is_over(end) {
                self.due.pop();
                return Some((index, slot.key, slot.window));
            } else {
                return None;
            }
        }
    }

    /// The end of the session that ends next, or an earlier time.
    pub(crate) fn next_end(&self) -> Option<Millis> {
        self.due.peek().map(|Reverse((end, _, _))| *end)
    }

    /// Forgets a session.
    pub(crate) fn release(&mut self, slot: u32) {
        let Slot { key, older, newer, .. } = self.slots[slot as usize];
        if let Some(older) = self.slots.get_mut(older as usize) {
            older.newer = newer;
        }
        match self.slots.get_mut(newer as usize) {
            Some(newer) => newer.older = older,
            None => {
                self.heads[key as usize] = older;
                self.dead_keys += usize::from(older == NONE);
            }
        }
        self.accumulators.iter_mut().for_each(|accumulator| accumulator.forget(slot));
        // No heap entry has this serial.
        self.slots[slot as usize].serial = 0;
        self.free.push(slot);
    }

    /// Clears keys without sessions away when they are many.
    pub(crate) fn tidy(&mut self) {
        if self.dead_keys < DEAD_KEYS_MIN || self.dead_keys * 2 < self.keys.len() {
            return;
        }
        let mut keys = KeyTable::default();
        let mut heads = Vec::new();
        for (key, &head) in self.heads.iter().enumerate().filter(|(_, head)| **head != NONE) {
            let moved = keys.intern(self.keys.hash(key as u32), self.keys.key(key as u32));
            heads.push(head);
            let mut slot = head;
            while slot != NONE {
                self.slots[slot as usize].key = moved;
                slot = self.slots[slot as usize].older;
            }
        }
        (self.keys, self.heads, self.dead_keys) = (keys, heads, 0);
    }

    /// A session as it was stored. Its accumulators are empty.
    pub(crate) fn begin(&mut self, hash: u64, key: &[u8], window: Slice) -> u32 {
        let key = self.keys.intern(hash, key);
        if key as usize == self.heads.len() {
            self.heads.push(NONE);
        } else if self.heads[key as usize] == NONE {
            self.dead_keys = self.dead_keys.saturating_sub(1);
        }
        let newer = self.chain(key).take_while(|&slot| self.slots[slot as usize].window.start > window.start).last().unwrap_or(NONE);
        let older = self.slots.get(newer as usize).map_or(self.heads[key as usize], |newer| newer.older);
        self.serial += 1;
        let slot = Slot { key, window, older, newer, serial: self.serial };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        if let Some(older) = self.slots.get_mut(older as usize) {
            older.newer = index;
        }
        match self.slots.get_mut(newer as usize) {
            Some(newer) => newer.older = index,
            None => self.heads[key as usize] = index,
        }
        self.due.push(Reverse((window.end, self.serial, index)));
        index
    }

    /// Every open session, oldest first: (key, slot) and interval.
    pub(crate) fn all(&self) -> Vec<((u32, u32), Slice)> {
        let mut open: Vec<u32> = (0..self.slots.len() as u32).filter(|&slot| self.slots[slot as usize].serial > 0).collect();
        open.sort_by_key(|&slot| self.slots[slot as usize].serial);
        open.into_iter().map(|slot| (slot, self.slots[slot as usize])).map(|(index, slot)| ((slot.key, index), slot.window)).collect()
    }

    /// A key's sessions, newest first.
    fn chain(&self, key: u32) -> impl Iterator<Item = u32> {
        let open = |slot: u32| (slot != NONE).then_some(slot);
        std::iter::successors(open(self.heads[key as usize]), move |&slot| open(self.slots[slot as usize].older))
    }

    /// Those of them that an interval touches: neighbours, since sessions do not touch each other.
    fn touching(&self, key: u32, window: Slice) -> impl Iterator<Item = u32> {
        let behind = move |slot: &u32| self.slots[*slot as usize].window.start > window.end;
        self.chain(key).skip_while(behind).take_while(move |&slot| touch(self.slots[slot as usize].window, window))
    }

    /// The first session of a key that an interval touches, and whether there are more.
    fn touched(&self, key: u32, window: Slice) -> (u32, bool) {
        let mut touched = self.touching(key, window);
        let first = touched.next().unwrap_or(NONE);
        (first, touched.next().is_some())
    }
}

/// Whether two sessions are one: also those whose ends just meet. Source: Flink's `TimeWindow.intersects`.
fn touch(a: Slice, b: Slice) -> bool {
    a.start <= b.end && b.start <= a.end
}
