//! HOP: a window is a run of panes, so that a row is added once, however many windows it belongs to.
//!
//! A window of many panes (an hour by a second has 3,600) is not put together from panes each time: full blocks of 8 panes, of 64
//! and so on are merged once and kept, so that a window needs some 7 tables a level, at a seventh more memory. A block that a late row falls into is made anew.
//!
//! Source: panes as in Li et al., "No Pane, No Gain", SIGMOD Record 34 (2005); the hierarchy is that of a B-ary aggregation tree.

use std::collections::BTreeMap;

use irmak_common::element::Element;
use irmak_common::operator_spec::WindowStyle;
use irmak_common::time::Millis;

use super::emit::Emitter;
use super::frames::{Frames, Place, Pool, section};
use super::{Progress, Slice};
use crate::error::EngineError;
use crate::state::groups::GroupTable;
use crate::state::snapshot::{Section, SectionHead};

/// Panes of a block, and blocks of the next larger one.
const FAN: i64 = 8;

/// The lengths of a HOP, milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HopGrid {
    pub(crate) size: Millis,
    pub(crate) slide: Millis,
    pub(crate) offset: Millis,
    pub(crate) pane: Millis,
}

impl HopGrid {
    /// The end of the first window that holds the pane at `start`.
    fn first_end(&self, start: Millis) -> Millis {
        let end = start + self.pane;
        end + (self.offset + self.size - end).rem_euclid(self.slide)
    }

    /// The end of the last one; before the pane's own end where no window holds it.
    fn last_end(&self, start: Millis) -> Millis {
        start - (start - self.offset).rem_euclid(self.slide) + self.size
    }

    /// Panes are numbered from the offset.
    fn number(&self, start: Millis) -> i64 {
        (start - self.offset).div_euclid(self.pane)
    }

    fn start(&self, number: i64) -> Millis {
        self.offset + number * self.pane
    }
}

/// The panes of all open windows.
pub(crate) struct Hop {
    grid: HopGrid,
    /// In which order panes are merged, for aggregates that mind: Flink's group windows begin with the oldest pane, its table
    /// functions with the newest.
    style: WindowStyle,
    pool: Pool,
    /// By number.
    panes: BTreeMap<i64, GroupTable>,
    /// By (level, number): level 1 has `FAN` panes a block.
    blocks: BTreeMap<(u32, i64), GroupTable>,
    result: Option<GroupTable>,
}

impl Hop {
    pub(crate) fn new(grid: HopGrid, style: WindowStyle, pool: Pool) -> Self {
        Self { grid, style, pool, panes: BTreeMap::new(), blocks: BTreeMap::new(), result: None }
    }

    /// The end of the first window that holds the oldest pane.
    fn first_end(&self) -> Option<Millis> {
        self.panes.keys().next().map(|number| self.grid.first_end(self.grid.start(*number)))
    }

    fn pane(&mut self, start: Millis) -> Result<&mut GroupTable, EngineError> {
        let number = self.grid.number(start);
        if !self.blocks.is_empty() {
            self.forget_blocks_of(number);
        }
        Ok(match self.panes.entry(number) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(self.pool.take()?),
        })
    }

    fn forget_blocks_of(&mut self, pane: i64) {
        for level in 1..=self.levels() {
            if let Some(table) = self.blocks.remove(&(level, pane.div_euclid(FAN.pow(level)))) {
                self.pool.give(table);
            }
        }
    }

    /// The largest blocks that are worth their memory.
    fn levels(&self) -> u32 {
        let panes = self.grid.size / self.grid.pane;
        (1..=8).take_while(|level| FAN.pow(*level) * 2 <= panes).count() as u32
    }

    fn emit(&mut self, end: Millis, emitter: &mut Emitter, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let window = Slice { start: end - self.grid.size, end };
        let (from, to) = (self.grid.number(window.start), self.grid.number(end));
        let mut present = self.panes.range(from..to);
        if let (Some((_, only)), None) = (present.next(), present.next()) {
            return emitter.window(window, only, out);
        }
        let parts = self.cover(from, to)?;
        let mut result = match self.result.take() {
            Some(result) => result,
            None => self.pool.take()?,
        };
        let merged = parts.iter().filter_map(|part| self.part(*part)).try_for_each(|part| result.merge(part));
        let emitted = merged.and_then(|()| emitter.window(window, &result, out));
        result.clear();
        self.result = Some(result);
        emitted
    }

    /// The blocks and panes (level 0) that make up panes `from..to`, in order of merging. Blocks are made as needed.
    fn cover(&mut self, from: i64, to: i64) -> Result<Vec<(u32, i64)>, EngineError> {
        let mut parts = Vec::new();
        let mut number = from;
        while number < to {
            let fits = |level: &u32| number % FAN.pow(*level) == 0 && number + FAN.pow(*level) <= to;
            let level = (0..=self.levels()).rev().find(fits).unwrap_or(0);
            parts.push((level, number.div_euclid(FAN.pow(level))));
            number += FAN.pow(level);
        }
        if self.style == WindowStyle::TableFunction {
            parts.reverse();
        }
        for &(level, block) in &parts {
            self.make_block(level, block)?;
        }
        Ok(parts)
    }

    fn make_block(&mut self, level: u32, number: i64) -> Result<(), EngineError> {
        let span = FAN.pow(level);
        let empty = self.panes.range(number * span..(number + 1) * span).next().is_none();
        if level == 0 || empty || self.blocks.contains_key(&(level, number)) {
            return Ok(());
        }
        let mut children: Vec<i64> = (number * FAN..(number + 1) * FAN).collect();
        if self.style == WindowStyle::TableFunction {
            children.reverse();
        }
        let mut block = self.pool.take()?;
        for child in children {
            self.make_block(level - 1, child)?;
            if let Some(part) = self.part((level - 1, child)) {
                block.merge(part)?;
            }
        }
        self.blocks.insert((level, number), block);
        Ok(())
    }

    fn part(&self, (level, number): (u32, i64)) -> Option<&GroupTable> {
        if level == 0 { self.panes.get(&number) } else { self.blocks.get(&(level, number)) }
    }

    /// Lets go of panes whose last window ended at `end` or before.
    fn expire(&mut self, end: Millis) {
        // The next window begins here.
        let keep = self.grid.number(end + self.grid.slide - self.grid.size);
        while let Some(entry) = self.panes.first_entry() {
            if *entry.key() >= keep {
                break;
            }
            let table = entry.remove();
            self.pool.give(table);
        }
        for level in 1..=self.levels() {
            while let Some((&key, _)) = self.blocks.range((level, i64::MIN)..(level, keep.div_euclid(FAN.pow(level)))).next() {
                self.blocks.remove(&key);
            }
        }
    }
}

impl Frames for Hop {
    fn place(&mut self, slice: Slice, progress: &Progress) -> Result<Place<'_>, EngineError> {
        let last = self.grid.last_end(slice.start);
        if last < slice.end {
            return Ok(Place::Nowhere);
        }
        if progress.is_over(last) {
            return Ok(Place::Late);
        }
        self.pane(slice.start).map(Place::Table)
    }

    fn fire(&mut self, progress: &Progress, emitter: &mut Emitter, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let Some(mut end) = self.first_end() else { return Ok(()) };
        while progress.is_over(end) {
            if progress.was_over(end) {
                end += self.grid.slide;
                continue;
            }
            let (from, to) = (self.grid.number(end - self.grid.size), self.grid.number(end));
            if self.panes.range(from..to).next().is_some() {
                self.emit(end, emitter, out)?;
            }
            self.expire(end);
            // Over a stretch without rows to the first window behind it.
            let Some(first) = self.first_end() else { break };
            end = first.max(end + self.grid.slide);
        }
        Ok(())
    }

    fn next_end(&self, progress: &Progress) -> Option<Millis> {
        let mut end = self.first_end()?;
        while progress.is_over(end) {
            end += self.grid.slide;
        }
        Some(end)
    }

    fn sections(&self) -> Vec<Section<'_>> {
        self.panes.iter().map(|(number, table)| section(0, self.grid.start(*number), self.grid.start(number + 1), table)).collect()
    }

    fn restore(&mut self, head: SectionHead) -> Result<&mut GroupTable, EngineError> {
        self.pane(head.start)
    }
}

#[cfg(test)]
mod tests {
    use irmak_common::types::Schema;

    use super::*;
    use crate::accumulate::AggregateSet;

    #[test]
    fn a_window_of_an_hour_by_a_second_is_put_together_from_few_tables() {
        let grid = HopGrid { size: 3_600_000, slide: 1_000, offset: 0, pane: 1_000 };
        let aggregates = AggregateSet::new(&[], &Schema::new(Vec::new()), WindowStyle::TableFunction).unwrap();
        let mut hop = Hop::new(grid, WindowStyle::TableFunction, Pool::new(aggregates));
        for second in 0..7_200 {
            hop.pane(second * 1_000).unwrap();
        }
        for from in 0..3_600 {
            let parts = hop.cover(from, from + 3_600).unwrap();
            // At either end 7 panes, 7 blocks of 8 and 7 of 64; between them 7 of 512.
            assert!(parts.len() <= 49, "{} tables for the window at {from}", parts.len());
        }
        assert!(hop.blocks.len() <= 7_200 / 7, "{} blocks, each of 8 tables", hop.blocks.len());
    }
}
