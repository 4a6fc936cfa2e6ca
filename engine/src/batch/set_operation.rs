//! INTERSECT and EXCEPT in batch mode: both sides are counted, and each row is said as often as the result has it.

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::SetOperationSpec;
use irmak_common::element::Element;
use irmak_common::limits::{BATCH_MODE_BYTES_MAX, BATCH_ROWS_MAX};
use irmak_common::types::Schema;

use super::at_end::Whole;
use super::held::{emit, full};
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyEncoder};
use crate::set_operation::times;
use crate::state::keyed::KeyTable;

pub(crate) struct BatchSetOperation {
    spec: SetOperationSpec,
    keys: KeyEncoder,
    side: usize,
    table: KeyTable,
    /// How often each side has a row.
    counts: Vec<[i64; 2]>,
    schema: SchemaRef,
}

impl BatchSetOperation {
    pub(crate) fn new(spec: SetOperationSpec, input: &Schema, output: &Schema) -> Result<Self, EngineError> {
        let side = input.len().checked_sub(1).ok_or_else(|| EngineError::plan("a set operation without columns"))?;
        let keys = KeyEncoder::new(input, &(0..side).collect::<Vec<_>>())?;
        Ok(Self { spec, keys, side, table: KeyTable::default(), counts: Vec::new(), schema: output.to_arrow() })
    }

    fn emit(&self, rows: &mut Vec<u32>, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut columns = KeyColumns::new(self.keys.format());
        columns.append(rows.iter().map(|id| self.table.key(*id)));
        emit(&self.schema, columns.finish()?, rows.len(), out)?;
        rows.clear();
        Ok(())
    }
}

impl Whole for BatchSetOperation {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.keys.encode(batch)?;
        let sides = batch.columns().get(self.side).and_then(|column| column.as_primitive_opt::<Int32Type>());
        let sides = sides.ok_or_else(|| EngineError::plan("the side of a set operation is no INT"))?;
        for (row, side) in sides.values().iter().enumerate() {
            let id = self.table.intern(self.keys.hash(row), self.keys.key(row)) as usize;
            if id == self.counts.len() {
                self.counts.push([0, 0]);
            }
            self.counts[id][usize::from(*side != 0)] += 1;
        }
        if self.table.size() > BATCH_MODE_BYTES_MAX { Err(full("SetOperation")) } else { Ok(()) }
    }

    fn finish(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut rows = Vec::new();
        for (id, counts) in self.counts.iter().enumerate() {
            for _ in 0..times(self.spec, *counts) {
                rows.push(id as u32);
                if rows.len() == BATCH_ROWS_MAX {
                    self.emit(&mut rows, out)?;
                }
            }
        }
        if rows.is_empty() { Ok(()) } else { self.emit(&mut rows, out) }
    }
}
