//! What flows on an edge: batches of rows, and the marks between them.
//!
//! Order is meaning: a watermark or barrier speaks of all rows before it on its channel and of none behind it.
//!
//! A batch's columns are the producer's output schema in order. On a changelog edge one more column follows, [`ROW_KIND_COLUMN`].

use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::id::CheckpointId;
use crate::time::{Millis, Watermark};

/// The name of the last column of a batch on a changelog edge: `UInt8`, never null, values of [`RowKind`].
pub const ROW_KIND_COLUMN: &str = "$row_kind";

/// Flink's row kinds, numbered as in Flink's `RowKind.toByteValue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum RowKind {
    /// `+I`: a new row.
    Insert = 0,
    /// `-U`: the old contents of a row that changes.
    UpdateBefore = 1,
    /// `+U`: the new contents of a row that changes.
    UpdateAfter = 2,
    /// `-D`: a row that goes.
    Delete = 3,
}

impl RowKind {
    /// `+I`, `-U`, `+U` or `-D`.
    pub fn short(self) -> &'static str {
        match self {
            Self::Insert => "+I",
            Self::UpdateBefore => "-U",
            Self::UpdateAfter => "+U",
            Self::Delete => "-D",
        }
    }

    /// The kind with this number, `None` above 3.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::Insert, Self::UpdateBefore, Self::UpdateAfter, Self::Delete].get(usize::from(byte)).copied()
    }
}

/// What a barrier asks for beyond a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CheckpointKind {
    /// A periodic checkpoint.
    Checkpoint,
    /// A checkpoint that a person owns.
    Savepoint,
    /// The last checkpoint of a job: sources have emitted all they will, sinks pre-commit all they have.
    Final,
}

/// Separates the rows before a checkpoint from those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Barrier {
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// What for.
    pub kind: CheckpointKind,
    /// When the JobManager triggered it, milliseconds since the epoch by its clock.
    pub triggered_at: Millis,
}

/// One thing on an edge.
#[derive(Clone, Debug)]
pub enum Element {
    /// Rows, at least one.
    Batch(RecordBatch),
    /// Event time has reached this point on this channel. Strictly increasing.
    Watermark(Watermark),
    /// The channel no longer holds event time back, until its next batch or watermark.
    Idle,
    /// A checkpoint's place in the stream. Also flows behind `EndOfInput`, until the task is told to finish.
    Barrier(Barrier),
    /// No rows and no watermarks follow. Preceded by `Watermark::MAX` where the input is bounded.
    EndOfInput,
}
