//! Where a task's rows come from: a table, constant rows, or other tasks.

use std::time::Duration;

use arrow::record_batch::RecordBatch;
use irmak_common::id::CheckpointId;
use irmak_common::split::SplitEvent;
use irmak_connectors::error::ConnectorError;
use irmak_connectors::source::{Source, SourceEvent, SourceMetrics};

use super::machine::Machine;

/// See the module's page.
pub enum Head {
    /// A source, polled.
    Source {
        /// The operator's number in the plan.
        id: u32,
        /// Its short name.
        name: String,
        /// The table.
        source: Box<dyn Source>,
    },
    /// Channels, read.
    Inputs(Machine),
}

/// Constant rows as a source, for the subtask that is handed them.
pub struct Constant {
    rows: Vec<RecordBatch>,
    announced: bool,
    /// Batches given so far.
    given: usize,
}

impl Constant {
    /// These batches, without those that a restored entry says were given.
    pub fn new(rows: Vec<RecordBatch>, restored: &[Vec<u8>]) -> Self {
        let given = restored.iter().filter_map(|entry| Some(u64::from_le_bytes(entry.as_slice().try_into().ok()?))).max();
        Self { rows, announced: false, given: given.unwrap_or(0) as usize }
    }
}

impl Source for Constant {
    fn poll(&mut self, _wait: Duration) -> Result<SourceEvent, ConnectorError> {
        if !self.announced {
            self.announced = true;
            return Ok(SourceEvent::Split(SplitEvent::Added { split: 0, name: "values".to_owned() }));
        }
        let Some(rows) = self.rows.get(self.given).cloned() else { return Ok(SourceEvent::EndOfInput) };
        self.given += 1;
        Ok(SourceEvent::Batch { split: 0, rows, bytes: 0 })
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Vec<u8>>, ConnectorError> {
        Ok(if self.given > 0 { vec![(self.given as u64).to_le_bytes().to_vec()] } else { Vec::new() })
    }

    fn stop(&mut self) {
        self.given = self.rows.len();
    }

    fn metrics(&self) -> SourceMetrics {
        SourceMetrics::default()
    }
}
