//! GROUP BY without windows: a group's result is said when its first row comes, and said anew whenever a row changes it.
//!
//! Per row, as Flink's `GroupAggFunction`: `+I` for the first, then `-U` of the old and `+U` of the new result, nothing where they are
//! equal, `-D` when the last row of a group has been taken back. With `table.exec.mini-batch.*` so many rows of a batch are put
//! together, and each group speaks once for them. State: accumulators by key, and with a TTL when each group was touched last.

pub(crate) mod by_clock;
mod closing;
pub(crate) mod groups;

use irmak_common::changelog_spec::GroupAggregateSpec;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::key_group::MaxParallelism;
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX};
use irmak_common::operator_spec::WindowStyle;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::accumulate::{AggregateSet, Inputs};
use crate::changelog::{self, Change, RowKinds};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyEncoder};
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::running::running;
use closing::Closing;
use groups::Groups;

pub(crate) struct GroupAggregate {
    keys: KeyEncoder,
    inputs: AggregateSet,
    spec: GroupAggregateSpec,
    max_parallelism: MaxParallelism,
    fingerprint: u64,
    groups: Groups,
    closing: Option<Closing>,
    output: Output,
    /// Groups that the present bundle has touched, in order, and whether each had a result before.
    touched: Vec<(u32, bool)>,
}

/// Results that wait to become a batch: group and kind of each; their values wait in the aggregates.
struct Output {
    schema: SchemaRef,
    groups: Vec<u32>,
    kinds: Vec<u8>,
    key_bytes: usize,
}

impl GroupAggregate {
    pub(crate) fn new(spec: &GroupAggregateSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.keys)?;
        let inputs = AggregateSet::columns(&spec.aggregates, input, WindowStyle::Group)?;
        let aggregates = spec.aggregates.iter().enumerate();
        let aggregates = aggregates.map(|(at, call)| running(call, spec.retracts && !spec.never_back.contains(&at)));
        let aggregates = aggregates.collect::<Result<Vec<_>, _>>()?;
        let held = spec.window_end.as_ref().is_some_and(|end| end.hold);
        let group = if held { "held group" } else { "group" };
        let fingerprint = inputs.fingerprint(&format!("{}{}{:?} {}", keys.format().fingerprint(), spec.retracts, spec.never_back, group));
        let mut groups = Groups::new(aggregates, spec.state_ttl_ms, held);
        for bytes in env.owned().keyed() {
            groups.restore(fingerprint, keys.format(), bytes)?;
        }
        let closing = match &spec.window_end {
            Some(end) => {
                let column = spec.keys.get(end.key).copied().ok_or_else(|| EngineError::plan("a window's end is no key"))?;
                Some(Closing::new(end, column, &env.owned())?)
            }
            None => None,
        };
        let output = Output { schema: changelog::with_kind(output), groups: Vec::new(), kinds: Vec::new(), key_bytes: 0 };
        let max_parallelism = env.max_parallelism;
        Ok(Self { keys, inputs, spec: spec.clone(), max_parallelism, fingerprint, groups, closing, output, touched: Vec::new() })
    }

    /// One row after the other, as Flink without mini-batch.
    fn row_by_row(
        &mut self,
        rows: usize,
        ends: &[Millis],
        kinds: &RowKinds,
        inputs: &Inputs,
        now: Millis,
        out: &mut Vec<Element>,
    ) -> Result<(), EngineError> {
        for row in 0..rows {
            let change = kinds.change(row);
            if let (Some(closing), Some(end)) = (&mut self.closing, ends.get(row))
                && closing.is_late(*end)
            {
                continue;
            }
            let Some((group, new)) = self.groups.of_row(&self.keys, row, change, now) else { continue };
            let mut first = new;
            if let (Some(closing), Some(end)) = (&self.closing, ends.get(row)) {
                self.groups.closes_at(group, *end);
                if !closing.speaks(*end) {
                    self.groups.apply(group, row, change, inputs, self.spec.retracts)?;
                    continue;
                }
                first = if closing.hold { self.groups.speak(group) } else { new };
            }
            if !first {
                self.groups.push(group)?;
            }
            self.groups.apply(group, row, change, inputs, self.spec.retracts)?;
            self.answer(group, first)?;
            self.flush_if_full(out)?;
        }
        self.flush(out)
    }

    /// What a row has changed of its group's result, whose old one was pushed unless this is its `first`.
    #[inline]
    fn answer(&mut self, group: u32, first: bool) -> Result<(), EngineError> {
        let gone = self.spec.retracts && self.groups.is_empty(group);
        match (first, gone) {
            (true, true) => self.groups.forget(group),
            (true, false) => {
                self.groups.push(group)?;
                self.output.row(group, RowKind::Insert, self.groups.key(group));
            }
            (false, true) => {
                self.output.row(group, RowKind::Delete, self.groups.key(group));
                self.groups.forget(group);
            }
            (false, false) => {
                self.groups.push(group)?;
                let last = self.output.groups.len() + 1;
                // With a TTL Flink says results again, so that those who read them keep theirs.
                if self.spec.state_ttl_ms == 0 && self.groups.same(last - 1, last) {
                    self.groups.pop(2);
                } else {
                    self.output.row(group, RowKind::UpdateBefore, self.groups.key(group));
                    self.output.row(group, RowKind::UpdateAfter, self.groups.key(group));
                }
            }
        }
        Ok(())
    }

    /// Bundles of rows: each group's old result is set aside when it is first touched, and compared at the end.
    fn bundled(
        &mut self,
        rows: usize,
        bundle: usize,
        kinds: &RowKinds,
        inputs: &Inputs,
        now: Millis,
        out: &mut Vec<Element>,
    ) -> Result<(), EngineError> {
        let mut from = 0;
        while from < rows {
            let to = rows.min(from.saturating_add(bundle.clamp(1, BATCH_ROWS_MAX)));
            for row in from..to {
                let change = kinds.change(row);
                let Some((group, first)) = self.groups.of_row(&self.keys, row, change, now) else { continue };
                if self.groups.touch(group) {
                    self.groups.push(group)?;
                    self.touched.push((group, !first));
                }
                self.groups.apply(group, row, change, inputs, self.spec.retracts)?;
            }
            self.close_bundle(out)?;
            from = to;
        }
        Ok(())
    }

    /// The old results of all touched groups lie in the aggregates' output; the new ones are put behind them.
    fn close_bundle(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let touched = std::mem::take(&mut self.touched);
        let count = touched.len();
        for &(group, _) in &touched {
            self.groups.push(group)?;
        }
        let mut picked = Vec::with_capacity(count * 2);
        for (at, &(group, before)) in touched.iter().enumerate() {
            let gone = self.spec.retracts && self.groups.is_empty(group);
            let unchanged = self.spec.state_ttl_ms == 0 && self.groups.same(at, count + at);
            let rows: &[(usize, RowKind)] = match (before, gone) {
                (false, true) => &[],
                (false, false) => &[(count, RowKind::Insert)],
                (true, true) => &[(0, RowKind::Delete)],
                (true, false) if unchanged => &[],
                (true, false) => &[(0, RowKind::UpdateBefore), (count, RowKind::UpdateAfter)],
            };
            for &(offset, kind) in rows {
                picked.push((at + offset) as u32);
                self.output.row(group, kind, self.groups.key(group));
            }
        }
        self.emit(Some(UInt32Array::from(picked)), out)?;
        for (group, _) in touched {
            self.groups.untouch(group);
            if self.spec.retracts && self.groups.is_empty(group) {
                self.groups.forget(group);
            }
        }
        Ok(())
    }

    /// The watermark has come to the end of a window: held ones speak, and those that take no rows any more are let go.
    fn close_windows(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let Some(closing) = &self.closing else { return Ok(()) };
        let due = if closing.hold { self.groups.silent(|end| closing.speaks(end)) } else { Vec::new() };
        for group in due {
            self.groups.speak(group);
            self.groups.push(group)?;
            self.output.row(group, RowKind::Insert, self.groups.key(group));
            self.flush_if_full(out)?;
        }
        self.flush(out)?;
        if let Some(closing) = &mut self.closing {
            self.groups.close(|end| closing.closes(end));
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.emit(None, out)
    }

    fn flush_if_full(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.output.is_full() { self.flush(out) } else { Ok(()) }
    }

    /// The waiting results as a batch; `picked`: these of the aggregates' outputs.
    fn emit(&mut self, picked: Option<UInt32Array>, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let values = self.groups.finish()?;
        let output = &mut self.output;
        output.key_bytes = 0;
        let (groups, kinds) = (std::mem::take(&mut output.groups), std::mem::take(&mut output.kinds));
        if groups.is_empty() {
            return Ok(());
        }
        let mut keys = KeyColumns::new(self.keys.format());
        keys.append(groups.iter().map(|&group| self.groups.key(group)));
        let mut columns = keys.finish()?;
        let pick = |column: ArrayRef| match &picked {
            None => Ok(column),
            Some(indices) => take(&column, indices, None).map_err(EngineError::arrow("picking results")),
        };
        columns.extend(values.into_iter().map(pick).collect::<Result<Vec<_>, _>>()?);
        out.push(changelog::batch(&output.schema, columns, kinds)?);
        Ok(())
    }
}

impl Output {
    fn row(&mut self, group: u32, kind: RowKind, key: &[u8]) {
        self.groups.push(group);
        self.kinds.push(kind as u8);
        self.key_bytes += key.len();
    }

    fn is_full(&self) -> bool {
        self.groups.len() + 2 > BATCH_ROWS_MAX || self.key_bytes > BATCH_BYTES_MAX
    }
}

impl Operator for GroupAggregate {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keys.encode(&batch)?;
        let inputs = self.inputs.inputs(&batch)?;
        self.groups.bind(&inputs)?;
        let kinds = RowKinds::of(&batch);
        let ends = self.closing.as_ref().map_or(Ok(Vec::new()), |closing| closing.ends(&batch))?;
        match self.spec.mini_batch.filter(|_| ends.is_empty()) {
            Some(bundle) => self.bundled(batch.num_rows(), bundle.rows as usize, &kinds, &inputs, context.now, out)?,
            None => self.row_by_row(batch.num_rows(), &ends, &kinds, &inputs, context.now, out)?,
        }
        self.groups.tidy(context.now)
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.closing.as_mut().is_some_and(|closing| closing.by_watermark(watermark)) {
            self.close_windows(out)?;
        }
        out.push(Element::Watermark(watermark));
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        self.closing.as_ref().and_then(Closing::timer)
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        match self.closing.as_mut().is_some_and(|closing| closing.by_clock(context.now)) {
            true => self.close_windows(out),
            false => Ok(()),
        }
    }

    fn metrics(&self) -> OperatorMetrics {
        OperatorMetrics { late_records: self.closing.as_ref().map_or(0, |closing| closing.late), ..OperatorMetrics::default() }
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = self.groups.snapshot(self.fingerprint, self.max_parallelism)?;
        Ok(OperatorSnapshot { keyed, union: self.closing.as_ref().map(Closing::snapshot).unwrap_or_default() })
    }
}

/// Whether a row adds: used by [`Groups`] to leave out what takes back from a group that is not there.
pub(crate) fn adds(change: Change) -> bool {
    change == Change::Add
}
