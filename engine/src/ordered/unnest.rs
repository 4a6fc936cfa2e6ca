//! UNNEST: each row once for every element of a collection, with the element's columns. Nothing is kept.
//!
//! A map's entries give key and value, an array of rows the rows' fields, a multiset each element as often as it holds it. Source: Flink's
//! `UnnestRowsFunction`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, StructArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int32Type, Schema as ArrowSchema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::element::{Element, ROW_KIND_COLUMN};
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::map;
use irmak_common::operator_spec::UnnestSpec;
use irmak_common::types::{Schema, TypeKind};
use irmak_functions::{Evaluator, compile};

use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};

pub(crate) struct Unnest {
    collection: Evaluator,
    kind: TypeKind,
    outer: bool,
    ordinality: bool,
    width: usize,
    schema: SchemaRef,
}

/// Rows to come out: the row that each is of, its element (`None`: there is none), and the element's number.
#[derive(Default)]
struct Exploded {
    rows: Vec<u32>,
    elements: Vec<Option<u32>>,
    ordinals: Vec<Option<i32>>,
}

impl Unnest {
    pub(crate) fn new(spec: &UnnestSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let kind = spec.collection.ty.kind.clone();
        if !matches!(kind, TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_)) {
            return Err(EngineError::plan(format!("UNNEST of {kind}")));
        }
        Ok(Self {
            collection: compile(&spec.collection, &env.functions()).map_err(|source| EngineError::Expression { index: 0, source })?,
            kind,
            outer: spec.outer,
            ordinality: spec.ordinality,
            width: input.len(),
            schema: output.to_arrow(),
        })
    }

    /// Which element goes with which row, and the columns that elements are taken from.
    fn explode(&self, collections: &ArrayRef) -> Result<(Exploded, Vec<ArrayRef>), EngineError> {
        let wrong = || EngineError::Column { column: 0, expected: self.kind.to_string(), found: collections.data_type().to_string() };
        let (offsets, elements, counts): (&[i32], Vec<ArrayRef>, Option<ArrayRef>) = match collections.data_type() {
            DataType::List(_) => {
                let lists = collections.as_list::<i32>();
                (lists.value_offsets(), self.fields_of(lists.values())?, None)
            }
            DataType::Map(..) => {
                let maps = collections.as_map();
                match &self.kind {
                    TypeKind::Multiset(_) => (maps.value_offsets(), self.fields_of(map::keys(maps))?, Some(Arc::clone(maps.values()))),
                    _ => (maps.value_offsets(), vec![Arc::clone(map::keys(maps)), Arc::clone(maps.values())], None),
                }
            }
            _ => return Err(wrong()),
        };
        let counts = counts.as_ref().map(|counts| counts.as_primitive_opt::<Int32Type>().ok_or_else(wrong)).transpose()?;
        let mut out = Exploded::default();
        for row in 0..collections.len() {
            let before = out.rows.len();
            if collections.is_valid(row) {
                for element in offsets[row]..offsets[row + 1] {
                    let times = counts.map_or(1, |counts| counts.value(element as usize).max(0));
                    for _ in 0..times {
                        out.rows.push(row as u32);
                        out.elements.push(Some(element as u32));
                        out.ordinals.push(Some((out.rows.len() - before) as i32));
                    }
                }
            }
            if out.rows.len() == before && self.outer {
                out.rows.push(row as u32);
                out.elements.push(None);
                out.ordinals.push(None);
            }
        }
        Ok((out, elements))
    }

    /// A row's fields are columns, any other element is one.
    fn fields_of(&self, elements: &ArrayRef) -> Result<Vec<ArrayRef>, EngineError> {
        let Some(rows) = elements.as_any().downcast_ref::<StructArray>() else { return Ok(vec![Arc::clone(elements)]) };
        let Some(nulls) = rows.nulls() else { return Ok(rows.columns().to_vec()) };
        // The fields of a row that is NULL are NULL.
        let valid: UInt32Array = (0..rows.len()).map(|row| nulls.is_valid(row).then_some(row as u32)).collect();
        let failed = EngineError::arrow("unnesting rows");
        rows.columns().iter().map(|column| take(column, &valid, None).map_err(&failed)).collect()
    }

    fn emit(&self, batch: &RecordBatch, exploded: &Exploded, elements: &[ArrayRef], out: &mut Vec<Element>) -> Result<(), EngineError> {
        let failed = EngineError::arrow("unnesting");
        let mut schema = Arc::clone(&self.schema);
        let kinds = batch.schema_ref().fields().last().filter(|field| field.name() == ROW_KIND_COLUMN).cloned();
        if let Some(field) = &kinds {
            schema = Arc::new(ArrowSchema::new(schema.fields().iter().cloned().chain([Arc::clone(field)]).collect::<Vec<_>>()));
        }
        for from in (0..exploded.rows.len()).step_by(BATCH_ROWS_MAX) {
            let range = from..(from + BATCH_ROWS_MAX).min(exploded.rows.len());
            let rows = UInt32Array::from(exploded.rows[range.clone()].to_vec());
            let places = UInt32Array::from(exploded.elements[range.clone()].to_vec());
            let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
            for column in &batch.columns()[..self.width.min(batch.num_columns())] {
                columns.push(take(column, &rows, None).map_err(&failed)?);
            }
            for element in elements {
                let none = element.is_empty();
                columns.push(if none {
                    new_null_array(element.data_type(), rows.len())
                } else {
                    take(element, &places, None).map_err(&failed)?
                });
            }
            if self.ordinality {
                columns.push(Arc::new(Int32Array::from(exploded.ordinals[range].to_vec())));
            }
            if kinds.is_some()
                && let Some(kinds) = batch.columns().last()
            {
                columns.push(take(kinds, &rows, None).map_err(&failed)?);
            }
            let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
            let unnested = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).map_err(&failed)?;
            out.push(Element::Batch(unnested));
        }
        Ok(())
    }
}

impl Operator for Unnest {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let collections = self.collection.evaluate(&batch, context.now).map_err(|source| EngineError::Evaluation { index: 0, source })?;
        let (exploded, elements) = self.explode(&collections)?;
        self.emit(&batch, &exploded, &elements, out)
    }
}
