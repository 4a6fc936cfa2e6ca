//! The first rows of each window and key, or all between two numbers: said when the window is over, and then forgotten.
//!
//! Only rows that may still be among them are kept. A row of a window that is over is late, dropped and counted. Rows that are equal in
//! the order are in order of arrival; deduplication by time descending takes the last to arrive. Source: Flink's `WindowRankOperator`
//! and `RowTimeWindowDeduplicateOperator`. State: the rows by key group of window and key, and the watermark.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::operator_spec::WindowRankSpec;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use super::clock::Clock;
use super::rows::{self, RowStore};
use super::sort::Order;
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::state::keyed::KeyTable;
use crate::watermark::millis;
use crate::zone::LocalTime;

pub(crate) struct WindowRank {
    spec: WindowRankSpec,
    /// Window and key, as rows are sent by.
    keys: KeyEncoder,
    order: Order,
    store: RowStore,
    /// By end and start, local time.
    windows: BTreeMap<(Millis, Millis), Window>,
    zone: LocalTime,
    clock: Clock,
    arrivals: u64,
    input: SchemaRef,
    output: SchemaRef,
    max_parallelism: MaxParallelism,
}

/// The keys of a window, and the rows of each in order.
#[derive(Default)]
struct Window {
    keys: KeyTable,
    parts: Vec<Vec<Ranked>>,
}

struct Ranked {
    by: Box<[u8]>,
    arrival: u64,
    number: u32,
}

impl WindowRank {
    pub(crate) fn new(spec: &WindowRankSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let owned = env.owned();
        let mut rank = Self {
            keys: KeyEncoder::new(input, &spec.hash_columns())?,
            order: Order::new(&spec.order_by, input)?,
            store: RowStore::new(input.to_arrow()),
            windows: BTreeMap::new(),
            zone: LocalTime::new(spec.zone.as_deref())?,
            clock: Clock::new(&owned)?,
            arrivals: 0,
            input: input.to_arrow(),
            output: output.to_arrow(),
            max_parallelism: env.max_parallelism,
            spec: spec.clone(),
        };
        for bytes in owned.keyed() {
            let batch = rows::decode(bytes, &rank.input)?;
            rank.keep(&batch)?;
        }
        Ok(rank)
    }

    /// Whether a window with this end is over.
    fn is_over(&self, end: Millis) -> bool {
        self.zone.to_timer(end.saturating_sub(1)) <= self.clock.reached
    }

    fn keep(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let (starts, no_start) = millis(self.spec.window_start, batch.columns().get(self.spec.window_start))?;
        let (ends, no_end) = millis(self.spec.window_end, batch.columns().get(self.spec.window_end))?;
        let valid = |row: usize| [&no_start, &no_end].iter().all(|nulls| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
        let mut kept = Vec::with_capacity(batch.num_rows());
        for row in (0..batch.num_rows()).filter(|row| valid(*row)) {
            if self.is_over(ends[row]) {
                self.clock.late += 1;
            } else {
                kept.push(row as u32);
            }
        }
        self.keys.encode(batch)?;
        let by = self.order.rows(batch)?;
        let numbers = self.store.add(batch, &kept)?;
        for (&row, number) in kept.iter().zip(numbers) {
            let at = row as usize;
            let window = self.windows.entry((ends[at], starts[at])).or_default();
            let part = window.keys.intern(self.keys.hash(at), self.keys.key(at)) as usize;
            if part == window.parts.len() {
                window.parts.push(Vec::new());
            }
            self.arrivals += 1;
            let ranked = Ranked { by: by.row(at).as_ref().into(), arrival: self.arrivals, number };
            if let Some(number) = insert(&mut window.parts[part], ranked, &self.spec) {
                self.store.release(number);
            }
        }
        Ok(())
    }

    fn fire(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let (mut numbers, mut ranks) = (Vec::new(), Vec::new());
        while let Some((&(end, _), _)) = self.windows.first_key_value()
            && self.is_over(end)
        {
            let Some((_, window)) = self.windows.pop_first() else { break };
            for part in window.parts {
                for (at, ranked) in part.into_iter().enumerate() {
                    let rank = at as u64 + 1;
                    if rank < self.spec.start {
                        self.store.release(ranked.number);
                        continue;
                    }
                    numbers.push(ranked.number);
                    ranks.push(rank as i64);
                    if numbers.len() == BATCH_ROWS_MAX {
                        self.emit(&mut numbers, &mut ranks, out)?;
                    }
                }
            }
        }
        self.emit(&mut numbers, &mut ranks, out)
    }

    fn emit(&mut self, numbers: &mut Vec<u32>, ranks: &mut Vec<i64>, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let mut columns = self.store.columns(numbers, 0..self.input.fields().len())?;
        numbers.iter().for_each(|&number| self.store.release(number));
        if self.spec.number {
            columns.push(Arc::new(Int64Array::from(std::mem::take(ranks))) as ArrayRef);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options);
        out.push(Element::Batch(batch.map_err(EngineError::arrow("emitting a window's first rows"))?));
        numbers.clear();
        ranks.clear();
        Ok(())
    }
}

/// Puts a row where it belongs; the number of the row that is no longer among the first, which may be itself.
fn insert(part: &mut Vec<Ranked>, ranked: Ranked, spec: &WindowRankSpec) -> Option<u32> {
    let last_wins = spec.deduplicate && spec.order_by.first().is_some_and(|key| key.descending);
    let before = |known: &Ranked| if last_wins { known.by < ranked.by } else { known.by <= ranked.by };
    let at = part.partition_point(before);
    if at as u64 >= spec.end {
        return Some(ranked.number);
    }
    part.insert(at, ranked);
    if part.len() as u64 > spec.end { part.pop().map(|last| last.number) } else { None }
}

impl Operator for WindowRank {
    fn on_batch(&mut self, _: &OperatorContext, _: usize, batch: RecordBatch, _: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keep(&batch)
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.clock.advance(watermark) {
            self.fire(out)?;
        }
        self.clock.pass(out);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        // By arrival, which decides between equals.
        let mut groups: BTreeMap<KeyGroup, Vec<(u64, u32)>> = BTreeMap::new();
        for window in self.windows.values() {
            for (part, ranked) in window.parts.iter().enumerate() {
                let group = KeyGroup::of_hash(window.keys.hash(part as u32), self.max_parallelism);
                groups.entry(group).or_default().extend(ranked.iter().map(|ranked| (ranked.arrival, ranked.number)));
            }
        }
        let mut snapshot = OperatorSnapshot { union: vec![self.clock.snapshot()], ..OperatorSnapshot::default() };
        for (group, mut rows) in groups {
            rows.sort_unstable();
            let numbers: Vec<u32> = rows.into_iter().map(|(_, number)| number).collect();
            snapshot.keyed.insert(group, rows::encode(&self.store.batch(&numbers)?)?);
        }
        Ok(snapshot)
    }

    fn metrics(&self) -> OperatorMetrics {
        self.clock.metrics()
    }
}
