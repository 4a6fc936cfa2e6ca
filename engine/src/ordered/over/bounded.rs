//! Frames of some rows before the current one: ROWS by number, RANGE by time. The rows are kept. Where all calls can take rows back, a
//! frame slides ([`super::sliding`]); else each is added up from its rows.
//!
//! A key of RANGE is forgotten when nothing has come for one and a half lengths of its frame; until then its timers also tell which rows
//! are late, as in Flink.

use std::collections::{BTreeSet, HashMap, VecDeque};

use arrow::array::ArrayRef;
use arrow::compute::concat;
use irmak_common::call_spec::AggregateCall;
use irmak_common::time::Millis;

use super::sliding::Sliding;
use super::{Arguments, Due, Results};
use crate::error::EngineError;
use crate::ordered::rows::RowStore;
use crate::state::groups::{Scratch, add_rows};
use crate::state::keyed::KeyTable;

/// Rows of frames that are added up at once.
const FRAME_ROWS_MAX: usize = 1 << 20;

/// Forgotten keys are kept up to this number, and up to as many as there are others.
const DEAD_KEYS_MIN: usize = 1_024;

#[derive(Clone, Copy, Debug)]
enum Reach {
    Rows(usize),
    Time(Millis),
}

pub(super) struct Bounded {
    reach: Reach,
    /// By key.
    parts: Vec<Part>,
    /// When keys may be forgotten.
    timers: BTreeSet<(Millis, u32)>,
    dead_keys: usize,
    /// Rows that fell out of all frames, to be forgotten when those are said.
    fallen: Vec<u32>,
    sliding: Option<Sliding>,
    scratch: Scratch,
}

/// What is kept of a key.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The time of its last timer. Flink begins at 0, so over some rows nothing before 1970 is ever in time; so do we.
    pub(super) last: Millis,
    /// When it may be forgotten.
    pub(super) cleanup: Option<Millis>,
    /// Time and number of the rows that a frame may reach.
    pub(super) history: VecDeque<(Millis, u32)>,
    live: bool,
}

/// Which rows are in which frame.
#[derive(Default)]
struct Plan {
    frames: Vec<u32>,
    numbers: Vec<u32>,
    count: u32,
}

impl Bounded {
    pub(super) fn rows(preceding: u64, calls: &[AggregateCall]) -> Self {
        Self::new(Reach::Rows(usize::try_from(preceding).unwrap_or(usize::MAX).saturating_add(1)), calls)
    }

    pub(super) fn range(preceding: Millis, calls: &[AggregateCall]) -> Self {
        Self::new(Reach::Time(preceding), calls)
    }

    fn new(reach: Reach, calls: &[AggregateCall]) -> Self {
        let (parts, timers, fallen) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { reach, parts, timers, dead_keys: 0, fallen, sliding: Sliding::of(calls), scratch: Scratch::default() }
    }

    /// The part of a key, which is made where it is new.
    pub(super) fn part(&mut self, key: u32) -> &mut Part {
        let key = key as usize;
        if key >= self.parts.len() {
            self.dead_keys += key + 1 - self.parts.len();
            self.parts.resize_with(key + 1, Part::default);
        }
        &mut self.parts[key]
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(super) fn timers(&self) -> impl Iterator<Item = (Millis, u32)> {
        self.timers.iter().copied()
    }

    /// A timer as it was stored.
    pub(super) fn set_timer(&mut self, time: Millis, key: u32) {
        self.timers.insert((time, key));
    }

    /// Whether a row is in time. One that is keeps its key alive.
    pub(super) fn takes(&mut self, key: u32, time: Millis) -> bool {
        if time <= self.part(key).last {
            return false;
        }
        self.keep_alive(key, time);
        true
    }

    /// A row of processing time keeps its key alive.
    pub(super) fn in_processing_time(&mut self, key: u32, now: Millis) {
        self.part(key);
        self.keep_alive(key, now);
    }

    pub(super) fn keep_alive(&mut self, key: u32, time: Millis) {
        let part = &mut self.parts[key as usize];
        if !part.live {
            part.live = true;
            self.dead_keys -= 1;
        }
        let Reach::Time(length) = self.reach else { return };
        let needed = time.saturating_add(length).saturating_add(1);
        if part.cleanup.is_none_or(|cleanup| cleanup < needed) {
            let until = time.saturating_add(length.saturating_add(length / 2)).saturating_add(1);
            part.cleanup = Some(until);
            self.timers.insert((until, key));
        }
    }

    /// The results of rows that are due, in their order.
    pub(super) fn compute(&mut self, due: &[Due], store: &RowStore, arguments: &Arguments) -> Result<Results, EngineError> {
        if let Some(mut sliding) = self.sliding.take() {
            due.chunk_by(|a, b| a.time == b.time).for_each(|run| self.slide(run, &mut sliding));
            let columns = sliding.run(store, arguments);
            self.sliding = Some(sliding);
            return Ok(Results { numbers: due.iter().map(|due| due.number).collect(), columns: columns? });
        }
        let mut pieces: Vec<Vec<ArrayRef>> = vec![Vec::new(); arguments.calls()];
        let mut plan = Plan::default();
        // The frame of each row, of those that are planned and not yet added up.
        let mut of_rows = Vec::with_capacity(due.len());
        for run in due.chunk_by(|a, b| a.time == b.time) {
            match self.reach {
                Reach::Rows(length) => {
                    for row in run {
                        of_rows.push(plan.count);
                        self.slide_rows(row, length, &mut plan);
                    }
                }
                Reach::Time(length) => self.slide_time(run, length, &mut plan, &mut of_rows),
            }
            if plan.numbers.len() >= FRAME_ROWS_MAX {
                self.add_up(&mut plan, &mut of_rows, store, arguments, &mut pieces)?;
            }
        }
        self.add_up(&mut plan, &mut of_rows, store, arguments, &mut pieces)?;
        let joined = |pieces: Vec<ArrayRef>| {
            concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(EngineError::arrow("joining results"))
        };
        let columns = pieces.into_iter().map(joined).collect::<Result<_, _>>()?;
        Ok(Results { numbers: due.iter().map(|due| due.number).collect(), columns })
    }

    /// What rows of one time do to the frames of their keys.
    fn slide(&mut self, run: &[Due], sliding: &mut Sliding) {
        for row in run {
            let part = &mut self.parts[row.key as usize];
            sliding.make(row.key, part.history.iter().map(|(_, number)| *number));
            part.last = part.last.max(row.time);
            let falls = |part: &Part| match self.reach {
                Reach::Rows(length) => part.history.len() >= length,
                Reach::Time(length) => part.history.front().is_some_and(|(time, _)| *time < row.time.saturating_sub(length)),
            };
            while falls(part)
                && let Some((_, number)) = part.history.pop_front()
            {
                sliding.leave(row.key, number);
                self.fallen.push(number);
            }
            part.history.push_back((row.time, row.number));
            sliding.enter(row.key, row.number);
            if matches!(self.reach, Reach::Rows(_)) {
                sliding.say(row.key);
            }
        }
        // Over a time, rows of one time have one frame.
        if matches!(self.reach, Reach::Time(_)) {
            run.iter().for_each(|row| sliding.say(row.key));
        }
    }

    fn slide_rows(&mut self, row: &Due, length: usize, plan: &mut Plan) {
        let part = &mut self.parts[row.key as usize];
        part.last = part.last.max(row.time);
        part.history.push_back((row.time, row.number));
        if part.history.len() > length {
            self.fallen.extend(part.history.pop_front().map(|(_, number)| number));
        }
        plan.frame(part);
    }

    /// All rows of one time: each key's have one frame.
    fn slide_time(&mut self, run: &[Due], length: Millis, plan: &mut Plan, of_rows: &mut Vec<u32>) {
        let mut frames: HashMap<u32, u32> = HashMap::new();
        for row in run {
            let part = &mut self.parts[row.key as usize];
            part.last = part.last.max(row.time);
            part.history.push_back((row.time, row.number));
        }
        for row in run {
            let frame = *frames.entry(row.key).or_insert_with(|| {
                let part = &mut self.parts[row.key as usize];
                while part.history.front().is_some_and(|(time, _)| *time < row.time.saturating_sub(length)) {
                    self.fallen.extend(part.history.pop_front().map(|(_, number)| number));
                }
                plan.frame(part)
            });
            of_rows.push(frame);
        }
    }

    /// Adds up the frames that are planned.
    fn add_up(
        &mut self,
        plan: &mut Plan,
        of_rows: &mut Vec<u32>,
        store: &RowStore,
        arguments: &Arguments,
        pieces: &mut [Vec<ArrayRef>],
    ) -> Result<(), EngineError> {
        if of_rows.is_empty() && !pieces.first().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let Plan { frames, numbers, count } = std::mem::take(plan);
        let mut unique = Vec::new();
        let mut at: HashMap<u32, u32> = HashMap::new();
        let rows: Vec<u32> = numbers
            .into_iter()
            .map(|number| {
                *at.entry(number).or_insert_with(|| {
                    unique.push(number);
                    unique.len() as u32 - 1
                })
            })
            .collect();
        let inputs = arguments.of(store, &unique)?;
        let mut accumulators = arguments.set.accumulators()?;
        *self.scratch.groups() = frames;
        add_rows(&mut accumulators, count as usize, &inputs, &rows, &mut self.scratch)?;
        for (pieces, accumulator) in pieces.iter_mut().zip(&accumulators) {
            pieces.push(accumulator.evaluate(of_rows)?);
        }
        of_rows.clear();
        Ok(())
    }

    /// Forgets the rows that no frame reaches, now that those that did are said.
    pub(super) fn release(&mut self, store: &mut RowStore) {
        self.fallen.drain(..).for_each(|number| store.release(number));
    }

    /// Runs the timers that are due: keys without news are forgotten.
    pub(super) fn clean(&mut self, reached: Millis, store: &mut RowStore) {
        while let Some(&(time, key)) = self.timers.first()
            && time <= reached
        {
            self.timers.pop_first();
            let part = &mut self.parts[key as usize];
            part.last = part.last.max(time);
            if part.cleanup.is_some_and(|cleanup| cleanup <= time) {
                self.forget(key, store);
            }
        }
    }

    /// Forgets a key and its rows.
    pub(super) fn forget(&mut self, key: u32, store: &mut RowStore) {
        let part = self.part(key);
        let was_live = part.live;
        let history = std::mem::take(part).history;
        history.into_iter().for_each(|(_, number)| store.release(number));
        self.dead_keys += usize::from(was_live);
        if let Some(sliding) = &mut self.sliding {
            sliding.forget(key);
        }
    }

    /// When the next timer is due.
    pub(super) fn next_cleanup(&self) -> Option<Millis> {
        self.timers.first().map(|(time, _)| *time)
    }

    /// Clears forgotten keys away when they are many: where each of the others is now.
    pub(super) fn tidy(&mut self, table: &mut KeyTable) -> Result<Option<Vec<u32>>, EngineError> {
        if self.dead_keys < DEAD_KEYS_MIN || self.dead_keys * 2 < self.parts.len() {
            return Ok(None);
        }
        if let Some(sliding) = &mut self.sliding {
            let live = self.parts.iter().enumerate().filter(|(_, part)| part.live);
            sliding.compact(&live.map(|(key, _)| key as u32).collect::<Vec<_>>())?;
        }
        let mut keys = KeyTable::default();
        let mut moved = vec![u32::MAX; self.parts.len()];
        let mut parts = Vec::new();
        for (key, part) in std::mem::take(&mut self.parts).into_iter().enumerate().filter(|(_, part)| part.live) {
            moved[key] = keys.intern(table.hash(key as u32), table.key(key as u32));
            parts.push(part);
        }
        // Timers of forgotten keys have nothing to forget.
        let timers = self.timers.iter().map(|&(time, key)| (time, moved[key as usize]));
        self.timers = timers.filter(|(_, key)| *key != u32::MAX).collect();
        (self.parts, self.dead_keys, *table) = (parts, 0, keys);
        Ok(Some(moved))
    }
}

impl Plan {
    /// A frame of all that a key's part holds.
    fn frame(&mut self, part: &Part) -> u32 {
        let frame = self.count;
        self.count += 1;
        self.numbers.extend(part.history.iter().map(|(_, number)| *number));
        self.frames.resize(self.numbers.len(), frame);
        frame
    }
}
