//! Leaving out columns below a join: what its condition, its times and its windows read stays.

use std::collections::{BTreeMap, BTreeSet};

use irmak_common::types::{Field, Schema};

use super::{Needs, Positions, at_least_one, keep};
use crate::algebra::{Rel, columns_of, shift_columns};
use crate::join::JoinRel;

/// The join with the wanted columns, and those that it needs itself.
pub(super) fn join(join: JoinRel, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let width = join.left.schema.len();
    let mut below: BTreeSet<usize> = wanted.clone();
    below.extend(columns_of(&join.condition));
    if let Some([left, right]) = join.as_of {
        below.extend([left, width + right]);
    }
    let (left, right): (BTreeSet<usize>, BTreeSet<usize>) = below.into_iter().partition(|column| *column < width);
    let right: BTreeSet<usize> = right.into_iter().map(|column| column - width).collect();
    let left = at_least_one(&left, width);
    let right = at_least_one(&right, join.right.schema.len());
    let (left_rel, left_at) = keep(join.left, &left, needs);
    let (right_rel, right_at) = keep(join.right, &right, needs);
    let new_width = left_rel.schema.len();
    let mut positions: BTreeMap<usize, usize> = left_at.clone();
    positions.extend(right_at.iter().map(|(old, new)| (width + old, new_width + new)));
    let mut condition = join.condition;
    shift_columns(&mut condition, &positions);
    let moved = |at: &Positions, column: usize| at.get(&column).copied().unwrap_or(column);
    let as_of = join.as_of.map(|[left, right]| [moved(&left_at, left), moved(&right_at, right)]);
    let left_only = join.kind.left_only();
    let joined = JoinRel { left: left_rel, right: right_rel, kind: join.kind, condition, as_of, state_ttl: join.state_ttl }.into_rel();
    if left_only {
        positions = left_at;
    }
    let mut fields = joined.schema.fields;
    for (old, new) in &positions {
        // Names that nobody else has: what was left out may come back under one.
        fields[*new] = Field::new(schema.fields[*old].name.clone(), schema.fields[*old].ty.clone());
    }
    (Rel { node: joined.node, schema: Schema::new(fields) }, positions)
}
