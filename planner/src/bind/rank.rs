//! Ranks: what becomes of a ROW_NUMBER once it is known how far its numbers are wanted.
//!
//! `WHERE rn <= n` above a ROW_NUMBER makes it a rank with bounds: within windows (inserts only), or over all rows (updates). A number
//! that nobody bounds is a call OVER like any other, and must be ordered by time. Source: Flink's `FlinkLogicalRankRule`.

use irmak_common::call_spec::AggregateCall;
use irmak_common::changelog_spec::{DeduplicateSpec, Keep, RankSpec, RankStrategy};
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::operator_spec::{OverFrame, OverSpec, WindowRankSpec, WindowSpec};
use irmak_common::types::{TimeAttribute, TypeKind};
use irmak_functions::Environment;

use crate::algebra::{Rel, RelNode, Root, RowNumberSpec, columns_of};
use crate::changelog::is_updating;
use crate::condition::{all_of, is_volatile};
use crate::error::{Code, PlanError, Planned};
use crate::rewrite::fold::fold;

use super::over::is_place;

/// The rows for which the predicate is TRUE; what it says of a row's number becomes the rank's bounds.
pub(crate) fn filtered(mut rel: Rel, predicate: Expr) -> Rel {
    let Some(number) = number_column(&rel) else { return rel.filter(predicate) };
    let terms = match predicate.node {
        ExprNode::And(terms) => terms,
        _ => vec![predicate],
    };
    let (mut start, mut end, mut rest) = (1, None, Vec::new());
    let mut end_by = None;
    for term in terms {
        if let Some((column, exact)) = end_column(&term, number, &rel)
            && end_by.is_none_or(|known| known == column)
        {
            end_by = Some(column);
            if exact {
                continue;
            }
        }
        match bounds(&term, number) {
            Some((from, to)) => {
                start = start.max(from);
                end = match (end, to) {
                    (Some(known), Some(to)) => Some(u64::min(known, to)),
                    (known, to) => to.or(known),
                };
            }
            None => rest.push(term),
        }
    }
    if let Some(spec) = rank_mut(&mut rel) {
        (spec.start, spec.end) = (start.max(spec.start), end.or(end_by.map(|_| u64::MAX)));
        spec.end_by = end_by;
    }
    if rest.is_empty() { rel } else { rel.filter(all_of(rest)) }
}

/// The column that is the number of a rank without bounds, below nothing but projections.
fn number_column(rel: &Rel) -> Option<usize> {
    match &rel.node {
        RelNode::RowNumber { input, spec } if spec.end.is_none() => Some(input.schema.len()),
        RelNode::Project { input, exprs } => {
            let below = number_column(input)?;
            exprs.iter().position(|expr| expr.as_column() == Some(below))
        }
        _ => None,
    }
}

fn rank_mut(rel: &mut Rel) -> Option<&mut RowNumberSpec> {
    match &mut rel.node {
        RelNode::RowNumber { spec, .. } => Some(spec),
        RelNode::Project { input, .. } => rank_mut(input),
        _ => None,
    }
}

/// The partition column of the rank that a condition compares a number column with, as the most; and whether that is all that it says.
/// Flink takes `<` and `=` for `<=`.
fn end_column(term: &Expr, number: usize, rel: &Rel) -> Option<(usize, bool)> {
    let ExprNode::Call { function, args } = &term.node else { return None };
    let [left, right] = &args[..] else { return None };
    let (other, turned) = match (column_of(left) == Some(number), column_of(right) == Some(number)) {
        (true, false) => (right, false),
        (false, true) => (left, true),
        _ => return None,
    };
    let exact = match (function.as_str(), turned) {
        ("<=", false) | (">=", true) => true,
        ("<", false) | (">", true) | ("=", _) => false,
        _ => return None,
    };
    let below = ranked_column(rel, column_of(other)?)?;
    Some((below, exact))
}

/// The input column of the rank that a column above it is, where its partitions are told apart by it, and it is an integer.
fn ranked_column(rel: &Rel, column: usize) -> Option<usize> {
    match &rel.node {
        RelNode::RowNumber { input, spec } => {
            let integer = input.schema.fields.get(column).is_some_and(|field| is_integer(&field.ty.kind));
            (integer && spec.partition_by.contains(&column)).then_some(column)
        }
        RelNode::Project { input, exprs } => ranked_column(input, exprs.get(column)?.as_column()?),
        _ => None,
    }
}

/// What a condition says of a number column: at least, and at most.
fn bounds(term: &Expr, number: usize) -> Option<(u64, Option<u64>)> {
    let ExprNode::Call { function, args } = &term.node else { return None };
    let [left, right] = &args[..] else { return None };
    let (constant, turned) = match (column_of(left) == Some(number), column_of(right) == Some(number)) {
        (true, false) => (constant(right)?, false),
        (false, true) => (constant(left)?, true),
        _ => return None,
    };
    let at_least = |n: i64| u64::try_from(n.max(1)).unwrap_or(1);
    let at_most = |n: i64| u64::try_from(n.max(0)).unwrap_or(0);
    match (function.as_str(), turned) {
        ("=", _) => Some((at_least(constant), Some(at_most(constant)))),
        ("<=", false) | (">=", true) => Some((1, Some(at_most(constant)))),
        ("<", false) | (">", true) => Some((1, Some(at_most(constant.saturating_sub(1))))),
        (">=", false) | ("<=", true) => Some((at_least(constant), None)),
        (">", false) | ("<", true) => Some((at_least(constant.saturating_add(1)), None)),
        _ => None,
    }
}

fn column_of(expr: &Expr) -> Option<usize> {
    match &expr.node {
        ExprNode::Cast { input, .. } => column_of(input),
        _ => expr.as_column(),
    }
}

fn constant(expr: &Expr) -> Option<i64> {
    match &expr.node {
        ExprNode::Cast { input, .. } => constant(input),
        // `rn <= 1 + 1`
        ExprNode::Call { .. } if columns_of(expr).is_empty() && is_integer(&expr.ty.kind) && !is_volatile(expr) => {
            let folded = fold(expr.clone(), &Environment::default());
            if matches!(folded.node, ExprNode::Literal(_)) { constant(&folded) } else { None }
        }
        ExprNode::Literal(Value::Int(value)) if is_integer(&expr.ty.kind) => Some(*value),
        _ => None,
    }
}

fn is_integer(kind: &TypeKind) -> bool {
    matches!(kind, TypeKind::TinyInt | TypeKind::SmallInt | TypeKind::Int | TypeKind::BigInt)
}

/// Every rank of some queries as what it is: within windows, over all rows, or a number OVER time.
///
/// # Errors
/// Flink's refusals of ranks that no stream can keep.
pub(crate) fn settle(roots: Vec<Root>, state_ttl_ms: u64) -> Planned<Vec<Root>> {
    let mut wrong = None;
    let settled = roots.into_iter().map(|root| Root { rel: each(root.rel, state_ttl_ms, &mut wrong), ..root }).collect();
    match wrong {
        Some(error) => Err(error),
        None => Ok(settled),
    }
}

fn each(rel: Rel, ttl: u64, wrong: &mut Option<PlanError>) -> Rel {
    let rel = rel.over(&mut |input| each(input, ttl, wrong));
    let schema = rel.schema;
    match rel.node {
        RelNode::RowNumber { input, spec } => match settled(*input, *spec, ttl) {
            Ok(node) => Rel { node, schema },
            Err(error) => {
                wrong.get_or_insert(error);
                Rel { node: RelNode::Values(Vec::new()), schema }
            }
        },
        RelNode::Over { input, spec } => {
            let spec = OverSpec { state_ttl_ms: ttl, ..*spec };
            Rel { node: RelNode::Over { input, spec: Box::new(spec) }, schema }
        }
        node => Rel { node, schema },
    }
}

fn settled(input: Rel, spec: RowNumberSpec, ttl: u64) -> Planned<RelNode> {
    let span = spec.span;
    let attribute = |column: usize| input.schema.fields[column].ty.kind.time_attribute();
    let by_time = spec.order_by.len() == 1 && attribute(spec.order_by[0].column) != TimeAttribute::None;
    let windowed = input
        .window_columns()
        .is_some_and(|columns| spec.partition_by.contains(&columns.start) && spec.partition_by.contains(&columns.end));
    let function = &spec.function;
    match spec.end {
        None if spec.start == 1 && by_time && !spec.order_by[0].descending => Ok(over_time(input, &spec, ttl)),
        None if spec.start > 1 => {
            Err(PlanError::new(Code::Unsupported, format!("a rank needs an upper bound: {function}() ... <= n")).at(span))
        }
        None => {
            let by = if by_time { "time descending" } else { "what is no time attribute" };
            Err(PlanError::new(Code::TimeAttribute, format!("{function} ordered by {by} needs an upper bound"))
                .at(span)
                .note("for the first 3: SELECT ... FROM (SELECT *, ROW_NUMBER() OVER (...) AS rn FROM t) WHERE rn <= 3"))
        }
        Some(_) if function != "ROW_NUMBER" => Err(bounded_place(function, windowed).at(span)),
        Some(0) => {
            let message = "Rank end should not less than zero, but now is 0";
            Err(PlanError::new(Code::Types, message).at(span).label("no number is so small: ranks begin at 1"))
        }
        Some(_) if windowed && spec.end_by.is_some() => {
            let message = "a rank within windows is bounded by a number, as in Flink";
            Err(PlanError::new(Code::Unsupported, message).at(span).label("write rn <= 3"))
        }
        Some(end) if windowed => window_rank(input, spec, end),
        Some(1) if spec.start == 1 && spec.end_by.is_none() && by_time && !is_updating(&input) => Ok(deduplicate(input, spec, ttl)),
        Some(end) => {
            let RowNumberSpec { partition_by, order_by, start, end_by, .. } = spec;
            let strategy = RankStrategy::AppendFast;
            let rank = RankSpec { partition_by, order_by, start, end, end_by, number: true, strategy, state_ttl_ms: ttl };
            Ok(RelNode::Rank { input: Box::new(input), spec: Box::new(rank) })
        }
    }
}

/// The refusal of the first so many places: rows that share one make their number unknown.
fn bounded_place(function: &str, windowed: bool) -> PlanError {
    let message = match windowed {
        true => format!("{function}() function is not supported on Window TopN currently, only ROW_NUMBER() is supported."),
        false => format!("{function}() on streaming table is not supported currently"),
    };
    PlanError::new(Code::Unsupported, message).label("only ROW_NUMBER() has bounds on streams")
}

/// The first or last row by time of each key. The number is 1.
fn deduplicate(input: Rel, spec: RowNumberSpec, ttl: u64) -> RelNode {
    let by = spec.order_by[0];
    let rowtime = input.schema.fields[by.column].ty.kind.time_attribute() == TimeAttribute::Rowtime;
    let keep = if by.descending { Keep::Last } else { Keep::First };
    let spec = DeduplicateSpec { keys: spec.partition_by, rowtime: rowtime.then_some(by.column), keep, state_ttl_ms: ttl };
    let schema = input.schema.clone();
    let one = Expr::literal(Value::Int(1), TypeKind::BigInt.not_null());
    let kept = Rel { node: RelNode::Deduplicate { input: Box::new(input), spec }, schema };
    let exprs = kept.columns().into_iter().chain([one]).collect();
    RelNode::Project { input: Box::new(kept), exprs }
}

/// A number OVER time.
fn over_time(input: Rel, spec: &RowNumberSpec, state_ttl_ms: u64) -> RelNode {
    let by = spec.order_by[0].column;
    let processing = input.schema.fields[by].ty.kind.time_attribute() == TimeAttribute::Proctime;
    let place = is_place(&spec.function);
    let read: Vec<usize> = (place && !processing).then_some(by).into_iter().collect();
    let call = AggregateCall {
        function: spec.function.clone(),
        arg_types: read.iter().map(|column| input.schema.fields[*column].ty.clone()).collect(),
        args: read,
        distinct: false,
        filter: None,
        ty: TypeKind::BigInt.not_null(),
        name: "w0$o0".into(),
    };
    let over = OverSpec {
        partition_by: spec.partition_by.clone(),
        time: (!processing).then_some(by),
        frame: if place { OverFrame::RangeUnbounded } else { OverFrame::RowsUnbounded },
        aggregates: vec![call],
        state_ttl_ms,
    };
    RelNode::Over { input: Box::new(input), spec: Box::new(over) }
}

fn window_rank(input: Rel, spec: RowNumberSpec, end: u64) -> Planned<RelNode> {
    let (Some(window), Some(columns)) = (window_of(&input), input.window_columns()) else {
        return Err(PlanError::new(Code::Unsupported, "the windows of this rank are not known").at(spec.span));
    };
    if window.time.is_none() {
        let message = "a rank within windows of processing time is not supported, as in Flink";
        return Err(PlanError::new(Code::Unsupported, message).at(spec.span));
    }
    let deduplicate = spec.order_by.len() == 1
        && input.schema.fields[spec.order_by[0].column].ty.kind.time_attribute() == TimeAttribute::Rowtime
        && (spec.start, end) == (1, 1);
    let spec = WindowRankSpec {
        window_start: columns.start,
        window_end: columns.end,
        zone: window.zone.clone(),
        partition_by: spec.partition_by.into_iter().filter(|column| *column != columns.start && *column != columns.end).collect(),
        order_by: spec.order_by,
        start: spec.start,
        end,
        number: true,
        deduplicate,
    };
    Ok(RelNode::WindowRank { input: Box::new(input), spec: Box::new(spec), window })
}

/// The windows that a relation's window columns are of.
fn window_of(rel: &Rel) -> Option<WindowSpec> {
    match &rel.node {
        RelNode::WindowAssign { window, .. } => Some(window.clone()),
        RelNode::WindowAggregate { spec, .. } => Some(spec.window.clone()),
        RelNode::WindowRank { window, .. } => Some(window.clone()),
        _ => rel.inputs().first().and_then(|input| window_of(input)),
    }
}
