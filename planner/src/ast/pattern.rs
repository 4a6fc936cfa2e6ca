//! MATCH_RECOGNIZE as it is written.

use super::{Expr, OrderItem};
use crate::error::Span;
use crate::token::Name;

/// What stands in the parentheses.
#[derive(Clone, Debug)]
pub(crate) struct MatchClause {
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) measures: Vec<Measure>,
    /// `ALL ROWS PER MATCH`, where it stands.
    pub(crate) all_rows: Option<Span>,
    pub(crate) skip: Skip,
    pub(crate) pattern: Pattern,
    pub(crate) within: Option<Expr>,
    /// `SUBSET`, where it stands.
    pub(crate) subset: Option<Span>,
    pub(crate) define: Vec<(Name, Expr)>,
    /// The words MATCH_RECOGNIZE.
    pub(crate) span: Span,
}

/// `FINAL LAST(A.price) AS price`
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// `RUNNING`, where it is said.
    pub(crate) running: Option<Span>,
    pub(crate) expr: Expr,
    pub(crate) name: Name,
}

/// `AFTER MATCH SKIP ...`
#[derive(Clone, Debug)]
pub(crate) enum Skip {
    PastLastRow,
    /// Also where nothing is said, as in Flink.
    NextRow,
    First(Name),
    Last(Name),
}

/// A pattern or a part of one.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) kind: PatternKind,
    pub(crate) span: Span,
}

/// What it is.
#[derive(Clone, Debug)]
pub(crate) enum PatternKind {
    Variable(Name),
    Concat(Vec<Pattern>),
    Repeat {
        inner: Box<Pattern>,
        /// `None`: `{,3}`.
        min: Option<u32>,
        /// `None`: any number.
        max: Option<u32>,
        reluctant: bool,
    },
    /// `A | B`
    Alternation,
    /// `PERMUTE(A, B)`
    Permutation,
    /// `{- A -}`
    Exclusion,
}
