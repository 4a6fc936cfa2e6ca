//! One attempt of a job, subtask by subtask: where each runs, how it stands, and what its TaskManager is told to run it.

use std::collections::BTreeMap;
use std::sync::Arc;

use irmak_common::checkpoint::Manifest;
use irmak_common::id::{AttemptId, CheckpointId, JobId, SubtaskId, VertexId};
use irmak_common::job_graph::{JobGraph, Partitioning, Vertex};
use irmak_common::status::ExecutionState;
use irmak_common::task::{Consumer, InputChannel, OutputGate, TaskDescriptor, TaskRestore};
use irmak_common::time::Millis;
use irmak_common::types::Schema;

use super::figures::Figures;
use super::schedule::SlotId;

/// A subtask in its attempt.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Who.
    pub subtask: SubtaskId,
    /// Where; `None`: nobody knows yet.
    pub slot: Option<SlotId>,
    /// `host:port` of its TaskManager's shuffle service.
    pub location: String,
    /// How it stands.
    pub state: ExecutionState,
    /// When it reached each state.
    pub since: BTreeMap<ExecutionState, Millis>,
    /// Its figures.
    pub figures: Figures,
    /// Whether it has emitted all it will.
    pub ended: bool,
    /// The newest checkpoint whose effects it has made visible.
    pub committed: Option<CheckpointId>,
}

impl Execution {
    /// A subtask in a first state.
    pub fn new(subtask: SubtaskId, slot: Option<SlotId>, location: String, state: ExecutionState, now: Millis) -> Self {
        let since = BTreeMap::from([(state, now)]);
        Self { subtask, slot, location, state, since, figures: Figures::default(), ended: false, committed: None }
    }

    /// Moves on; a terminal state is the last.
    pub fn set(&mut self, state: ExecutionState, now: Millis) {
        if self.state == state || self.state.is_terminal() {
            return;
        }
        self.state = state;
        self.since.insert(state, now);
        if state.is_terminal() {
            self.figures.stop();
        }
    }

    /// When it was deployed.
    pub fn started_at(&self) -> Option<Millis> {
        self.since.get(&ExecutionState::Deploying).or_else(|| self.since.values().min()).copied()
    }

    /// When it reached a terminal state.
    pub fn ended_at(&self) -> Option<Millis> {
        self.state.is_terminal().then(|| self.since.get(&self.state).copied()).flatten()
    }
}

/// The subtasks of a graph, vertex by vertex.
pub fn subtasks(graph: &JobGraph) -> impl Iterator<Item = SubtaskId> {
    graph.vertices.iter().flat_map(|vertex| (0..vertex.parallelism).map(|index| SubtaskId { vertex: vertex.id, index }))
}

/// The state of a vertex, from those of its subtasks. Source: Flink's `ExecutionJobVertex.getAggregateJobVertexState`.
pub fn aggregate(states: impl Iterator<Item = ExecutionState>) -> ExecutionState {
    use ExecutionState as S;
    let states: Vec<S> = states.collect();
    let any = |state: S| states.contains(&state);
    let first = [S::Failed, S::Canceling, S::Canceled, S::Initializing, S::Running].into_iter().find(|state| any(*state));
    match first {
        Some(state) => state,
        None if !states.is_empty() && states.iter().all(|state| *state == S::Finished) => S::Finished,
        None if any(S::Finished) => S::Running,
        None => [S::Deploying, S::Scheduled, S::Reconciling].into_iter().find(|state| any(*state)).unwrap_or(S::Created),
    }
}

/// What is common to all subtasks of an attempt.
#[derive(Debug)]
pub struct Deployment<'a> {
    /// Whose.
    pub job: JobId,
    /// What.
    pub graph: &'a JobGraph,
    /// Which attempt.
    pub attempt: u32,
    /// Slot i hosts subtask i of every vertex; with its TaskManager's data address.
    pub slots: &'a [(SlotId, String)],
    /// URI of the job's checkpoint folder.
    pub checkpoint_folder: &'a str,
    /// What to begin with.
    pub restore: Option<&'a Arc<Manifest>>,
}

impl Deployment<'_> {
    /// What each TaskManager is told, consumers before producers: most channels then find their other end waiting.
    pub fn descriptors(&self) -> Vec<(SlotId, TaskDescriptor)> {
        let vertices = self.graph.vertices.iter().rev();
        vertices
            .flat_map(|vertex| {
                (0..vertex.parallelism).filter_map(|index| Some((self.slot(index)?.0.clone(), self.descriptor(vertex, index)?)))
            })
            .collect()
    }

    fn slot(&self, index: u32) -> Option<&(SlotId, String)> {
        self.slots.get(index as usize)
    }

    fn descriptor(&self, vertex: &Vertex, index: u32) -> Option<TaskDescriptor> {
        let subtask = SubtaskId { vertex: vertex.id, index };
        Some(TaskDescriptor {
            attempt: AttemptId { job: self.job, subtask, attempt: self.attempt },
            job_name: self.graph.name.clone(),
            vertex_name: vertex.name.clone(),
            parallelism: vertex.parallelism,
            max_parallelism: self.graph.max_parallelism,
            slot: self.slot(index)?.0.index,
            chain: vertex.chain.clone(),
            inputs: self.inputs(vertex, index),
            input_schemas: self.input_schemas(vertex.id),
            outputs: self.outputs(vertex, index),
            options: self.graph.options.clone(),
            checkpoint_dir: self.checkpoint_folder.to_owned(),
            restore: self.restore.map(|manifest| TaskRestore {
                checkpoint: manifest.checkpoint,
                snapshots: manifest.tasks.iter().filter(|snapshot| snapshot.subtask.vertex == vertex.id).cloned().collect(),
            }),
        })
    }

    fn inputs(&self, vertex: &Vertex, index: u32) -> Vec<InputChannel> {
        let mut channels = Vec::new();
        for edge in self.graph.inputs_of(vertex.id) {
            let Some(source) = self.graph.vertex(edge.source) else { continue };
            let Some(gate) = self.graph.outputs_of(edge.source).position(|out| std::ptr::eq(out, edge)) else { continue };
            let producers = match edge.partitioning {
                Partitioning::Forward => index..index + 1,
                _ => 0..source.parallelism,
            };
            channels.extend(producers.map(|producer| InputChannel {
                producer: SubtaskId { vertex: source.id, index: producer },
                gate: gate as u32,
                input: edge.input,
            }));
        }
        channels
    }

    /// The columns of each logical input; several edges into one input have the same.
    fn input_schemas(&self, vertex: VertexId) -> Vec<Schema> {
        let mut schemas: BTreeMap<u32, Schema> = BTreeMap::new();
        for edge in self.graph.inputs_of(vertex) {
            if let Some(source) = self.graph.vertex(edge.source) {
                schemas.entry(edge.input).or_insert_with(|| source.output());
            }
        }
        schemas.into_values().collect()
    }

    fn outputs(&self, vertex: &Vertex, index: u32) -> Vec<OutputGate> {
        self.graph
            .outputs_of(vertex.id)
            .map(|edge| {
                let parallelism = self.graph.vertex(edge.target).map_or(0, |target| target.parallelism);
                let consumers = match edge.partitioning {
                    Partitioning::Forward => index..index + 1,
                    _ => 0..parallelism,
                };
                let consumer = |index: u32| {
                    self.slot(index)
                        .map(|(_, address)| Consumer { subtask: SubtaskId { vertex: edge.target, index }, address: address.clone() })
                };
                OutputGate {
                    target: edge.target,
                    partitioning: edge.partitioning.clone(),
                    consumers: consumers.filter_map(consumer).collect(),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ExecutionState::*;

    use super::*;
    use crate::core::tests::setup::{graph, slots};

    #[test]
    fn a_vertex_is_as_its_worst_subtask() {
        for (states, expected) in [
            (vec![Running, Failed], Failed),
            (vec![Running, Finished], Running),
            (vec![Finished, Deploying], Running),
            (vec![Finished, Finished], Finished),
            (vec![Deploying, Scheduled], Deploying),
            (vec![Created], Created),
            (vec![Initializing, Running], Initializing),
        ] {
            assert_eq!(aggregate(states.iter().copied()), expected, "{states:?}");
        }
    }

    #[test]
    fn every_channel_has_two_ends_that_agree() {
        let graph = graph(3);
        let slots = slots(&["a:0", "b:0", "b:1"]);
        let deployment = Deployment {
            job: JobId::from_u128(1),
            graph: &graph,
            attempt: 4,
            slots: &slots,
            checkpoint_folder: "file:///c",
            restore: None,
        };
        let tasks: Vec<TaskDescriptor> = deployment.descriptors().into_iter().map(|(_, task)| task).collect();
        let mut from_producers: Vec<(SubtaskId, u32, SubtaskId)> = Vec::new();
        let mut from_consumers = Vec::new();
        for task in &tasks {
            for (gate, output) in task.outputs.iter().enumerate() {
                from_producers.extend(output.consumers.iter().map(|consumer| (task.subtask(), gate as u32, consumer.subtask)));
            }
            from_consumers.extend(task.inputs.iter().map(|input| (input.producer, input.gate, task.subtask())));
        }
        from_producers.sort();
        from_consumers.sort();
        assert_eq!(from_producers, from_consumers);
        assert_eq!(from_producers.len(), 9);
    }

    #[test]
    fn a_consumer_is_found_at_its_own_task_manager() {
        let graph = graph(2);
        let slots = slots(&["a:0", "b:0"]);
        let deployment = Deployment {
            job: JobId::from_u128(1),
            graph: &graph,
            attempt: 0,
            slots: &slots,
            checkpoint_folder: "file:///c",
            restore: None,
        };
        let (slot, last) = deployment.descriptors().pop().unwrap();
        assert!(last.inputs.is_empty(), "sources are deployed last");
        assert_eq!((slot.task_manager.0.as_str(), last.slot), ("b", 0));
        let addresses: Vec<&str> = last.outputs[0].consumers.iter().map(|consumer| consumer.address.as_str()).collect();
        assert_eq!(addresses, ["a.host:1", "b.host:1"]);
    }
}
