//! What an operator is: a machine that takes elements and returns elements.
//!
//! Contract with the task that runs it: calls come one at a time; elements returned go to the next operator of the chain, or to the
//! outputs, in order. Barriers never reach an operator: the task aligns them and calls [`Operator::snapshot`] in their place, then
//! passes the barrier on. A watermark that the operator wants passed on it returns itself (most return each one they get).

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::split::{SplitEvent, SplitIndex, SplitProgress};
use irmak_common::time::{Millis, Watermark};

use crate::error::EngineError;

/// What an operator may know of the moment.
#[derive(Clone, Copy, Debug)]
pub struct OperatorContext {
    /// Processing time, milliseconds since the epoch. The same during one call.
    pub now: Millis,
    /// Behind a source: the split that the batch was read from.
    pub split: Option<SplitIndex>,
}

/// Figures that an operator keeps, read by the task with each heartbeat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperatorMetrics {
    /// Rows dropped behind the watermark (Flink: `numLateRecordsDropped`).
    pub late_records: u64,
    /// The last watermark it emitted.
    pub watermark: Option<Millis>,
    /// A sentence for a person when event time stands still: which split holds it back since when, and what to set.
    pub message: Option<String>,
    /// More figures by Flink's metric name.
    pub more: Vec<(&'static str, f64)>,
}

/// A machine that takes elements and returns elements, appended to `out`.
pub trait Operator: Send {
    /// Rows on logical input `input` (0, or 1 for the right side of a join).
    fn on_batch(&mut self, context: &OperatorContext, input: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError>;

    /// Event time has advanced, as the minimum over all inputs and channels.
    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let _ = context;
        out.push(Element::Watermark(watermark));
        Ok(())
    }

    /// All inputs are idle.
    fn on_idle(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let _ = context;
        out.push(Element::Idle);
        Ok(())
    }

    /// News of a source's splits; only the watermark operator minds.
    fn on_split(&mut self, context: &OperatorContext, event: &SplitEvent, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let _ = (context, event, out);
        Ok(())
    }

    /// How far each of a source's splits has come; only the watermark operator knows.
    fn progress(&self, into: &mut Vec<SplitProgress>) {
        let _ = into;
    }

    /// When `on_timer` wants to be called next, processing time; `None`: not at all. Asked after every call.
    fn next_timer(&self) -> Option<Millis> {
        None
    }

    /// Processing time has reached `next_timer`.
    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let _ = (context, out);
        Ok(())
    }

    /// No rows follow on any input: whatever is still held is emitted now, if it ever will be. Event-time results were emitted by
    /// `Watermark::MAX` before. The task passes `EndOfInput` on by itself.
    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let _ = (context, out);
        Ok(())
    }

    /// The state at a barrier. Must not change the operator.
    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        Ok(OperatorSnapshot::default())
    }

    /// Figures so far.
    fn metrics(&self) -> OperatorMetrics {
        OperatorMetrics::default()
    }
}
