//! By which columns the rows of a changelog can be told apart through all their updates: what a sink with a primary key must know.
//!
//! A sink whose primary key is such a key takes updates as they come, and needs no `-U`. Under any other key rows of different origin follow
//! each other, and what a key's row is then must be worked out from all of them. Source: Flink's `FlinkRelMdUpsertKeys`, of which only what
//! the operators here make; where nothing is known there is no key.

use std::collections::BTreeSet;

use irmak_common::expr::Expr;
use irmak_common::join_spec::{JoinKind, JoinTiming};

use crate::algebra::{Rel, RelNode};
use crate::join::JoinRel;

/// The columns of a key.
pub(crate) type Key = BTreeSet<usize>;

/// The keys of a relation's rows; none: they are told apart by nothing less than the whole row.
pub(crate) fn upsert_keys(rel: &Rel) -> Vec<Key> {
    match &rel.node {
        RelNode::Scan(source) => {
            let place = |key: &usize| source.projection.iter().position(|column| column == key);
            let key: Option<Key> = source.primary_key.iter().map(place).collect();
            key.into_iter().filter(|key| !key.is_empty()).collect()
        }
        RelNode::GroupAggregate { spec, .. } => vec![(0..spec.keys.len()).collect()],
        RelNode::WindowAggregate { spec, .. } => vec![(0..spec.keys.len() + spec.aggregates.len() + spec.properties.len()).collect()],
        RelNode::Normalize { spec, .. } => vec![spec.keys.iter().copied().collect()],
        RelNode::Deduplicate { spec, .. } => vec![spec.keys.iter().copied().collect()],
        RelNode::Rank { input, spec } => {
            let partition: Key = spec.partition_by.iter().copied().collect();
            let mut keys: Vec<Key> = upsert_keys(input).into_iter().filter(|key| key.is_superset(&partition)).collect();
            if spec.number {
                keys.push(partition.iter().copied().chain([input.schema.len()]).collect());
            } else if spec.start == spec.end {
                keys.push(partition);
            }
            keys
        }
        RelNode::Project { input, exprs } => projected(&upsert_keys(input), exprs),
        RelNode::Filter { input, .. } | RelNode::Watermark { input, .. } | RelNode::Table { input, .. } | RelNode::Limit { input, .. } => {
            upsert_keys(input)
        }
        RelNode::Join(join) => joined(join),
        _ => Vec::new(),
    }
}

/// The keys whose columns a projection passes on, perhaps checked on the way.
fn projected(keys: &[Key], exprs: &[Expr]) -> Vec<Key> {
    let place = |column: &usize| exprs.iter().position(|expr| crate::constraint::unchecked(expr).as_column() == Some(*column));
    keys.iter().filter_map(|key| key.iter().map(place).collect()).collect()
}

/// A row of a join is known by its two rows, or by one of them where the other side has but one row for it.
fn joined(join: &JoinRel) -> Vec<Key> {
    let spec = join.spec(false);
    let width = join.left.schema.len();
    let on = |side: usize| spec.keys[side].iter().copied().collect::<Key>();
    // Rows of one key must come by one way: a key that does not hold the join's columns may change its place.
    let held = |rel: &Rel, on: &Key| upsert_keys(rel).into_iter().filter(|key| key.is_superset(on)).collect::<Vec<_>>();
    let left = held(&join.left, &on(0));
    if join.kind.left_only() || matches!(spec.timing, JoinTiming::Version { .. }) {
        return left;
    }
    let right = held(&join.right, &on(1));
    let moved = |key: &Key| key.iter().map(|column| column + width).collect::<Key>();
    let unique = |keys: &[Key], on: &Key| keys.iter().any(|key| key.is_subset(on));
    let mut keys: Vec<Key> =
        left.iter().flat_map(|one| right.iter().map(move |other| one.union(&moved(other)).copied().collect())).collect();
    if unique(&right, &on(1)) && matches!(join.kind, JoinKind::Inner | JoinKind::Left) {
        keys.extend(left.iter().cloned());
    }
    if unique(&left, &on(0)) && matches!(join.kind, JoinKind::Inner | JoinKind::Right) {
        keys.extend(right.iter().map(moved));
    }
    keys
}
