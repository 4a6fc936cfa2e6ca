//! Sessions (to come).

use arrow::record_batch::RecordBatch;
use irmak_common::element::Element;
use irmak_common::operator_spec::WindowAggregateSpec;
use irmak_common::types::Schema;

use crate::build::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};

pub(crate) struct SessionAggregate;

impl SessionAggregate {
    pub(crate) fn new(_: &WindowAggregateSpec, _: &Schema, _: &Schema, _: &OperatorEnvironment) -> Result<Self, EngineError> {
        Err(EngineError::Unsupported { what: "SESSION".into(), instead: "use TUMBLE or HOP".into() })
    }
}

impl Operator for SessionAggregate {
    fn on_batch(&mut self, _: &OperatorContext, _: usize, _: RecordBatch, _: &mut Vec<Element>) -> Result<(), EngineError> {
        Ok(())
    }
}
