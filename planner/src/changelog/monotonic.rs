//! What is known of how updates move values: a COUNT only grows, a key never changes. And by which columns updates replace rows.
//!
//! With it a Top-N keeps only its first rows, and a MAX of what only grows takes nothing back. Where nothing is known, all rows are kept,
//! which is right for everything. Source: Flink's `FlinkRelMdModifiedMonotonicity`, `RankProcessStrategy`.

use irmak_common::changelog_spec::{GroupAggregateSpec, RankSpec, RankStrategy};
use irmak_common::expr::ExprNode;

use super::kinds;
use crate::algebra::{Rel, RelNode};

/// How updates move a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movement {
    /// Not at all.
    Constant,
    Increasing,
    Decreasing,
    /// Anyhow.
    Any,
}

/// How updates move each column; `None`: rows also come and go.
pub(super) fn movements(rel: &Rel) -> Option<Vec<Movement>> {
    if kinds(rel).insert_only() {
        return Some(vec![Movement::Constant; rel.schema.len()]);
    }
    match &rel.node {
        RelNode::GroupAggregate { input, spec } => aggregated(input, spec),
        RelNode::Project { input, exprs } => {
            let below = movements(input)?;
            let moved = |expr: &irmak_common::expr::Expr| match (&expr.node, expr.as_column()) {
                (_, Some(column)) => below.get(column).copied().unwrap_or(Movement::Any),
                (ExprNode::Literal(_), _) => Movement::Constant,
                _ => Movement::Any,
            };
            Some(exprs.iter().map(moved).collect())
        }
        _ => None,
    }
}

fn aggregated(input: &Rel, spec: &GroupAggregateSpec) -> Option<Vec<Movement>> {
    let below = movements(input)?;
    if spec.keys.iter().any(|key| below.get(*key) != Some(&Movement::Constant)) {
        return None;
    }
    let updating = !kinds(input).insert_only();
    let moved = spec.aggregates.iter().map(|call| {
        let alone = match call.function.as_str() {
            "COUNT" | "MAX" => Movement::Increasing,
            "MIN" => Movement::Decreasing,
            _ => Movement::Any,
        };
        match (&call.args[..], updating) {
            (_, false) => alone,
            ([], true) => alone,
            ([_], true) if call.function == "COUNT" => alone,
            ([arg], true) if below.get(*arg) == Some(&alone) => alone,
            _ => Movement::Any,
        }
    });
    Some(spec.keys.iter().map(|_| Movement::Constant).chain(moved).collect())
}

/// The aggregates of an updating input from which nothing needs to be taken back: a MAX of what only grows, a MIN of what only shrinks.
pub(super) fn never_back(input: &Rel, spec: &GroupAggregateSpec) -> Vec<usize> {
    let Some(moved) = aggregated(input, spec) else { return Vec::new() };
    let one_way = |at: &usize| {
        let wanted = match spec.aggregates[*at].function.as_str() {
            "MAX" => Movement::Increasing,
            "MIN" => Movement::Decreasing,
            _ => return false,
        };
        moved.get(spec.keys.len() + at) == Some(&wanted)
    };
    (0..spec.aggregates.len()).filter(one_way).collect()
}

/// The columns by which updates replace rows; `None`: by the whole row only.
fn upsert_key(rel: &Rel) -> Option<Vec<usize>> {
    match &rel.node {
        RelNode::GroupAggregate { spec, .. } => Some((0..spec.keys.len()).collect()),
        RelNode::Project { input, exprs } => {
            let below = upsert_key(input)?;
            below.iter().map(|column| exprs.iter().position(|expr| expr.as_column() == Some(*column))).collect()
        }
        RelNode::Filter { input, .. } => upsert_key(input),
        _ => None,
    }
}

/// How a Top-N of this input keeps its rows.
pub(super) fn strategy(input: &Rel, spec: &RankSpec) -> RankStrategy {
    let kinds = kinds(input);
    if kinds.insert_only() {
        return RankStrategy::AppendFast;
    }
    let (Some(key), Some(moved)) = (upsert_key(input), movements(input)) else { return RankStrategy::Retract };
    let ahead = |column: usize, descending: bool| match moved.get(column) {
        Some(Movement::Constant) => true,
        Some(Movement::Increasing) => descending,
        Some(Movement::Decreasing) => !descending,
        _ => false,
    };
    let keyed = spec.partition_by.iter().all(|column| key.contains(column));
    let monotonic = !spec.order_by.is_empty() && spec.order_by.iter().all(|by| ahead(by.column, by.descending));
    // A row that is deleted lets in one that had been let go.
    if keyed && monotonic && !kinds.delete && !key.is_empty() {
        RankStrategy::UpdateFast { primary_keys: key }
    } else {
        RankStrategy::Retract
    }
}
