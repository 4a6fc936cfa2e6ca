//! The algebra: what a bound query does, as a tree. A node carries its output columns; its expressions are over its input's.
//!
//! Nodes hold the operator specs that they become, so that nothing is said twice. Which of them update and delete: [`crate::changelog`].

use irmak_common::batch_spec::BatchOverSpec;
use irmak_common::call_spec::SortKey;
use irmak_common::changelog_spec::{DeduplicateSpec, GroupAggregateSpec, NormalizeSpec, RankSpec, SetOperationSpec};
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::match_spec::MatchSpec;
use irmak_common::operator_spec::{
    OverSpec, SinkSpec, SourceSpec, UnnestSpec, WatermarkSpec, WindowAggregateSpec, WindowKind, WindowProperty, WindowRankSpec, WindowSpec,
};
use irmak_common::types::{Field, LogicalType, Schema, TimeAttribute, TypeKind};

use crate::join::JoinRel;

/// A relation: rows of these columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rel {
    pub(crate) node: RelNode,
    pub(crate) schema: Schema,
}

/// How the rows come about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RelNode {
    Scan(Box<SourceSpec>),
    /// All that a table is made of (source, computed columns, watermark), as one: where a job reads a table twice, both readings are
    /// kept alike, so that they become one. Gone when the rewrites are done.
    Table {
        input: Box<Rel>,
        name: String,
    },
    Values(Vec<Vec<Value>>),
    Watermark {
        input: Box<Rel>,
        spec: Box<WatermarkSpec>,
    },
    Project {
        input: Box<Rel>,
        exprs: Vec<Expr>,
    },
    Filter {
        input: Box<Rel>,
        predicate: Expr,
    },
    WindowAggregate {
        input: Box<Rel>,
        spec: Box<WindowAggregateSpec>,
    },
    /// A window table function; `partition_by` matters to sessions.
    WindowAssign {
        input: Box<Rel>,
        window: WindowSpec,
        partition_by: Vec<usize>,
    },
    /// A group aggregate without windows.
    GroupAggregate {
        input: Box<Rel>,
        spec: Box<GroupAggregateSpec>,
    },
    /// Top-N.
    Rank {
        input: Box<Rel>,
        spec: Box<RankSpec>,
    },
    Deduplicate {
        input: Box<Rel>,
        spec: DeduplicateSpec,
    },
    /// The last row of each key of a source of changes.
    Normalize {
        input: Box<Rel>,
        spec: NormalizeSpec,
    },
    /// INTERSECT, EXCEPT: the input has one column more, the side.
    SetOperation {
        input: Box<Rel>,
        spec: SetOperationSpec,
    },
    /// Calls OVER a window of rows.
    Over {
        input: Box<Rel>,
        spec: Box<OverSpec>,
    },
    /// Calls OVER any window of rows, in batch mode.
    BatchOver {
        input: Box<Rel>,
        spec: Box<BatchOverSpec>,
    },
    /// ROW_NUMBER as it is bound: `bind::rank` makes what it is of it. The number's column is the last.
    RowNumber {
        input: Box<Rel>,
        spec: Box<RowNumberSpec>,
    },
    /// A rank within the windows of its input.
    WindowRank {
        input: Box<Rel>,
        spec: Box<WindowRankSpec>,
        window: WindowSpec,
    },
    /// ORDER BY a time attribute, and perhaps more; in batch mode, ORDER BY anything.
    TemporalSort {
        input: Box<Rel>,
        order_by: Vec<SortKey>,
        processing_time: bool,
        /// Only the first rows are asked for, so many. Batch mode alone minds.
        first: Option<u64>,
    },
    /// MATCH_RECOGNIZE.
    Match {
        input: Box<Rel>,
        spec: Box<MatchSpec>,
    },
    /// The elements of a collection, each with its row.
    Unnest {
        input: Box<Rel>,
        spec: Box<UnnestSpec>,
    },
    Join(Box<JoinRel>),
    Union(Vec<Rel>),
    Limit {
        input: Box<Rel>,
        offset: u64,
        count: u64,
    },
}

/// `ROW_NUMBER() OVER (PARTITION BY ... ORDER BY ...)`, and which of its numbers are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RowNumberSpec {
    /// `ROW_NUMBER`, `RANK` or `DENSE_RANK`.
    pub(crate) function: String,
    pub(crate) partition_by: Vec<usize>,
    pub(crate) order_by: Vec<SortKey>,
    /// The first number that counts, from 1.
    pub(crate) start: u64,
    /// The last one; `None`: nobody has said.
    pub(crate) end: Option<u64>,
    /// The partition column that holds the last one.
    pub(crate) end_by: Option<usize>,
    pub(crate) span: crate::error::Span,
}

/// Where the rows go.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub(crate) enum Target {
    /// A table, with `sink.parallelism` where it was given.
    Sink { spec: SinkSpec, parallelism: Option<u32> },
    /// The terminal.
    Collect,
}

/// A query and where its rows go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Root {
    pub(crate) rel: Rel,
    pub(crate) target: Target,
    /// Where the target is named, or the query begins.
    pub(crate) span: crate::error::Span,
}

/// The columns that say which window a row is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowColumns {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) time: Option<usize>,
}

impl WindowColumns {
    /// The same behind so many more columns.
    pub(crate) fn shifted(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by, time: self.time.map(|time| time + by) }
    }
}

impl Rel {
    /// One computed column an expression, under these names.
    pub(crate) fn project(self, exprs: Vec<Expr>, names: Vec<String>) -> Self {
        let fields = names.into_iter().zip(&exprs).map(|(name, expr)| Field::new(name, expr.ty.clone())).collect();
        Self { node: RelNode::Project { input: Box::new(self), exprs }, schema: Schema::new(fields) }
    }

    /// The rows for which the predicate is TRUE.
    pub(crate) fn filter(self, predicate: Expr) -> Self {
        let schema = self.schema.clone();
        Self { node: RelNode::Filter { input: Box::new(self), predicate }, schema }
    }

    /// The same rows under other column names.
    pub(crate) fn renamed(mut self, names: &[String]) -> Self {
        if self.schema.fields.iter().map(|field| &field.name).eq(names) {
            return self;
        }
        if matches!(self.node, RelNode::Project { .. } | RelNode::Values(_)) {
            for (field, name) in self.schema.fields.iter_mut().zip(names) {
                field.name.clone_from(name);
            }
            return self;
        }
        let exprs = self.columns();
        self.project(exprs, names.to_vec())
    }

    /// A reference to each column.
    pub(crate) fn columns(&self) -> Vec<Expr> {
        self.schema.fields.iter().enumerate().map(|(index, field)| Expr::column(index, field.ty.clone())).collect()
    }

    /// The window columns that this relation carries, where it does. Source: Flink's `FlinkRelMdWindowProperties`.
    pub(crate) fn window_columns(&self) -> Option<WindowColumns> {
        match &self.node {
            RelNode::WindowAssign { input, .. } => {
                let width = input.schema.len();
                Some(WindowColumns { start: width, end: width + 1, time: Some(width + 2) })
            }
            RelNode::WindowAggregate { spec, .. } => {
                let base = spec.keys.len() + spec.aggregates.len();
                let find = |wanted| spec.properties.iter().position(|property| *property == wanted).map(|at| base + at);
                let time = find(WindowProperty::Rowtime);
                Some(WindowColumns { start: find(WindowProperty::Start)?, end: find(WindowProperty::End)?, time })
            }
            RelNode::Project { input, exprs } => {
                let below = input.window_columns()?;
                let find = |column| exprs.iter().position(|expr| expr.as_column() == Some(column));
                Some(WindowColumns { start: find(below.start)?, end: find(below.end)?, time: below.time.and_then(find) })
            }
            RelNode::Filter { input, .. } | RelNode::Limit { input, .. } | RelNode::Table { input, .. } => input.window_columns(),
            RelNode::WindowRank { input, .. } | RelNode::RowNumber { input, .. } | RelNode::Unnest { input, .. } => input.window_columns(),
            RelNode::Join(join) => join.window_columns(),
            _ => None,
        }
    }

    /// The inputs.
    pub(crate) fn inputs(&self) -> Vec<&Self> {
        match &self.node {
            RelNode::Scan(_) | RelNode::Values(_) => Vec::new(),
            RelNode::Table { input, .. }
            | RelNode::Watermark { input, .. }
            | RelNode::Project { input, .. }
            | RelNode::Filter { input, .. }
            | RelNode::WindowAggregate { input, .. }
            | RelNode::WindowAssign { input, .. }
            | RelNode::GroupAggregate { input, .. }
            | RelNode::Rank { input, .. }
            | RelNode::Deduplicate { input, .. }
            | RelNode::Normalize { input, .. }
            | RelNode::SetOperation { input, .. }
            | RelNode::Over { input, .. }
            | RelNode::BatchOver { input, .. }
            | RelNode::RowNumber { input, .. }
            | RelNode::WindowRank { input, .. }
            | RelNode::TemporalSort { input, .. }
            | RelNode::Match { input, .. }
            | RelNode::Unnest { input, .. }
            | RelNode::Limit { input, .. } => vec![input],
            RelNode::Join(join) => vec![&join.left, &join.right],
            RelNode::Union(inputs) => inputs.iter().collect(),
        }
    }

    /// The same relation over inputs that `change` made of its own.
    pub(crate) fn over(mut self, change: &mut impl FnMut(Self) -> Self) -> Self {
        let mut boxed = |input: Box<Self>| Box::new(change(*input));
        self.node = match self.node {
            RelNode::Table { input, name } => RelNode::Table { input: boxed(input), name },
            RelNode::Watermark { input, spec } => RelNode::Watermark { input: boxed(input), spec },
            RelNode::Project { input, exprs } => RelNode::Project { input: boxed(input), exprs },
            RelNode::Filter { input, predicate } => RelNode::Filter { input: boxed(input), predicate },
            RelNode::WindowAggregate { input, spec } => RelNode::WindowAggregate { input: boxed(input), spec },
            RelNode::WindowAssign { input, window, partition_by } => RelNode::WindowAssign { input: boxed(input), window, partition_by },
            RelNode::GroupAggregate { input, spec } => RelNode::GroupAggregate { input: boxed(input), spec },
            RelNode::Rank { input, spec } => RelNode::Rank { input: boxed(input), spec },
            RelNode::Deduplicate { input, spec } => RelNode::Deduplicate { input: boxed(input), spec },
            RelNode::Normalize { input, spec } => RelNode::Normalize { input: boxed(input), spec },
            RelNode::SetOperation { input, spec } => RelNode::SetOperation { input: boxed(input), spec },
            RelNode::Over { input, spec } => RelNode::Over { input: boxed(input), spec },
            RelNode::BatchOver { input, spec } => RelNode::BatchOver { input: boxed(input), spec },
            RelNode::RowNumber { input, spec } => RelNode::RowNumber { input: boxed(input), spec },
            RelNode::WindowRank { input, spec, window } => RelNode::WindowRank { input: boxed(input), spec, window },
            RelNode::TemporalSort { input, order_by, processing_time, first } => {
                RelNode::TemporalSort { input: boxed(input), order_by, processing_time, first }
            }
            RelNode::Match { input, spec } => RelNode::Match { input: boxed(input), spec },
            RelNode::Unnest { input, spec } => RelNode::Unnest { input: boxed(input), spec },
            RelNode::Limit { input, offset, count } => RelNode::Limit { input: boxed(input), offset, count },
            RelNode::Join(join) => {
                let JoinRel { left, right, kind, condition, as_of, state_ttl } = *join;
                let (left, right) = (change(left), change(right));
                RelNode::Join(Box::new(JoinRel { left, right, kind, condition, as_of, state_ttl }))
            }
            RelNode::Union(inputs) => RelNode::Union(inputs.into_iter().map(change).collect()),
            leaf @ (RelNode::Scan(_) | RelNode::Values(_)) => leaf,
        };
        self
    }
}

/// The columns that an expression reads, into `found`.
pub(crate) fn collect_columns(expr: &Expr, found: &mut std::collections::BTreeSet<usize>) {
    if let ExprNode::Column(index) = expr.node {
        found.insert(index);
    }
    expr.children().into_iter().for_each(|child| collect_columns(child, found));
}

/// The columns that an expression reads.
pub(crate) fn columns_of(expr: &Expr) -> std::collections::BTreeSet<usize> {
    let mut found = std::collections::BTreeSet::new();
    collect_columns(expr, &mut found);
    found
}

/// The same expression with each column put through `map`; `None` as soon as `map` says so.
pub(crate) fn map_columns(expr: &Expr, map: &impl Fn(usize) -> Option<Expr>) -> Option<Expr> {
    if let ExprNode::Column(index) = expr.node {
        return map(index);
    }
    let mut mapped = expr.clone();
    for child in mapped.children_mut() {
        *child = map_columns(child, map)?;
    }
    Some(mapped)
}

/// The same expression over a narrower input: column `i` becomes `positions[i]`. Columns that are not there stay as they are.
pub(crate) fn shift_columns(expr: &mut Expr, positions: &std::collections::BTreeMap<usize, usize>) {
    if let ExprNode::Column(index) = &mut expr.node {
        *index = positions.get(index).copied().unwrap_or(*index);
    }
    expr.children_mut().into_iter().for_each(|child| shift_columns(child, positions));
}

/// The type without its time attribute.
pub(crate) fn plain(ty: &LogicalType) -> LogicalType {
    with_attribute(ty, TimeAttribute::None)
}

/// The type with this time attribute, where it is a timestamp.
pub(crate) fn with_attribute(ty: &LogicalType, attribute: TimeAttribute) -> LogicalType {
    let kind = match ty.kind {
        TypeKind::Timestamp { precision, .. } => TypeKind::Timestamp { precision, attribute },
        TypeKind::TimestampLtz { precision, .. } => TypeKind::TimestampLtz { precision, attribute },
        _ => ty.kind.clone(),
    };
    LogicalType { kind, nullable: ty.nullable }
}

/// Whether the kinds of two types are the same but for time attributes, so that no cast is needed between them.
pub(crate) fn same_kind(a: &LogicalType, b: &LogicalType) -> bool {
    plain(a).kind == plain(b).kind
}

/// The expression as this type: a cast where the kind differs.
pub(crate) fn cast_to(expr: Expr, ty: &LogicalType) -> Expr {
    if same_kind(&expr.ty, ty) {
        return expr;
    }
    let ty = plain(ty).with_nullable(expr.ty.nullable);
    if let ExprNode::Literal(Value::Null) = expr.node {
        return Expr::null(ty.kind);
    }
    expr.cast(ty)
}

/// Whether the windows of a kind are made by key, so that two rows' windows depend on each other.
pub(crate) fn is_session(window: &WindowSpec) -> bool {
    matches!(window.kind, WindowKind::Session { .. })
}
