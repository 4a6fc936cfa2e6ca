//! ORDER BY a time attribute: rows leave in order of time as the watermark passes them; rows of one time in the order of the further
//! columns, then of arrival.
//!
//! A row is late, dropped and counted when a row of its time or a later one has left. Source: Flink's `RowTimeSortOperator`. In
//! processing time rows come in order; those of one batch are of one time. State: the rows, the time of the last that left, and the
//! watermark.

use std::collections::BTreeMap;

use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::SortKey;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::key_group::KeyGroup;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use super::clock::Clock;
use super::rows::{self, RowStore};
use super::sort::Order;
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::watermark::millis;

pub(crate) struct TemporalSort {
    /// The rowtime column; `None`: processing time.
    time: Option<usize>,
    name: String,
    /// The further columns; `None`: there are none.
    order: Option<Order>,
    store: RowStore,
    /// By time and arrival.
    waiting: BTreeMap<(Millis, u64), u32>,
    arrivals: u64,
    clock: Clock,
    /// The time of the last row that left.
    last: Option<Millis>,
}

impl TemporalSort {
    pub(crate) fn new(order_by: &[SortKey], processing_time: bool, input: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let Some((first, further)) = order_by.split_first() else { return Err(EngineError::plan("a sort by nothing")) };
        let owned = env.owned();
        let mut sort = Self {
            time: (!processing_time).then_some(first.column),
            name: input.fields.get(first.column).map(|field| field.name.clone()).unwrap_or_default(),
            order: if further.is_empty() { None } else { Some(Order::new(further, input)?) },
            store: RowStore::new(input.to_arrow()),
            waiting: BTreeMap::new(),
            arrivals: 0,
            clock: Clock::new(&owned)?,
            last: None,
        };
        sort.last = owned.union().filter_map(|entry| entry.get(8..16)?.try_into().ok().map(Millis::from_le_bytes)).min();
        let schema = input.to_arrow();
        for bytes in owned.keyed() {
            let batch = rows::decode(bytes, &schema)?;
            sort.keep(&batch, false)?;
        }
        Ok(sort)
    }

    fn keep(&mut self, batch: &RecordBatch, judge: bool) -> Result<(), EngineError> {
        let column = self.time.unwrap_or_default();
        let (times, nulls) = millis(column, batch.columns().get(column))?;
        if let Some(row) = nulls.and_then(|nulls| (0..nulls.len()).find(|row| nulls.is_null(*row))) {
            return Err(EngineError::Null { column: self.name.clone(), row });
        }
        let in_time = |row: &u32| !judge || self.last.is_none_or(|last| times[*row as usize] > last);
        let kept: Vec<u32> = (0..batch.num_rows() as u32).filter(in_time).collect();
        self.clock.late += (batch.num_rows() - kept.len()) as u64;
        let numbers = self.store.add(batch, &kept)?;
        for (&row, number) in kept.iter().zip(numbers) {
            self.arrivals += 1;
            self.waiting.insert((times[row as usize], self.arrivals), number);
        }
        Ok(())
    }

    fn emit(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let later = self.waiting.split_off(&(self.clock.reached.saturating_add(1), 0));
        let due = if self.clock.reached == Millis::MAX {
            // Nothing is later than the end of time.
            let mut all = std::mem::take(&mut self.waiting);
            all.extend(later);
            all
        } else {
            std::mem::replace(&mut self.waiting, later)
        };
        let Some((&(last, _), _)) = due.last_key_value() else { return Ok(()) };
        self.last = Some(last);
        let due: Vec<(Millis, u32)> = due.into_iter().map(|((time, _), number)| (time, number)).collect();
        let mut from = 0;
        while from < due.len() {
            let mut to = (from + BATCH_ROWS_MAX).min(due.len());
            while to < due.len() && self.order.is_some() && due[to].0 == due[to - 1].0 {
                to += 1;
            }
            let numbers: Vec<u32> = due[from..to].iter().map(|(_, number)| *number).collect();
            let batch = self.store.batch(&numbers)?;
            numbers.iter().for_each(|&number| self.store.release(number));
            let times = |row: u32| due[from + row as usize].0;
            self.in_order(batch, times, out)?;
            from = to;
        }
        Ok(())
    }

    /// Rows that are in order of time, put in the order of the further columns.
    fn in_order(&self, batch: RecordBatch, times: impl Fn(u32) -> Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let Some(order) = &self.order else {
            out.push(Element::Batch(batch));
            return Ok(());
        };
        let rows = order.rows(&batch)?;
        let mut sorted: Vec<u32> = (0..batch.num_rows() as u32).collect();
        sorted.sort_by(|&a, &b| times(a).cmp(&times(b)).then_with(|| rows.row(a as usize).cmp(&rows.row(b as usize))));
        let sorted = take_record_batch(&batch, &UInt32Array::from(sorted)).map_err(EngineError::arrow("sorting rows"))?;
        let pieces = (0..sorted.num_rows()).step_by(BATCH_ROWS_MAX);
        out.extend(pieces.map(|from| Element::Batch(sorted.slice(from, BATCH_ROWS_MAX.min(sorted.num_rows() - from)))));
        Ok(())
    }
}

impl Operator for TemporalSort {
    fn on_batch(&mut self, _: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.time.is_some() { self.keep(&batch, true) } else { self.in_order(batch, |_| 0, out) }
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.clock.advance(watermark) {
            self.emit(out)?;
        }
        self.clock.pass(out);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let mut snapshot = OperatorSnapshot::default();
        let mut entry = self.clock.snapshot();
        if let Some(last) = self.last {
            entry.extend_from_slice(&last.to_le_bytes());
        }
        snapshot.union.push(entry);
        if !self.waiting.is_empty() {
            // By arrival, which is the order of rows of one time.
            let mut rows: Vec<(u64, u32)> = self.waiting.iter().map(|(&(_, arrival), &number)| (arrival, number)).collect();
            rows.sort_unstable();
            let numbers: Vec<u32> = rows.into_iter().map(|(_, number)| number).collect();
            snapshot.keyed.insert(KeyGroup(0), rows::encode(&self.store.batch(&numbers)?)?);
        }
        Ok(snapshot)
    }

    fn metrics(&self) -> OperatorMetrics {
        self.clock.metrics()
    }
}
