//! The operators that keep something for each key: the rows of a key meet in one subtask, and without a key all rows do.

use irmak_common::changelog_spec::NormalizeSpec;
use irmak_common::operator_spec::{OperatorSpec, WindowAggregateSpec};

use super::Node;
use super::below::{Below, between};
use crate::algebra::{Rel, RelNode};
use crate::describe;

/// The operator of a relation of this kind; `None`: it is of another. `before`: whether somebody needs the old contents of what changes.
pub(super) fn node(rel: &Rel, below: &Below, before: bool) -> Option<Node> {
    let by_key = |name: &str, keys: &[usize], spec: OperatorSpec| by_key(name, rel, below, keys, spec);
    Some(match &rel.node {
        RelNode::WindowAggregate { spec, .. } => window_aggregate(spec, rel, below),
        RelNode::GroupAggregate { spec, .. } => {
            // By the clock, windows come into being in the operator itself: rows meet by the other keys.
            let there = |column: &usize| *column < below.schema.len();
            let keys: Vec<usize> = spec.keys.iter().copied().filter(there).collect();
            by_key("GroupAggregate", &keys, OperatorSpec::GroupAggregate((**spec).clone()))
        }
        RelNode::Rank { spec, .. } => by_key("Rank", &spec.partition_by, OperatorSpec::Rank((**spec).clone())),
        RelNode::Deduplicate { spec, .. } => by_key("Deduplicate", &spec.keys, OperatorSpec::Deduplicate(spec.clone())),
        RelNode::Normalize { spec, .. } => {
            let normalize = NormalizeSpec { update_before: before, ..spec.clone() };
            by_key("ChangelogNormalize", &spec.keys, OperatorSpec::ChangelogNormalize(normalize))
        }
        RelNode::SetOperation { spec, .. } => {
            let row: Vec<usize> = (0..rel.schema.len()).collect();
            by_key("SetOperation", &row, OperatorSpec::SetOperation(*spec))
        }
        _ => return None,
    })
}

fn by_key(name: &str, rel: &Rel, below: &Below, keys: &[usize], spec: OperatorSpec) -> Node {
    let (parallelism, partitioning) = match keys {
        [] => (1, between(below.have, 1)),
        _ => below.keyed(keys.to_vec()),
    };
    let inputs = vec![(below.input, partitioning)];
    Node { name: name.into(), description: describe::relation(rel), spec, output: rel.schema.clone(), parallelism, inputs }
}

fn window_aggregate(spec: &WindowAggregateSpec, rel: &Rel, below: &Below) -> Node {
    // Windows that take rows back stand all in one place where they have no key.
    let parallelism = if spec.retracts && spec.keys.is_empty() { 1 } else { below.parallelism };
    let (parallelism, partitioning) = below.windowed(&spec.keys, &spec.window.kind, parallelism);
    Node {
        name: describe::aggregate_name(spec).into(),
        description: describe::aggregate(spec, &below.schema),
        spec: OperatorSpec::WindowAggregate(spec.clone()),
        output: rel.schema.clone(),
        parallelism,
        inputs: vec![(below.input, partitioning)],
    }
}
