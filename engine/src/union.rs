//! Union: several inputs of one schema, as they come. The task has already combined their watermarks.

use arrow::record_batch::RecordBatch;
use irmak_common::element::Element;

use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};

pub(crate) struct Union;

impl Operator for Union {
    fn on_batch(&mut self, _: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        out.push(Element::Batch(batch));
        Ok(())
    }
}
