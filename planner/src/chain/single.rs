//! The operators that rows come from, and those that look at one row at a time: no exchange before them but where a session's rows meet.

use irmak_common::operator_spec::{OperatorSpec, SourceSpec, WindowSpec};

use super::Node;
use super::below::Below;
use crate::algebra::{Rel, RelNode, is_session};
use crate::describe;

/// The operator of a relation of this kind; `None`: it is of another.
pub(super) fn node(rel: &Rel, below: &Below) -> Option<Node> {
    let schema = &below.schema;
    let calc = |description: String, spec: OperatorSpec| calc(rel, below, description, spec);
    Some(match &rel.node {
        RelNode::Scan(source) => scan(source, rel, below),
        RelNode::Values(rows) => Node {
            name: "Source: Values".into(),
            description: format!("Values(tuples=[{} rows], fields=[{}])", rows.len(), describe::fields(&rel.schema)),
            spec: OperatorSpec::Values { rows: rows.clone() },
            output: rel.schema.clone(),
            parallelism: 1,
            inputs: Vec::new(),
        },
        RelNode::Watermark { spec, .. } => {
            let rowtime = schema.fields.get(spec.rowtime).map_or("", |field| field.name.as_str());
            let description = format!("WatermarkAssigner(rowtime=[{rowtime}], watermark=[{}])", describe::expr(&spec.expr, schema));
            Node { name: "WatermarkAssigner".into(), ..calc(description, OperatorSpec::Watermark((**spec).clone())) }
        }
        RelNode::Project { exprs, .. } => {
            let spec = OperatorSpec::Project { exprs: exprs.clone() };
            match crate::constraint::described(exprs) {
                Some(description) => Node { name: "ConstraintEnforcer".into(), ..calc(description, spec) },
                None => calc(format!("Calc(select=[{}])", describe::select(exprs, schema, &rel.schema)), spec),
            }
        }
        RelNode::Filter { predicate, .. } => {
            let description = format!("Calc(select=[{}], where=[{}])", describe::fields(schema), describe::expr(predicate, schema));
            calc(description, OperatorSpec::Filter { predicate: predicate.clone() })
        }
        RelNode::WindowAssign { window, partition_by, .. } => assign(window, partition_by, rel, below),
        RelNode::Limit { offset, count, .. } => {
            let description = format!("Limit(offset=[{offset}], fetch=[{count}])");
            let spec = OperatorSpec::Limit { offset: *offset, count: *count };
            Node { name: "Limit".into(), parallelism: 1, inputs: below.forward(1), ..calc(description, spec) }
        }
        _ => return None,
    })
}

/// An operator where its input is.
fn calc(rel: &Rel, below: &Below, description: String, spec: OperatorSpec) -> Node {
    let (parallelism, output) = (below.have, rel.schema.clone());
    Node { name: "Calc".into(), description, spec, output, parallelism, inputs: below.forward(parallelism) }
}

fn scan(source: &SourceSpec, rel: &Rel, below: &Below) -> Node {
    let wanted = source.connector.options.get("scan.parallelism").and_then(|text| text.trim().parse().ok());
    Node {
        name: format!("Source: {}", source.table),
        description: describe::scan(source, &rel.schema),
        parallelism: wanted.filter(|parallelism| (1..=32_768).contains(parallelism)).unwrap_or(below.parallelism),
        spec: OperatorSpec::Source(source.clone()),
        output: rel.schema.clone(),
        inputs: Vec::new(),
    }
}

fn assign(window: &WindowSpec, partition_by: &[usize], rel: &Rel, below: &Below) -> Node {
    let description = format!("WindowTableFunction(window=[{}])", describe::window(window, &below.schema));
    let node = calc(rel, below, description, OperatorSpec::WindowAssign { window: window.clone() });
    let node = Node { name: "WindowTableFunction".into(), ..node };
    if !is_session(window) {
        return node;
    }
    let (parallelism, partitioning) = below.windowed(partition_by, &window.kind, below.parallelism);
    Node { parallelism, inputs: vec![(below.input, partitioning)], ..node }
}
