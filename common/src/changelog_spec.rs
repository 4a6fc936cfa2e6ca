//! Operators that make updates and deletes: aggregation without windows, Top-N, deduplication, set operations.
//!
//! Columns are positions in the operator's input, as in [`crate::operator_spec`]. Their output carries a row kind a row where it is
//! said so in [`crate::element`].

use serde::{Deserialize, Serialize};

use crate::call_spec::{AggregateCall, SortKey};
use crate::window_spec::WindowSpec;

/// `GROUP BY` without a window, or no `GROUP BY` at all (no keys: parallelism 1). Output: keys, aggregates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupAggregateSpec {
    /// The grouping columns; the input is partitioned by them.
    pub keys: Vec<usize>,
    /// One output column each; none: DISTINCT.
    pub aggregates: Vec<AggregateCall>,
    /// The input has updates or deletes, so that values must be taken back.
    pub retracts: bool,
    /// Of the aggregates then, those from which nothing needs to be taken back: a MAX of what only grows, a MIN of what only shrinks.
    pub never_back: Vec<usize>,
    /// `table.exec.mini-batch.*`: so many rows are put together and each group's result is said once; `None`: after every row.
    pub mini_batch: Option<MiniBatch>,
    /// `table.exec.emit.early-fire.*`: the groups are windows, said with every row, and let go when they are over.
    pub window_end: Option<WindowEnd>,
    /// `table.exec.state.ttl`, milliseconds: a group that no row has reached for so long is forgotten; 0: none is.
    pub state_ttl_ms: u64,
}

/// When the windows that a group aggregate groups by are over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowEnd {
    /// Which of the keys is the window's exclusive end, TIMESTAMP(3).
    pub key: usize,
    /// The zone that windows are aligned in, for a TIMESTAMP_LTZ rowtime; `None`: UTC.
    pub zone: Option<String>,
    /// Nothing is said of a window before it is over.
    #[serde(default)]
    pub hold: bool,
    /// How long rows still change a window that is over.
    #[serde(default)]
    pub lateness_ms: u64,
    /// Processing time: the windows that rows are put into as they come; their start, end and last millisecond are columns behind the
    /// input's. `None`: the input has these columns, and watermarks close windows.
    #[serde(default)]
    pub assign: Option<WindowSpec>,
}

/// How many rows are put together, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiniBatch {
    /// `table.exec.mini-batch.size`
    pub rows: u64,
    /// `table.exec.mini-batch.allow-latency`, milliseconds.
    pub latency_ms: u64,
}

/// How a Top-N keeps its rows. Source: Flink's `RankProcessStrategy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RankStrategy {
    /// The input only inserts: the rows of the ranks that are asked for are all that is kept.
    AppendFast,
    /// The input updates rows by these columns, and an update never moves a row behind: the same, and `-U` is passed over.
    UpdateFast {
        /// The columns that tell one row from another.
        primary_keys: Vec<usize>,
    },
    /// All rows are kept.
    Retract,
}

/// `ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...) BETWEEN start AND end`. Output: the input's columns, then the number (BIGINT) where
/// it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankSpec {
    /// Partition columns; none: parallelism 1.
    pub partition_by: Vec<usize>,
    /// The order of rows in a partition; rows of equal rank stand in order of arrival.
    pub order_by: Vec<SortKey>,
    /// First rank, from 1.
    pub start: u64,
    /// Last rank.
    pub end: u64,
    /// A partition column, an integer, that holds a partition's last rank, where that is not behind `end`; NULL: nothing is asked for.
    #[serde(default)]
    pub end_by: Option<usize>,
    /// Whether the number is a column of the output.
    pub number: bool,
    /// How rows are kept.
    pub strategy: RankStrategy,
    /// `table.exec.state.ttl`, milliseconds; 0: none.
    pub state_ttl_ms: u64,
}

/// Which of the rows of a key stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// The first.
    First,
    /// The last.
    Last,
}

/// One row a key. The input only inserts. Output: the input's columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeduplicateSpec {
    /// The columns of the key.
    pub keys: Vec<usize>,
    /// The rowtime that rows are compared by; `None`: by arrival.
    pub rowtime: Option<usize>,
    /// Which row stays. By rowtime: of equal ones the first to arrive stays as `First`, the last as `Last`.
    pub keep: Keep,
    /// `table.exec.state.ttl`, milliseconds; 0: none.
    pub state_ttl_ms: u64,
}

/// The last row of each key of a source that says only that (upsert-kafka), or that may say things twice
/// (`table.exec.source.cdc-events-duplicate`). Output: the input's columns; a changelog in which every row that is taken back was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormalizeSpec {
    /// The columns of the table's PRIMARY KEY; the input is partitioned by them.
    pub keys: Vec<usize>,
    /// Whether somebody reads the old contents of what changes (`-U`).
    pub update_before: bool,
    /// `table.exec.state.ttl`, milliseconds; 0: none.
    pub state_ttl_ms: u64,
}

/// What a sink with a primary key is told where rows of different origin follow each other under one key. Output: the input's columns; a
/// changelog of `+I`, `+U` and `-D` by that key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterializeSpec {
    /// The sink's PRIMARY KEY; the input is partitioned by it.
    pub keys: Vec<usize>,
    /// The columns that tell the rows of the input apart through their updates; empty: nothing but the whole row does.
    pub upsert_key: Vec<usize>,
    /// `table.exec.state.ttl`, milliseconds; 0: none.
    pub state_ttl_ms: u64,
}

/// INTERSECT or EXCEPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SetKind {
    /// Rows of both sides.
    Intersect,
    /// Rows of the left side that the right one has not.
    Except,
}

/// INTERSECT and EXCEPT, with and without ALL. The last column of the input is the side (INT: 0 left, 1 right), the others are the row.
/// Output: the columns without the side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetOperationSpec {
    /// Which.
    pub kind: SetKind,
    /// ALL: rows as often as both have them, or as often as the left has them more.
    pub all: bool,
}
