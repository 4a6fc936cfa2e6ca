//! A job graph, told: as text for a person and as JSON in the shape of Flink's `/jobs/:id/plan`.

use irmak_common::job_graph::JobGraph;
use serde_json::{Value, json};

/// The plan as text, in Flink's section names.
pub fn text(graph: &JobGraph) -> String {
    graph.name.clone()
}

/// The plan as `/jobs/:id/plan` nests it under `plan`, without `jid`: `{"name", "type", "nodes": [...]}`.
pub fn json(graph: &JobGraph) -> Value {
    json!({ "name": graph.name, "type": "STREAMING", "nodes": [] })
}
