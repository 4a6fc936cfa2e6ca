//! Filter: the rows for which a predicate is TRUE.

use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use irmak_common::element::Element;
use irmak_common::expr::Expr;
use irmak_common::time::{Millis, Watermark};
use irmak_functions::{Evaluator, compile};

use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};

pub(crate) struct Filter {
    predicate: Evaluator,
    /// What `CURRENT_WATERMARK` tells: the last that came by.
    watermark: Option<Millis>,
}

impl Filter {
    pub(crate) fn new(predicate: &Expr, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let predicate = compile(predicate, &env.functions()).map_err(|source| EngineError::Expression { index: 0, source })?;
        Ok(Self { predicate, watermark: None })
    }
}

impl Operator for Filter {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let selected = self
            .predicate
            .select_behind(&batch, context.now, self.watermark)
            .map_err(|source| EngineError::Evaluation { index: 0, source })?;
        match selected.true_count() {
            0 => {}
            all if all == batch.num_rows() => out.push(Element::Batch(batch)),
            _ => out.push(Element::Batch(filter_record_batch(&batch, &selected).map_err(EngineError::arrow("filtering a batch"))?)),
        }
        Ok(())
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.watermark = Some(watermark.0);
        out.push(Element::Watermark(watermark));
        Ok(())
    }
}
