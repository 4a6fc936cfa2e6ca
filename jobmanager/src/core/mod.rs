//! The JobManager's decisions, without a clock, a socket, a disk or a task: `on_event(now, Event) -> Vec<Command>`.
//!
//! The same events at the same times give the same commands. What REST shows is read from here, by the actor that owns it.

pub mod checkpoint;
pub mod checkpoint_history;
pub mod cluster;
pub mod event;
pub mod execution_graph;
pub mod figures;
pub mod job;
pub mod liveness;
mod reconcile;
pub mod record;
pub mod recovery;
mod restoring;
mod running;
pub mod schedule;
mod stopping;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use irmak_common::id::{AttemptId, JobId, SubtaskId, TaskManagerId};
use irmak_common::limits::FINISHED_JOBS_MAX;
use irmak_common::metrics::TaskMetrics;
use irmak_common::status::{ExecutionState, JobStatus};
use irmak_common::time::Millis;

use self::cluster::Cluster;
use self::event::{Command, Event, Order, Peer, Registration};
use self::job::{Context, Job, Phase};
use self::liveness::{Liveness, LossReason};
use self::record::{Image, Record, Submission};
use self::running::TaskFault;

/// Bounds and folders of a JobManager.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Flink's `heartbeat.timeout`, milliseconds.
    pub heartbeat_timeout_ms: Millis,
    /// How long a new JobManager waits for the tasks of the old one, milliseconds.
    pub reconcile_timeout_ms: Millis,
    /// Flink's `task.cancellation.timeout`, milliseconds: a TaskManager that has not stopped a task by then is disconnected.
    pub cancellation_timeout_ms: Millis,
    /// Where checkpoints of jobs lie that name no folder: a URI.
    pub checkpoint_dir: String,
}

/// All that is decided by.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    cluster: Cluster,
    liveness: Liveness,
    jobs: BTreeMap<JobId, Job>,
    /// In the order of submission.
    order: Vec<JobId>,
    submissions: BTreeMap<String, Vec<record::StatementOutcome>>,
}

impl Core {
    /// What an earlier JobManager left behind, taken up now; and the first commands.
    pub fn recover(settings: Settings, now: Millis, image: &Image) -> (Self, Vec<Command>) {
        let jobs = image.jobs.iter().map(|image| (image.new.id, Job::recover(image, &settings, now))).collect();
        let mut core = Self {
            liveness: Liveness::new(settings.heartbeat_timeout_ms),
            settings,
            cluster: Cluster::default(),
            jobs,
            order: image.jobs.iter().map(|image| image.new.id).collect(),
            submissions: image.submissions.iter().cloned().collect(),
        };
        let mut out = Vec::new();
        for id in core.order.clone() {
            core.with(now, &mut out, id, |job, ctx| job.resume(ctx));
        }
        core.settle(now, &mut out);
        (core, out)
    }

    /// The one entrance.
    pub fn on_event(&mut self, now: Millis, event: Event) -> Vec<Command> {
        let mut out = Vec::new();
        self.handle(now, event, &mut out);
        self.settle(now, &mut out);
        out
    }

    fn handle(&mut self, now: Millis, event: Event, out: &mut Vec<Command>) {
        match event {
            Event::Submit(submission) => self.submit(now, *submission, out),
            Event::Cancel(job) => self.with(now, out, job, |job, ctx| job.cancel(ctx)),
            Event::Stop(job) => self.with(now, out, job, |job, ctx| job.stop(ctx)),
            Event::Registered(registration) => self.registered(now, &registration, out),
            Event::StreamEnded(peer) => {
                if self.liveness.lose(&peer) {
                    self.lost(now, &peer.id, &LossReason::StreamEnded, out);
                }
            }
            Event::Heartbeat { from, tasks, memory_used, cpu_load } => {
                if self.liveness.heard(now, &from) {
                    self.heartbeat(now, &from, tasks, memory_used, cpu_load);
                }
            }
            Event::TaskState { from, attempt, state, failure, unrecoverable, .. } => {
                if self.liveness.heard(now, &from) {
                    let why = failure.map(|words| TaskFault { words, unrecoverable });
                    self.task_state(now, from, attempt, state, why, out);
                }
            }
            Event::Acknowledged { from, attempt, checkpoint, snapshot } => {
                let current = self.liveness.heard(now, &from) && self.is_current(&from, attempt);
                if current {
                    self.with(now, out, attempt.job, |job, ctx| job.acknowledged(checkpoint, *snapshot, ctx));
                } else {
                    let objects = checkpoint::objects_of(std::slice::from_ref(&snapshot));
                    self.with(now, out, attempt.job, |job, ctx| job.discard(objects, ctx));
                }
            }
            Event::Declined { from, attempt, checkpoint, reason } => {
                self.heard_from_task(now, out, &from, attempt, |job, subtask, ctx| job.declined(subtask, checkpoint, &reason, ctx));
            }
            Event::Committed { from, attempt, checkpoint } => {
                self.heard_from_task(now, out, &from, attempt, |job, subtask, ctx| job.committed(subtask, checkpoint, ctx));
            }
            Event::Ended { from, attempt } => {
                self.heard_from_task(now, out, &from, attempt, |job, subtask, ctx| job.task_ended(subtask, ctx));
            }
            Event::ManifestWritten { job, checkpoint } => self.with(now, out, job, |job, ctx| job.manifest_stored(checkpoint, ctx)),
            Event::ManifestFailed { job, checkpoint, reason } => {
                self.with(now, out, job, |job, ctx| job.manifest_failed(checkpoint, reason, ctx));
            }
            Event::CheckpointsLoaded { job, loaded } => self.with(now, out, job, |job, ctx| {
                job.loaded(loaded, ctx);
                job.check_reconciled(ctx);
            }),
            Event::Tick => self.tick(now, out),
        }
    }

    /// A task's new state: of its job, or of what is left of an earlier attempt.
    fn task_state(
        &mut self,
        now: Millis,
        from: Peer,
        attempt: AttemptId,
        state: ExecutionState,
        why: Option<TaskFault>,
        out: &mut Vec<Command>,
    ) {
        if self.is_current(&from, attempt) {
            self.with(now, out, attempt.job, |job, ctx| job.task_state(attempt.subtask, state, why, ctx));
        } else if state.is_terminal() {
            self.with(now, out, attempt.job, |job, ctx| {
                job.lingering.remove(&(from.id, attempt));
                job.check_drained(ctx);
            });
        } else if state != ExecutionState::Canceling {
            out.push(Command::Send { to: from.id, order: Order::Cancel(attempt) });
        }
    }

    fn tick(&mut self, now: Millis, out: &mut Vec<Command>) {
        for (peer, reason) in self.liveness.on_tick(now) {
            out.push(Command::Disconnect { peer: peer.clone(), reason: reason.to_string() });
            self.lost(now, &peer.id, &reason, out);
        }
        let mut stuck: Vec<TaskManagerId> = Vec::new();
        for id in self.order.clone() {
            self.with(now, out, id, |job, ctx| {
                job.tick(ctx);
                stuck.extend(job.stuck(ctx));
            });
        }
        stuck.sort();
        stuck.dedup();
        for id in stuck {
            let Some(peer) = self.cluster.get(&id).map(cluster::TaskManager::peer) else { continue };
            let reason = LossReason::Stuck { for_ms: self.settings.cancellation_timeout_ms };
            self.liveness.lose(&peer);
            out.push(Command::Disconnect { peer, reason: reason.to_string() });
            self.lost(now, &id, &reason, out);
        }
    }

    /// Runs `change` on a job; an unknown job is nobody's.
    fn with(&mut self, now: Millis, out: &mut Vec<Command>, job: JobId, change: impl FnOnce(&mut Job, &mut Context<'_>)) {
        if let Some(job) = self.jobs.get_mut(&job) {
            let mut ctx = Context { now, cluster: &mut self.cluster, settings: &self.settings, out };
            change(job, &mut ctx);
        }
    }

    /// The same, for what the current task of a living TaskManager says.
    fn heard_from_task(
        &mut self,
        now: Millis,
        out: &mut Vec<Command>,
        from: &Peer,
        attempt: AttemptId,
        change: impl FnOnce(&mut Job, SubtaskId, &mut Context<'_>),
    ) {
        if self.liveness.heard(now, from) && self.is_current(from, attempt) {
            self.with(now, out, attempt.job, |job, ctx| change(job, attempt.subtask, ctx));
        }
    }

    /// Whether this TaskManager runs this attempt, in our book.
    fn is_current(&self, from: &Peer, attempt: AttemptId) -> bool {
        let Some(job) = self.jobs.get(&attempt.job).filter(|job| job.attempt == Some(attempt.attempt)) else { return false };
        // Came back after it was given up: it is only waited for.
        if job.lingering.contains(&(from.id.clone(), attempt)) {
            return false;
        }
        let slot = job.executions.get(&attempt.subtask).and_then(|execution| execution.slot.as_ref());
        slot.is_some_and(|slot| slot.task_manager == from.id)
    }

    fn submit(&mut self, now: Millis, submission: Submission, out: &mut Vec<Command>) {
        if self.submissions.contains_key(&submission.id) {
            return;
        }
        out.push(Command::Journal(Record::Submitted { at: now, submission: Box::new(submission.clone()) }));
        self.submissions.insert(submission.id, submission.outcomes);
        for new in submission.jobs {
            self.jobs.insert(new.id, Job::new(&new, now));
            self.order.push(new.id);
            self.with(now, out, new.id, |job, ctx| {
                if job.phase == Phase::Pending {
                    job.start(ctx);
                }
            });
        }
    }

    fn registered(&mut self, now: Millis, registration: &Registration, out: &mut Vec<Command>) {
        let peer = &registration.peer;
        if let Some(session) = self.liveness.session(&peer.id).filter(|session| *session < peer.session) {
            let old = Peer { id: peer.id.clone(), session };
            self.liveness.lose(&old);
            out.push(Command::Disconnect { peer: old, reason: LossReason::Replaced.to_string() });
            self.lost(now, &peer.id, &LossReason::Replaced, out);
        }
        if !self.liveness.registered(now, peer) {
            out.push(Command::Disconnect { peer: peer.clone(), reason: "a newer connection of this TaskManager is open".to_owned() });
            return;
        }
        self.cluster.add(now, registration);
        for (attempt, state, slot) in &registration.running {
            if self.jobs.contains_key(&attempt.job) {
                self.with(now, out, attempt.job, |job, ctx| job.task_reported(registration, *attempt, *state, *slot, ctx));
            } else {
                out.push(Command::Send { to: peer.id.clone(), order: Order::Cancel(*attempt) });
            }
        }
        for id in self.order.clone() {
            self.with(now, out, id, |job, ctx| job.check_registered(registration, ctx));
        }
    }

    fn lost(&mut self, now: Millis, id: &TaskManagerId, reason: &LossReason, out: &mut Vec<Command>) {
        self.cluster.remove(id);
        for job in self.order.clone() {
            self.with(now, out, job, |job, ctx| job.task_manager_lost(id, reason, ctx));
        }
    }

    fn heartbeat(&mut self, now: Millis, from: &Peer, tasks: Vec<(AttemptId, TaskMetrics)>, memory_used: u64, cpu_load: f64) {
        if let Some(manager) = self.cluster.get_mut(&from.id) {
            manager.memory_used = memory_used;
            manager.cpu_load = cpu_load;
        }
        for (attempt, metrics) in tasks {
            if !self.is_current(from, attempt) {
                continue;
            }
            let execution = self.jobs.get_mut(&attempt.job).and_then(|job| job.executions.get_mut(&attempt.subtask));
            if let Some(execution) = execution {
                execution.figures.report(now, metrics);
                if execution.state.is_terminal() {
                    execution.figures.stop();
                }
            }
        }
    }

    /// What may have become possible: queued jobs start, waiting jobs get slots, old ones are forgotten.
    fn settle(&mut self, now: Millis, out: &mut Vec<Command>) {
        for id in self.order.clone() {
            self.release_queued(now, id, out);
            self.with(now, out, id, |job, ctx| {
                if job.phase == Phase::Pending {
                    job.try_deploy(ctx);
                }
            });
        }
        self.forget();
    }

    fn release_queued(&mut self, now: Millis, id: JobId, out: &mut Vec<Command>) {
        let Some(Phase::Queued { after }) = self.jobs.get(&id).map(|job| job.phase.clone()) else { return };
        let before = self.jobs.get(&after).map_or(JobStatus::Finished, |job| job.status);
        self.with(now, out, id, |job, ctx| match before {
            JobStatus::Finished => job.start(ctx),
            status if status.is_terminal() => {
                let words = format!("not started: job {after}, which comes before it in the script, is {status}");
                let failure = job.failure("NotStarted", words, ctx.now);
                job.record(failure, ctx);
                job.end(JobStatus::Canceled, ctx);
            }
            _ => {}
        });
    }

    fn forget(&mut self) {
        let ended: Vec<(Millis, JobId)> = self.jobs.values().filter_map(|job| job.ended_at().map(|at| (at, job.id))).collect();
        if ended.len() <= FINISHED_JOBS_MAX {
            return;
        }
        let mut ended = ended;
        ended.sort();
        for (_, id) in ended.iter().take(ended.len() - FINISHED_JOBS_MAX) {
            self.jobs.remove(id);
            self.order.retain(|other| other != id);
        }
    }

    /// Jobs in the order of submission.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.order.iter().filter_map(|id| self.jobs.get(id))
    }

    /// One job.
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// The TaskManagers.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Who was heard when.
    pub fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    /// Bounds and folders.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What a client that asks again is told.
    pub fn submission(&self, id: &str) -> Option<&[record::StatementOutcome]> {
        self.submissions.get(id).map(Vec::as_slice)
    }
}
