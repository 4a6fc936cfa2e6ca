//! CUMULATE: a window grows by steps from one start; each step's end emits all that came since the start.
//!
//! A step's rows are gathered apart and merged into the total when the step ends, so a row is merged once. A row that is late for its
//! own step counts from the next step on.

use std::collections::BTreeMap;

use irmak_common::element::Element;
use irmak_common::time::Millis;

use super::assign::cell_start;
use super::emit::Emitter;
use super::frames::{Frames, Place, Pool, section};
use super::{Progress, Slice};
use crate::error::EngineError;
use crate::state::groups::GroupTable;
use crate::state::snapshot::{Section, SectionHead};

const STEP: u8 = 0;
const TOTAL: u8 = 1;

/// All open windows.
pub(crate) struct Cumulate {
    size: Millis,
    step: Millis,
    offset: Millis,
    pool: Pool,
    /// By start.
    windows: BTreeMap<Millis, Growing>,
}

/// One window.
struct Growing {
    /// All steps that have ended.
    total: GroupTable,
    /// The others, by end.
    steps: BTreeMap<Millis, GroupTable>,
}

impl Cumulate {
    pub(crate) fn new(size: Millis, step: Millis, offset: Millis, pool: Pool) -> Self {
        Self { size, step, offset, pool, windows: BTreeMap::new() }
    }

    fn window(&mut self, start: Millis) -> Result<&mut Growing, EngineError> {
        Ok(match self.windows.entry(start) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Growing { total: self.pool.take()?, steps: BTreeMap::new() }),
        })
    }

    fn step_table(&mut self, start: Millis, end: Millis) -> Result<&mut GroupTable, EngineError> {
        if !self.windows.get(&start).is_some_and(|window| window.steps.contains_key(&end)) {
            let table = self.pool.take()?;
            self.window(start)?.steps.insert(end, table);
        }
        let table = self.windows.get_mut(&start).and_then(|window| window.steps.get_mut(&end));
        table.ok_or_else(|| EngineError::plan("a step of a window is lost"))
    }

    /// Emits the steps of one window that are over; whether all are.
    fn grow(&mut self, start: Millis, progress: &Progress, emitter: &mut Emitter, out: &mut Vec<Element>) -> Result<bool, EngineError> {
        let Some(window) = self.windows.get_mut(&start) else { return Ok(true) };
        let mut end = start + self.step;
        while end <= start + self.size {
            if !progress.is_over(end) {
                return Ok(false);
            }
            while let Some(entry) = window.steps.first_entry().filter(|entry| *entry.key() <= end) {
                let mut table = entry.remove();
                if window.total.keys.len() == 0 {
                    std::mem::swap(&mut window.total, &mut table);
                } else {
                    window.total.merge(&table)?;
                }
                self.pool.give(table);
            }
            if !progress.was_over(end) && window.total.keys.len() > 0 {
                emitter.window(Slice { start, end }, &window.total, out)?;
            }
            end += self.step;
        }
        Ok(true)
    }
}

impl Frames for Cumulate {
    fn place(&mut self, slice: Slice, progress: &Progress) -> Result<Place<'_>, EngineError> {
        let start = cell_start(slice.start, self.size, self.offset);
        if progress.is_over(start + self.size) {
            return Ok(Place::Late);
        }
        if progress.is_over(slice.end) {
            return Ok(Place::Table(&mut self.window(start)?.total));
        }
        self.step_table(start, slice.end).map(Place::Table)
    }

    fn fire(&mut self, progress: &Progress, emitter: &mut Emitter, out: &mut Vec<Element>) -> Result<(), EngineError> {
        while let Some(&start) = self.windows.keys().next() {
            if !self.grow(start, progress, emitter, out)? {
                break;
            }
            if let Some(window) = self.windows.remove(&start) {
                self.pool.give(window.total);
            }
        }
        Ok(())
    }

    fn next_end(&self, progress: &Progress) -> Option<Millis> {
        let (&start, window) = self.windows.iter().next()?;
        let mut end = if window.total.keys.len() > 0 { start + self.step } else { *window.steps.keys().next()? };
        while progress.is_over(end) {
            end += self.step;
        }
        Some(end)
    }

    fn sections(&self) -> Vec<Section<'_>> {
        let of_window = |(&start, window): (&Millis, &'_ Growing)| -> Vec<(u8, Millis, Millis)> {
            let steps = window.steps.keys().map(move |&end| (STEP, start, end));
            [(TOTAL, start, start)].into_iter().chain(steps).collect()
        };
        let heads: Vec<_> = self.windows.iter().flat_map(of_window).collect();
        let table = |(kind, start, end): (u8, Millis, Millis)| {
            let window = self.windows.get(&start)?;
            let table = if kind == TOTAL { &window.total } else { window.steps.get(&end)? };
            Some(section(kind, start, end, table))
        };
        heads.into_iter().filter_map(table).collect()
    }

    fn restore(&mut self, head: SectionHead) -> Result<&mut GroupTable, EngineError> {
        match head.kind {
            TOTAL => Ok(&mut self.window(head.start)?.total),
            _ => self.step_table(head.start, head.end),
        }
    }
}
