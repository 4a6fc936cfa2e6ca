//! From a descriptor to a task that is ready to run: opens its table, builds its operators, opens its channels.
//!
//! Runs in the task's thread: opening may take a while.

use std::sync::Arc;

use irmak_common::job_graph::OperatorNode;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::task::{OutputGate, TaskDescriptor};
use irmak_common::types::Schema;
use irmak_connectors::build::{open_sink, open_source};
use irmak_connectors::context::{FileAccess, SinkContext, SourceContext};
use irmak_engine::key::KeyEncoder;
use irmak_engine::{OperatorEnvironment, build as build_operator, values};
use irmak_runtime::clock::now_ms;
use irmak_runtime::kill_point;

use super::chain::{Chain, Stage};
use super::checkpoint::Uploader;
use super::collect::Collect;
use super::control::Control;
use super::gate::Gate;
use super::head::{Constant, Head};
use super::machine::Machine;
use super::report::Reporter;
use super::restore::Restored;
use super::run::Task;
use super::tail::{Table, Tail};
use crate::error::TaskError;
use crate::shuffle::partition::{Hasher, Partitioner};
use crate::shuffle::send::{Network, Output};

/// What a TaskManager lends to its tasks.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The way to other tasks.
    pub network: Network,
    /// Which files a job may touch.
    pub files: FileAccess,
    /// `table.local-time-zone`, for jobs that say nothing of it.
    pub zone: String,
}

/// Builds a task.
///
/// # Errors
/// An option, path or state that cannot be used; no channel to a consumer; a descriptor that makes no task.
pub fn build(
    descriptor: &TaskDescriptor,
    mut restored: Restored,
    surroundings: &Surroundings,
    control: Arc<Control>,
    reporter: Reporter,
) -> Result<Task, TaskError> {
    let builder = Builder { descriptor, surroundings };
    let chain = &descriptor.chain;
    let first = usize::from(matches!(chain.first().map(|node| &node.spec), Some(OperatorSpec::Source(_) | OperatorSpec::Values { .. })));
    let last =
        chain.len() - usize::from(matches!(chain.last().map(|node| &node.spec), Some(OperatorSpec::Sink(_) | OperatorSpec::Collect)));
    if first > last {
        return Err(TaskError::Descriptor("an operator is both first and last".to_owned()));
    }
    let head = builder.head(chain.first(), &mut restored)?;
    let middle = builder.middle(first, last, &mut restored)?;
    let tail = builder.tail(chain.get(last), &mut restored, &control)?;
    let uploader = Uploader::new(descriptor.attempt, descriptor.checkpoint_dir.clone(), reporter.clone());
    Ok(Task { head, chain: middle, tail, control, reporter, uploader })
}

struct Builder<'a> {
    descriptor: &'a TaskDescriptor,
    surroundings: &'a Surroundings,
}

impl Builder<'_> {
    fn head(&self, node: Option<&OperatorNode>, restored: &mut Restored) -> Result<Head, TaskError> {
        let Some(node) = node else { return Err(TaskError::Descriptor("its chain is empty".to_owned())) };
        let (id, name) = (node.id, node.name.clone());
        match &node.spec {
            OperatorSpec::Source(spec) => {
                let source = open_source(spec, &self.source_context(id, restored));
                let source = source.map_err(|source| TaskError::connector(id, &name, source))?;
                Ok(Head::Source { id, name, source })
            }
            OperatorSpec::Values { rows } => {
                let given = restored.union(id).unwrap_or_default();
                let rows = if self.descriptor.subtask().index == 0 { rows.as_slice() } else { &[] };
                let rows = values(rows, &node.output).map_err(|source| TaskError::operator(id, &name, source))?;
                let batches = (0..rows.num_rows()).step_by(BATCH_ROWS_MAX);
                let batches = batches.map(|at| rows.slice(at, BATCH_ROWS_MAX.min(rows.num_rows() - at))).collect();
                Ok(Head::Source { id, name, source: Box::new(Constant::new(batches, &given)) })
            }
            _ if self.descriptor.inputs.is_empty() => Err(TaskError::Descriptor(format!("{name}[{id}] has no input"))),
            _ => Ok(Head::Inputs(Machine::new(self.descriptor.inputs.iter().map(|input| input.input as usize).collect()))),
        }
    }

    fn middle(&self, first: usize, last: usize, restored: &mut Restored) -> Result<Chain, TaskError> {
        let chain = &self.descriptor.chain;
        let mut inputs: Vec<Schema> = match first {
            0 => self.descriptor.input_schemas.clone(),
            _ => vec![chain[0].output.clone()],
        };
        let mut stages = Vec::with_capacity(last - first);
        for node in &chain[first..last] {
            let environment = self.environment(node.id, restored);
            let operator = build_operator(node, &inputs, &environment);
            let operator = operator.map_err(|source| TaskError::operator(node.id, &node.name, source))?;
            stages.push(Stage::new(node.id, node.name.clone(), operator));
            inputs = vec![node.output.clone()];
        }
        Ok(Chain::new(stages))
    }

    fn tail(&self, node: Option<&OperatorNode>, restored: &mut Restored, control: &Arc<Control>) -> Result<Tail, TaskError> {
        let Some(node) = node else { return self.gates(control).map(Tail::Gates) };
        let (id, name) = (node.id, node.name.clone());
        match &node.spec {
            OperatorSpec::Sink(spec) => {
                control.check()?;
                let sink = open_sink(spec, &self.sink_context(id, restored));
                let mut sink = sink.map_err(|source| TaskError::connector(id, &name, source))?;
                let control = control.clone();
                sink.give_up_when(Arc::new(move || control.check().is_err()));
                Ok(Tail::Sink(Table { id, name, sink }))
            }
            _ => Ok(Tail::Collect(Collect::new(node.output.clone(), self.zone()))),
        }
    }

    fn gates(&self, control: &Arc<Control>) -> Result<Vec<Gate>, TaskError> {
        let gates = self.descriptor.outputs.iter().enumerate();
        gates.map(|(number, gate)| self.gate(number as u32, gate, control)).collect()
    }

    fn gate(&self, number: u32, gate: &OutputGate, control: &Arc<Control>) -> Result<Gate, TaskError> {
        let attempt = self.descriptor.attempt;
        let mut outputs = Vec::with_capacity(gate.consumers.len());
        for consumer in &gate.consumers {
            let id = irmak_common::id::AttemptId { subtask: consumer.subtask, ..attempt };
            outputs.push(Output::open(&self.surroundings.network, control, number, id, &consumer.address)?);
        }
        let (subtask, max) = (attempt.subtask.index, self.descriptor.max_parallelism);
        let partitioner = Partitioner::new(&gate.partitioning, outputs.len(), subtask, max, |columns| self.hasher(columns))?;
        Ok(Gate::new(partitioner, outputs))
    }

    fn hasher(&self, columns: &[usize]) -> Result<Hasher, TaskError> {
        let wrong = |reason: String| TaskError::Descriptor(format!("its output cannot be hashed: {reason}"));
        let last = self.descriptor.chain.last().ok_or_else(|| wrong("its chain is empty".to_owned()))?;
        let mut encoder = KeyEncoder::new(&last.output, columns).map_err(|error| wrong(error.to_string()))?;
        Ok(Box::new(move |batch, hashes| encoder.hashes(batch, hashes).map_err(|error| error.to_string())))
    }

    fn environment(&self, operator: u32, restored: &mut Restored) -> OperatorEnvironment {
        OperatorEnvironment {
            subtask_index: self.descriptor.subtask().index,
            parallelism: self.descriptor.parallelism,
            max_parallelism: self.descriptor.max_parallelism,
            zone: self.zone(),
            options: self.descriptor.options.configuration.clone(),
            restored: restored.snapshots(operator),
        }
    }

    fn source_context(&self, operator: u32, restored: &mut Restored) -> SourceContext {
        let attempt = self.descriptor.attempt;
        SourceContext {
            job: attempt.job,
            operator,
            subtask: attempt.subtask.index,
            parallelism: self.descriptor.parallelism,
            attempt: attempt.attempt,
            restored: restored.union(operator),
            checkpoint: restored.checkpoint,
            files: self.surroundings.files.clone(),
            zone: self.zone(),
            clock: now_ms,
        }
    }

    fn sink_context(&self, operator: u32, restored: &mut Restored) -> SinkContext {
        let attempt = self.descriptor.attempt;
        SinkContext {
            job: attempt.job,
            operator,
            subtask: attempt.subtask.index,
            parallelism: self.descriptor.parallelism,
            attempt: attempt.attempt,
            restored: restored.union(operator),
            checkpoint: restored.checkpoint,
            files: self.surroundings.files.clone(),
            zone: self.zone(),
            clock: now_ms,
            kill_point,
        }
    }

    fn zone(&self) -> String {
        let configured = self.descriptor.options.configuration.get("table.local-time-zone");
        configured.cloned().unwrap_or_else(|| self.surroundings.zone.clone())
    }
}
