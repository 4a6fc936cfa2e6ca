//! The window join: rows of one key and one window, joined when the window is over. Results are inserts only.
//!
//! In batch mode ([`JoinTiming::AtEnd`]) all rows are of one window, which is over when both inputs have ended.
//!
//! The plan makes the window's columns part of the key, so that windows meet as keys do. Rows whose window is over when they come are dropped and counted.
//! Source: Flink's `WindowJoinOperator`: left rows in order of arrival, each with its partners in theirs; of FULL and RIGHT the right
//! rows without partner behind them.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::join_spec::{JoinKind, JoinSpec, JoinTiming};
use irmak_common::key_group::MaxParallelism;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use super::output::{Half, Output};
use super::side::{Condition, Pair, Side, fingerprint, times};
use super::state;
use super::store::{Kept, Store, kept_metrics};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::window::Progress;
use crate::zone::LocalTime;

/// A key with its hash.
type Key = (u64, Box<[u8]>);

pub(crate) struct WindowJoin {
    kind: JoinKind,
    rowtime: bool,
    /// `window_end` of each side; `None`: all rows are of one window, until the end.
    ends: Option<[usize; 2]>,
    schemas: [Schema; 2],
    sides: [Side; 2],
    stores: [Store; 2],
    /// Keys, window included, of open windows by end, in order of their first row.
    open: BTreeMap<Millis, Vec<Key>>,
    condition: Condition,
    output: Output,
    progress: Progress,
    late: u64,
    /// Records to be removed behind the next flush: (side, record).
    gone: Vec<(usize, u32)>,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
}

impl WindowJoin {
    pub(crate) fn new(spec: &JoinSpec, inputs: [&Schema; 2], output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let (ends, rowtime, zone) = match &spec.timing {
            JoinTiming::Window { windows, rowtime, zone } => (Some([windows[0][1], windows[1][1]]), *rowtime, zone.as_deref()),
            JoinTiming::AtEnd => (None, true, None),
            _ => return Err(EngineError::plan("a window join without windows")),
        };
        let sides = [Side::new(spec, 0, inputs[0])?, Side::new(spec, 1, inputs[1])?];
        let fingerprint = fingerprint(spec, &sides);
        let mut progress = Progress::new(LocalTime::new(zone)?);
        progress.reached = state::restore_watermark(&env.owned())?.0;
        let mut join = Self {
            kind: spec.kind,
            rowtime,
            ends,
            schemas: inputs.map(Clone::clone),
            condition: Condition::new(spec, inputs, &env.functions())?,
            output: Output::new(spec, inputs, output)?,
            stores: [Store::default(), Store::default()],
            open: BTreeMap::new(),
            progress,
            late: 0,
            gone: Vec::new(),
            fingerprint,
            max_parallelism: env.max_parallelism,
            sides,
        };
        let Self { sides, stores, open, .. } = &mut join;
        state::restore(fingerprint, &env.owned(), sides, |side, kept| keep(stores, open, side, kept))?;
        Ok(join)
    }

    fn fire(&mut self, now: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        while let Some(entry) = self.open.first_entry() {
            if !self.progress.is_over(*entry.key()) {
                break;
            }
            for (hash, key) in entry.remove() {
                self.join(now, hash, &key, out)?;
            }
        }
        self.flush(out)
    }

    /// Emits results, and removes the rows that they were made of.
    fn flush(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.output.flush(&self.sides, self.stores.each_ref(), out)?;
        self.gone.drain(..).for_each(|(side, id)| self.stores[side].remove(id));
        Ok(())
    }

    fn flush_if_full(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.output.is_full() { self.flush(out) } else { Ok(()) }
    }

    /// Joins the rows of one key and window, and forgets them.
    fn join(&mut self, now: Millis, hash: u64, key: &[u8], out: &mut Vec<Element>) -> Result<(), EngineError> {
        let [left, right]: [Vec<u32>; 2] = self.stores.each_ref().map(|store| store.of_key(hash, key).collect());
        // A key with a NULL that equals nothing: its rows have no partners.
        let lonely = self.sides[0].is_lonely(key);
        let partners: &[u32] = if lonely { &[] } else { &right };
        let mut right_met = vec![false; right.len()];
        for &left in &left {
            let pairs: Vec<Pair> = partners.iter().map(|right| (left, *right)).collect();
            let met = self.condition.meet_kept(now, self.stores.each_ref(), &pairs)?;
            let any = met.contains(&true);
            let size = self.stores[0].row(left).len();
            if self.kind.left_only() {
                if any != (self.kind == JoinKind::Anti) {
                    self.output.push(RowKind::Insert, Half::Kept(left), Half::Null, size);
                }
            } else {
                for ((&right, met), right_met) in partners.iter().zip(met).zip(&mut right_met).filter(|((_, met), _)| *met) {
                    *right_met |= met;
                    self.output.push(RowKind::Insert, Half::Kept(left), Half::Kept(right), size);
                    self.output.flush_if_full(&self.sides, self.stores.each_ref(), out)?;
                }
                if !any && self.kind.pads(0) {
                    self.output.push(RowKind::Insert, Half::Kept(left), Half::Null, size);
                }
            }
        }
        if self.kind.pads(1) {
            for (&right, _) in right.iter().zip(&right_met).filter(|(_, met)| !**met) {
                self.output.push(RowKind::Insert, Half::Null, Half::Kept(right), self.stores[1].row(right).len());
            }
        }
        // Results refer to the rows until they are emitted.
        self.gone.extend(left.into_iter().map(|id| (0, id)).chain(right.into_iter().map(|id| (1, id))));
        self.flush_if_full(out)
    }
}

fn keep(stores: &mut [Store; 2], open: &mut BTreeMap<Millis, Vec<Key>>, side: usize, kept: Kept<'_>) {
    let new = stores.iter().all(|store| store.first(kept.hash, kept.key).is_none());
    if new {
        open.entry(kept.time).or_default().push((kept.hash, kept.key.into()));
    }
    stores[side].push(kept);
}

impl Operator for WindowJoin {
    fn on_batch(&mut self, context: &OperatorContext, input: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let _ = out;
        self.sides[input].arrive(&batch)?;
        if !self.rowtime {
            self.progress.reached = self.progress.reached.max(context.now);
        }
        let ends = match self.ends {
            Some(ends) => times(&batch, ends[input], &self.schemas[input])?,
            None => vec![Millis::MAX - 1; batch.num_rows()],
        };
        let Self { sides, stores, open, .. } = self;
        for (row, time) in ends.into_iter().enumerate() {
            if self.progress.is_over(time) {
                self.late += 1;
                continue;
            }
            let arrival = sides[input].arrival(row);
            keep(stores, open, input, Kept { hash: arrival.hash, key: arrival.key, row: arrival.row, time, count: 0 });
        }
        Ok(())
    }

    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.rowtime {
            self.progress.reached = self.progress.reached.max(watermark.0);
            self.fire(context.now, out)?;
        }
        out.push(Element::Watermark(watermark));
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        if self.rowtime { None } else { self.open.keys().next().map(|end| self.progress.trigger(*end)) }
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.rowtime {
            return Ok(());
        }
        self.progress.reached = self.progress.reached.max(context.now);
        self.fire(context.now, out)
    }

    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.progress.reached = Millis::MAX;
        self.fire(context.now, out)
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = state::encode(self.fingerprint, self.max_parallelism, self.stores.each_ref());
        Ok(OperatorSnapshot { keyed, union: state::encode_watermark(Watermark(self.progress.reached)) })
    }

    fn metrics(&self) -> OperatorMetrics {
        OperatorMetrics { late_records: self.late, ..kept_metrics(&self.stores) }
    }
}
