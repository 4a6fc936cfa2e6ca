//! The syntax tree: what a script says, before anybody has asked what its names mean. Every node knows its place.

pub(crate) mod pattern;

use irmak_common::types::LogicalType;

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
    /// `operand IN (query)`.
    InQuery {
        operand: Box<Expr>,
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
    Quarter,
    Month,
    Week,
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

/// One statement of a script.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    pub(crate) span: Span,
}

/// Which.
#[derive(Clone, Debug)]
pub(crate) enum StatementKind {
    CreateTable(Box<CreateTable>),
    CreateView(Box<CreateView>),
    /// `CREATE TABLE ... AS query`: a table with the query's columns, and the INSERT that fills it.
    CreateTableAs {
        create: Box<CreateTable>,
        query: Box<Query>,
    },
    Drop(Drop),
    Alter(Box<Alter>),
    Set(Option<(Setting, Setting)>),
    Reset(Option<Setting>),
    Insert(Box<Insert>),
    StatementSet(Vec<Insert>),
    Query(Box<Query>),
    Explain {
        statement: Box<Statement>,
        /// What is asked for beside the plan.
        details: ExplainDetails,
    },
    Describe {
        name: Vec<Name>,
    },
    Show(Show),
    /// `USE CATALOG default_catalog`, `USE default_database`: what there is is in use already.
    Use,
    /// `DROP FUNCTION IF EXISTS f` and the like: there is none, and that is accepted.
    Nothing,
}

/// `DROP [TEMPORARY] TABLE|VIEW`.
#[derive(Clone, Debug)]
pub(crate) struct Drop {
    pub(crate) view: bool,
    pub(crate) temporary: bool,
    pub(crate) name: Vec<Name>,
    pub(crate) if_exists: bool,
}

/// `ALTER TABLE` and `ALTER VIEW`.
#[derive(Clone, Debug)]
pub(crate) struct Alter {
    pub(crate) view: bool,
    pub(crate) name: Vec<Name>,
    pub(crate) if_exists: bool,
    pub(crate) change: Change,
}

/// What ALTER changes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    RenameTo(Vec<Name>),
    /// `ALTER VIEW v AS query`.
    Query(Query),
    Set(Vec<OptionDef>),
    /// Keys and their places.
    Reset(Vec<Setting>),
    /// New columns, and a watermark or a key where there is none.
    Add(Elements),
    /// Other columns, watermark or key in the place of those there are.
    Modify(Elements),
    DropColumns(Vec<Name>),
    DropWatermark(Span),
    DropPrimaryKey(Span),
    RenameColumn {
        from: Name,
        to: Name,
    },
}

/// What stands in the parentheses of ALTER TABLE ADD or MODIFY.
#[derive(Clone, Debug)]
pub(crate) struct Elements {
    pub(crate) columns: Vec<(ColumnDef, Option<Place>)>,
    pub(crate) watermark: Option<(Name, Expr)>,
    pub(crate) primary_key: Option<(Vec<Name>, Span)>,
}

/// Where a column comes to stand.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    First,
    After(Name),
}

/// What EXPLAIN is asked for beside the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExplainDetails {
    pub(crate) estimated_cost: bool,
    pub(crate) changelog_mode: bool,
    pub(crate) json_execution_plan: bool,
    pub(crate) plan_advice: bool,
}

/// A key or a value of SET.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What SHOW shows.
#[derive(Clone, Debug)]
pub(crate) enum Show {
    /// Names of things, or those that a pattern takes.
    Names {
        listed: Listed,
        only: Option<Pattern>,
    },
    Columns {
        table: Vec<Name>,
        only: Option<Pattern>,
    },
    CreateTable(Vec<Name>),
    CreateView(Vec<Name>),
}

/// Things that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Tables,
    Views,
    Functions,
    UserFunctions,
    Procedures,
    Catalogs,
    Databases,
    CurrentCatalog,
    CurrentDatabase,
    Modules,
    FullModules,
    Jars,
}

/// `[NOT] LIKE 'a%'`, `[NOT] ILIKE 'A%'`.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) negated: bool,
    pub(crate) any_case: bool,
    pub(crate) text: String,
}

/// `CREATE TABLE`.
#[derive(Clone, Debug)]
pub(crate) struct CreateTable {
    pub(crate) name: Vec<Name>,
    pub(crate) temporary: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<ColumnDef>,
    pub(crate) watermark: Option<(Name, Expr)>,
    pub(crate) primary_key: Option<(Vec<Name>, Span)>,
    pub(crate) comment: Option<String>,
    pub(crate) partitioned_by: Vec<Name>,
    pub(crate) options: Vec<OptionDef>,
    pub(crate) like: Option<Like>,
}

/// A column of `CREATE TABLE`.
#[derive(Clone, Debug)]
pub(crate) struct ColumnDef {
    pub(crate) name: Name,
    pub(crate) kind: ColumnKind,
    pub(crate) comment: Option<String>,
}

/// How a column comes by its values.
#[derive(Clone, Debug)]
pub(crate) enum ColumnKind {
    Physical(LogicalType),
    Computed(Expr),
    Metadata { ty: LogicalType, key: Option<String>, is_virtual: bool },
}

/// `'key' = 'value'`.
#[derive(Clone, Debug)]
pub(crate) struct OptionDef {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: String,
    pub(crate) value_span: Span,
}

/// `LIKE table (INCLUDING|EXCLUDING|OVERWRITING ...)`.
#[derive(Clone, Debug)]
pub(crate) struct Like {
    pub(crate) name: Vec<Name>,
    /// (strategy, feature), in upper case; each feature once.
    pub(crate) options: Vec<(&'static str, &'static str)>,
}

impl Like {
    /// What becomes of a feature of the base table. Options are overwritten unless somebody says otherwise, as in Flink.
    pub(crate) fn strategy(&self, feature: &str) -> &'static str {
        let of = |wanted: &str| self.options.iter().find(|(_, known)| *known == wanted).map(|(strategy, _)| *strategy);
        of(feature).or_else(|| of("ALL")).unwrap_or(if feature == "OPTIONS" { "OVERWRITING" } else { "INCLUDING" })
    }
}

/// `CREATE VIEW`.
#[derive(Clone, Debug)]
pub(crate) struct CreateView {
    pub(crate) name: Vec<Name>,
    pub(crate) temporary: bool,
    pub(crate) columns: Vec<Name>,
    pub(crate) if_not_exists: bool,
    pub(crate) query: Query,
}

/// `INSERT INTO`.
#[derive(Clone, Debug)]
pub(crate) struct Insert {
    pub(crate) table: Vec<Name>,
    pub(crate) partition: Vec<(Name, Expr)>,
    pub(crate) columns: Vec<Name>,
    pub(crate) overwrite: Option<Span>,
    pub(crate) query: Query,
    pub(crate) span: Span,
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
