//! A job graph, told: as text for a person and as JSON in the shape of Flink's `/jobs/:id/plan`.
//!
//! The text has Flink's section names. Its first section shows the operators as a tree, sink first; its second the vertices that
//! they run in, with parallelism and exchanges, and what else the job asks of its cluster.

use irmak_common::job_graph::{Edge, JobGraph, Partitioning, RestartStrategy, Vertex};
use irmak_common::operator_spec::OperatorSpec;
use serde_json::{Value, json};

use crate::ast::ExplainDetails;
use crate::tree::Tree;

/// The plan as text, in Flink's section names.
pub fn text(graph: &JobGraph) -> String {
    detailed(graph, ExplainDetails::default())
}

/// The same with what EXPLAIN was asked for beside it.
pub(crate) fn detailed(graph: &JobGraph, details: ExplainDetails) -> String {
    let title = if details.plan_advice { "Optimized Physical Plan With Advice" } else { "Optimized Physical Plan" };
    let mut out = format!("== {title} ==\n");
    let sinks: Vec<&Vertex> = graph.vertices.iter().filter(|vertex| graph.outputs_of(vertex.id).next().is_none()).collect();
    for sink in sinks {
        if let Some(tree) = tree(graph, sink) {
            out.push_str(&tree.draw());
            out.push('\n');
        }
    }
    if details.plan_advice {
        out.push_str(&format!("{}\n\n", advice(graph)));
    }
    out.push_str("== Optimized Execution Plan ==\n");
    for (number, vertex) in graph.vertices.iter().enumerate() {
        out.push_str(&format!("Vertex {}: {} (parallelism {})\n", number + 1, vertex.name, vertex.parallelism));
        for edge in graph.inputs_of(vertex.id) {
            let from = graph.vertices.iter().position(|other| other.id == edge.source).map_or(0, |at| at + 1);
            out.push_str(&format!("  ship strategy {} from vertex {from}{}\n", edge.partitioning.ship_strategy(), keys(graph, edge)));
        }
    }
    out.push_str("\n== Job ==\n");
    out.push_str(&format!("name: {}\nslots: {}\nkey groups: {}\n", graph.name, graph.slots_required(), graph.max_parallelism.get()));
    match &graph.options.checkpointing {
        Some(checkpoints) => out.push_str(&format!("checkpoints: every {} ms, exactly once\n", checkpoints.interval_ms)),
        None => out.push_str("checkpoints: none\n"),
    }
    out.push_str(&format!("restart: {}\n", restart(&graph.options.restart)));
    if details.estimated_cost {
        out.push_str("cost: not estimated; a plan follows from its script alone\n");
    }
    for warning in &graph.warnings {
        out.push_str(&format!("warning: {warning}\n"));
    }
    if details.json_execution_plan {
        out.push_str(&format!("\n== Physical Execution Plan ==\n{:#}\n", execution_plan(graph)));
    }
    out
}

/// What would make the job cheaper, in Flink's words.
fn advice(graph: &JobGraph) -> String {
    let mut operators = graph.vertices.iter().flat_map(|vertex| &vertex.chain);
    let eager = |spec: &OperatorSpec| matches!(spec, OperatorSpec::GroupAggregate(group) if group.mini_batch.is_none());
    match operators.find(|operator| eager(&operator.spec)) {
        Some(operator) => format!(
            "advice[1]: [ADVICE] {} sends an update after every row. You might want to enable mini-batch by configuring \
             ('table.exec.mini-batch.enabled' to 'true', 'table.exec.mini-batch.allow-latency' to '5 s', 'table.exec.mini-batch.size' to '5000').",
            operator.name
        ),
        None => "No available advice...".into(),
    }
}

/// The operators in the shape of Flink's `StreamGraph` JSON.
fn execution_plan(graph: &JobGraph) -> Value {
    let mut nodes = Vec::new();
    for vertex in &graph.vertices {
        for (at, operator) in vertex.chain.iter().enumerate() {
            let predecessor = |id: u32, strategy: &str| json!({ "id": id, "ship_strategy": strategy, "side": "second" });
            let predecessors: Vec<Value> = if at > 0 {
                vec![predecessor(vertex.chain[at - 1].id, "FORWARD")]
            } else {
                let last = |edge: &Edge| graph.vertex(edge.source).and_then(|source| source.chain.last()).map_or(0, |operator| operator.id);
                graph.inputs_of(vertex.id).map(|edge| predecessor(last(edge), edge.partitioning.ship_strategy())).collect()
            };
            let pact = match &operator.spec {
                OperatorSpec::Source(_) | OperatorSpec::Values { .. } => "Data Source",
                OperatorSpec::Sink(_) | OperatorSpec::Collect => "Data Sink",
                _ => "Operator",
            };
            let mut node = json!({
                "id": operator.id,
                "type": operator.name,
                "pact": pact,
                "contents": operator.description,
                "parallelism": vertex.parallelism,
            });
            if !predecessors.is_empty() {
                node["predecessors"] = Value::Array(predecessors);
            }
            nodes.push(node);
        }
    }
    json!({ "nodes": nodes })
}

fn keys(graph: &JobGraph, edge: &Edge) -> String {
    let Partitioning::Hash { columns } = &edge.partitioning else { return String::new() };
    let output = graph.vertex(edge.source).map(Vertex::output).unwrap_or_default();
    let names: Vec<&str> = columns.iter().filter_map(|at| output.fields.get(*at)).map(|field| field.name.as_str()).collect();
    format!(" on [{}]", names.join(", "))
}

fn restart(strategy: &RestartStrategy) -> String {
    match strategy {
        RestartStrategy::None => "none, the first failure fails the job".into(),
        RestartStrategy::FixedDelay { attempts, delay_ms } => format!("{attempts} times, {delay_ms} ms apart"),
        RestartStrategy::FailureRate { max_failures, interval_ms, delay_ms } => {
            format!("while there are at most {max_failures} failures in {interval_ms} ms, {delay_ms} ms after each")
        }
        RestartStrategy::ExponentialDelay { initial_ms, max_ms, multiplier, .. } => {
            format!("after {initial_ms} ms, times {multiplier} with each failure, at most {max_ms} ms")
        }
    }
}

/// The operators of a vertex, last first, and what feeds them. Flink does not draw the collecting of rows for the terminal.
fn tree(graph: &JobGraph, vertex: &Vertex) -> Option<Tree> {
    let mut inputs: Vec<Tree> = graph.inputs_of(vertex.id).filter_map(|edge| exchanged(graph, edge)).collect();
    for node in vertex.chain.iter().filter(|node| !matches!(node.spec, OperatorSpec::Collect)) {
        inputs = vec![Tree { line: node.description.clone(), inputs }];
    }
    inputs.pop()
}

/// What comes over an edge, under its exchange.
fn exchanged(graph: &JobGraph, edge: &Edge) -> Option<Tree> {
    let source = tree(graph, graph.vertex(edge.source)?)?;
    let distribution = match &edge.partitioning {
        Partitioning::Forward => return Some(source),
        Partitioning::Hash { .. } => format!("hash{}", keys(graph, edge).trim_start_matches(" on ")),
        Partitioning::Global => "single".into(),
        other => other.ship_strategy().to_lowercase(),
    };
    Some(source.under(format!("Exchange(distribution=[{distribution}])")))
}

/// The plan as `/jobs/:id/plan` nests it under `plan`, without `jid`: `{"name", "type", "nodes": [...]}`. Sinks come first, as in
/// Flink; a source has no `inputs`.
pub fn json(graph: &JobGraph) -> Value {
    let nodes: Vec<Value> = graph.vertices.iter().rev().map(|vertex| node(graph, vertex)).collect();
    json!({ "name": graph.name, "type": "STREAMING", "nodes": nodes })
}

fn node(graph: &JobGraph, vertex: &Vertex) -> Value {
    let mut description = String::new();
    for (depth, operator) in vertex.chain.iter().enumerate() {
        if depth > 0 {
            description.push_str(&"   ".repeat(depth - 1));
            description.push_str("+- ");
        }
        description.push_str(&format!("[{}]:{}<br/>", operator.id, operator.description));
    }
    let mut node = json!({
        "id": vertex.id.to_string(),
        "parallelism": vertex.parallelism,
        "operator": "",
        "operator_strategy": "",
        "description": description,
    });
    let inputs: Vec<Value> = graph
        .inputs_of(vertex.id)
        .enumerate()
        .map(|(num, edge)| {
            json!({
                "num": num,
                "id": edge.source.to_string(),
                "ship_strategy": edge.partitioning.ship_strategy(),
                "exchange": "pipelined_bounded",
            })
        })
        .collect();
    if !inputs.is_empty() {
        node["inputs"] = Value::Array(inputs);
    }
    node["optimizer_properties"] = json!({});
    node
}
