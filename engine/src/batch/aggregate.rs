//! GROUP BY in batch mode: each group's result is said once. Without keys there is one group, also where no row came.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::element::Element;
use irmak_common::limits::{BATCH_MODE_BYTES_MAX, BATCH_ROWS_MAX};
use irmak_common::operator_spec::WindowStyle;
use irmak_common::types::Schema;
use xxhash_rust::xxh3::xxh3_64;

use super::at_end::Whole;
use super::held::{emit, full};
use super::sort::Sort;
use crate::accumulate::AggregateSet;
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyEncoder};
use crate::state::groups::{GroupTable, Scratch};

pub(crate) struct BatchAggregate {
    /// There are no keys.
    global: bool,
    keys: KeyEncoder,
    set: AggregateSet,
    table: GroupTable,
    scratch: Scratch,
    /// A function tells rows apart by their order, which is then that of Flink's sorter by key.
    sort: Option<Sort>,
    schema: SchemaRef,
}

impl BatchAggregate {
    pub(crate) fn new(keys: &[usize], aggregates: &[AggregateCall], input: &Schema, output: &Schema) -> Result<Self, EngineError> {
        if output.len() != keys.len() + aggregates.len() {
            let message = format!("{} output columns of {} keys and {} aggregates", output.len(), keys.len(), aggregates.len());
            return Err(EngineError::plan(message));
        }
        let set = AggregateSet::new(aggregates, input, WindowStyle::Group)?;
        let by = |column: &usize| SortKey { column: *column, descending: false, nulls_first: true };
        let order: Vec<SortKey> = keys.iter().map(by).collect();
        let sorted = !keys.is_empty() && aggregates.iter().any(|call| ORDERED.contains(&call.function.as_str()));
        Ok(Self {
            global: keys.is_empty(),
            keys: KeyEncoder::new(input, keys)?,
            table: GroupTable::new(&set)?,
            set,
            scratch: Scratch::default(),
            sort: if sorted { Some(Sort::new(&order, None, input)?) } else { None },
            schema: output.to_arrow(),
        })
    }
}

/// Functions whose result is made by the order of rows. Flink runs them in a `SortAggregate`.
const ORDERED: [&str; 5] = ["FIRST_VALUE", "LAST_VALUE", "LISTAGG", "ARRAY_AGG", "COLLECT"];

impl BatchAggregate {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.keys.encode(batch)?;
        let all: Vec<u32> = (0..batch.num_rows() as u32).collect();
        self.table.add(&self.keys, &self.set.inputs(batch)?, &all, &mut self.scratch)?;
        if self.table.keys.size() > BATCH_MODE_BYTES_MAX { Err(full("HashAggregate")) } else { Ok(()) }
    }

    fn emit(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let GroupTable { keys, accumulators } = &mut self.table;
        if self.global {
            keys.intern(xxh3_64(&[]), &[]);
        }
        accumulators.iter_mut().for_each(|accumulator| accumulator.resize(keys.len()));
        let all: Vec<u32> = (0..keys.len() as u32).collect();
        for groups in all.chunks(BATCH_ROWS_MAX) {
            let mut columns = KeyColumns::new(self.keys.format());
            columns.append(groups.iter().map(|group| keys.key(*group)));
            let mut columns = columns.finish()?;
            for accumulator in accumulators.iter() {
                columns.push(accumulator.evaluate(groups)?);
            }
            emit(&self.schema, columns, groups.len(), out)?;
        }
        self.table.clear();
        Ok(())
    }
}

impl Whole for BatchAggregate {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        match &mut self.sort {
            Some(sort) => sort.take(batch),
            None => self.add(batch),
        }
    }

    fn finish(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if let Some(mut sort) = self.sort.take() {
            let mut sorted = Vec::new();
            sort.finish(&mut sorted)?;
            for element in sorted {
                if let Element::Batch(batch) = element {
                    self.add(&batch)?;
                }
            }
        }
        self.emit(out)
    }
}
