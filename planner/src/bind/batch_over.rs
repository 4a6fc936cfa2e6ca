//! Calls `OVER (...)` in batch mode: any order, any frame, and each call its own.
//!
//! Calls over one order of rows become one operator; several orders are sorted one behind the other. The rows come out in the order of
//! the last, as from Flink's plans.

use irmak_common::batch_spec::{BatchFrame, BatchOverCall, BatchOverSpec, FrameEdge};
use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::operator_spec::OverFrame;
use irmak_common::types::{Field, Schema, TypeKind};

use crate::algebra::{Rel, RelNode, cast_to};
use crate::ast::{self, Bound, Over};
use crate::error::{Code, PlanError, Planned, Span};

use super::call;
use super::expr::{ExprBinder, article};
use super::group::Aggregate;
use super::over::{Needed, Order, OverWindow};
use super::scope::unique_names;

/// Where a frame begins and ends, over the relation below.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edges {
    start: Edge,
    end: Edge,
}

#[derive(Clone, Debug, PartialEq)]
enum Edge {
    Unbounded,
    Rows(i64),
    Peers,
    Range { key: Expr, limit: Expr },
}

impl Edges {
    /// Every expression in it, to be settled.
    pub(super) fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        [&mut self.start, &mut self.end]
            .into_iter()
            .flat_map(|edge| match edge {
                Edge::Range { key, limit } => vec![key, limit],
                _ => Vec::new(),
            })
            .collect()
    }
}

/// Functions that take no frame.
const FRAMELESS: [&str; 8] = ["ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LEAD", "LAG"];
/// Functions that mean nothing without an order.
const ORDERED: [&str; 4] = ["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST"];

impl ExprBinder<'_> {
    /// A window of rows in batch mode.
    pub(super) fn batch_window(&mut self, name: &str, over: &Over, span: Span) -> Planned<OverWindow> {
        let partition = self.all(&over.partition_by)?;
        let order = self.over_order(over)?;
        if order.is_empty() && ORDERED.contains(&name) {
            return Err(
                PlanError::new(Code::Syntax, "RANK or DENSE_RANK functions require ORDER BY clause in window specification").at(span)
            );
        }
        let edges = match &over.frame {
            Some(frame) if FRAMELESS.contains(&name) => {
                return Err(PlanError::new(Code::Syntax, format!("{name} takes no ROWS or RANGE")).at(frame.span));
            }
            Some(frame) => Edges {
                start: self.frame_edge(frame, &frame.start, &order, true)?,
                end: self.frame_edge(frame, &frame.end, &order, false)?,
            },
            None => Edges { start: Edge::Unbounded, end: Edge::Peers },
        };
        Ok(OverWindow { partition, order, frame: OverFrame::RowsUnbounded, edges: Some(edges) })
    }

    fn frame_edge(&mut self, frame: &ast::Frame, bound: &Bound, order: &[Order], is_start: bool) -> Planned<Edge> {
        let wrong = |message: &str| Err(PlanError::new(Code::Syntax, message.to_owned()).at(frame.span));
        match bound {
            Bound::Unbounded if !is_start => wrong("UNBOUNDED PRECEDING cannot be specified for the upper frame boundary"),
            Bound::UnboundedFollowing if is_start => wrong("UNBOUNDED FOLLOWING cannot be specified for the lower frame boundary"),
            Bound::Preceding(_) if !is_start && matches!(frame.start, Bound::CurrentRow | Bound::Following(_)) => {
                wrong("a frame that begins at CURRENT ROW or behind it cannot end before it")
            }
            Bound::CurrentRow if !is_start && matches!(frame.start, Bound::Following(_)) => {
                wrong("a frame that begins behind CURRENT ROW cannot end at it")
            }
            Bound::Unbounded | Bound::UnboundedFollowing => Ok(Edge::Unbounded),
            Bound::CurrentRow => Ok(if frame.rows { Edge::Rows(0) } else { Edge::Peers }),
            Bound::Preceding(distance) if frame.rows => Ok(Edge::Rows(-self.row_count(distance)?)),
            Bound::Following(distance) if frame.rows => Ok(Edge::Rows(self.row_count(distance)?)),
            Bound::Preceding(distance) => self.limit(distance, order, true),
            Bound::Following(distance) => self.limit(distance, order, false),
        }
    }

    fn row_count(&mut self, distance: &ast::Expr) -> Planned<i64> {
        match self.bind(distance)?.node {
            ExprNode::Literal(Value::Int(rows)) if rows >= 0 => Ok(rows),
            _ => Err(PlanError::new(Code::Types, "ROWS takes a number of rows, constant and not negative").at(distance.span)),
        }
    }

    /// A RANGE's edge: a distance from the order's only key.
    fn limit(&mut self, distance: &ast::Expr, order: &[Order], preceding: bool) -> Planned<Edge> {
        let span = distance.span;
        let [by] = order else {
            return Err(PlanError::new(Code::Types, "a RANGE by distance needs an ORDER BY of exactly one column").at(span));
        };
        let distance = self.bind(distance)?;
        // Along the order what precedes is less, or greater where it descends.
        let operator = if preceding != by.descending { "-" } else { "+" };
        let limit = call::resolve(operator, vec![by.expr.clone(), distance], span).map_err(|_| {
            PlanError::new(Code::Types, "Data Type mismatch between ORDER BY and RANGE clause")
                .at(span)
                .label(format!("the order is by {}", article(&by.expr.ty)))
        })?;
        Ok(Edge::Range { key: cast_to(by.expr.clone(), &limit.ty), limit })
    }
}

/// `NTILE(n)`: a BIGINT, never NULL.
pub(super) fn ntile(args: Vec<Expr>, span: Span) -> Planned<Aggregate> {
    let positive = |arg: &Expr| matches!(arg.node, ExprNode::Literal(Value::Int(buckets)) if buckets > 0);
    match &args[..] {
        [buckets] if positive(buckets) => {
            Ok(Aggregate { function: "NTILE".into(), args, distinct: false, filter: None, ty: TypeKind::BigInt.not_null() })
        }
        _ => Err(PlanError::new(Code::Types, "NTILE takes a number of buckets, a constant from 1").at(span).note("accepted: NTILE(4)")),
    }
}

/// The relation with the calls' columns behind its own, and where they begin.
pub(super) fn relation(calls: Vec<(Aggregate, OverWindow, Span)>, input: Rel) -> (Rel, usize) {
    let width = input.schema.len();
    if calls.is_empty() {
        return (input, width);
    }
    let names: Vec<String> = input.schema.fields.iter().map(|field| field.name.clone()).collect();
    // Which calls are over one order of rows, in the order in which these are first named.
    let mut sorts: Vec<Vec<usize>> = Vec::new();
    for (at, (_, window, _)) in calls.iter().enumerate() {
        let same = |sort: &&mut Vec<usize>| {
            let first = &calls[sort[0]].1;
            first.partition == window.partition && same_order(&first.order, &window.order)
        };
        match sorts.iter_mut().find(same) {
            Some(sort) => sort.push(at),
            None => sorts.push(vec![at]),
        }
    }
    let (mut rel, mut places) = (input, vec![0; calls.len()]);
    for (number, sort) in sorts.iter().enumerate() {
        let chosen: Vec<_> = sort.iter().map(|at| &calls[*at]).collect();
        let first;
        (rel, first) = sorted(rel, number, &chosen);
        sort.iter().enumerate().for_each(|(at, call)| places[*call] = first + at);
    }
    let all = rel.columns();
    let exprs: Vec<Expr> = (0..width).chain(places).map(|at| all[at].clone()).collect();
    let calls = (0..calls.len()).map(|at| Some(format!("w0$o{at}")));
    let names = unique_names(names.into_iter().map(Some).chain(calls).collect());
    (rel.project(exprs, names), width)
}

fn same_order(a: &[Order], b: &[Order]) -> bool {
    let key = |order: &Order| (order.expr.clone(), order.descending, order.nulls_first);
    a.iter().map(key).eq(b.iter().map(key))
}

/// The calls over one order of rows, and where their columns begin.
fn sorted(input: Rel, number: usize, calls: &[&(Aggregate, OverWindow, Span)]) -> (Rel, usize) {
    let mut needed = Needed { exprs: input.columns(), width: input.schema.len() };
    let window = &calls[0].1;
    let partition_by: Vec<usize> = window.partition.iter().map(|expr| needed.column(expr)).collect();
    let order_by: Vec<SortKey> = window.order.iter().map(|order| needed.sort_key(order)).collect();
    let sorted = matches!(&input.node, RelNode::BatchOver { spec, .. } if collation(&spec.partition_by, &spec.order_by).starts_with(&collation(&partition_by, &order_by)));
    let calls: Vec<BatchOverCall> = calls
        .iter()
        .enumerate()
        .map(|(at, (call, window, _))| BatchOverCall {
            call: AggregateCall {
                function: call.function.clone(),
                args: call.args.iter().map(|arg| needed.column(arg)).collect(),
                arg_types: call.args.iter().map(|arg| arg.ty.clone()).collect(),
                distinct: call.distinct,
                filter: call.filter.as_ref().map(|filter| needed.column(filter)),
                ty: call.ty.clone(),
                name: format!("w{number}$o{at}"),
            },
            frame: frame(window, &mut needed),
        })
        .collect();
    let below = needed.project(input);
    let first = below.schema.len();
    let mut fields = below.schema.fields.clone();
    fields.extend(calls.iter().map(|call| Field::new(&call.call.name, call.call.ty.clone())));
    let spec = BatchOverSpec { partition_by, order_by, sorted, calls };
    (Rel { node: RelNode::BatchOver { input: Box::new(below), spec: Box::new(spec) }, schema: Schema::new(fields) }, first)
}

/// The order in which rows of such parts come.
fn collation(partition_by: &[usize], order_by: &[SortKey]) -> Vec<SortKey> {
    let part = |column: &usize| SortKey { column: *column, descending: false, nulls_first: true };
    partition_by.iter().map(part).chain(order_by.iter().copied()).collect()
}

fn frame(window: &OverWindow, needed: &mut Needed) -> BatchFrame {
    let direction = window.order.first().map(|order| (order.descending, order.nulls_first)).unwrap_or_default();
    let mut edge = |edge: &Edge| match edge {
        Edge::Unbounded => FrameEdge::Unbounded,
        Edge::Rows(rows) => FrameEdge::Rows(*rows),
        Edge::Peers => FrameEdge::Peers,
        Edge::Range { key, limit } => {
            FrameEdge::Range { key: needed.column(key), limit: needed.column(limit), descending: direction.0, nulls_first: direction.1 }
        }
    };
    match &window.edges {
        Some(edges) => BatchFrame { start: edge(&edges.start), end: edge(&edges.end) },
        None => BatchFrame { start: FrameEdge::Unbounded, end: FrameEdge::Peers },
    }
}
