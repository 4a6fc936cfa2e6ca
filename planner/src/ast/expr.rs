//! Expressions, as they are written.

use irmak_common::types::LogicalType;

use super::Query;
use crate::error::Span;
use crate::token::Name;

/// An expression at its place.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
    /// Levels below this one, and it: bounded by `limits::SQL_DEPTH_MAX`, so that recursion over it is bounded.
    pub(crate) depth: usize,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    /// `a`, `t.a`, `t.a.field`
    Column(Vec<Name>),
    /// Digits as written.
    Number(String),
    String(String),
    Bytes(Vec<u8>),
    Boolean(bool),
    /// `NULL` and, as a BOOLEAN, `UNKNOWN`.
    Null,
    Unknown,
    /// `NULL` of a type: what a function's RETURNING clause becomes.
    TypedNull(LogicalType),
    /// `DATE '...'`, `TIME '...'`, `TIMESTAMP '...'`
    Typed {
        keyword: &'static str,
        text: String,
    },
    Interval(Interval),
    /// A keyword as an argument: `DAY` in `EXTRACT(DAY FROM d)`.
    Symbol(String),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    /// An operator of `functions` by its name there.
    Operator {
        name: &'static str,
        args: Vec<Expr>,
    },
    Between {
        operand: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        symmetric: bool,
    },
    /// `operand = ANY (query)`, which is `operand IN (query)`, or with another comparison.
    InQuery {
        operand: Box<Expr>,
        comparison: &'static str,
        query: Box<Query>,
    },
    Exists(Box<Query>),
    /// A query as a value.
    Subquery(Box<Query>),
    /// What a subquery has become: a column of the relation that it was joined to.
    Attached(usize),
    Case {
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast {
        input: Box<Expr>,
        ty: LogicalType,
        safe: bool,
    },
    Call(Box<Call>),
    /// What was bound before the rest of its expression: a call OVER a window, which is a column now.
    Bound(Box<irmak_common::expr::Expr>),
    /// `base.field`, where `base` is not a plain name.
    Field {
        base: Box<Expr>,
        name: Name,
    },
}

/// `name(args)` with all that may hang on it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: Name,
    pub(crate) args: Vec<Expr>,
    /// `COUNT(*)`
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<Expr>,
    pub(crate) over: Option<Over>,
}

/// `OVER (...)` or `OVER name`.
#[derive(Clone, Debug)]
pub(crate) struct Over {
    pub(crate) name: Option<Name>,
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) frame: Option<Frame>,
    pub(crate) span: Span,
}

/// `ROWS|RANGE BETWEEN start AND end`.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) rows: bool,
    pub(crate) start: Bound,
    pub(crate) end: Bound,
    pub(crate) span: Span,
}

/// Where a frame begins or ends.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    Unbounded,
    CurrentRow,
    Preceding(Expr),
    Following(Expr),
    UnboundedFollowing,
}

/// `INTERVAL '1' DAY`.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    pub(crate) negative: bool,
    pub(crate) text: String,
    pub(crate) from: Unit,
    /// How many digits its first field may have: 2 unless it says `DAY(3)`.
    pub(crate) digits: u8,
    pub(crate) to: Option<Unit>,
}

/// The operator of `(a - b) DAY`.
pub(crate) const MINUS_DATE: &str = "MINUS_DATE";

/// A field of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// `expr [ASC|DESC] [NULLS FIRST|LAST]`.
#[derive(Clone, Debug)]
pub(crate) struct OrderItem {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    /// `NULLS FIRST` or `LAST` where it is said; else NULL is the least value.
    pub(crate) nulls_first: Option<bool>,
}

impl Expr {
    /// An expression that the binder puts in another's place.
    pub(crate) fn new(kind: ExprKind, span: Span) -> Self {
        Self { kind, span, depth: 1 }
    }

    /// The name that a SELECT item has without an alias: its column's.
    pub(crate) fn implied_name(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Column(path) => path.last().map(|name| name.text.as_str()),
            ExprKind::Field { name, .. } => Some(&name.text),
            _ => None,
        }
    }

    /// The direct operands.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::And(args) | ExprKind::Or(args) | ExprKind::Operator { args, .. } => args.iter().collect(),
            ExprKind::Not(input) | ExprKind::Cast { input, .. } => vec![input],
            ExprKind::InQuery { operand, .. } | ExprKind::Field { base: operand, .. } => vec![operand],
            ExprKind::Between { operand, low, high, .. } => vec![operand, low, high],
            ExprKind::Case { operand, branches, otherwise } => operand
                .iter()
                .map(Box::as_ref)
                .chain(branches.iter().flat_map(|(when, then)| [when, then]))
                .chain(otherwise.iter().map(Box::as_ref))
                .collect(),
            ExprKind::Call(call) => call.args.iter().chain(&call.filter).collect(),
            _ => Vec::new(),
        }
    }

    /// The direct operands, to be changed.
    pub(crate) fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::And(args) | ExprKind::Or(args) | ExprKind::Operator { args, .. } => args.iter_mut().collect(),
            ExprKind::Not(input) | ExprKind::Cast { input, .. } => vec![input],
            ExprKind::InQuery { operand, .. } | ExprKind::Field { base: operand, .. } => vec![operand],
            ExprKind::Between { operand, low, high, .. } => vec![operand, low, high],
            ExprKind::Case { operand, branches, otherwise } => operand
                .iter_mut()
                .map(Box::as_mut)
                .chain(branches.iter_mut().flat_map(|(when, then)| [when, then]))
                .chain(otherwise.iter_mut().map(Box::as_mut))
                .collect(),
            ExprKind::Call(call) => call.args.iter_mut().chain(&mut call.filter).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether this or something in it is so.
    pub(crate) fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self) || self.children().into_iter().any(|child| child.any(test))
    }
}
