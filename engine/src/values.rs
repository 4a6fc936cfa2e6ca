//! Constant rows as a batch, for the task that runs `OperatorSpec::Values`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema as ArrowSchema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::expr::{Expr, Value};
use irmak_common::types::Schema;
use irmak_functions::{Environment, compile};

use crate::error::EngineError;

/// The rows, one `Value` a column, as a batch of `schema`.
///
/// # Errors
/// A row of another length, or a value that is not of its column's type.
pub fn values(rows: &[Vec<Value>], schema: &Schema) -> Result<RecordBatch, EngineError> {
    if let Some(row) = rows.iter().position(|row| row.len() != schema.len()) {
        return Err(EngineError::plan(format!("row {row} of VALUES has not {} columns", schema.len())));
    }
    let environment = Environment::default();
    let one = one_row()?;
    let mut columns = Vec::with_capacity(schema.len());
    for (index, field) in schema.fields.iter().enumerate() {
        let cells = rows.iter().map(|row| -> Result<ArrayRef, EngineError> {
            let expr = Expr::literal(row[index].clone(), field.ty.clone());
            let literal = compile(&expr, &environment).map_err(|source| EngineError::Expression { index, source })?;
            literal.evaluate(&one, 0).map_err(|source| EngineError::Evaluation { index, source })
        });
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        columns.push(if cells.is_empty() {
            new_empty_array(&field.ty.kind.to_arrow())
        } else {
            concat(&cells.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(EngineError::arrow("joining constant rows"))?
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(schema.to_arrow(), columns, &options).map_err(EngineError::arrow("joining constant rows"))
}

/// A batch to evaluate a constant over.
fn one_row() -> Result<RecordBatch, EngineError> {
    let schema = ArrowSchema::new(vec![Field::new("none", DataType::Int32, true)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int32Array::from(vec![0]))]).map_err(EngineError::arrow("joining constant rows"))
}
