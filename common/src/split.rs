//! Splits: the parts of a source that are read independently (a topic's partition, a file), as the watermark operator sees them.
//!
//! Each split has an event time of its own; a source subtask's watermark is the minimum over its splits. So the source says which
//! splits there are before it reads them, and which have been read to their present end: only such a one can be called idle.

use serde::{Deserialize, Serialize};

use crate::time::Millis;

/// A split of one source subtask, numbered as it was assigned. The number has no meaning outside the running subtask.
pub type SplitIndex = u32;

/// What a source says of a split, beside its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SplitEvent {
    /// The subtask reads this split from now on, and its watermark waits for it.
    Added {
        /// Which.
        split: SplitIndex,
        /// For messages: `sahibinden[2]`, `file:///data/in.csv`.
        name: String,
    },
    /// The split has been read to its present end.
    CaughtUp {
        /// Which.
        split: SplitIndex,
    },
    /// There is more to read in the split than has been read.
    Behind {
        /// Which.
        split: SplitIndex,
    },
    /// The split has ended for good: it no longer holds event time back.
    Finished {
        /// Which.
        split: SplitIndex,
    },
    /// The subtask has looked for its splits and there are none for it: it holds no event time back. One that is found later is `Added`.
    NoSplits,
}

/// How far a split has come, for a source that keeps its splits together in event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitProgress {
    /// Which.
    pub split: SplitIndex,
    /// Its watermark; `Millis::MIN` before its first row.
    pub watermark: Millis,
    /// There is more to be read, and it holds event time back: neither caught up nor idle nor finished.
    pub behind: bool,
}
