//! Operators of batch mode: they keep what comes until all of it has come, and then say the answer once, rows that are only added.
//!
//! Columns are positions in the operator's input, as in [`crate::operator_spec`]. They have no state to restore: a batch job takes no
//! checkpoints, and begins anew after a failure (docs/adr/0007-batch.md).

use serde::{Deserialize, Serialize};

use crate::call_spec::{AggregateCall, SortKey};
use crate::changelog_spec::SetOperationSpec;

/// One operator of batch mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum BatchSpec {
    /// `GROUP BY`, or none. Output: keys, aggregates.
    Aggregate {
        /// The grouping columns; none: one row comes out, whether rows came in or not, at parallelism 1.
        keys: Vec<usize>,
        /// One output column each; none: DISTINCT.
        aggregates: Vec<AggregateCall>,
    },
    /// `ORDER BY`. Parallelism 1. Output: the input's columns.
    Sort {
        /// The order. Rows that are equal in it come as Flink's sorter leaves them.
        order_by: Vec<SortKey>,
        /// Only the first rows of it, so many; `None`: all.
        first: Option<u64>,
    },
    /// Calls OVER a window of rows. Output: the input's columns, then one a call.
    Over(BatchOverSpec),
    /// INTERSECT, EXCEPT. Output: the input's columns without the last.
    SetOperation(SetOperationSpec),
}

/// `fn(...) OVER (PARTITION BY ... ORDER BY ... ROWS ...)`: all calls over one order of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchOverSpec {
    /// The columns that part the rows; none: all are one part, at parallelism 1.
    pub partition_by: Vec<usize>,
    /// The order of rows in a part; none: as they come.
    pub order_by: Vec<SortKey>,
    /// Rows come in this order already, and in a finer one: equal rows stay as they are.
    pub sorted: bool,
    /// One output column each.
    pub calls: Vec<BatchOverCall>,
}

/// One call, and the rows that it sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchOverCall {
    /// An aggregate function, or `ROW_NUMBER`, `RANK`, `DENSE_RANK`, `PERCENT_RANK`, `CUME_DIST`, `NTILE`, `LEAD`, `LAG`.
    pub call: AggregateCall,
    /// The rows that an aggregate function sees; the others have their own idea of it.
    pub frame: BatchFrame,
}

/// The rows around each row that a call sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchFrame {
    /// Its first row.
    pub start: FrameEdge,
    /// Its last row.
    pub end: FrameEdge,
}

/// Where a frame begins or ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FrameEdge {
    /// The first row of the part as a start, the last one as an end.
    Unbounded,
    /// `ROWS`: so many rows behind the current one; before it where negative; 0: the current row.
    Rows(i64),
    /// `RANGE CURRENT ROW`: the first or last row that is equal to the current one in the order.
    Peers,
    /// `RANGE ... PRECEDING` or `FOLLOWING`: the first or last row whose key is not beyond the limit, in the direction of the order.
    Range {
        /// The order's only column, as the type that it is compared in.
        key: usize,
        /// The limit of each row, of the same type. NULL where the key is: NULLs see each other.
        limit: usize,
        /// The order's direction.
        descending: bool,
        /// Where the order has NULLs.
        nulls_first: bool,
    },
}

impl BatchSpec {
    /// The columns that decide which subtask a row goes to; none: all rows meet in one.
    pub fn hash_columns(&self, width: usize) -> Vec<usize> {
        match self {
            Self::Aggregate { keys, .. } => keys.clone(),
            Self::Sort { .. } => Vec::new(),
            Self::Over(spec) => spec.partition_by.clone(),
            Self::SetOperation(_) => (0..width.saturating_sub(1)).collect(),
        }
    }
}
