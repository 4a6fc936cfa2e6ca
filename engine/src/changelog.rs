//! Row kinds at the borders of an operator: read from a batch, written behind one.
//!
//! A batch without the column [`ROW_KIND_COLUMN`] only inserts.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, UInt8Array};
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef, UInt8Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::element::{Element, ROW_KIND_COLUMN, RowKind};
use irmak_common::types::Schema;

use crate::error::EngineError;

/// What a row does to what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// `+I`, `+U`
    Add,
    /// `-U`, `-D`
    Retract,
}

/// The row kinds of a batch.
#[derive(Debug)]
pub(crate) struct RowKinds {
    kinds: Option<UInt8Array>,
}

impl RowKinds {
    /// Whether a batch has any: its last column then.
    pub(crate) fn are_in(batch: &RecordBatch) -> bool {
        batch.schema_ref().fields().last().is_some_and(|field| field.name() == ROW_KIND_COLUMN)
    }

    /// Those of this batch.
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let column = batch.columns().last().filter(|_| Self::are_in(batch));
        Self { kinds: column.and_then(|column| column.as_primitive_opt::<UInt8Type>()).cloned() }
    }

    /// The kind of a row.
    pub(crate) fn kind(&self, row: usize) -> RowKind {
        self.kinds.as_ref().and_then(|kinds| RowKind::from_byte(kinds.value(row))).unwrap_or(RowKind::Insert)
    }

    /// Whether a row adds or takes back.
    pub(crate) fn change(&self, row: usize) -> Change {
        match self.kind(row) {
            RowKind::Insert | RowKind::UpdateAfter => Change::Add,
            RowKind::UpdateBefore | RowKind::Delete => Change::Retract,
        }
    }
}

/// The schema of a changelog: the columns, and the kind behind them.
pub(crate) fn with_kind(output: &Schema) -> SchemaRef {
    let columns = output.to_arrow();
    let kind = Arc::new(Field::new(ROW_KIND_COLUMN, DataType::UInt8, false));
    Arc::new(ArrowSchema::new(columns.fields().iter().cloned().chain([kind]).collect::<Vec<_>>()))
}

/// A batch of a changelog; `schema` is that of [`with_kind`].
///
/// # Errors
/// [`EngineError::Arrow`] for columns that are not of the schema.
pub(crate) fn batch(schema: &SchemaRef, mut columns: Vec<ArrayRef>, kinds: Vec<u8>) -> Result<Element, EngineError> {
    let options = RecordBatchOptions::new().with_row_count(Some(kinds.len()));
    columns.push(Arc::new(UInt8Array::from(kinds)));
    let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
    batch.map(Element::Batch).map_err(EngineError::arrow("building a changelog"))
}
