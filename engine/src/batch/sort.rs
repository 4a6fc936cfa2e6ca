//! ORDER BY in batch mode: all rows are kept, sorted, and said in order. Memory is bounded; see [`super::held`].

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::SortKey;
use irmak_common::element::Element;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::types::Schema;

use super::at_end::Whole;
use super::held::{Held, Ranks, emit};
use super::quick_sort::quick_sort;
use crate::error::EngineError;

pub(crate) struct Sort {
    held: Held,
    ranks: Ranks,
    schema: SchemaRef,
}

impl Sort {
    pub(crate) fn new(order_by: &[SortKey], input: &Schema) -> Result<Self, EngineError> {
        let schema = input.to_arrow();
        Ok(Self { held: Held::new("Sort", SchemaRef::clone(&schema)), ranks: Ranks::new(order_by, input)?, schema })
    }
}

impl Whole for Sort {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let bytes = self.ranks.add(batch)?;
        self.held.add(batch, bytes)
    }

    fn finish(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut rows: Vec<u32> = (0..self.held.len()).collect();
        quick_sort(&mut rows, &|a, b| self.ranks.compare(a, b));
        for rows in rows.chunks(BATCH_ROWS_MAX) {
            let columns = self.held.columns(rows, 0..self.schema.fields().len())?;
            emit(&self.schema, columns, rows.len(), out)?;
        }
        Ok(())
    }
}
