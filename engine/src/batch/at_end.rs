//! When operators of batch mode speak: once, when all of their input has come.
//!
//! That is the end of time, which precedes the end of input: what reads their rows has not seen it yet, so that windows above them are
//! still open.

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::time::Watermark;

use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};

/// What such an operator does.
pub(crate) trait Whole: Send {
    /// Takes rows in.
    fn take(&mut self, batch: &RecordBatch) -> Result<(), EngineError>;

    /// Says what they amount to, and forgets them.
    fn finish(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError>;
}

pub(crate) struct AtEnd<T> {
    whole: T,
    /// Rows have come.
    holds: bool,
    /// It has spoken.
    finished: bool,
}

impl<T: Whole + 'static> AtEnd<T> {
    pub(crate) fn boxed(whole: T) -> Box<dyn Operator> {
        Box::new(Self { whole, holds: false, finished: false })
    }

    fn finish(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        self.whole.finish(out)
    }
}

impl<T: Whole + 'static> Operator for AtEnd<T> {
    fn on_batch(&mut self, _: &OperatorContext, _: usize, batch: RecordBatch, _: &mut Vec<Element>) -> Result<(), EngineError> {
        self.holds |= batch.num_rows() > 0;
        self.whole.take(&batch)
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if watermark == Watermark::MAX {
            self.finish(out)?;
            out.push(Element::Watermark(watermark));
        }
        Ok(())
    }

    fn on_end(&mut self, _: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.finish(out)
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        if self.holds && !self.finished {
            return Err(EngineError::Unsupported {
                what: "a savepoint of a batch job that runs".into(),
                instead: "let it end, or cancel it and run it again: it begins at the beginning".into(),
            });
        }
        Ok(OperatorSnapshot::default())
    }
}
