//! What specs of many operators are made of: an aggregate's call, a column of an order. Columns are positions in the operator's input.

use serde::{Deserialize, Serialize};

use crate::types::LogicalType;

/// An aggregate function over the rows of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AggregateCall {
    /// Flink's name in upper case: `COUNT`, `SUM`, `MIN`, `MAX`, `AVG`, ...
    pub function: String,
    /// Argument columns; none for `COUNT(*)`.
    pub args: Vec<usize>,
    /// The arguments' types.
    pub arg_types: Vec<LogicalType>,
    /// Each distinct value once.
    pub distinct: bool,
    /// A BOOLEAN column: only rows where it is TRUE count.
    pub filter: Option<usize>,
    /// The result type.
    pub ty: LogicalType,
    /// The output column's name.
    pub name: String,
}

/// One column of an ORDER BY.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    /// Which column.
    pub column: usize,
    /// Greatest first.
    pub descending: bool,
    /// NULL before all values.
    pub nulls_first: bool,
}
