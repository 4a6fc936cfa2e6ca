//! Windows as operators are told of them: which there are, over which time, and whose rules they follow.

use serde::{Deserialize, Serialize};

/// Which windows a row falls into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSpec {
    /// The kind and its sizes.
    pub kind: WindowKind,
    /// The time column; `None`: processing time.
    pub time: Option<usize>,
    /// For a TIMESTAMP_LTZ rowtime: the zone that windows are aligned in (an IANA name); `None`: UTC.
    pub zone: Option<String>,
    /// A group window (`GROUP BY TUMBLE(...)`) or a window table function: they judge lateness differently.
    pub style: WindowStyle,
}

/// Flink's two families of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowStyle {
    /// `GROUP BY TUMBLE(ts, INTERVAL ...)`: a row is late for a window whose last millisecond is at or before the watermark.
    Group,
    /// `FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), ...))`: judged by slice.
    TableFunction,
}

/// A kind of window. All lengths in milliseconds; windows are `[start, end)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowKind {
    /// Back to back.
    Tumble {
        /// Length.
        size: i64,
        /// Shift of the grid from the epoch.
        offset: i64,
    },
    /// One of length `size` begins every `slide`.
    Hop {
        /// Length.
        size: i64,
        /// Distance of starts.
        slide: i64,
        /// Shift of the grid.
        offset: i64,
    },
    /// Grows by `step` from one start until `size`, then anew.
    Cumulate {
        /// The longest.
        size: i64,
        /// The first, and the growth.
        step: i64,
        /// Shift of the grid.
        offset: i64,
    },
    /// Per key: rows closer than or exactly `gap` to each other share one.
    Session {
        /// The silence that ends it.
        gap: i64,
    },
    /// The windows that the input already has, from a window aggregate or table function before: two TIMESTAMP(3) columns.
    Attached {
        /// `window_start`
        start: usize,
        /// `window_end`
        end: usize,
    },
}
