//! Declares event time: rows pass through, and watermarks are put between them.
//!
//! Each split (a partition, a file) has an event time of its own; the watermark is the minimum over the splits that are neither idle
//! nor finished, and never falls. It is *logically* emitted after the very row that advances it by more than `emit_gap_ms`, as
//! Flink's `WatermarkAssignerOperator` does. *Physically* a batch is only cut in front of a row that could be late because of it: one
//! whose time is not more than a millisecond ahead (a session window still takes a row exactly one gap away). All other watermarks
//! wait for the end of the batch. So batches stay whole, and results are those of row-by-row emission.
//!
//! A subtask holds event time back until its source has said which splits it has, however long the source must wait for that: it would
//! else come too late for rows that others have long passed.
//!
//! State: the watermark of each split by name, so that after a restart the same rows are late as without it.

mod split;

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::operator_spec::WatermarkSpec;
use irmak_common::split::{SplitEvent, SplitProgress};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;
use irmak_functions::{Evaluator, compile};

use crate::changelog::RowKinds;
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use split::Splits;

pub(crate) struct WatermarkOperator {
    rowtime: usize,
    rowtime_name: String,
    expr: Evaluator,
    gap: Millis,
    /// Rows ask for it: nothing is put off.
    exact: bool,
    splits: Splits,
    /// The last watermark logically emitted. Flink begins at 0, so nothing before 1970 is ever late; so do we.
    emitted: Millis,
    /// The last watermark that went out since the start.
    sent: Option<Millis>,
    /// Since when an advance smaller than the gap waits, processing time: it goes out as late as after `gap`, as Flink's timer does.
    waiting_since: Option<Millis>,
    /// Whether `Idle` was said last.
    idle: bool,
    /// Whether it was called before.
    started: bool,
    /// Restored: `emitted` went out before, and the new downstream has to hear it again.
    resend: bool,
}

impl WatermarkOperator {
    pub(crate) fn new(spec: &WatermarkSpec, input: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let column = input.fields.get(spec.rowtime);
        let rowtime_name = column.map(|field| field.name.clone());
        Ok(Self {
            rowtime: spec.rowtime,
            rowtime_name: rowtime_name.ok_or_else(|| EngineError::plan(format!("the rowtime is column {}", spec.rowtime)))?,
            expr: compile(&spec.expr, &env.functions()).map_err(|source| EngineError::Expression { index: 0, source })?,
            gap: spec.emit_gap_ms,
            exact: spec.exact,
            splits: Splits::restore(spec.idle_timeout_ms.map(|timeout| timeout as Millis), env.owned().union())?,
            emitted: 0,
            sent: None,
            waiting_since: None,
            idle: false,
            started: false,
            resend: false,
        })
    }

    fn send(&mut self, watermark: Millis, out: &mut Vec<Element>) {
        if self.sent.is_none_or(|sent| watermark > sent) {
            self.sent = Some(watermark);
            self.idle = false;
            out.push(Element::Watermark(Watermark(watermark)));
        }
    }

    /// Emits what all splits together have reached, whatever the gap.
    fn advance(&mut self, out: &mut Vec<Element>) {
        let reached = self.splits.combined();
        if reached > self.emitted {
            self.emitted = reached;
            self.send(reached, out);
        }
        self.waiting_since = None;
        if self.splits.all_idle() && !self.idle {
            // Whichever split became idle last, downstream sees the same event time.
            let furthest = self.splits.furthest();
            if furthest > self.emitted {
                self.emitted = furthest;
                self.send(furthest, out);
            }
            self.idle = true;
            out.push(Element::Idle);
        }
        self.started = true;
    }

    /// Cuts the batch where a row might be late and puts the watermarks in.
    fn pass(&mut self, batch: &RecordBatch, times: &[Millis], marks: (&[Millis], Option<&NullBuffer>), out: &mut Vec<Element>) -> Millis {
        let others = self.splits.others();
        let (marks, nulls) = marks;
        let mut current = self.splits.current();
        let mut from = 0;
        // Logically emitted, not yet sent.
        let mut pending = None;
        for (row, (&time, &mark)) in times.iter().zip(marks).enumerate() {
            if let Some(watermark) = pending
                && (self.exact || time <= Millis::saturating_add(watermark, 1))
            {
                out.push(Element::Batch(batch.slice(from, row - from)));
                self.send(watermark, out);
                (from, pending) = (row, None);
            }
            if mark > current && nulls.is_none_or(|nulls| nulls.is_valid(row)) {
                current = mark;
                let reached = current.min(others);
                if reached.saturating_sub(self.emitted) > self.gap {
                    self.emitted = reached;
                    pending = Some(reached);
                }
            }
        }
        let rest = if from == 0 { batch.clone() } else { batch.slice(from, batch.num_rows() - from) };
        out.push(Element::Batch(rest));
        if let Some(watermark) = pending {
            self.send(watermark, out);
        }
        current
    }
}

impl Operator for WatermarkOperator {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let (times, nulls) = millis(self.rowtime, batch.columns().get(self.rowtime))?;
        // A tombstone has no columns but its key's, and no time.
        let kinds = RowKinds::of(&batch);
        let untimed = |row: &usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(*row)) && kinds.kind(*row) != RowKind::Delete;
        if let Some(row) = nulls.as_ref().and_then(|nulls| (0..nulls.len()).find(untimed)) {
            return Err(EngineError::Null { column: self.rowtime_name.clone(), row });
        }
        let marks = self.expr.evaluate(&batch, context.now).map_err(|source| EngineError::Evaluation { index: 0, source })?;
        let (marks, mark_nulls) = millis(0, Some(&marks))?;
        self.splits.select(context.split, context.now);
        self.idle = false;
        let current = self.pass(&batch, &times, (&marks, mark_nulls.as_ref()), out);
        self.splits.set_current(current);
        self.started = true;
        if self.splits.combined() > self.emitted {
            self.waiting_since.get_or_insert(context.now);
        } else {
            self.waiting_since = None;
        }
        Ok(())
    }

    /// Event time is declared here, so what came before counts for nothing, but for the end of all time.
    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if watermark == Watermark::MAX {
            self.emitted = Millis::MAX;
            self.waiting_since = None;
            self.send(Millis::MAX, out);
        }
        Ok(())
    }

    fn on_split(&mut self, context: &OperatorContext, event: &SplitEvent, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if let Some(emitted) = self.splits.on_event(event, context.now)
            && self.sent.is_none()
        {
            self.emitted = if self.resend { self.emitted.min(emitted) } else { emitted };
            self.resend = true;
        }
        match event {
            SplitEvent::Finished { .. } => self.advance(out),
            SplitEvent::NoSplits if self.splits.is_empty() && !self.idle => {
                self.idle = true;
                out.push(Element::Idle);
            }
            _ => {}
        }
        self.started = true;
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        if !self.started {
            return Some(0);
        }
        let resend = self.resend.then_some(0);
        let waiting = self.waiting_since.map(|since| since + self.gap);
        [resend, waiting, self.splits.next_timer()].into_iter().flatten().min()
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.started = true;
        if std::mem::take(&mut self.resend) && self.emitted > 0 {
            self.send(self.emitted, out);
        }
        let fell_idle = self.splits.on_time(context.now);
        let waited = self.waiting_since.is_some_and(|since| since + self.gap <= context.now);
        if fell_idle || waited {
            self.advance(out);
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        Ok(OperatorSnapshot { union: self.splits.snapshot(self.emitted).into_iter().collect(), ..OperatorSnapshot::default() })
    }

    fn progress(&self, into: &mut Vec<SplitProgress>) {
        self.splits.progress(into);
    }

    fn metrics(&self) -> OperatorMetrics {
        OperatorMetrics { watermark: self.sent, message: self.splits.message(), ..OperatorMetrics::default() }
    }
}

/// A time column in milliseconds since the epoch, whatever its unit (floored), and where it is NULL.
pub(crate) fn millis(index: usize, column: Option<&ArrayRef>) -> Result<(ScalarBuffer<Millis>, Option<NullBuffer>), EngineError> {
    let wrong = |found: String| EngineError::Column { column: index, expected: "Timestamp".into(), found };
    let column = column.ok_or_else(|| wrong("none".into()))?;
    let values = match column.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => column.as_primitive::<TimestampMillisecondType>().values().clone(),
        DataType::Timestamp(TimeUnit::Second, _) => {
            column.as_primitive::<TimestampSecondType>().values().iter().map(|time| time.saturating_mul(1_000)).collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().values().iter().map(|time| time.div_euclid(1_000)).collect()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            column.as_primitive::<TimestampNanosecondType>().values().iter().map(|time| time.div_euclid(1_000_000)).collect()
        }
        DataType::Int64 => column.as_primitive::<Int64Type>().values().clone(),
        other => return Err(wrong(other.to_string())),
    };
    Ok((values, column.nulls().filter(|nulls| nulls.null_count() > 0).cloned()))
}

/// The splits of one source, without time of their own.
pub(crate) type SplitMap = BTreeMap<irmak_common::split::SplitIndex, split::Split>;
