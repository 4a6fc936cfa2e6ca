//! The window aggregate over a stream that updates: TUMBLE, HOP, CUMULATE and attached windows whose values can be taken back.
//!
//! A row that is taken back leaves the windows that it was in: it has the time of the row it takes back. A group that has no rows left when its
//! window is over says nothing. Lateness is that of [`super::aggregate`]; results are said once and only inserted. State: the groups of every
//! open window by key group, and the watermark.
//!
//! Source: Flink's `SlicingWindowOperator` and `AggregateWindowOperator` with a record counter (FLINK-20281). Every window keeps its own
//! accumulators: those that take values back cannot be put together from slices.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMillisecondArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::call_spec::AggregateCall;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::operator_spec::{WindowAggregateSpec, WindowProperty, WindowStyle};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::{Schema, TypeKind};

use super::Slice;
use super::aggregate::{WindowTime, time_column};
use super::assign::Assigner;
use super::emit::value;
use super::slicer::{TIME_MAX, TimeColumn};
use crate::accumulate::{AggregateSet, Inputs};
use crate::changelog::RowKinds;
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::group_aggregate::groups::Groups;
use crate::key::{KeyColumns, KeyEncoder};
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::running::running;
use crate::state::bytes::{put_bytes, put_number, take_bytes, take_number};
use crate::state::snapshot::Reader;
use crate::watermark::millis;

pub(crate) struct ChangesAggregate {
    assigner: Assigner,
    column: TimeColumn,
    style: WindowStyle,
    keys: KeyEncoder,
    inputs: AggregateSet,
    calls: Vec<AggregateCall>,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
    /// Open windows, the first to end first.
    windows: BTreeMap<(Millis, Millis), Window>,
    properties: Vec<(WindowProperty, bool)>,
    schema: SchemaRef,
    time: WindowTime,
    batches: u64,
}

/// One open window: end and start are its place.
struct Window {
    groups: Groups,
    /// The batch whose columns its aggregates were shown last.
    bound: u64,
}

impl ChangesAggregate {
    pub(crate) fn new(spec: &WindowAggregateSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.keys)?;
        let inputs = AggregateSet::columns(&spec.aggregates, input, spec.window.style)?;
        let first = spec.keys.len() + spec.aggregates.len();
        let instant = |at: usize| output.fields.get(first + at).is_some_and(|field| matches!(field.ty.kind, TypeKind::TimestampLtz { .. }));
        let owned = env.owned();
        let mut operator = Self {
            assigner: Assigner::new(&spec.window.kind)?,
            column: time_column(&spec.window, input)?,
            style: spec.window.style,
            fingerprint: inputs.fingerprint(&format!("{} window of changes", keys.format().fingerprint())),
            max_parallelism: env.max_parallelism,
            windows: BTreeMap::new(),
            properties: spec.properties.iter().enumerate().map(|(at, property)| (*property, instant(at))).collect(),
            schema: output.to_arrow(),
            time: WindowTime::new(&spec.window, &owned)?,
            batches: 0,
            calls: spec.aggregates.clone(),
            keys,
            inputs,
        };
        // Refused here rather than with the first row.
        operator.aggregates()?;
        for bytes in owned.keyed() {
            operator.restore(bytes)?;
        }
        Ok(operator)
    }

    fn aggregates(&self) -> Result<Groups, EngineError> {
        let aggregates = self.calls.iter().map(|call| running(call, true)).collect::<Result<Vec<_>, _>>()?;
        Ok(Groups::new(aggregates, 0, false))
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let mut reader = Reader { bytes };
        while !reader.bytes.is_empty() {
            let place = (take_number(&mut reader)?, take_number(&mut reader)?);
            let groups = take_bytes(&mut reader)?;
            if !self.windows.contains_key(&place) {
                let window = Window { groups: self.aggregates()?, bound: 0 };
                self.windows.insert(place, window);
            }
            if let Some(window) = self.windows.get_mut(&place) {
                window.groups.restore(self.fingerprint, self.keys.format(), groups)?;
            }
        }
        Ok(())
    }

    /// The windows of each row, one row after the other: (row, window).
    fn assigned(&mut self, batch: &RecordBatch, now: Millis) -> Result<Vec<(usize, Slice)>, EngineError> {
        let mut found = Vec::with_capacity(batch.num_rows());
        if let Assigner::Attached { start, end } = self.assigner {
            let (starts, no_start) = millis(start, batch.columns().get(start))?;
            let (ends, no_end) = millis(end, batch.columns().get(end))?;
            let valid = |row| [&no_start, &no_end].iter().all(|nulls| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
            let window = |row: usize| Slice { start: starts[row].clamp(-TIME_MAX, TIME_MAX), end: ends[row].clamp(-TIME_MAX, TIME_MAX) };
            found.extend((0..batch.num_rows()).filter(|row| valid(*row)).map(|row| (row, window(row))));
            return Ok(found);
        }
        let times = match &self.column {
            TimeColumn::Rowtime(column, _) => Some(millis(*column, batch.columns().get(*column))?),
            TimeColumn::Processing => None,
        };
        let mut windows = Vec::new();
        for row in 0..batch.num_rows() {
            let time = match &times {
                Some((_, Some(nulls))) if nulls.is_null(row) => match (&self.column, self.style) {
                    (TimeColumn::Rowtime(_, name), WindowStyle::TableFunction) => {
                        return Err(EngineError::Null { column: name.clone(), row });
                    }
                    _ => continue,
                },
                Some((times, _)) => times[row],
                None => now,
            };
            self.assigner.windows(self.time.progress.zone.local(time).clamp(-TIME_MAX, TIME_MAX), &mut windows);
            found.extend(windows.drain(..).map(|window| (row, window)));
        }
        Ok(found)
    }

    /// One row of one open window.
    fn add(&mut self, row: usize, window: Slice, kinds: &RowKinds, inputs: &Inputs, now: Millis) -> Result<(), EngineError> {
        let place = (window.end, window.start);
        if !self.windows.contains_key(&place) {
            let fresh = Window { groups: self.aggregates()?, bound: 0 };
            self.windows.insert(place, fresh);
        }
        let Some(Window { groups, bound }) = self.windows.get_mut(&place) else { return Ok(()) };
        if *bound != self.batches {
            groups.bind(inputs)?;
            *bound = self.batches;
        }
        let change = kinds.change(row);
        let Some((group, _)) = groups.of_row(&self.keys, row, change, now) else { return Ok(()) };
        groups.apply(group, row, change, inputs, true)?;
        if groups.is_empty(group) {
            groups.forget(group);
        }
        Ok(())
    }

    fn fire(&mut self, now: Millis, reached: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.time.progress.reached = reached;
        while let Some(first) = self.windows.first_entry()
            && self.time.progress.is_over(first.key().0)
        {
            let ((end, start), mut window) = first.remove_entry();
            let live = window.groups.live();
            for some in live.chunks(BATCH_ROWS_MAX) {
                out.push(self.results(some, &mut window.groups, Slice { start, end }, now)?);
            }
        }
        self.time.progress.before = reached;
        Ok(())
    }

    /// These groups of a window as a batch: keys, aggregates, properties.
    fn results(&self, live: &[u32], groups: &mut Groups, window: Slice, now: Millis) -> Result<Element, EngineError> {
        let mut keys = KeyColumns::new(self.keys.format());
        keys.append(live.iter().map(|&group| groups.key(group)));
        let mut columns: Vec<ArrayRef> = keys.finish()?;
        live.iter().try_for_each(|&group| groups.push(group))?;
        columns.extend(groups.finish()?);
        for (property, instant) in &self.properties {
            let told = value(*property, *instant, window, &self.time.progress.zone, now);
            columns.push(Arc::new(TimestampMillisecondArray::from_value(told, live.len())));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(live.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        batch.map(Element::Batch).map_err(EngineError::arrow("building window results"))
    }
}

impl Operator for ChangesAggregate {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, _: &mut Vec<Element>) -> Result<(), EngineError> {
        self.batches += 1;
        let assigned = self.assigned(&batch, context.now)?;
        self.keys.encode(&batch)?;
        let inputs = self.inputs.inputs(&batch)?;
        let kinds = RowKinds::of(&batch);
        for windows in assigned.chunk_by(|one, other| one.0 == other.0) {
            let mut late = true;
            for &(row, window) in windows {
                if !self.time.progress.is_over(window.end) {
                    late = false;
                    self.add(row, window, &kinds, &inputs, context.now)?;
                }
            }
            self.time.late += u64::from(late);
        }
        Ok(())
    }

    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if let Some(reached) = self.time.by_watermark(watermark) {
            self.fire(context.now, reached, out)?;
        }
        self.time.pass(watermark, out);
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        self.time.timer(|| self.windows.first_key_value().map(|((end, _), _)| *end))
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.time.by_clock(context.now).map_or(Ok(()), |reached| self.fire(context.now, reached, out))
    }

    /// What the clock has not closed yet is shown, where Flink loses it.
    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.time.event_time { Ok(()) } else { self.fire(context.now, Millis::MAX, out) }
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let mut keyed: BTreeMap<KeyGroup, Vec<u8>> = BTreeMap::new();
        for ((end, start), window) in &self.windows {
            for (group, bytes) in window.groups.snapshot(self.fingerprint, self.max_parallelism)? {
                let stored = keyed.entry(group).or_default();
                put_number(stored, *end);
                put_number(stored, *start);
                put_bytes(stored, &bytes);
            }
        }
        Ok(OperatorSnapshot { keyed, union: self.time.snapshot() })
    }

    fn metrics(&self) -> OperatorMetrics {
        self.time.metrics()
    }
}
