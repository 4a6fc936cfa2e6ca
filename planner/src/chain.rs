//! From algebra to a job graph: operators, the exchanges that they need, and chains of those that need none between them.
//!
//! Operators are numbered in the order in which rows reach them. Two queries of a statement set that begin alike share that
//! beginning. A vertex's id is made of the descriptions of all operators before it, so that an unchanged part of a changed script
//! finds its state again.

mod batch;
mod ordered;

use irmak_common::changelog_spec::{MaterializeSpec, NormalizeSpec};
use irmak_common::id::VertexId;
use irmak_common::job_graph::{Edge, OperatorNode, Partitioning, Vertex};
use irmak_common::operator_spec::{OperatorSpec, SinkSpec, WindowKind};
use irmak_common::table_options::changelog_format;
use irmak_common::types::Schema;

use crate::algebra::{Rel, RelNode, Root, Target, is_session};
use crate::changelog::is_updating;
use crate::changelog::materialize::{Materialize, materializer};
use crate::describe;
use crate::join::JoinRel;

/// An operator with the exchanges before it.
#[derive(Debug)]
struct Node {
    name: String,
    description: String,
    spec: OperatorSpec,
    output: Schema,
    parallelism: u32,
    inputs: Vec<(usize, Partitioning)>,
}

/// The operators of a job, as a graph.
#[derive(Debug)]
pub(crate) struct Plan {
    nodes: Vec<Node>,
    parallelism: u32,
    chaining: bool,
    /// Batch mode: operators speak once, at the end.
    pub(crate) batch: bool,
    /// Descriptions say which kinds of rows an operator makes: `changelogMode=[I,UB,UA]`.
    pub(crate) tells_changelogs: bool,
    /// When, and for how long, rows are put together by a sink's key.
    pub(crate) materialize: (Materialize, u64),
    /// Whether the relation that is being added is asked for the old contents of what changes.
    before: bool,
}

impl Plan {
    /// An empty plan at this parallelism.
    pub(crate) fn new(parallelism: u32, chaining: bool) -> Self {
        Self {
            nodes: Vec::new(),
            parallelism,
            chaining,
            batch: false,
            tells_changelogs: false,
            materialize: Default::default(),
            before: false,
        }
    }

    /// Adds a query and its target.
    pub(crate) fn add(&mut self, root: Root) {
        let updating = !self.batch && is_updating(&root.rel);
        // EXPLAIN of a query says what its result needs; a person who runs it is shown all.
        let shown = root.target == Target::Collect && !self.tells_changelogs;
        self.before = shown || crate::changelog::target_needs_before(&root.rel, &root.target);
        let moves = updating && crate::changelog::moves_between_keys(&root.rel, &root.target);
        let materializer = materializer(&root, self.materialize.0, self.materialize.1);
        let mut input = self.relation(&root.rel);
        let materializes = materializer.is_some();
        if let Some(spec) = materializer {
            input = self.materializer(spec, input);
        }
        let (have, schema) = (self.nodes[input].parallelism, self.nodes[input].output.clone());
        match root.target {
            Target::Sink { mut spec, parallelism } => {
                spec.ends_old_keys = moves && !materializes;
                let parallelism = parallelism.unwrap_or(have);
                let name = format!("Sink: {}", spec.table);
                let description = format!(
                    "Sink(table=[{}.{}.{}], fields=[{}]{})",
                    crate::catalog::CATALOG,
                    crate::catalog::DATABASE,
                    spec.table,
                    describe::fields(&spec.schema),
                    if materializes { ", upsertMaterialize=[true]" } else { "" }
                );
                let output = spec.schema.clone();
                let partitioning = match between(have, parallelism) {
                    // What happens to a row must come in order.
                    Partitioning::Rebalance if updating && !spec.primary_key.is_empty() => {
                        Partitioning::Hash { columns: spec.primary_key.clone() }
                    }
                    // Whether a partition is complete is decided by event time, which all of its writers must see alike.
                    Partitioning::Forward if parallelism > 1 && completes_by_event_time(&spec) && !self.agree(input) => {
                        Partitioning::Rebalance
                    }
                    any => any,
                };
                let inputs = vec![(input, partitioning)];
                self.push(Node { name, description, spec: OperatorSpec::Sink(spec), output, parallelism, inputs });
            }
            Target::Collect => {
                let description = format!("Sink(table=[*collect*], fields=[{}])", describe::fields(&schema));
                let inputs = vec![(input, between(have, 1))];
                let name = "Sink: Collect table sink".to_owned();
                self.push(Node { name, description, spec: OperatorSpec::Collect, output: schema, parallelism: 1, inputs });
            }
        }
    }

    /// Whether all subtasks of a node have the same watermark behind the same barrier: they take it from all subtasks before them.
    fn agree(&self, node: usize) -> bool {
        let Node { spec, inputs, .. } = &self.nodes[node];
        let own = inputs.is_empty() || matches!(spec, OperatorSpec::Watermark(_));
        !own && inputs.iter().all(|(input, partitioning)| *partitioning != Partitioning::Forward || self.agree(*input))
    }

    /// The operator of this kind, description and inputs: the one that is there, or a new one.
    fn push(&mut self, node: Node) -> usize {
        let shared = !matches!(node.spec, OperatorSpec::Sink(_) | OperatorSpec::Collect);
        let same = |known: &Node| same_work(&known.spec, &node.spec) && known.inputs == node.inputs && known.output == node.output;
        if shared && let Some(found) = self.nodes.iter().position(same) {
            if let (OperatorSpec::ChangelogNormalize(known), OperatorSpec::ChangelogNormalize(more)) =
                (&mut self.nodes[found].spec, node.spec)
                && more.update_before
                && !known.update_before
            {
                // One of several readers needs the old contents: the others pass over them.
                known.update_before = true;
                self.nodes[found].description = node.description;
            }
            return found;
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn relation(&mut self, rel: &Rel) -> usize {
        let before = self.before;
        let mut inputs = Vec::new();
        for input in rel.inputs() {
            self.before = crate::changelog::needs_before(rel, before);
            inputs.push(self.relation(input));
        }
        let below = inputs.first().map(|input| (*input, self.nodes[*input].parallelism, self.nodes[*input].output.clone()));
        let (input, have, schema) = below.unwrap_or((0, self.parallelism, Schema::default()));
        let forward = |parallelism: u32| vec![(input, between(have, parallelism))];
        let calc = |description: String, spec: OperatorSpec| Node {
            name: "Calc".into(),
            description,
            spec,
            output: rel.schema.clone(),
            parallelism: have,
            inputs: forward(have),
        };
        let mut node = match &rel.node {
            RelNode::Scan(source) => Node {
                name: format!("Source: {}", source.table),
                description: describe::scan(source, &rel.schema),
                parallelism: scan_parallelism(source).unwrap_or(self.parallelism),
                spec: OperatorSpec::Source((**source).clone()),
                output: rel.schema.clone(),
                inputs: Vec::new(),
            },
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
                let description = format!("WatermarkAssigner(rowtime=[{rowtime}], watermark=[{}])", describe::expr(&spec.expr, &schema));
                Node { name: "WatermarkAssigner".into(), ..calc(description, OperatorSpec::Watermark((**spec).clone())) }
            }
            RelNode::Project { exprs, .. } => {
                let spec = OperatorSpec::Project { exprs: exprs.clone() };
                match crate::constraint::described(exprs) {
                    Some(description) => Node { name: "ConstraintEnforcer".into(), ..calc(description, spec) },
                    None => calc(format!("Calc(select=[{}])", describe::select(exprs, &schema, &rel.schema)), spec),
                }
            }
            RelNode::Filter { predicate, .. } => {
                let description = format!("Calc(select=[{}], where=[{}])", describe::fields(&schema), describe::expr(predicate, &schema));
                calc(description, OperatorSpec::Filter { predicate: predicate.clone() })
            }
            RelNode::WindowAggregate { spec, .. } => {
                // Windows that take rows back stand all in one place where they have no key.
                let parallelism = if spec.retracts && spec.keys.is_empty() { 1 } else { self.parallelism };
                let (parallelism, partitioning) = keyed(&spec.keys, &spec.window.kind, parallelism, have);
                Node {
                    name: describe::aggregate_name(spec).into(),
                    description: describe::aggregate(spec, &schema),
                    spec: OperatorSpec::WindowAggregate((**spec).clone()),
                    output: rel.schema.clone(),
                    parallelism,
                    inputs: vec![(input, partitioning)],
                }
            }
            RelNode::WindowAssign { window, partition_by, .. } => {
                let description = format!("WindowTableFunction(window=[{}])", describe::window(window, &schema));
                let mut node = calc(description, OperatorSpec::WindowAssign { window: window.clone() });
                node.name = "WindowTableFunction".into();
                if is_session(window) {
                    let (parallelism, partitioning) = keyed(partition_by, &window.kind, self.parallelism, have);
                    node.parallelism = parallelism;
                    node.inputs = vec![(input, partitioning)];
                }
                node
            }
            RelNode::GroupAggregate { .. } | RelNode::SetOperation { .. } | RelNode::TemporalSort { .. } | RelNode::BatchOver { .. }
                if self.batch =>
            {
                match batch::node(rel, ordered::Below { input, have, schema, parallelism: self.parallelism }) {
                    Some(node) => node,
                    None => return input,
                }
            }
            RelNode::GroupAggregate { spec, .. } => {
                self.by_key("GroupAggregate", rel, input, &spec.keys, OperatorSpec::GroupAggregate((**spec).clone()))
            }
            RelNode::Rank { spec, .. } => self.by_key("Rank", rel, input, &spec.partition_by, OperatorSpec::Rank((**spec).clone())),
            RelNode::Deduplicate { spec, .. } => {
                self.by_key("Deduplicate", rel, input, &spec.keys, OperatorSpec::Deduplicate(spec.clone()))
            }
            RelNode::Normalize { spec, .. } => {
                let spec = NormalizeSpec { update_before: before, ..spec.clone() };
                self.by_key("ChangelogNormalize", rel, input, &spec.keys.clone(), OperatorSpec::ChangelogNormalize(spec))
            }
            RelNode::SetOperation { spec, .. } => {
                let row: Vec<usize> = (0..rel.schema.len()).collect();
                self.by_key("SetOperation", rel, input, &row, OperatorSpec::SetOperation(*spec))
            }
            RelNode::Limit { offset, count, .. } => {
                let description = format!("Limit(offset=[{offset}], fetch=[{count}])");
                let spec = OperatorSpec::Limit { offset: *offset, count: *count };
                Node { name: "Limit".into(), parallelism: 1, inputs: forward(1), ..calc(description, spec) }
            }
            RelNode::Over { .. }
            | RelNode::BatchOver { .. }
            | RelNode::RowNumber { .. }
            | RelNode::WindowRank { .. }
            | RelNode::TemporalSort { .. }
            | RelNode::Match { .. }
            | RelNode::Unnest { .. } => match ordered::node(rel, ordered::Below { input, have, schema, parallelism: self.parallelism }) {
                Some(node) => node,
                None => return input,
            },
            RelNode::Join(join) => self.join(join, &inputs, rel),
            RelNode::Union(_) => self.union(&inputs, &rel.schema),
            // A mark, not an operator.
            RelNode::Table { .. } => return input,
        };
        if self.tells_changelogs {
            let open = node.description.strip_suffix(')').unwrap_or(&node.description);
            let mode = if self.batch { "I".to_owned() } else { crate::changelog::mode(rel, before) };
            node.description = format!("{open}, changelogMode=[{mode}])");
        }
        let added = self.push(node);
        match &rel.node {
            RelNode::Scan(source) if !before && changelog_format(&source.connector.options).is_some() => self.without_before(added),
            _ => added,
        }
    }

    /// The operator that says what a sink's key is.
    fn materializer(&mut self, spec: MaterializeSpec, input: usize) -> usize {
        let output = self.nodes[input].output.clone();
        let names: Vec<&str> = spec.keys.iter().filter_map(|at| output.fields.get(*at)).map(|field| field.name.as_str()).collect();
        let mode = if self.tells_changelogs { ", changelogMode=[I,UA,D]" } else { "" };
        let description = format!("SinkMaterializer(pk=[{}]{mode})", names.join(", "));
        let inputs = vec![(input, Partitioning::Hash { columns: spec.keys.clone() })];
        let (name, spec) = ("SinkMaterializer".into(), OperatorSpec::SinkMaterializer(spec));
        self.push(Node { name, description, spec, output, parallelism: self.parallelism, inputs })
    }

    /// The operator that leaves out what a source says of old contents.
    fn without_before(&mut self, input: usize) -> usize {
        let (name, mode) = ("DropUpdateBefore", if self.tells_changelogs { "changelogMode=[I,UA,D]" } else { "" });
        let (parallelism, output) = (self.nodes[input].parallelism, self.nodes[input].output.clone());
        let (spec, inputs) = (OperatorSpec::DropUpdateBefore, vec![(input, Partitioning::Forward)]);
        let description = if mode.is_empty() { name.to_owned() } else { format!("{name}({mode})") };
        self.push(Node { name: name.into(), description, spec, output, parallelism, inputs })
    }

    /// An operator whose rows meet by key, or all in one place where there is no key.
    fn by_key(&self, name: &str, rel: &Rel, input: usize, keys: &[usize], spec: OperatorSpec) -> Node {
        let (parallelism, partitioning) = match keys {
            [] => (1, between(self.nodes[input].parallelism, 1)),
            _ => (self.parallelism, Partitioning::Hash { columns: keys.to_vec() }),
        };
        let inputs = vec![(input, partitioning)];
        Node { name: name.into(), description: describe::relation(rel), spec, output: rel.schema.clone(), parallelism, inputs }
    }

    /// Rows of both sides meet by key, or all in one place where there is no key.
    fn join(&self, join: &JoinRel, inputs: &[usize], rel: &Rel) -> Node {
        let spec = if self.batch { batch::join(join) } else { join.spec(is_updating(rel)) };
        let keyless = spec.keys[0].is_empty();
        let edges = inputs.iter().zip(&spec.keys).map(|(input, columns)| match keyless {
            true => (*input, Partitioning::Global),
            false => (*input, Partitioning::Hash { columns: columns.clone() }),
        });
        Node {
            name: describe::join::name(&spec).into(),
            description: describe::join::described(join, &spec, &rel.schema),
            output: rel.schema.clone(),
            parallelism: if keyless { 1 } else { self.parallelism },
            inputs: edges.collect(),
            spec: OperatorSpec::Join(spec),
        }
    }

    fn union(&self, inputs: &[usize], schema: &Schema) -> Node {
        let parallelism = inputs.iter().map(|input| self.nodes[*input].parallelism).max().unwrap_or(1);
        let edges = inputs.iter().map(|input| (*input, between(self.nodes[*input].parallelism, parallelism)));
        Node {
            name: "Union".into(),
            description: format!("Union(all=[true], union=[{}])", describe::fields(schema)),
            spec: OperatorSpec::Union,
            output: schema.clone(),
            parallelism,
            inputs: edges.collect(),
        }
    }

    /// Vertices and edges: an operator joins the chain before it where rows need not change hands.
    pub(crate) fn vertices(self) -> (Vec<Vertex>, Vec<Edge>) {
        let consumers = |node: usize| self.nodes.iter().flat_map(|other| &other.inputs).filter(|(input, _)| *input == node).count();
        let mut vertex_of: Vec<usize> = Vec::with_capacity(self.nodes.len());
        let mut chains: Vec<Vec<usize>> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let chained = match &node.inputs[..] {
                [(input, Partitioning::Forward)] if self.chaining && consumers(*input) == 1 && node.spec != OperatorSpec::Union => {
                    Some(vertex_of[*input])
                }
                _ => None,
            };
            match chained {
                Some(vertex) => chains[vertex].push(at),
                None => chains.push(vec![at]),
            }
            vertex_of.push(chained.unwrap_or(chains.len() - 1));
        }
        let ids = self.ids(&chains, &vertex_of);
        let mut edges = Vec::new();
        for (vertex, chain) in chains.iter().enumerate() {
            let first = &self.nodes[chain[0]];
            let is_join = matches!(first.spec, OperatorSpec::Join(_));
            for (number, (input, partitioning)) in first.inputs.iter().enumerate() {
                let input_number = if is_join { number as u32 } else { 0 };
                let (source, target) = (ids[vertex_of[*input]], ids[vertex]);
                edges.push(Edge { source, target, input: input_number, partitioning: partitioning.clone() });
            }
        }
        let vertices = chains.iter().zip(&ids).map(|(chain, id)| self.vertex(chain, *id)).collect();
        (vertices, edges)
    }

    fn ids(&self, chains: &[Vec<usize>], vertex_of: &[usize]) -> Vec<VertexId> {
        let mut ids: Vec<VertexId> = Vec::with_capacity(chains.len());
        for (position, chain) in chains.iter().enumerate() {
            let mut text = String::new();
            for (input, partitioning) in &self.nodes[chain[0]].inputs {
                text.push_str(&format!("{} {partitioning:?}\n", ids[vertex_of[*input]]));
            }
            for at in chain {
                text.push_str(&self.nodes[*at].description);
                text.push('\n');
            }
            // Twins (the same rows written twice to one table) differ by their place.
            let mut id = VertexId::of_text(&text);
            if ids.contains(&id) {
                id = VertexId::of_text(&format!("{text}{position}"));
            }
            ids.push(id);
        }
        ids
    }

    fn vertex(&self, chain: &[usize], id: VertexId) -> Vertex {
        let nodes: Vec<OperatorNode> = chain
            .iter()
            .map(|at| {
                let node = &self.nodes[*at];
                OperatorNode {
                    id: *at as u32 + 1,
                    name: node.name.clone(),
                    description: node.description.clone(),
                    spec: node.spec.clone(),
                    output: node.output.clone(),
                }
            })
            .collect();
        let named = |node: &OperatorNode| match node.spec {
            OperatorSpec::Sink(_) | OperatorSpec::Collect => node.name.clone(),
            _ => format!("{}[{}]", node.name, node.id),
        };
        let name = nodes.iter().map(named).collect::<Vec<_>>().join(" -> ");
        let parallelism = chain.first().map_or(1, |at| self.nodes[*at].parallelism);
        Vertex { id, name, parallelism, chain: nodes }
    }
}

/// Whether two operators do the same, perhaps for readers of whom one needs the old contents of what changes and the other does not.
fn same_work(a: &OperatorSpec, b: &OperatorSpec) -> bool {
    match (a, b) {
        (OperatorSpec::ChangelogNormalize(a), OperatorSpec::ChangelogNormalize(b)) => {
            (&a.keys, a.state_ttl_ms) == (&b.keys, b.state_ttl_ms)
        }
        _ => a == b,
    }
}

/// Whether a sink marks partitions as complete by their time.
fn completes_by_event_time(spec: &SinkSpec) -> bool {
    let is = |key: &str, value: &str| spec.connector.options.get(key).is_some_and(|found| found.trim().eq_ignore_ascii_case(value));
    let marks = spec.connector.options.contains_key("sink.partition-commit.policy.kind") && !spec.partition_by.is_empty();
    marks && is("sink.partition-commit.trigger", "partition-time")
}

/// How rows go from one parallelism to another where any subtask will do.
fn between(have: u32, want: u32) -> Partitioning {
    match want {
        _ if have == want => Partitioning::Forward,
        1 => Partitioning::Global,
        _ => Partitioning::Rebalance,
    }
}

/// Where the rows of a key meet: by hash, or all in one place where there is no key.
fn keyed(keys: &[usize], kind: &WindowKind, parallelism: u32, have: u32) -> (u32, Partitioning) {
    if !keys.is_empty() {
        return (parallelism, Partitioning::Hash { columns: keys.to_vec() });
    }
    if let WindowKind::Attached { start, end } = kind
        && parallelism > 1
    {
        return (parallelism, Partitioning::Hash { columns: vec![*start, *end] });
    }
    let _ = have;
    (1, Partitioning::Global)
}

fn scan_parallelism(source: &irmak_common::operator_spec::SourceSpec) -> Option<u32> {
    source.connector.options.get("scan.parallelism")?.trim().parse().ok().filter(|parallelism| (1..=32_768).contains(parallelism))
}
