//! From algebra to a job graph: operators, the exchanges that they need, and chains of those that need none between them.
//!
//! Operators are numbered in the order in which rows reach them. Two queries of a statement set that begin alike share that
//! beginning. A vertex's id is made of the descriptions of all operators before it, so that an unchanged part of a changed script
//! finds its state again.

mod batch;
mod below;
mod keyed;
mod ordered;
mod single;
mod vertices;

use irmak_common::changelog_spec::MaterializeSpec;
use irmak_common::job_graph::Partitioning;
use irmak_common::join_spec::JoinTiming;
use irmak_common::operator_spec::{OperatorSpec, SinkSpec, WindowStyle};
use irmak_common::table_options::changelog_format;
use irmak_common::types::Schema;

use crate::algebra::{Rel, RelNode, Root, Target};
use crate::changelog::is_updating;
use crate::changelog::materialize::{Materialize, materializer};
use crate::describe;
use crate::join::JoinRel;

use below::{Below, between};

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

/// What a sink hears of changes: whether rows change, and whether they were put together by its key before.
#[derive(Clone, Copy)]
struct Changes {
    updating: bool,
    materialized: bool,
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
    /// `table.exec.state.ttl`, milliseconds; 0: state is kept for ever.
    pub(crate) state_ttl_ms: u64,
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
            state_ttl_ms: 0,
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
        let changes = Changes { updating, materialized: materializer.is_some() };
        if let Some(spec) = materializer {
            input = self.materializer(spec, input);
        }
        let node = match root.target {
            Target::Sink { mut spec, parallelism } => {
                spec.ends_old_keys = moves && !changes.materialized;
                self.sink(spec, parallelism, input, changes)
            }
            Target::Collect => self.collect(input),
        };
        self.push(node);
    }

    fn sink(&self, spec: SinkSpec, parallelism: Option<u32>, input: usize, changes: Changes) -> Node {
        let have = self.nodes[input].parallelism;
        let parallelism = parallelism.unwrap_or(have);
        let description = format!(
            "Sink(table=[{}], fields=[{}]{})",
            spec.database.dotted(&spec.table),
            describe::fields(&spec.schema),
            if changes.materialized { ", upsertMaterialize=[true]" } else { "" }
        );
        let partitioning = match between(have, parallelism) {
            // What happens to a row must come in order.
            Partitioning::Rebalance if changes.updating && !spec.primary_key.is_empty() => {
                Partitioning::Hash { columns: spec.primary_key.clone() }
            }
            // Whether a partition is complete is decided by event time, which all of its writers must see alike.
            Partitioning::Forward if parallelism > 1 && completes_by_event_time(&spec) && !self.agree(input) => Partitioning::Rebalance,
            any => any,
        };
        let (name, output) = (format!("Sink: {}", spec.table), spec.schema.clone());
        Node { name, description, spec: OperatorSpec::Sink(spec), output, parallelism, inputs: vec![(input, partitioning)] }
    }

    fn collect(&self, input: usize) -> Node {
        let Node { parallelism: have, output, .. } = &self.nodes[input];
        Node {
            name: "Sink: Collect table sink".to_owned(),
            description: format!("Sink(table=[*collect*], fields=[{}])", describe::fields(output)),
            spec: OperatorSpec::Collect,
            output: output.clone(),
            parallelism: 1,
            inputs: vec![(input, between(*have, 1))],
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
        let below = self.below(inputs.first().copied());
        let Some(mut node) = self.operator(rel, &inputs, &below, before) else { return below.input };
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

    fn below(&self, input: Option<usize>) -> Below {
        let parallelism = self.parallelism;
        let known = input.map(|input| (input, self.nodes[input].parallelism, self.nodes[input].output.clone()));
        let (input, have, schema) = known.unwrap_or((0, parallelism, Schema::default()));
        Below { input, have, schema, parallelism }
    }

    /// The operator of a relation; `None`: it is a mark, and its input stands for it.
    fn operator(&self, rel: &Rel, inputs: &[usize], below: &Below, before: bool) -> Option<Node> {
        match &rel.node {
            RelNode::GroupAggregate { .. } | RelNode::SetOperation { .. } | RelNode::TemporalSort { .. } | RelNode::BatchOver { .. }
                if self.batch =>
            {
                batch::node(rel, below)
            }
            // The aggregate above puts rows into these windows itself.
            RelNode::WindowAssign { window, .. } if window.time.is_none() && window.style == WindowStyle::Group => None,
            RelNode::Scan(_)
            | RelNode::Values(_)
            | RelNode::Watermark { .. }
            | RelNode::Project { .. }
            | RelNode::Filter { .. }
            | RelNode::WindowAssign { .. }
            | RelNode::Limit { .. } => single::node(rel, below),
            RelNode::WindowAggregate { .. }
            | RelNode::GroupAggregate { .. }
            | RelNode::Rank { .. }
            | RelNode::Deduplicate { .. }
            | RelNode::Normalize { .. }
            | RelNode::SetOperation { .. } => keyed::node(rel, below, before),
            RelNode::Over { .. }
            | RelNode::BatchOver { .. }
            | RelNode::RowNumber { .. }
            | RelNode::WindowRank { .. }
            | RelNode::TemporalSort { .. }
            | RelNode::Match { .. }
            | RelNode::Unnest { .. } => ordered::node(rel, below),
            RelNode::Join(join) => Some(self.join(join, inputs, rel)),
            RelNode::Union(_) => Some(self.union(inputs, &rel.schema)),
            RelNode::Table { .. } => None,
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

    /// Rows of both sides meet by key, or all in one place where there is no key.
    fn join(&self, join: &JoinRel, inputs: &[usize], rel: &Rel) -> Node {
        let mut spec = if self.batch { batch::join(join) } else { join.spec(is_updating(rel)) };
        if spec.timing == JoinTiming::Always {
            spec.state_ttl_ms = join.state_ttl.map(|own| own.unwrap_or(self.state_ttl_ms));
        }
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
