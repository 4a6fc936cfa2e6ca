//! Limit: the first `count` rows behind the first `offset`. How many have passed is state, so that a restart gives no more.

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;

use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext};

pub(crate) struct Limit {
    /// Rows still to be skipped.
    skip: u64,
    /// Rows still to be let through.
    left: u64,
}

impl Limit {
    pub(crate) fn new(offset: u64, count: u64, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let entry = env.restored.iter().flat_map(|snapshot| &snapshot.union).next();
        let Some(entry) = entry else { return Ok(Self { skip: offset, left: count }) };
        let read = |at: usize| entry.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
        match (read(0), read(8)) {
            (Some(skip), Some(left)) => Ok(Self { skip, left }),
            _ => Err(EngineError::state("a LIMIT's counters are cut short")),
        }
    }
}

impl Operator for Limit {
    fn on_batch(&mut self, _: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let rows = batch.num_rows() as u64;
        let skipped = rows.min(self.skip);
        let taken = (rows - skipped).min(self.left);
        self.skip -= skipped;
        self.left -= taken;
        if taken > 0 {
            out.push(Element::Batch(batch.slice(skipped as usize, taken as usize)));
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let entry = [self.skip.to_le_bytes(), self.left.to_le_bytes()].concat();
        Ok(OperatorSnapshot { union: vec![entry], ..OperatorSnapshot::default() })
    }
}
