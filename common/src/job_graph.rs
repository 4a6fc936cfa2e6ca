//! The job graph: vertices (chains of operators), the edges between them, and what the job asks of its cluster.
//!
//! This is what the planner makes of a script or spec, what the JobManager schedules and journals, and what travels. It is data:
//! a TaskManager builds operators from it and runs no submitted code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::VertexId;
use crate::key_group::MaxParallelism;
use crate::operator_spec::OperatorSpec;
use crate::types::Schema;

/// A checked job, ready to be scheduled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobGraph {
    /// `pipeline.name`, or made from the statement as Flink does: `insert-into_default_catalog.default_database.write_csv`.
    pub name: String,
    /// In topological order: an edge goes from an earlier vertex to a later one.
    pub vertices: Vec<Vertex>,
    /// The exchanges.
    pub edges: Vec<Edge>,
    /// The number of key groups.
    pub max_parallelism: MaxParallelism,
    /// Checkpoints and restarts.
    pub options: JobOptions,
    /// The columns of the script's closing SELECT: name and type as Flink prints it. Only with a `Collect` operator.
    pub collect: Option<Schema>,
    /// What the plan's author should know though the job runs: ignored options, defaults that differ from Flink's.
    pub warnings: Vec<String>,
}

/// A chain of operators that run as one task, `parallelism` times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vertex {
    /// Stable: the same script gives the same id.
    pub id: VertexId,
    /// As Flink names it: `Source: sahibinden[1] -> Calc[2]`.
    pub name: String,
    /// Number of subtasks, at least 1.
    pub parallelism: u32,
    /// First to last, at least one.
    pub chain: Vec<OperatorNode>,
}

/// An operator in its chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorNode {
    /// Number in the plan, from 1, unique in the job: `Calc[2]` has 2.
    pub id: u32,
    /// Short name: `Source: sahibinden`, `Calc`, `GroupWindowAggregate`, `Sink: write_csv`.
    pub name: String,
    /// One line as Flink's plan describes it: `Calc(select=[id, (price * (1 + kdv)) AS price_with_kdv])`.
    pub description: String,
    /// What it does.
    pub spec: OperatorSpec,
    /// Its output columns.
    pub output: Schema,
}

/// An exchange between two vertices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// From here.
    pub source: VertexId,
    /// To there.
    pub target: VertexId,
    /// Which input of the target's first operator: 0, or 1 for the right side of a join.
    pub input: u32,
    /// Who gets which row.
    pub partitioning: Partitioning,
}

/// Who gets which row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Partitioning {
    /// Subtask i to subtask i; equal parallelism.
    Forward,
    /// By the key group of these columns of the source vertex's output: encoded by `engine::key`, owned as in [`crate::key_group`].
    Hash {
        /// Positions; never empty.
        columns: Vec<usize>,
    },
    /// Batches in turn to each subtask.
    Rebalance,
    /// Everything to everyone.
    Broadcast,
    /// Everything to subtask 0.
    Global,
}

impl Partitioning {
    /// Flink's word for it in a plan: `FORWARD`, `HASH`, ...
    pub fn ship_strategy(&self) -> &'static str {
        match self {
            Self::Forward => "FORWARD",
            Self::Hash { .. } => "HASH",
            Self::Rebalance => "REBALANCE",
            Self::Broadcast => "BROADCAST",
            Self::Global => "GLOBAL",
        }
    }
}

/// What the job asks of its cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobOptions {
    /// Periodic checkpoints; `None`: the job takes none (nothing in it needs one, or the user switched them off).
    pub checkpointing: Option<CheckpointOptions>,
    /// What follows a failure.
    pub restart: RestartStrategy,
    /// All that was SET, by key, as written: shown in REST (secrets covered) and read by operators that need one.
    pub configuration: BTreeMap<String, String>,
}

/// Flink's `execution.checkpointing.*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointOptions {
    /// `execution.checkpointing.interval`, milliseconds.
    pub interval_ms: u64,
    /// `execution.checkpointing.min-pause`, milliseconds.
    pub min_pause_ms: u64,
    /// `execution.checkpointing.timeout`, milliseconds.
    pub timeout_ms: u64,
    /// `execution.checkpointing.tolerable-failed-checkpoints`.
    pub tolerable_failures: u32,
    /// `state.checkpoints.num-retained`.
    pub retained: u32,
    /// `execution.checkpointing.dir` or `state.checkpoints.dir`, a URI; `None`: the cluster's.
    pub dir: Option<String>,
}

impl Default for CheckpointOptions {
    /// Flink's defaults, and an interval of 10 s.
    fn default() -> Self {
        Self { interval_ms: 10_000, min_pause_ms: 0, timeout_ms: 600_000, tolerable_failures: 0, retained: 1, dir: None }
    }
}

/// Flink's `restart-strategy.*`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RestartStrategy {
    /// The first failure fails the job.
    None,
    /// So many times, so far apart.
    FixedDelay {
        /// How many restarts.
        attempts: u32,
        /// Milliseconds before each.
        delay_ms: u64,
    },
    /// As long as failures stay rare.
    FailureRate {
        /// Failures allowed in an interval.
        max_failures: u32,
        /// The interval, milliseconds.
        interval_ms: u64,
        /// Milliseconds before each restart.
        delay_ms: u64,
    },
    /// For ever, ever slower while failures go on.
    ExponentialDelay {
        /// The first delay, milliseconds.
        initial_ms: u64,
        /// The longest, milliseconds.
        max_ms: u64,
        /// Each failure multiplies the delay by this.
        multiplier: f64,
        /// After so long without failure the delay starts anew, milliseconds.
        reset_ms: u64,
        /// Share of the delay that is random, `0.0..=1.0`.
        jitter: f64,
        /// So many restarts without calm between them, then the job fails.
        #[serde(default = "no_bound")]
        attempts: u32,
    },
}

fn no_bound() -> u32 {
    u32::MAX
}

impl Default for RestartStrategy {
    /// Flink's default with checkpointing, but starting at 100 ms: a lost TaskManager is replaced in place.
    fn default() -> Self {
        Self::ExponentialDelay { initial_ms: 100, max_ms: 60_000, multiplier: 1.5, reset_ms: 3_600_000, jitter: 0.1, attempts: u32::MAX }
    }
}

impl JobGraph {
    /// The vertex of this id.
    pub fn vertex(&self, id: VertexId) -> Option<&Vertex> {
        self.vertices.iter().find(|vertex| vertex.id == id)
    }

    /// Slots that the job needs: with slot sharing, its highest parallelism.
    pub fn slots_required(&self) -> u32 {
        self.vertices.iter().map(|vertex| vertex.parallelism).max().unwrap_or(0)
    }

    /// The edges that end at a vertex.
    pub fn inputs_of(&self, id: VertexId) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.target == id)
    }

    /// The edges that begin at a vertex.
    pub fn outputs_of(&self, id: VertexId) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.source == id)
    }
}

impl Vertex {
    /// The columns that leave the vertex.
    pub fn output(&self) -> Schema {
        self.chain.last().map(|node| node.output.clone()).unwrap_or_default()
    }

    /// Whether the vertex reads the outside world.
    pub fn is_source(&self) -> bool {
        matches!(self.chain.first().map(|node| &node.spec), Some(OperatorSpec::Source(_) | OperatorSpec::Values { .. }))
    }
}
