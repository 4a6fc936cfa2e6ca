//! ORDER BY in batch mode: all rows are kept, sorted, and said in order; or, with LIMIT, only the first of them. Memory is bounded; see
//! [`super::held`].

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::SortKey;
use irmak_common::element::Element;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::types::Schema;

use super::at_end::Whole;
use super::held::{Held, Ranks, emit};
use super::quick_sort::quick_sort;
use super::top::Heap;
use crate::error::EngineError;

/// Rows that fell out of the first ones are forgotten when so many are kept, and four times as many as are asked for.
const FORGET_ROWS_MIN: u32 = 65_536;

pub(crate) struct Sort {
    held: Held,
    ranks: Ranks,
    /// The first rows, and how many are asked for; `None`: all.
    first: Option<(Heap, usize)>,
    schema: SchemaRef,
}

impl Sort {
    pub(crate) fn new(order_by: &[SortKey], first: Option<u64>, input: &Schema) -> Result<Self, EngineError> {
        let schema = input.to_arrow();
        Ok(Self {
            held: Held::new("Sort", SchemaRef::clone(&schema)),
            ranks: Ranks::new(order_by, input)?,
            first: first.map(|rows| (Heap::default(), usize::try_from(rows).unwrap_or(usize::MAX))),
            schema,
        })
    }

    fn keep(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let bytes = self.ranks.add(batch)?;
        self.held.add(batch, bytes)
    }
}

impl Whole for Sort {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let from = self.held.len();
        self.keep(batch)?;
        let Self { held, ranks, first: Some((heap, most)), .. } = self else { return Ok(()) };
        (from..held.len()).for_each(|row| heap.offer(row, *most, &|a, b| ranks.compare(a, b)));
        if held.len() >= FORGET_ROWS_MIN && (held.len() as usize) / 4 >= *most {
            let kept = held.retain(heap.rows())?;
            heap.renumber();
            ranks.clear();
            ranks.add(&kept)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let compare = |a: u32, b: u32| self.ranks.compare(a, b);
        let rows = match &self.first {
            Some((heap, most)) => heap.sorted(*most, &compare),
            None => {
                let mut rows: Vec<u32> = (0..self.held.len()).collect();
                quick_sort(&mut rows, &compare);
                rows
            }
        };
        for rows in rows.chunks(BATCH_ROWS_MAX) {
            let columns = self.held.columns(rows, 0..self.schema.fields().len())?;
            emit(&self.schema, columns, rows.len(), out)?;
        }
        Ok(())
    }
}
