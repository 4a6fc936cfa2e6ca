//! The `blackhole` sink: counts rows and forgets them.

use arrow::record_batch::RecordBatch;
use irmak_common::element::CheckpointKind;
use irmak_common::id::CheckpointId;
use irmak_common::metrics::RECORDS_SENT;
use irmak_common::time::Millis;

use crate::error::ConnectorError;
use crate::sink::Sink;

/// A table that nobody reads.
#[derive(Debug, Default)]
pub(crate) struct BlackholeSink {
    rows: u64,
}

impl Sink for BlackholeSink {
    fn write(&mut self, rows: &RecordBatch, _now: Millis) -> Result<(), ConnectorError> {
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    fn pre_commit(&mut self, _checkpoint: CheckpointId, _kind: CheckpointKind, _now: Millis) -> Result<Vec<Vec<u8>>, ConnectorError> {
        Ok(Vec::new())
    }

    fn commit(&mut self, _checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        vec![(RECORDS_SENT, self.rows as f64)]
    }
}
