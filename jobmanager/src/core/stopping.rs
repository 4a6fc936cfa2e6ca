//! How an attempt ends before its job does, and how a job ends.
//!
//! One rule for all: cancel what runs, wait until every task is terminal (or its TaskManager is lost) and no manifest is being
//! written; only then restart, fail or be cancelled. So no two attempts of a subtask ever run in this book.

use irmak_common::id::TaskManagerId;
use irmak_common::status::{ExecutionState, JobStatus};

use super::checkpoint::objects_of;
use super::event::{Command, Order};
use super::job::{Context, Job, Phase, Then};
use super::liveness::LossReason;
use super::record::{Failure, Goal, Record};

impl Job {
    /// Something failed that ends the attempt.
    pub(super) fn fail(&mut self, failure: Failure, ctx: &mut Context<'_>) {
        if !matches!(self.phase, Phase::Running | Phase::Reconciling { .. }) {
            return;
        }
        let blame = Self::blame_of(&failure);
        self.record(failure, ctx);
        let then = match self.restarts.on_failure(ctx.now, blame, self.checkpoints.progressed()) {
            Some(delay_ms) => Then::Restart { at: ctx.now + delay_ms as i64 },
            None => Then::Fail,
        };
        let status = if then == Then::Fail { JobStatus::Failing } else { JobStatus::Restarting };
        self.drain(then, status, ctx);
    }

    /// A person cancels.
    pub(super) fn cancel(&mut self, ctx: &mut Context<'_>) {
        if self.phase == Phase::Ended || matches!(self.phase, Phase::Draining { then: Then::Cancel, .. }) {
            return;
        }
        self.goal = Goal::Cancel;
        ctx.journal(Record::Asked { job: self.id, goal: Goal::Cancel });
        self.drain(Then::Cancel, JobStatus::Cancelling, ctx);
    }

    /// A person stops: sources drain, and the job ends as a bounded one does. Before it runs there is nothing to drain.
    pub(super) fn stop(&mut self, ctx: &mut Context<'_>) {
        match self.phase {
            Phase::Ended | Phase::Draining { then: Then::Cancel | Then::Fail, .. } => {}
            Phase::Queued { .. } | Phase::Loading | Phase::LoadFailed { .. } | Phase::Pending if self.attempt.is_none() => self.cancel(ctx),
            _ => {
                self.goal = Goal::Stop;
                ctx.journal(Record::Asked { job: self.id, goal: Goal::Stop });
                if self.phase == Phase::Running && self.all_ran {
                    self.stop_sources(ctx);
                }
            }
        }
    }

    pub(super) fn drain(&mut self, then: Then, status: JobStatus, ctx: &mut Context<'_>) {
        self.abort_checkpoint("the attempt ended", ctx);
        self.cancel_tasks(ctx);
        let since = match self.phase {
            Phase::Draining { since, .. } => since,
            _ => ctx.now,
        };
        self.phase = Phase::Draining { then, since };
        self.set_status(status, ctx);
        self.check_drained(ctx);
    }

    fn cancel_tasks(&mut self, ctx: &mut Context<'_>) {
        let (id, attempt) = (self.id, self.attempt.unwrap_or_default());
        for execution in self.executions.values_mut() {
            match &execution.slot {
                _ if execution.state.is_terminal() || execution.state == ExecutionState::Canceling => {}
                Some(slot) => {
                    let subtask = execution.subtask;
                    ctx.out.push(Command::Send {
                        to: slot.task_manager.clone(),
                        order: Order::Cancel(irmak_common::id::AttemptId { job: id, subtask, attempt }),
                    });
                    execution.set(ExecutionState::Canceling, ctx.now);
                }
                // It never came back; if it does, it is cancelled then.
                None => execution.set(ExecutionState::Canceled, ctx.now),
            }
        }
    }

    /// Whether everything of the attempt is gone; then what follows.
    pub(super) fn check_drained(&mut self, ctx: &mut Context<'_>) {
        let Phase::Draining { then, .. } = &self.phase else { return };
        let busy = self.executions.values().any(|execution| !execution.state.is_terminal());
        if busy || !self.lingering.is_empty() || self.checkpoints.is_writing() {
            return;
        }
        match then.clone() {
            Then::Cancel => self.end(JobStatus::Canceled, ctx),
            Then::Fail => self.end(JobStatus::Failed, ctx),
            Then::Restart { at } => {
                self.phase = Phase::Backoff { until: at };
                self.tick(ctx);
            }
        }
    }

    /// Time passes.
    pub(super) fn tick(&mut self, ctx: &mut Context<'_>) {
        match self.phase {
            Phase::Running => self.tick_running(ctx),
            Phase::Backoff { until } if ctx.now >= until => self.restart(ctx),
            Phase::LoadFailed { retry_at, .. } if ctx.now >= retry_at => self.restart(ctx),
            Phase::Reconciling { until, .. } if ctx.now >= until => self.reconcile_timed_out(ctx),
            _ => {}
        }
    }

    /// TaskManagers that were told to cancel a task long ago and have not.
    pub(super) fn stuck(&self, ctx: &Context<'_>) -> Vec<TaskManagerId> {
        match self.phase {
            Phase::Draining { since, .. } if ctx.now - since >= ctx.settings.cancellation_timeout_ms => {
                let open = self.executions.values().filter(|execution| !execution.state.is_terminal());
                let lingering = self.lingering.iter().map(|(manager, _)| manager.clone());
                open.filter_map(|execution| execution.slot.as_ref()).map(|slot| slot.task_manager.clone()).chain(lingering).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A TaskManager is gone, with all that ran on it.
    pub(super) fn task_manager_lost(&mut self, id: &TaskManagerId, reason: &LossReason, ctx: &mut Context<'_>) {
        self.lingering.retain(|(manager, _)| manager != id);
        // Told to finish means committed: nothing was lost with it.
        let fate = if self.finishing { ExecutionState::Finished } else { ExecutionState::Failed };
        let on_it = |execution: &&mut super::execution_graph::Execution| {
            execution.slot.as_ref().is_some_and(|slot| slot.task_manager == *id) && !execution.state.is_terminal()
        };
        let lost: Vec<_> = self.executions.values_mut().filter(on_it).collect();
        let Some(first) = lost.first().map(|execution| execution.subtask) else { return self.check_drained(ctx) };
        lost.into_iter().for_each(|execution| execution.set(fate, ctx.now));
        if self.finishing && self.phase == Phase::Running {
            if self.executions.values().all(|execution| execution.state == ExecutionState::Finished) {
                self.end(JobStatus::Finished, ctx);
            }
            return;
        }
        let mut failure = self.task_failure(first, format!("TaskManager {id} was lost: {reason}"), ctx.now);
        failure.name = "TaskManagerLost".to_owned();
        self.fail(failure, ctx);
        self.check_drained(ctx);
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, status: JobStatus, ctx: &mut Context<'_>) {
        self.phase = Phase::Ended;
        self.abort_checkpoint("the job ended", ctx);
        ctx.cluster.release(self.id);
        self.slots.clear();
        self.set_status(status, ctx);
        ctx.journal(Record::Ended { job: self.id, status, at: ctx.now });
        if self.drops_checkpoints(status) {
            let folder = self.checkpoint_folder(ctx.settings);
            for manifest in self.checkpoints.drain_retained() {
                let objects = objects_of(&manifest.tasks);
                ctx.out.push(Command::DeleteCheckpoint { folder: folder.clone(), checkpoint: manifest.checkpoint, objects });
            }
        }
    }

    /// A finished job needs its checkpoints no more; one that failed or was cancelled may be taken up again from them.
    fn drops_checkpoints(&self, status: JobStatus) -> bool {
        let retention = self.graph.options.configuration.get("execution.checkpointing.externalized-checkpoint-retention");
        let on_cancel = retention.is_some_and(|value| ["DELETE_ON_CANCELLATION", "NO_EXTERNALIZED_CHECKPOINTS"].contains(&value.as_str()));
        status == JobStatus::Finished || (status == JobStatus::Canceled && on_cancel)
    }
}
