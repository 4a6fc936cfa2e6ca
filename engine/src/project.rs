//! Project: one output column an expression.

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::element::{Element, ROW_KIND_COLUMN};
use irmak_common::expr::Expr;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;
use irmak_functions::{Evaluator, compile};

use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};

pub(crate) struct Project {
    columns: Vec<Column>,
    schema: SchemaRef,
    /// What `CURRENT_WATERMARK` tells: the last that came by.
    watermark: Option<Millis>,
}

enum Column {
    /// Nothing is computed: the column moves.
    Same(usize),
    Computed(Evaluator),
}

impl Project {
    pub(crate) fn new(exprs: &[Expr], output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let functions = env.functions();
        let compile_one = |(index, expr): (usize, &Expr)| match expr.as_column() {
            Some(column) => Ok(Column::Same(column)),
            None => compile(expr, &functions).map(Column::Computed).map_err(|source| EngineError::Expression { index, source }),
        };
        let columns = exprs.iter().enumerate().map(compile_one).collect::<Result<_, _>>()?;
        Ok(Self { columns, schema: output.to_arrow(), watermark: None })
    }
}

impl Operator for Project {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut columns = Vec::with_capacity(self.columns.len() + 1);
        for (index, column) in self.columns.iter().enumerate() {
            columns.push(match column {
                Column::Same(position) => {
                    let column: Option<&ArrayRef> = batch.columns().get(*position);
                    column.cloned().ok_or_else(|| EngineError::plan(format!("column {position} of {}", batch.num_columns())))?
                }
                Column::Computed(evaluator) => evaluator
                    .evaluate_behind(&batch, context.now, self.watermark)
                    .map_err(|source| EngineError::Evaluation { index, source })?,
            });
        }
        let mut schema = SchemaRef::clone(&self.schema);
        if let Some((kinds, field)) = row_kinds(&batch) {
            columns.push(ArrayRef::clone(kinds));
            schema = ArrowSchema::new(schema.fields().iter().cloned().chain([field]).collect::<Vec<_>>()).into();
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let projected = RecordBatch::try_new_with_options(schema, columns, &options).map_err(EngineError::arrow("projecting a batch"))?;
        out.push(Element::Batch(projected));
        Ok(())
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.watermark = Some(watermark.0);
        out.push(Element::Watermark(watermark));
        Ok(())
    }
}

/// The row-kind column of a batch on a changelog edge; it goes with its rows.
fn row_kinds(batch: &RecordBatch) -> Option<(&ArrayRef, arrow::datatypes::FieldRef)> {
    let field = batch.schema_ref().fields().last()?;
    (field.name() == ROW_KIND_COLUMN).then(|| batch.columns().last().map(|column| (column, field.clone())))?
}
