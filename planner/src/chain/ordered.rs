//! The operators that put rows in an order or multiply them, and the exchanges before them.

use irmak_common::job_graph::Partitioning;
use irmak_common::operator_spec::OperatorSpec;

use super::Node;
use super::below::{Below, between};
use crate::algebra::{Rel, RelNode};
use crate::describe::ordered as describe;

/// The operator of a relation of this kind; `None`: it is of another.
pub(super) fn node(rel: &Rel, below: &Below) -> Option<Node> {
    let schema = &below.schema;
    let (name, description, spec, (parallelism, partitioning)) = match &rel.node {
        RelNode::Over { spec, .. } => {
            let exchange = below.keyed(spec.partition_by.clone());
            ("OverAggregate", describe::over(spec, schema), OperatorSpec::Over((**spec).clone()), exchange)
        }
        RelNode::WindowRank { spec, window, .. } => {
            let description = describe::window_rank(spec, window, schema, &rel.schema);
            let exchange = below.keyed(spec.hash_columns());
            (describe::window_rank_name(spec), description, OperatorSpec::WindowRank((**spec).clone()), exchange)
        }
        RelNode::TemporalSort { order_by, processing_time, .. } => {
            let spec = OperatorSpec::TemporalSort { order_by: order_by.clone(), processing_time: *processing_time };
            ("TemporalSort", describe::temporal_sort(order_by, schema), spec, (1, Partitioning::Global))
        }
        RelNode::Match { spec, .. } => {
            let exchange = below.keyed(spec.partition_by.clone());
            ("Match", crate::describe::matched::matched(spec, schema, &rel.schema), OperatorSpec::Match(spec.clone()), exchange)
        }
        RelNode::Unnest { spec, .. } => {
            let exchange = (below.have, between(below.have, below.have));
            ("Correlate", describe::unnest(spec, schema, &rel.schema), OperatorSpec::Unnest((**spec).clone()), exchange)
        }
        _ => return None,
    };
    let inputs = vec![(below.input, partitioning)];
    Some(Node { name: name.into(), description, spec, output: rel.schema.clone(), parallelism, inputs })
}
