//! What MATCH_RECOGNIZE is told: which rows make a pattern, and what is said of them.
//!
//! Conditions and measures are expressions over a row of *reads*: what a match, or what there is of it so far, says of one of its
//! variables. A read that no row answers is NULL.

use serde::{Deserialize, Serialize};

use crate::call_spec::SortKey;
use crate::expr::Expr;
use crate::types::LogicalType;

/// One MATCH_RECOGNIZE. Output: the partition's columns, then one a measure; one row a match, inserts only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchSpec {
    /// The columns that part the rows; none: all are one part, at parallelism 1.
    pub partition_by: Vec<usize>,
    /// The time attribute first, ascending.
    pub order_by: Vec<SortKey>,
    /// Processing time: rows are in its order as they come.
    pub processing_time: bool,
    /// The variables, one behind the other. At least one must match a row.
    pub pattern: Vec<PatternVariable>,
    /// `WITHIN`: a match's last row is less than so many milliseconds behind its first.
    pub within_ms: Option<i64>,
    /// Where the next match may begin.
    pub skip: AfterMatch,
    /// One output column each.
    pub measures: Vec<MatchExpr>,
}

/// A variable of a pattern: `B+`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatternVariable {
    /// As it is written.
    pub name: String,
    /// Rows at least.
    pub min: u32,
    /// Rows at most; `None`: any number.
    pub max: Option<u32>,
    /// It takes every row that it can; a variable behind it gets only rows that it cannot take. Flink's sense of the word: nothing is
    /// ever given back.
    pub greedy: bool,
    /// What DEFINE says; `None`: any row.
    pub condition: Option<MatchExpr>,
}

/// `AFTER MATCH SKIP`: which begun matches are dropped when one is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterMatch {
    /// Those that began in it: the next one begins behind its last row.
    PastLastRow,
    /// Those that began with its first row.
    NextRow,
    /// Those that began before the first row of a variable.
    First {
        /// Its position in the pattern.
        variable: usize,
    },
    /// Those that began before the last row of a variable.
    Last {
        /// Its position in the pattern.
        variable: usize,
    },
}

/// An expression over what it reads of a match: column `i` is read `i`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchExpr {
    /// What is read.
    pub reads: Vec<MatchRead>,
    /// Over the reads.
    pub expr: Expr,
}

/// Something that a match says of itself. In a condition the row that is asked about counts as its variable's last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MatchRead {
    /// `FIRST(B.price, 1)`, `LAST(B.price)`, `B.price`: a column of one row.
    Field {
        /// Position in the pattern; `None`: the rows of all variables.
        variable: Option<usize>,
        /// Counted from the first row, not from the last.
        from_first: bool,
        /// Rows from there; 0: that very row.
        offset: u32,
        /// The input's column.
        column: usize,
        /// Its type.
        ty: LogicalType,
    },
    /// `SUM(B.price * 2)`: an aggregate function over the rows of one variable.
    Aggregate {
        /// Position in the pattern; `None`: the rows of all variables.
        variable: Option<usize>,
        /// Flink's name in upper case.
        function: String,
        /// Over the input's columns; none for `COUNT(*)`.
        args: Vec<Expr>,
        /// The result's type.
        ty: LogicalType,
    },
    /// `MATCH_ROWTIME()`: the time of the match's last row.
    Rowtime {
        /// A timestamp.
        ty: LogicalType,
    },
    /// `MATCH_PROCTIME()`: the moment of the output.
    Proctime {
        /// A TIMESTAMP_LTZ.
        ty: LogicalType,
    },
}

impl MatchRead {
    /// The type of what is read.
    pub fn ty(&self) -> &LogicalType {
        match self {
            Self::Field { ty, .. } | Self::Aggregate { ty, .. } | Self::Rowtime { ty } | Self::Proctime { ty } => ty,
        }
    }
}

impl MatchSpec {
    /// Every expression over reads: conditions, then measures.
    pub fn exprs(&self) -> impl Iterator<Item = &MatchExpr> {
        self.pattern.iter().filter_map(|variable| variable.condition.as_ref()).chain(&self.measures)
    }

    /// The same, to be changed.
    pub fn exprs_mut(&mut self) -> impl Iterator<Item = &mut MatchExpr> {
        self.pattern.iter_mut().filter_map(|variable| variable.condition.as_mut()).chain(&mut self.measures)
    }
}
