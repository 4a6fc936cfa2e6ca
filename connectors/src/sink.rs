//! What a sink is: written to, then pre-committed at a barrier and committed when the checkpoint's manifest exists.
//!
//! Two phases: whatever `pre_commit` returns is in the checkpoint. `commit` may be called again for the same checkpoint, after any
//! crash in between, also by another process that was opened with the checkpoint's entries: it must come to the same end.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use irmak_common::element::CheckpointKind;
use irmak_common::id::CheckpointId;
use irmak_common::time::{Millis, Watermark};

use crate::error::ConnectorError;

/// A table being written by one subtask.
pub trait Sink: Send {
    /// Rows with the sink's columns (and `ROW_KIND_COLUMN` behind them on a changelog edge). `now` is processing time.
    fn write(&mut self, rows: &RecordBatch, now: Millis) -> Result<(), ConnectorError>;

    /// Event time has advanced.
    fn on_watermark(&mut self, watermark: Watermark, now: Millis) -> Result<(), ConnectorError> {
        let _ = (watermark, now);
        Ok(())
    }

    /// Called about once a second, also without rows.
    fn on_tick(&mut self, now: Millis) -> Result<(), ConnectorError> {
        let _ = now;
        Ok(())
    }

    /// All rows written so far belong to this checkpoint. Makes them safe (flush, sync, pre-commit) and returns union entries: what is
    /// pre-committed and not yet known to be committed, of this and earlier checkpoints, and what is still in progress.
    /// [`CheckpointKind::Final`]: nothing may be left in progress.
    fn pre_commit(&mut self, checkpoint: CheckpointId, kind: CheckpointKind, now: Millis) -> Result<Vec<Vec<u8>>, ConnectorError>;

    /// The checkpoint is complete: everything pre-committed for it or an earlier one becomes visible. Idempotent.
    fn commit(&mut self, checkpoint: CheckpointId) -> Result<(), ConnectorError>;

    /// Whoever writes may have to wait for a slow receiver: `asked` says whether the task shall end meanwhile. Called once, at the beginning.
    fn give_up_when(&mut self, asked: Arc<dyn Fn() -> bool + Send + Sync>) {
        let _ = asked;
    }

    /// Figures by Flink's metric name.
    fn metrics(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}
