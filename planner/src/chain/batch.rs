//! The operators of batch mode, and the exchanges before them.

use irmak_common::batch_spec::BatchSpec;
use irmak_common::join_spec::{JoinSpec, JoinTiming};
use irmak_common::operator_spec::OperatorSpec;

use super::Node;
use super::below::Below;
use crate::algebra::{Rel, RelNode};
use crate::describe::batch as describe;
use crate::join::JoinRel;

/// The operator of a relation of this kind; `None`: it is of another.
pub(super) fn node(rel: &Rel, below: &Below) -> Option<Node> {
    let spec = match &rel.node {
        RelNode::GroupAggregate { spec, .. } => BatchSpec::Aggregate { keys: spec.keys.clone(), aggregates: spec.aggregates.clone() },
        RelNode::SetOperation { spec, .. } => BatchSpec::SetOperation(*spec),
        RelNode::TemporalSort { order_by, first, .. } => BatchSpec::Sort { order_by: order_by.clone(), first: *first },
        RelNode::BatchOver { spec, .. } => BatchSpec::Over((**spec).clone()),
        _ => return None,
    };
    let (name, description) = describe::operator(&spec, &below.schema, &rel.schema);
    let (parallelism, partitioning) = below.keyed(spec.hash_columns(below.schema.len()));
    let inputs = vec![(below.input, partitioning)];
    Some(Node { name: name.into(), description, spec: OperatorSpec::Batch(spec), output: rel.schema.clone(), parallelism, inputs })
}

/// A join of all rows with all rows: time bounds, where there are any, are conditions like others.
pub(super) fn join(join: &JoinRel) -> JoinSpec {
    let spec = join.regular(false);
    match spec.timing {
        JoinTiming::Always => JoinSpec { timing: JoinTiming::AtEnd, ..spec },
        _ => spec,
    }
}
