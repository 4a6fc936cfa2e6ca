//! What the operators that put rows in an order are told: OVER, ranks, sorts; and UNNEST, which multiplies rows.

use serde::{Deserialize, Serialize};

use crate::call_spec::{AggregateCall, SortKey};
use crate::expr::Expr;

/// `fn(...) OVER (PARTITION BY ... ORDER BY time ...)`: all calls over one window of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverSpec {
    /// The columns that part the rows; none: all are one part, at parallelism 1.
    pub partition_by: Vec<usize>,
    /// The rowtime column; `None`: processing time.
    pub time: Option<usize>,
    /// Which rows before each row count.
    pub frame: OverFrame,
    /// One output column each. Besides aggregate functions there are `ROW_NUMBER` and `LAG`.
    pub aggregates: Vec<AggregateCall>,
    /// `table.exec.state.ttl`, milliseconds: a key that no row has reached for so long is forgotten; 0: none is.
    #[serde(default)]
    pub state_ttl_ms: u64,
}

/// The rows that a call OVER a window sees: up to the current row, and at RANGE all rows of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverFrame {
    /// `ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW`
    RowsUnbounded,
    /// `RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW`
    RangeUnbounded,
    /// `ROWS BETWEEN n PRECEDING AND CURRENT ROW`
    Rows {
        /// Rows before the current one.
        preceding: u64,
    },
    /// `RANGE BETWEEN INTERVAL ... PRECEDING AND CURRENT ROW`
    Range {
        /// Both ends count.
        preceding_ms: i64,
    },
}

/// A rank within windows that the input has: `PARTITION BY window_start, window_end, ...`. Fires when a window is over; inserts only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRankSpec {
    /// `window_start`, TIMESTAMP(3)
    pub window_start: usize,
    /// `window_end`, TIMESTAMP(3)
    pub window_end: usize,
    /// The zone that windows are aligned in, for a TIMESTAMP_LTZ rowtime; `None`: UTC.
    pub zone: Option<String>,
    /// The columns that part the rows of a window.
    pub partition_by: Vec<usize>,
    /// The order within a part. Rows that are equal in it are in order of arrival.
    pub order_by: Vec<SortKey>,
    /// The first number that counts, from 1.
    pub start: u64,
    /// The last number that counts.
    pub end: u64,
    /// Whether the number is an output column, BIGINT.
    pub number: bool,
    /// Deduplication: of rows of one time the last to arrive comes first when descending.
    pub deduplicate: bool,
}

impl WindowRankSpec {
    /// The columns that decide which subtask a row goes to: the window and what parts its rows.
    pub fn hash_columns(&self) -> Vec<usize> {
        [self.window_start, self.window_end].into_iter().chain(self.partition_by.iter().copied()).collect()
    }
}

/// `UNNEST(collection)`, joined with the row that it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnnestSpec {
    /// An ARRAY, MAP or MULTISET over the input's columns. A map gives key and value, an array of rows their fields.
    pub collection: Expr,
    /// LEFT JOIN: a row whose collection is empty or NULL comes once, with NULLs.
    pub outer: bool,
    /// `WITH ORDINALITY`: the element's number, from 1, INT.
    pub ordinality: bool,
}
