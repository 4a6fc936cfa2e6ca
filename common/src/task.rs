//! What a TaskManager is told about one subtask: everything it needs to run it, and nothing about the rest of the job.

use serde::{Deserialize, Serialize};

use crate::checkpoint::TaskSnapshot;
use crate::id::{AttemptId, CheckpointId, SubtaskId, VertexId};
use crate::job_graph::{JobOptions, OperatorNode, Partitioning};
use crate::key_group::MaxParallelism;
use crate::types::Schema;

/// One subtask's attempt, ready to be deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDescriptor {
    /// Who it is.
    pub attempt: AttemptId,
    /// The job's name, for logs and metrics.
    pub job_name: String,
    /// The vertex's name, for logs and metrics.
    pub vertex_name: String,
    /// Subtasks of the vertex.
    pub parallelism: u32,
    /// Key groups of the job.
    pub max_parallelism: MaxParallelism,
    /// Which of the TaskManager's slots it runs in, from 0.
    pub slot: u32,
    /// First to last.
    pub chain: Vec<OperatorNode>,
    /// One a producing subtask, in a fixed order. Empty for sources.
    pub inputs: Vec<InputChannel>,
    /// The columns of each logical input, by input number. Empty for sources.
    pub input_schemas: Vec<Schema>,
    /// One an outgoing edge. Empty for sinks.
    pub outputs: Vec<OutputGate>,
    /// The job's options.
    pub options: JobOptions,
    /// Where snapshots go: a URI of a folder of this job, `file:///checkpoints/<job id>`.
    pub checkpoint_dir: String,
    /// The state to begin with; `None`: a fresh start.
    pub restore: Option<TaskRestore>,
}

impl TaskDescriptor {
    /// The subtask.
    pub fn subtask(&self) -> SubtaskId {
        self.attempt.subtask
    }
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputChannel {
    /// The producing subtask (of the same job and attempt number).
    pub producer: SubtaskId,
    /// Which of the producer's output gates.
    pub gate: u32,
    /// Which logical input of the first operator it feeds.
    pub input: u32,
}

/// One outgoing edge of a subtask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputGate {
    /// The consuming vertex.
    pub target: VertexId,
    /// Who gets which row.
    pub partitioning: Partitioning,
    /// The consuming subtasks that this subtask has a channel to, in order of their index (one only for FORWARD).
    pub consumers: Vec<Consumer>,
}

/// A consuming subtask and where it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Who (of the same job and attempt number).
    pub subtask: SubtaskId,
    /// The data address of its TaskManager: `host:port`. The same as one's own: a channel within the process.
    pub address: String,
}

/// The state that a task begins with. Subtask snapshots of the vertex as they were, at the parallelism they were taken with;
/// the task takes the key groups it owns, and every operator and source state (a union: each owner picks its splits).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRestore {
    /// Which checkpoint it is.
    pub checkpoint: CheckpointId,
    /// One a subtask of the vertex then, by subtask index.
    pub snapshots: Vec<TaskSnapshot>,
}
