//! How far event time has come for an operator that keeps rows, and how many rows it dropped. The watermark is a union entry of its state.

use irmak_common::element::Element;
use irmak_common::time::{Millis, Watermark};

use crate::error::EngineError;
use crate::operator::OperatorMetrics;
use crate::state::rescale::Owned;

/// The watermark that an operator has seen.
#[derive(Debug)]
pub(crate) struct Clock {
    pub(crate) reached: Millis,
    pub(crate) late: u64,
    /// The last watermark passed on.
    passed: Watermark,
}

impl Clock {
    /// At the least of the stored watermarks: barriers are aligned, so all subtasks had seen the same.
    ///
    /// # Errors
    /// [`EngineError::State`] for an entry that is cut short.
    pub(crate) fn new(owned: &Owned<'_>) -> Result<Self, EngineError> {
        let stored = owned.union().map(|entry| entry.get(..8).and_then(|bytes| bytes.try_into().ok()).map(Millis::from_le_bytes));
        let stored = stored.collect::<Option<Vec<_>>>().ok_or_else(|| EngineError::state("its watermark is cut short"))?;
        Ok(Self { reached: stored.into_iter().min().unwrap_or(Millis::MIN), late: 0, passed: Watermark::MIN })
    }

    /// Takes a watermark; whether time has advanced.
    pub(crate) fn advance(&mut self, watermark: Watermark) -> bool {
        let advanced = watermark.0 > self.reached;
        self.reached = self.reached.max(watermark.0);
        advanced
    }

    /// Passes the watermark on behind the results: after a restart none falls behind the stored one.
    pub(crate) fn pass(&mut self, out: &mut Vec<Element>) {
        if Watermark(self.reached) > self.passed {
            self.passed = Watermark(self.reached);
            out.push(Element::Watermark(self.passed));
        }
    }

    /// The union entry.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.reached.to_le_bytes().to_vec()
    }

    pub(crate) fn metrics(&self) -> OperatorMetrics {
        let watermark = (self.passed > Watermark::MIN).then_some(self.passed.0);
        OperatorMetrics { late_records: self.late, watermark, ..OperatorMetrics::default() }
    }
}
