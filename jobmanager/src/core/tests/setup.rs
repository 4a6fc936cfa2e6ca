//! What the core's tests share: small graphs, TaskManagers, and commands as one-line texts.

use irmak_common::id::{JobId, SubtaskId, TaskManagerId, VertexId};
use irmak_common::job_graph::{CheckpointOptions, Edge, JobGraph, JobOptions, OperatorNode, Partitioning, RestartStrategy, Vertex};
use irmak_common::key_group::MaxParallelism;
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::types::Schema;

use crate::core::event::{Command, Order};
use crate::core::schedule::SlotId;

/// The one job of most tests.
pub(crate) const JOB: JobId = JobId::from_u128(0xa);

/// 100 ms, doubled up to a second, forgotten after a quiet minute.
pub(crate) fn exponential() -> RestartStrategy {
    RestartStrategy::ExponentialDelay { initial_ms: 100, max_ms: 1_000, multiplier: 2.0, reset_ms: 60_000, jitter: 0.0, attempts: u32::MAX }
}

/// `source -HASH-> sink`, both with this parallelism; checkpoints each second, restarts after 100 ms, then longer.
pub(crate) fn graph(parallelism: u32) -> JobGraph {
    let vertex = |name: &str, spec: OperatorSpec| Vertex {
        id: VertexId::of_text(name),
        name: name.to_owned(),
        parallelism,
        chain: vec![OperatorNode { id: 1, name: name.to_owned(), description: name.to_owned(), spec, output: Schema::default() }],
    };
    let vertices = vec![vertex("source", OperatorSpec::Values { rows: Vec::new() }), vertex("sink", OperatorSpec::Union)];
    let edge = Edge { source: vertices[0].id, target: vertices[1].id, input: 0, partitioning: Partitioning::Hash { columns: vec![0] } };
    JobGraph {
        name: "test".to_owned(),
        vertices,
        edges: vec![edge],
        max_parallelism: MaxParallelism::default(),
        options: JobOptions {
            checkpointing: Some(CheckpointOptions { interval_ms: 1_000, timeout_ms: 5_000, ..CheckpointOptions::default() }),
            restart: exponential(),
            configuration: Default::default(),
        },
        collect: None,
        warnings: Vec::new(),
    }
}

/// A subtask by the first letters of its vertex and its index: `source/0`.
pub(crate) fn subtask(text: &str) -> SubtaskId {
    let (vertex, index) = text.split_once('/').unwrap();
    SubtaskId { vertex: VertexId::of_text(vertex), index: index.parse().unwrap() }
}

/// `a:0` is slot 0 of TaskManager `a`, whose address is `a.host:1`.
pub(crate) fn slots(texts: &[&str]) -> Vec<(SlotId, String)> {
    let slot = |text: &&str| {
        let (owner, index) = text.split_once(':').unwrap();
        (SlotId { task_manager: TaskManagerId(owner.into()), index: index.parse().unwrap() }, format!("{owner}.host:1"))
    };
    texts.iter().map(slot).collect()
}

fn name(subtask: SubtaskId) -> String {
    let vertex = ["source", "sink"].into_iter().find(|name| VertexId::of_text(name) == subtask.vertex).unwrap_or("?");
    format!("{vertex}/{}", subtask.index)
}

/// A command in a few words; those that only concern bookkeeping are `None`.
pub(crate) fn words(command: &Command) -> Option<String> {
    Some(match command {
        Command::Send { to, order } => match order {
            Order::Deploy(task) => {
                let restore = task.restore.as_ref().map_or(String::new(), |restore| format!(" from {}", restore.checkpoint));
                format!("{to}: deploy {}#{}{restore}", name(task.subtask()), task.attempt.attempt)
            }
            Order::Cancel(id) => format!("{to}: cancel {}#{}", name(id.subtask), id.attempt),
            Order::Trigger { attempt, checkpoint, kind, .. } => format!("{to}: {kind:?} {checkpoint} at {}", name(attempt.subtask)),
            Order::Complete { attempt, checkpoint } => format!("{to}: commit {checkpoint} at {}", name(attempt.subtask)),
            Order::Stop(id) => format!("{to}: stop {}", name(id.subtask)),
            Order::Finish(id) => format!("{to}: finish {}", name(id.subtask)),
        },
        Command::Disconnect { peer, reason } => format!("disconnect {}: {reason}", peer.id),
        Command::WriteManifest { manifest, .. } => format!("write {}", manifest.checkpoint),
        Command::LoadCheckpoints { .. } => "load".to_owned(),
        Command::DeleteCheckpoint { checkpoint, .. } => format!("delete {checkpoint}"),
        Command::DeleteObjects(objects) => format!("delete {}", objects.join(" ")),
        Command::Journal(crate::core::record::Record::Ended { status, .. }) => format!("ended {status}"),
        Command::Journal(_) | Command::Changed(_) => return None,
    })
}
