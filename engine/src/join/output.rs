//! Results of a join: gathered as references to rows, decoded a column at a time.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt8Array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::element::{Element, ROW_KIND_COLUMN, RowKind};
use irmak_common::join_spec::JoinSpec;
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX};
use irmak_common::types::Schema;

use super::side::Side;
use super::store::Store;
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyEncoder, KeyFormat};

/// Where a half of a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// No partner: all NULL.
    Null,
    /// A row of the side's present batch.
    Arrived(u32),
    /// A kept row of the side.
    Kept(u32),
}

/// Results under construction. Kept rows that they refer to must stay until [`Output::flush`].
#[derive(Debug)]
pub(crate) struct Output {
    schema: SchemaRef,
    left_only: bool,
    columns: [KeyColumns; 2],
    /// A row of NULLs of each side.
    nulls: [Vec<u8>; 2],
    halves: [Vec<Half>; 2],
    kinds: Option<Vec<u8>>,
    bytes: usize,
}

impl Output {
    /// # Errors
    /// An output schema that is not that of the inputs.
    pub(crate) fn new(spec: &JoinSpec, inputs: [&Schema; 2], output: &Schema) -> Result<Self, EngineError> {
        let left_only = spec.kind.left_only();
        let width = inputs[0].len() + if left_only { 0 } else { inputs[1].len() };
        if output.len() != width {
            return Err(EngineError::plan(format!("{} output columns of a join of {width}", output.len())));
        }
        let mut schema = output.to_arrow();
        if spec.changelog {
            let kind = Arc::new(ArrowField::new(ROW_KIND_COLUMN, DataType::UInt8, false));
            schema = Arc::new(ArrowSchema::new(schema.fields().iter().cloned().chain([kind]).collect::<Vec<_>>()));
        }
        let formats = [KeyFormat::of_rows(inputs[0])?, KeyFormat::of_rows(inputs[1])?];
        Ok(Self {
            schema,
            left_only,
            nulls: [nulls(inputs[0], &formats[0])?, nulls(inputs[1], &formats[1])?],
            columns: formats.each_ref().map(KeyColumns::new),
            halves: [Vec::new(), Vec::new()],
            kinds: spec.changelog.then(Vec::new),
            bytes: 0,
        })
    }

    /// Adds a result. `size` is about how many bytes it has.
    pub(crate) fn push(&mut self, kind: RowKind, left: Half, right: Half, size: usize) {
        self.halves[0].push(left);
        self.halves[1].push(right);
        self.kinds.iter_mut().for_each(|kinds| kinds.push(kind as u8));
        self.bytes += size;
    }

    /// A result of a row on side `side` and its half of the other.
    pub(crate) fn push_for(&mut self, side: usize, kind: RowKind, here: Half, there: Half, size: usize) {
        if side == 0 { self.push(kind, here, there, size) } else { self.push(kind, there, here, size) }
    }

    /// Whether a batch is full.
    pub(crate) fn is_full(&self) -> bool {
        self.halves[0].len() >= BATCH_ROWS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    /// Emits what there is, if it makes a batch.
    pub(crate) fn flush_if_full(&mut self, sides: &[Side; 2], stores: [&Store; 2], out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.is_full() { self.flush(sides, stores, out) } else { Ok(()) }
    }

    /// Emits what there is.
    pub(crate) fn flush(&mut self, sides: &[Side; 2], stores: [&Store; 2], out: &mut Vec<Element>) -> Result<(), EngineError> {
        let rows = self.halves[0].len();
        if rows == 0 {
            return Ok(());
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for side in 0..if self.left_only { 1 } else { 2 } {
            let (nulls, store, arrived) = (&self.nulls[side], stores[side], &sides[side].rows);
            self.columns[side].append(self.halves[side].iter().map(|half| match *half {
                Half::Null => nulls.as_slice(),
                Half::Arrived(row) => arrived.key(row as usize),
                Half::Kept(id) => store.row(id),
            }));
            columns.extend(self.columns[side].finish()?);
        }
        self.halves.iter_mut().for_each(Vec::clear);
        self.bytes = 0;
        if let Some(kinds) = &mut self.kinds {
            columns.push(Arc::new(UInt8Array::from(std::mem::take(kinds))));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options);
        out.push(Element::Batch(batch.map_err(EngineError::arrow("building join results"))?));
        Ok(())
    }
}

/// The encoding of a row of NULLs.
fn nulls(schema: &Schema, format: &KeyFormat) -> Result<Vec<u8>, EngineError> {
    let columns: Vec<ArrayRef> = schema.fields.iter().map(|field| arrow::array::new_null_array(&field.ty.kind.to_arrow(), 1)).collect();
    let mut encoder = KeyEncoder::of_format(format.clone())?;
    encoder.encode_columns(&columns, 1)?;
    Ok(encoder.key(0).to_vec())
}
