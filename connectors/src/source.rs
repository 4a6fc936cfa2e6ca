//! What a source is: polled for batches, asked for its positions.
//!
//! Which split a subtask reads is a pure function of (split, parallelism). Positions in a checkpoint are a union: at restore each
//! subtask is handed the entries of all, and takes those of the splits it owns.

use std::time::Duration;

use arrow::record_batch::RecordBatch;
use irmak_common::id::CheckpointId;
use irmak_common::split::{SplitEvent, SplitIndex, SplitProgress};

use crate::error::ConnectorError;

/// What a poll brought.
#[derive(Debug)]
pub enum SourceEvent {
    /// Rows of one split: the projected physical columns, then the metadata columns, as `SourceSpec` says.
    Batch {
        /// Where they were read from.
        split: SplitIndex,
        /// At least one row, at most `limits::BATCH_ROWS_MAX` (and the rest of a record that holds several).
        rows: RecordBatch,
        /// Bytes read for them.
        bytes: u64,
    },
    /// News of a split.
    Split(SplitEvent),
    /// Nothing within the wait.
    Nothing,
    /// A bounded source has given all it will. Further polls return the same.
    EndOfInput,
}

/// Figures of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceMetrics {
    /// Records that could not be read and were left out, as the table's options allow.
    pub skipped_records: u64,
    /// Records behind the position, as far as known.
    pub pending_records: Option<u64>,
    /// A sentence for a person when the source stands still: `broker 127.0.0.1:9092 refused the connection since 14:03:22 (9 tries, next in 8 s)`.
    pub message: Option<String>,
    /// More figures by Flink's metric name.
    pub more: Vec<(&'static str, f64)>,
}

/// A table being read by one subtask.
pub trait Source: Send {
    /// The next thing, waiting at most `wait` for it.
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, ConnectorError>;

    /// How long the last [`Source::poll`] waited for rows before it had one; the rest of its time was work. Nobody asks after `Nothing`.
    fn waited(&self) -> Duration {
        Duration::ZERO
    }

    /// The positions behind all rows returned so far: union entries, encoded.
    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<Vec<Vec<u8>>, ConnectorError>;

    /// The checkpoint is complete: positions may be committed to the outside (for lag monitors; never read back).
    fn on_checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        let _ = checkpoint;
        Ok(())
    }

    /// Whether [`Source::align`] is to be called behind each batch.
    fn aligns(&self) -> bool {
        false
    }

    /// How far each split has come in event time: a source that aligns reads no further in those that are too far ahead.
    fn align(&mut self, progress: &[SplitProgress]) {
        let _ = progress;
    }

    /// `irmak stop`: read no further; `EndOfInput` follows.
    fn stop(&mut self);

    /// Figures so far.
    fn metrics(&self) -> SourceMetrics {
        SourceMetrics::default()
    }
}
