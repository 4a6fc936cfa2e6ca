//! A running job: its tasks' states, its checkpoints, and its end.
//!
//! The end of a job: every task has emitted all it will (`TaskEnded`), the final checkpoint is taken and written, every task has
//! made visible what it pre-committed, all are told to finish, all have finished.

use std::collections::BTreeSet;
use std::sync::Arc;

use irmak_common::checkpoint::{Manifest, TaskSnapshot};
use irmak_common::element::CheckpointKind;
use irmak_common::id::{AttemptId, CheckpointId, SubtaskId};
use irmak_common::status::{ExecutionState, JobStatus};

use super::checkpoint::{Acknowledged, Verdict, objects_of};
use super::event::{Command, Order};
use super::job::{Context, Job, Phase};
use super::record::{Goal, Record};

/// Why a task says it failed.
pub(super) struct TaskFault {
    pub(super) words: String,
    /// Another attempt would fail in the same way.
    pub(super) unrecoverable: bool,
}

impl Job {
    /// A task of the current attempt changed its state.
    pub(super) fn task_state(&mut self, subtask: SubtaskId, state: ExecutionState, fault: Option<TaskFault>, ctx: &mut Context<'_>) {
        let Some(execution) = self.executions.get_mut(&subtask) else { return };
        if execution.state.is_terminal() {
            return;
        }
        execution.set(state, ctx.now);
        ctx.out.push(Command::Changed(self.id));
        match (&self.phase, state) {
            (Phase::Draining { .. }, _) if state.is_terminal() => self.check_drained(ctx),
            (Phase::Running | Phase::Reconciling { .. }, ExecutionState::Failed) => {
                let unknown = || TaskFault { words: "the task failed without saying why".to_owned(), unrecoverable: false };
                let fault = fault.unwrap_or_else(unknown);
                let mut failure = self.task_failure(subtask, fault.words, ctx.now);
                if fault.unrecoverable {
                    failure.name = "Unrecoverable".to_owned();
                }
                self.fail(failure, ctx);
            }
            (Phase::Running | Phase::Reconciling { .. }, ExecutionState::Canceled) => {
                let failure = self.task_failure(subtask, "the task was cancelled by its TaskManager".to_owned(), ctx.now);
                self.fail(failure, ctx);
            }
            (Phase::Running, ExecutionState::Finished) => self.task_finished(subtask, ctx),
            (Phase::Running, ExecutionState::Running) => self.check_all_running(ctx),
            (Phase::Reconciling { .. }, _) => self.check_reconciled(ctx),
            _ => {}
        }
    }

    /// Everybody runs: checkpoints may begin.
    fn check_all_running(&mut self, ctx: &mut Context<'_>) {
        if !self.all_ran && self.executions.values().all(|execution| execution.state == ExecutionState::Running) {
            self.all_ran = true;
            self.checkpoints.all_running(ctx.now);
            if self.goal == Goal::Stop {
                self.stop_sources(ctx);
            }
        }
    }

    pub(super) fn stop_sources(&self, ctx: &mut Context<'_>) {
        self.to_sources(ctx, Order::Stop);
    }

    fn task_finished(&mut self, subtask: SubtaskId, ctx: &mut Context<'_>) {
        if !self.finishing {
            let failure = self.task_failure(subtask, "the task finished before its final checkpoint was complete".to_owned(), ctx.now);
            return self.fail(failure, ctx);
        }
        if self.executions.values().all(|execution| execution.state == ExecutionState::Finished) {
            self.end(JobStatus::Finished, ctx);
        }
    }

    /// A task has emitted all it will.
    pub(super) fn task_ended(&mut self, subtask: SubtaskId, ctx: &mut Context<'_>) {
        if let Some(execution) = self.executions.get_mut(&subtask) {
            execution.ended = true;
            self.check_final(ctx);
        }
    }

    /// All have ended: the final checkpoint, once no other is under way.
    fn check_final(&mut self, ctx: &mut Context<'_>) {
        let ended = self.all_ran && self.executions.values().all(|execution| execution.ended && execution.state == ExecutionState::Running);
        if self.phase == Phase::Running && ended && self.final_checkpoint.is_none() && !self.checkpoints.is_pending() {
            self.begin_checkpoint(CheckpointKind::Final, ctx);
        }
    }

    fn begin_checkpoint(&mut self, kind: CheckpointKind, ctx: &mut Context<'_>) {
        let checkpoint = self.checkpoints.begin(ctx.now, kind, self.executions.keys().copied().collect());
        ctx.journal(Record::Triggered { job: self.id, checkpoint });
        let at = ctx.now;
        self.to_sources(ctx, |attempt| Order::Trigger { attempt, checkpoint, kind, at });
    }

    fn to_sources(&self, ctx: &mut Context<'_>, order: impl Fn(AttemptId) -> Order) {
        let sources = self.graph.vertices.iter().filter(|vertex| vertex.is_source());
        for vertex in sources {
            for index in 0..vertex.parallelism {
                self.to_task(SubtaskId { vertex: vertex.id, index }, ctx, &order);
            }
        }
    }

    fn to_all(&self, ctx: &mut Context<'_>, order: impl Fn(AttemptId) -> Order) {
        self.executions.keys().for_each(|subtask| self.to_task(*subtask, ctx, &order));
    }

    pub(super) fn to_task(&self, subtask: SubtaskId, ctx: &mut Context<'_>, order: &impl Fn(AttemptId) -> Order) {
        if let Some(slot) = self.executions.get(&subtask).and_then(|execution| execution.slot.clone()) {
            ctx.send(&slot.task_manager, order(self.attempt_id(subtask)));
        }
    }

    /// Time passes in a running job.
    pub(super) fn tick_running(&mut self, ctx: &mut Context<'_>) {
        if let Some((checkpoint, reason)) = self.checkpoints.overdue(ctx.now) {
            self.checkpoint_failed(checkpoint, reason, ctx);
        }
        if self.phase != Phase::Running {
            return;
        }
        self.check_final(ctx);
        let may = self.all_ran && self.final_checkpoint.is_none();
        if may && self.checkpoints.is_due(ctx.now) && self.executions.values().all(|execution| execution.state == ExecutionState::Running) {
            self.begin_checkpoint(CheckpointKind::Checkpoint, ctx);
        }
    }

    /// A task's part of a checkpoint came.
    pub(super) fn acknowledged(&mut self, checkpoint: CheckpointId, snapshot: TaskSnapshot, ctx: &mut Context<'_>) {
        match self.checkpoints.acknowledge(ctx.now, checkpoint, snapshot) {
            Acknowledged::Waiting => {}
            Acknowledged::Stray(objects) => self.discard(objects, ctx),
            Acknowledged::Write(manifest) if self.needs_no_manifest(&manifest) => self.manifest_written(manifest, ctx),
            Acknowledged::Write(manifest) => {
                let folder = self.checkpoint_folder(ctx.settings);
                ctx.out.push(Command::WriteManifest { folder, manifest: Arc::clone(&manifest) });
                self.writing = Some(manifest);
            }
        }
    }

    /// Removes what a late acknowledgement names, unless a manifest names it too. Before the manifests are read nobody knows.
    pub(super) fn discard(&self, mut objects: Vec<String>, ctx: &mut Context<'_>) {
        if self.reload || matches!(self.phase, Phase::Reconciling { loaded: false, .. }) {
            return;
        }
        let kept = self.checkpoints.retained().chain(&self.writing).flat_map(|manifest| objects_of(&manifest.tasks));
        let kept: BTreeSet<String> = kept.collect();
        objects.retain(|uri| !kept.contains(uri));
        delete_objects(objects, ctx);
    }

    /// The final checkpoint of a job that takes no others and has no state: nothing is staged, so there is nothing to commit.
    fn needs_no_manifest(&self, manifest: &Manifest) -> bool {
        self.checkpoints.periodic().is_none() && manifest.tasks.iter().all(|task| task.state.is_none())
    }

    /// Storage answered that the manifest exists.
    pub(super) fn manifest_stored(&mut self, checkpoint: CheckpointId, ctx: &mut Context<'_>) {
        if let Some(manifest) = self.writing.take_if(|manifest| manifest.checkpoint == checkpoint) {
            self.manifest_written(manifest, ctx);
        }
    }

    /// The commit point has passed.
    fn manifest_written(&mut self, manifest: Arc<Manifest>, ctx: &mut Context<'_>) {
        let checkpoint = manifest.checkpoint;
        let Some((kind, dropped)) = self.checkpoints.written(ctx.now, manifest) else { return };
        self.journal_newest(ctx);
        if self.phase == Phase::Running {
            self.to_all(ctx, |attempt| Order::Complete { attempt, checkpoint });
            if kind == CheckpointKind::Final {
                self.final_checkpoint = Some(checkpoint);
            }
        }
        dropped.iter().for_each(|old| self.delete(old, ctx));
        ctx.out.push(Command::Changed(self.id));
        match self.phase {
            Phase::Running => self.check_final(ctx),
            _ => self.check_drained(ctx),
        }
    }

    /// The attempt is over, and a checkpoint that was under way with it.
    pub(super) fn abort_checkpoint(&mut self, reason: &str, ctx: &mut Context<'_>) {
        if let Some(garbage) = self.checkpoints.abort(ctx.now, reason) {
            delete_objects(garbage, ctx);
            self.journal_newest(ctx);
        }
    }

    /// The checkpoint that was over last goes into the journal, so that a restarted JobManager can show it.
    fn journal_newest(&self, ctx: &mut Context<'_>) {
        if let Some(past) = self.checkpoints.newest_past() {
            ctx.journal(Record::Checkpointed { job: self.id, past });
        }
    }

    /// Storage refused the manifest, or nobody knows whether it has it.
    pub(super) fn manifest_failed(&mut self, checkpoint: CheckpointId, reason: String, ctx: &mut Context<'_>) {
        if self.writing.take_if(|manifest| manifest.checkpoint == checkpoint).is_none() {
            return;
        }
        self.reload = true;
        self.checkpoint_failed(checkpoint, format!("checkpoint {checkpoint}: its manifest could not be written: {reason}"), ctx);
        self.check_drained(ctx);
    }

    /// A task cannot take part.
    pub(super) fn declined(&mut self, subtask: SubtaskId, checkpoint: CheckpointId, reason: &str, ctx: &mut Context<'_>) {
        let words = format!("checkpoint {checkpoint} was declined by {}: {reason}", self.task_name(subtask));
        self.checkpoint_failed(checkpoint, words, ctx);
    }

    fn checkpoint_failed(&mut self, checkpoint: CheckpointId, reason: String, ctx: &mut Context<'_>) {
        let Some((verdict, garbage)) = self.checkpoints.fail(ctx.now, checkpoint, reason) else { return };
        self.journal_newest(ctx);
        delete_objects(garbage, ctx);
        ctx.out.push(Command::Changed(self.id));
        if let (Verdict::TooMany(words), Phase::Running) = (verdict, &self.phase) {
            let failure = self.failure("CheckpointFailed", words, ctx.now);
            self.fail(failure, ctx);
        }
    }

    /// A task has made a checkpoint's effects visible.
    pub(super) fn committed(&mut self, subtask: SubtaskId, checkpoint: CheckpointId, ctx: &mut Context<'_>) {
        let Some(execution) = self.executions.get_mut(&subtask) else { return };
        execution.committed = execution.committed.max(Some(checkpoint));
        self.check_committed(ctx);
    }

    /// The final checkpoint is committed everywhere: finish.
    pub(super) fn check_committed(&mut self, ctx: &mut Context<'_>) {
        let Some(last) = self.final_checkpoint.filter(|_| self.phase == Phase::Running && !self.finishing) else { return };
        if self.executions.values().all(|execution| execution.committed >= Some(last)) {
            self.finishing = true;
            self.to_all(ctx, Order::Finish);
        }
    }
}

pub(super) fn delete_objects(objects: Vec<String>, ctx: &mut Context<'_>) {
    if !objects.is_empty() {
        ctx.out.push(Command::DeleteObjects(objects));
    }
}
