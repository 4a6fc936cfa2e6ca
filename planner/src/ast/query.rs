//! Queries: SELECT, FROM and what stands around them.

use super::{Expr, OrderItem, Over, pattern};
use crate::error::Span;
use crate::token::Name;

/// A query with everything around its body.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) with: Vec<Cte>,
    pub(crate) body: Body,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) limit: Option<u64>,
    pub(crate) offset: Option<(u64, Span)>,
    pub(crate) span: Span,
}

/// `name (columns) AS (query)`.
#[derive(Clone, Debug)]
pub(crate) struct Cte {
    pub(crate) name: Name,
    pub(crate) columns: Vec<Name>,
    pub(crate) query: Query,
}

/// What a query does, without its ORDER BY and LIMIT.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    Nested(Box<Query>),
    Set { kind: SetKind, all: bool, inputs: Vec<(Body, Span)>, operator: Span },
}

/// UNION and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetKind {
    Union,
    Intersect,
    Except,
}

/// `SELECT ...`.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) distinct: Option<Span>,
    pub(crate) items: Vec<SelectItem>,
    pub(crate) from: Option<TableRef>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Option<Vec<GroupItem>>,
    pub(crate) having: Option<Expr>,
    pub(crate) windows: Vec<(Name, Over)>,
    /// `/*+ STATE_TTL(...) */`
    pub(crate) state_ttl: Vec<StateTtl>,
    pub(crate) span: Span,
}

/// What STATE_TTL says of one table.
#[derive(Clone, Debug)]
pub(crate) struct StateTtl {
    pub(crate) table: String,
    /// A duration, as written.
    pub(crate) ttl: String,
    pub(crate) span: Span,
}

/// One item of a SELECT list.
#[derive(Clone, Debug)]
pub(crate) enum SelectItem {
    Star { qualifier: Vec<Name>, span: Span },
    Expr { expr: Expr, alias: Option<Name> },
}

/// One item of a GROUP BY.
#[derive(Clone, Debug)]
pub(crate) enum GroupItem {
    Expr(Expr),
    /// `GROUPING SETS`, `CUBE`, `ROLLUP`: each set's expressions.
    Sets {
        sets: Vec<Vec<Expr>>,
    },
}

/// What stands behind FROM.
#[derive(Clone, Debug)]
pub(crate) enum TableRef {
    Table {
        name: Vec<Name>,
        hints: Vec<Hint>,
        alias: Option<Alias>,
        /// `FOR SYSTEM_TIME AS OF` what.
        snapshot: Option<Box<(Expr, Span)>>,
    },
    Derived {
        query: Box<Query>,
        alias: Option<Alias>,
        /// It sees the columns of the tables before it.
        lateral: bool,
    },
    Window {
        function: Name,
        args: Vec<WindowArg>,
        span: Span,
        alias: Option<Alias>,
    },
    /// `UNNEST(collection) [WITH ORDINALITY]`: it sees the tables before it.
    Unnest {
        collection: Box<Expr>,
        ordinality: bool,
        alias: Option<Alias>,
        span: Span,
    },
    Join {
        left: Box<TableRef>,
        right: Box<TableRef>,
        kind: JoinKind,
        on: JoinOn,
        span: Span,
    },
    Match {
        input: Box<TableRef>,
        clause: Box<pattern::MatchClause>,
        alias: Option<Alias>,
    },
}

/// A hint's name, and the option that it sets.
#[derive(Clone, Debug)]
pub(crate) struct Hint {
    pub(crate) name: Name,
    pub(crate) option: Option<(String, String)>,
}

/// `AS name (columns)`.
#[derive(Clone, Debug)]
pub(crate) struct Alias {
    pub(crate) name: Name,
    pub(crate) columns: Vec<Name>,
}

/// How two tables are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Cross,
    Inner,
    Left,
    Right,
    Full,
}

/// What two tables are joined on.
#[derive(Clone, Debug)]
pub(crate) enum JoinOn {
    /// Nothing was said.
    Nothing,
    Condition(Box<Expr>),
    /// Columns of both that are equal, and appear once.
    Using(Vec<Name>),
    /// All columns that both have.
    Natural,
}

/// One argument of a window table function.
#[derive(Clone, Debug)]
pub(crate) struct WindowArg {
    pub(crate) name: Option<Name>,
    pub(crate) value: WindowValue,
    pub(crate) span: Span,
}

/// What it is.
#[derive(Clone, Debug)]
pub(crate) enum WindowValue {
    Table { name: Vec<Name>, partition_by: Vec<Name> },
    Query { query: Box<Query>, partition_by: Vec<Name> },
    Descriptor(Vec<Name>),
    Expr(Expr),
}
