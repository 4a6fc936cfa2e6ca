//! Rows that are kept until all have come, and how they are compared.

use std::cmp::Ordering;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::row::Rows;
use irmak_common::call_spec::SortKey;
use irmak_common::element::Element;
use irmak_common::limits::{BATCH_MODE_BYTES_MAX, BATCH_ROWS_MAX};
use irmak_common::types::Schema;

use crate::error::EngineError;
use crate::ordered::rows::RowStore;
use crate::ordered::sort::Order;

/// Kept rows, numbered from 0 in order of arrival.
pub(super) struct Held {
    /// Flink's name of the operator, for the error.
    operator: &'static str,
    store: RowStore,
    rows: u32,
    bytes: usize,
}

impl Held {
    pub(super) fn new(operator: &'static str, schema: SchemaRef) -> Self {
        Self { operator, store: RowStore::new(schema), rows: 0, bytes: 0 }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.rows
    }

    /// Keeps the rows of a batch; `more`: bytes that are kept beside them.
    ///
    /// # Errors
    /// [`EngineError::Full`] above the bound.
    pub(super) fn add(&mut self, batch: &RecordBatch, more: usize) -> Result<(), EngineError> {
        self.bytes = self.bytes.saturating_add(batch.get_array_memory_size()).saturating_add(more);
        if self.bytes > BATCH_MODE_BYTES_MAX {
            return Err(full(self.operator));
        }
        let all: Vec<u32> = (0..batch.num_rows() as u32).collect();
        self.store.add(batch, &all)?;
        self.rows = self.rows.checked_add(all.len() as u32).ok_or_else(|| full(self.operator))?;
        Ok(())
    }

    /// Keeps these rows alone, numbered anew in their order.
    pub(super) fn retain(&mut self, rows: &[u32]) -> Result<RecordBatch, EngineError> {
        let batch = self.store.batch(rows)?;
        let mut store = RowStore::new(batch.schema());
        store.add(&batch, &(0..rows.len() as u32).collect::<Vec<_>>())?;
        (self.store, self.rows, self.bytes) = (store, rows.len() as u32, batch.get_array_memory_size());
        Ok(batch)
    }

    /// Some columns of some rows, in their order.
    pub(super) fn columns(&self, rows: &[u32], columns: impl Iterator<Item = usize>) -> Result<Vec<ArrayRef>, EngineError> {
        self.store.columns(rows, columns)
    }
}

/// The refusal to keep more.
pub(super) fn full(operator: &str) -> EngineError {
    EngineError::Full { operator: operator.to_owned(), bound: format!("{} GiB", BATCH_MODE_BYTES_MAX >> 30) }
}

/// The sort keys of kept rows.
pub(super) struct Ranks {
    /// `None`: all rows are equal.
    order: Option<Order>,
    batches: Vec<Rows>,
    /// By row: batch and row in it.
    places: Vec<(u32, u32)>,
}

impl Ranks {
    pub(super) fn new(keys: &[SortKey], input: &Schema) -> Result<Self, EngineError> {
        let order = if keys.is_empty() { None } else { Some(Order::new(keys, input)?) };
        Ok(Self { order, batches: Vec::new(), places: Vec::new() })
    }

    /// Takes the keys of a batch; how many bytes they are.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<usize, EngineError> {
        let Some(order) = &self.order else { return Ok(0) };
        let rows = order.rows(batch)?;
        let number = self.batches.len() as u32;
        self.places.extend((0..rows.num_rows() as u32).map(|row| (number, row)));
        let bytes = rows.size() + rows.num_rows() * size_of::<(u32, u32)>();
        self.batches.push(rows);
        Ok(bytes)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.batches.clear();
        self.places.clear();
    }

    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        if self.order.is_none() {
            return Ordering::Equal;
        }
        let key = |row: u32| {
            let (batch, at) = self.places[row as usize];
            self.batches[batch as usize].row(at as usize)
        };
        key(a).cmp(&key(b))
    }
}

/// Rows as batches of the usual size.
pub(super) fn emit(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize, out: &mut Vec<Element>) -> Result<(), EngineError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options);
    let batch = batch.map_err(EngineError::arrow("emitting rows"))?;
    out.extend((0..rows).step_by(BATCH_ROWS_MAX).map(|from| Element::Batch(batch.slice(from, BATCH_ROWS_MAX.min(rows - from)))));
    Ok(())
}
