//! A new JobManager takes up the jobs of the old one.
//!
//! What it knows: the journal's images, the manifests in storage, and what TaskManagers that register again say they run. A job
//! whose tasks all come back goes on without a restart; else it restarts from its newest checkpoint.

use std::collections::BTreeMap;

use irmak_common::element::CheckpointKind;
use irmak_common::id::{AttemptId, SubtaskId};
use irmak_common::status::{ExecutionState, JobStatus};
use irmak_common::time::Millis;

use super::Settings;
use super::event::{Command, Order, Registration, RestoreFrom};
use super::execution_graph::{Execution, subtasks};
use super::job::{Context, Job, Phase, Then};
use super::record::{Goal, JobImage};
use super::schedule::SlotId;

impl Job {
    /// The job that an image shows.
    pub(super) fn recover(image: &JobImage, settings: &Settings, now: Millis) -> Self {
        let mut job = Self::new(&image.new, image.submitted_at);
        job.goal = image.goal;
        job.attempt = image.attempt;
        job.placement = image.placement.clone();
        job.failures = image.failures.iter().cloned().collect();
        job.checkpoints = super::checkpoint::Checkpoints::new(
            job.id,
            job.graph.max_parallelism.get(),
            job.graph.options.checkpointing.clone(),
            image.last_checkpoint,
        );
        job.checkpoints.recover(&image.past, image.completed_count, image.failed_count);
        if image.attempt.is_some() {
            job.timestamps.insert(JobStatus::Running, image.attempt_at);
        }
        match image.ended {
            Some((status, at)) => job.recover_ended(status, at),
            None if image.attempt.is_some() => {
                job.phase = Phase::Reconciling { until: now + settings.reconcile_timeout_ms, loaded: false };
                job.status = JobStatus::Reconciling;
                job.timestamps.insert(JobStatus::Reconciling, now);
                job.executions = job.unplaced(ExecutionState::Reconciling, now);
            }
            None => {}
        }
        job
    }

    fn recover_ended(&mut self, status: JobStatus, at: Millis) {
        self.phase = Phase::Ended;
        self.status = status;
        self.timestamps.insert(status, at);
        let state = match status {
            JobStatus::Finished => ExecutionState::Finished,
            _ => ExecutionState::Canceled,
        };
        self.executions = self.unplaced(state, at);
    }

    fn unplaced(&self, state: ExecutionState, now: Millis) -> BTreeMap<SubtaskId, Execution> {
        subtasks(&self.graph).map(|subtask| (subtask, Execution::new(subtask, None, String::new(), state, now))).collect()
    }

    /// The first commands after a recovery.
    pub(super) fn resume(&mut self, ctx: &mut Context<'_>) {
        match self.phase {
            Phase::Reconciling { .. } if self.goal == Goal::Cancel => self.drain(Then::Cancel, JobStatus::Cancelling, ctx),
            Phase::Reconciling { .. } if self.collects() => {
                let words = "the JobManager was restarted and the rows sent so far are lost; submit the query again".to_owned();
                let failure = self.failure("JobManagerRestarted", words, ctx.now);
                self.record(failure, ctx);
                self.drain(Then::Fail, JobStatus::Failing, ctx);
            }
            Phase::Reconciling { .. } => {
                let from = RestoreFrom::JobFolder(self.checkpoint_folder(ctx.settings));
                ctx.out.push(Command::LoadCheckpoints { job: self.id, from });
            }
            Phase::Pending => self.start(ctx),
            _ => {}
        }
    }

    /// A TaskManager says that it still runs a task of this job.
    pub(super) fn task_reported(
        &mut self,
        peer: &Registration,
        attempt: AttemptId,
        state: ExecutionState,
        slot: u32,
        ctx: &mut Context<'_>,
    ) {
        if state.is_terminal() {
            return;
        }
        let manager = peer.peer.id.clone();
        let current = self.attempt == Some(attempt.attempt) && matches!(self.phase, Phase::Reconciling { .. });
        let Some(execution) = self.executions.get_mut(&attempt.subtask).filter(|execution| current && execution.slot.is_none()) else {
            ctx.send(&manager, Order::Cancel(attempt));
            if self.phase != Phase::Ended {
                self.lingering.insert((manager, attempt));
            }
            return;
        };
        let place = SlotId { task_manager: manager, index: slot };
        ctx.cluster.hold(&place, attempt.job);
        execution.slot = Some(place.clone());
        execution.location.clone_from(&peer.data_address);
        execution.set(state, ctx.now);
        let index = attempt.subtask.index as usize;
        if self.slots.len() <= index {
            self.slots.resize(index + 1, None);
        }
        self.slots[index] = Some(place);
    }

    /// A TaskManager has said all that it runs: what it should run and does not is gone, and so is what its predecessor ran.
    pub(super) fn check_registered(&mut self, peer: &Registration, ctx: &mut Context<'_>) {
        if !matches!(self.phase, Phase::Reconciling { .. }) {
            return;
        }
        let (id, address) = (&peer.peer.id.0, host_and_port(&peer.peer.id.0));
        let gone = |placed: &String| placed == id || host_and_port(placed) == address;
        let missing = self
            .executions
            .values()
            .any(|execution| execution.slot.is_none() && self.placement.get(execution.subtask.index as usize).is_some_and(gone));
        if missing {
            self.reconcile_failed(format!("TaskManager {id} no longer runs its part of the job"), ctx);
        } else {
            self.check_reconciled(ctx);
        }
    }

    /// All are back and run: the job goes on.
    pub(super) fn check_reconciled(&mut self, ctx: &mut Context<'_>) {
        let Phase::Reconciling { loaded: true, .. } = self.phase else { return };
        if self.executions.values().any(|execution| execution.state != ExecutionState::Running) {
            return;
        }
        self.phase = Phase::Running;
        self.all_ran = true;
        self.checkpoints.all_running(ctx.now);
        self.set_status(JobStatus::Running, ctx);
        // The old JobManager may have died between a manifest and its announcement; committing twice is harmless.
        if let Some((checkpoint, kind)) = self.checkpoints.latest().map(|manifest| (manifest.checkpoint, manifest.kind)) {
            let subtasks: Vec<SubtaskId> = self.executions.keys().copied().collect();
            subtasks.iter().for_each(|subtask| self.to_task(*subtask, ctx, &|attempt| Order::Complete { attempt, checkpoint }));
            self.final_checkpoint = (kind == CheckpointKind::Final).then_some(checkpoint);
        }
        if self.goal == Goal::Stop {
            self.stop_sources(ctx);
        }
    }

    pub(super) fn reconcile_timed_out(&mut self, ctx: &mut Context<'_>) {
        let back = self.executions.values().filter(|execution| execution.state == ExecutionState::Running).count();
        self.reconcile_failed(format!("{back} of {} tasks came back in time", self.executions.len()), ctx);
    }

    fn reconcile_failed(&mut self, what: String, ctx: &mut Context<'_>) {
        if matches!(self.phase, Phase::Reconciling { loaded: false, .. }) {
            self.reload = true;
        }
        let failure = self.failure("JobManagerRestarted", format!("the JobManager was restarted, and {what}"), ctx.now);
        self.fail(failure, ctx);
    }
}

/// `host:port` of `host:port-xxxxxx`.
fn host_and_port(id: &str) -> &str {
    id.rsplit_once('-').map_or(id, |(address, _)| address)
}
