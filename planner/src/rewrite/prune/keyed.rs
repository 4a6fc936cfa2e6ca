//! Leaving out columns below operators that make updates: what they are keyed, ordered and aggregated by stays.

use std::collections::BTreeSet;

use irmak_common::changelog_spec::{DeduplicateSpec, GroupAggregateSpec, NormalizeSpec, RankSpec, RankStrategy, SetOperationSpec};
use irmak_common::types::{Field, Schema};

use super::{Needs, Positions, done, exactly, grouping_columns, keep};
use crate::algebra::{Rel, RelNode};

/// Keys stay, aggregates that nobody reads go.
pub(super) fn group_aggregate(
    input: Rel,
    mut spec: GroupAggregateSpec,
    schema: &Schema,
    wanted: &BTreeSet<usize>,
    needs: &mut Needs,
) -> (Rel, Positions) {
    let keys = spec.keys.len();
    let mut kept: BTreeSet<usize> = (0..keys).collect();
    kept.extend(wanted);
    if kept.is_empty() {
        kept.insert(0);
    }
    spec.aggregates = spec.aggregates.into_iter().enumerate().filter(|(at, _)| kept.contains(&(keys + at))).map(|(_, call)| call).collect();
    let below: BTreeSet<usize> = grouping_columns(&mut spec.keys, &mut spec.aggregates).map(|column| *column).collect();
    let (input, positions) = keep(input, &below, needs);
    let at = |column: &mut usize| *column = positions.get(column).copied().unwrap_or(*column);
    grouping_columns(&mut spec.keys, &mut spec.aggregates).for_each(at);
    done(RelNode::GroupAggregate { input: Box::new(input), spec: Box::new(spec) }, schema, &kept)
}

/// The number goes where nobody reads it.
pub(super) fn rank(input: Rel, mut spec: RankSpec, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let width = input.schema.len();
    let mut below: BTreeSet<usize> = wanted.iter().copied().filter(|column| *column < width).collect();
    below.extend(&spec.partition_by);
    below.extend(spec.order_by.iter().map(|key| key.column));
    if let RankStrategy::UpdateFast { primary_keys } = &spec.strategy {
        below.extend(primary_keys);
    }
    spec.number = spec.number && wanted.contains(&width);
    let (input, mut positions) = keep(input, &below, needs);
    let at = |column: &mut usize| *column = positions.get(column).copied().unwrap_or(*column);
    spec.partition_by.iter_mut().chain(&mut spec.end_by).for_each(at);
    spec.order_by.iter_mut().for_each(|key| at(&mut key.column));
    if let RankStrategy::UpdateFast { primary_keys } = &mut spec.strategy {
        primary_keys.iter_mut().for_each(at);
    }
    let mut fields = passed_on(&input, &positions, schema);
    if spec.number {
        positions.insert(width, fields.len());
        fields.push(schema.fields[width].clone());
    }
    (Rel { node: RelNode::Rank { input: Box::new(input), spec: Box::new(spec) }, schema: Schema::new(fields) }, positions)
}

/// The input's columns as the operator above says them on, in their new places.
fn passed_on(input: &Rel, positions: &Positions, schema: &Schema) -> Vec<Field> {
    let mut fields = input.schema.fields.clone();
    for (old, new) in positions {
        fields[*new] = schema.fields[*old].clone();
    }
    fields
}

/// Keys and time stay.
pub(super) fn deduplicate(
    input: Rel,
    mut spec: DeduplicateSpec,
    schema: &Schema,
    wanted: &BTreeSet<usize>,
    needs: &mut Needs,
) -> (Rel, Positions) {
    let mut below = wanted.clone();
    below.extend(&spec.keys);
    below.extend(spec.rowtime);
    let (input, positions) = keep(input, &below, needs);
    let at = |column: &mut usize| *column = positions.get(column).copied().unwrap_or(*column);
    spec.keys.iter_mut().for_each(at);
    spec.rowtime.iter_mut().for_each(at);
    let fields = passed_on(&input, &positions, schema);
    (Rel { node: RelNode::Deduplicate { input: Box::new(input), spec }, schema: Schema::new(fields) }, positions)
}

/// The key stays.
pub(super) fn normalize(
    input: Rel,
    mut spec: NormalizeSpec,
    schema: &Schema,
    wanted: &BTreeSet<usize>,
    needs: &mut Needs,
) -> (Rel, Positions) {
    let mut below = wanted.clone();
    below.extend(&spec.keys);
    let (input, positions) = keep(input, &below, needs);
    spec.keys.iter_mut().for_each(|column| *column = positions.get(column).copied().unwrap_or(*column));
    let fields = passed_on(&input, &positions, schema);
    (Rel { node: RelNode::Normalize { input: Box::new(input), spec }, schema: Schema::new(fields) }, positions)
}

/// All columns are compared, so all stay.
pub(super) fn set_operation(input: Rel, spec: SetOperationSpec, schema: &Schema, needs: &mut Needs) -> (Rel, Positions) {
    let all: BTreeSet<usize> = (0..input.schema.len()).collect();
    let (input, positions) = keep(input, &all, needs);
    let input = exactly(input, &positions, &all);
    let kept: BTreeSet<usize> = (0..schema.len()).collect();
    done(RelNode::SetOperation { input: Box::new(input), spec }, schema, &kept)
}
