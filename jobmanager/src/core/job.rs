//! One job: what it is, where it stands, and how it gets from submission to running.
//!
//! [`Phase`] is what the core decides by; [`JobStatus`] is what the world is shown. The rest of a job's life is in
//! [`super::restoring`] (what an attempt begins with), [`super::running`] (checkpoints, the end), [`super::stopping`] (failure, cancellation) and [`super::reconcile`] (a new JobManager).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use irmak_common::checkpoint::Manifest;
use irmak_common::id::{AttemptId, CheckpointId, JobId, SubtaskId, TaskManagerId};
use irmak_common::job_graph::JobGraph;
use irmak_common::limits::EXCEPTION_HISTORY_MAX;
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::status::{ExecutionState, JobStatus};
use irmak_common::time::Millis;

use super::Settings;
use super::checkpoint::{Checkpoints, objects_of};
use super::cluster::Cluster;
use super::event::{Command, Order, RestoreFrom};
use super::execution_graph::{Deployment, Execution, subtasks};
use super::liveness::seconds;
use super::record::{Failure, Goal, NewJob, Record};
use super::recovery::{Blame, Restarts};
use super::schedule::{SlotId, assign};

/// What the core needs at hand to decide for one job.
pub struct Context<'a> {
    /// Milliseconds since the epoch.
    pub now: Millis,
    /// The TaskManagers and their slots.
    pub cluster: &'a mut Cluster,
    /// The bounds and folders of this JobManager.
    pub settings: &'a Settings,
    /// What is to be done.
    pub out: &'a mut Vec<Command>,
}

impl Context<'_> {
    pub(super) fn send(&mut self, to: &TaskManagerId, order: Order) {
        self.out.push(Command::Send { to: to.clone(), order });
    }

    pub(super) fn journal(&mut self, record: Record) {
        self.out.push(Command::Journal(record));
    }
}

/// What follows when the tasks of an attempt are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next attempt, not before this time.
    Restart {
        /// Milliseconds since the epoch.
        at: Millis,
    },
    /// The job is FAILED.
    Fail,
    /// The job is CANCELED.
    Cancel,
}

/// Where a job stands, for the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits for an earlier job of its script to finish.
    Queued {
        /// That job.
        after: JobId,
    },
    /// The state to begin with is being read.
    Loading,
    /// It could not be read; the next try is at this time.
    LoadFailed {
        /// Milliseconds since the epoch.
        retry_at: Millis,
        /// Why.
        reason: String,
    },
    /// Waits for slots.
    Pending,
    /// Its tasks are deployed.
    Running,
    /// Its tasks are being cancelled.
    Draining {
        /// What follows.
        then: Then,
        /// Since when.
        since: Millis,
    },
    /// Waits for the time of its next attempt.
    Backoff {
        /// Milliseconds since the epoch.
        until: Millis,
    },
    /// A new JobManager waits for the tasks that may still run.
    Reconciling {
        /// It waits so long.
        until: Millis,
        /// Whether the manifests are read.
        loaded: bool,
    },
    /// Nothing follows.
    Ended,
}

/// A job.
#[derive(Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub graph: Arc<JobGraph>,
    /// When it was submitted.
    pub submitted_at: Millis,
    /// What the world is shown.
    pub status: JobStatus,
    /// When it last reached each status.
    pub timestamps: BTreeMap<JobStatus, Millis>,
    /// What the core decides by.
    pub phase: Phase,
    /// What a person asked.
    pub goal: Goal,
    /// The current or last attempt; `None`: never deployed.
    pub attempt: Option<u32>,
    /// The subtasks of that attempt.
    pub executions: BTreeMap<SubtaskId, Execution>,
    /// Checkpoints.
    pub checkpoints: Checkpoints,
    /// Failures so far.
    pub restarts: Restarts,
    /// For people, newest last.
    pub failures: VecDeque<Failure>,
    /// Tasks of older attempts that may still run somewhere: the next attempt waits for their end.
    pub(super) lingering: BTreeSet<(TaskManagerId, AttemptId)>,
    /// The slots of the last attempt, taken again where possible.
    pub(super) slots: Vec<Option<SlotId>>,
    /// TaskManager ids of the last attempt by slot, as journalled.
    pub(super) placement: Vec<String>,
    /// A checkpoint or savepoint that a person named.
    pub(super) restore_from: Option<String>,
    /// What that was, once read.
    pub(super) initial: Option<Arc<Manifest>>,
    /// Whether storage may know more than this process: read it before the next attempt.
    pub(super) reload: bool,
    /// Whether all tasks of this attempt have been RUNNING.
    pub(super) all_ran: bool,
    /// The manifest that is being written.
    pub(super) writing: Option<Arc<Manifest>>,
    /// The final checkpoint, once its manifest exists.
    pub(super) final_checkpoint: Option<CheckpointId>,
    /// Whether the tasks were told to finish.
    pub(super) finishing: bool,
}

impl Job {
    /// A job that was just submitted.
    pub fn new(new: &NewJob, now: Millis) -> Self {
        let phase = match new.after {
            Some(after) => Phase::Queued { after },
            None => Phase::Pending,
        };
        let options = &new.graph.options;
        Self {
            id: new.id,
            graph: Arc::clone(&new.graph),
            submitted_at: now,
            status: JobStatus::Created,
            timestamps: BTreeMap::from([(JobStatus::Initializing, now), (JobStatus::Created, now)]),
            phase,
            goal: Goal::Run,
            attempt: None,
            executions: BTreeMap::new(),
            checkpoints: Checkpoints::new(new.id, new.graph.max_parallelism.get(), options.checkpointing.clone(), 0),
            restarts: Restarts::new(new.id, options.restart.clone()),
            failures: VecDeque::new(),
            lingering: BTreeSet::new(),
            slots: Vec::new(),
            placement: Vec::new(),
            restore_from: new.restore_from.clone(),
            initial: None,
            reload: false,
            all_ran: false,
            writing: None,
            final_checkpoint: None,
            finishing: false,
        }
    }

    /// URI of the folder of this job's checkpoints.
    pub fn checkpoint_folder(&self, settings: &Settings) -> String {
        let dir = self.checkpoints.periodic().and_then(|options| options.dir.as_deref()).unwrap_or(&settings.checkpoint_dir);
        format!("{}/{}", dir.trim_end_matches('/'), self.id)
    }

    /// Whether the rows of this job travel back to a client.
    pub fn collects(&self) -> bool {
        self.graph.vertices.iter().flat_map(|vertex| &vertex.chain).any(|node| matches!(node.spec, OperatorSpec::Collect))
    }

    /// Whether it says its answer once, when all of its input has come: what it had said when it was stopped would be no answer.
    pub fn is_batch(&self) -> bool {
        let mode = self.graph.options.configuration.get("execution.runtime-mode");
        mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("batch"))
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Millis> {
        self.status.is_terminal().then(|| self.timestamps.get(&self.status).copied()).flatten()
    }

    /// `Source: t[1] -> Calc[2] (1/2)`.
    pub fn task_name(&self, subtask: SubtaskId) -> String {
        match self.graph.vertex(subtask.vertex) {
            Some(vertex) => format!("{} ({}/{})", vertex.name, subtask.index + 1, vertex.parallelism),
            None => subtask.to_string(),
        }
    }

    /// Why it stands still, or why it failed, in words.
    pub fn message(&self, now: Millis, cluster: &Cluster) -> Option<String> {
        let cause = || self.failures.back().map(|failure| failure.message.clone()).unwrap_or_default();
        match &self.phase {
            Phase::Queued { after } => Some(format!("waits for job {after} of the same script to finish")),
            Phase::Loading => Some("reads the state to begin with".to_owned()),
            Phase::LoadFailed { retry_at, reason } => {
                Some(format!("{reason}; next try in {}", seconds((retry_at - now).max(0) / 1_000 * 1_000)))
            }
            Phase::Pending => self.waits_for_slots(cluster),
            Phase::Running => self.executions.values().find_map(|execution| execution.figures.metrics.message.clone()),
            Phase::Draining { then: Then::Restart { .. }, .. } => Some(format!("restarts after: {}", cause())),
            Phase::Draining { then: Then::Fail, .. } => Some(cause()),
            Phase::Draining { then: Then::Cancel, .. } => None,
            Phase::Backoff { until } => Some(format!("restarts in {} after: {}", seconds((until - now).max(0)), cause())),
            Phase::Reconciling { .. } => Some("waits for the TaskManagers that ran it before the JobManager was restarted".to_owned()),
            Phase::Ended if self.status == JobStatus::Finished => None,
            Phase::Ended => self.failures.back().map(|failure| failure.message.clone()),
        }
    }

    fn waits_for_slots(&self, cluster: &Cluster) -> Option<String> {
        let (needed, free) = (self.graph.slots_required(), cluster.slots_free());
        let missing = needed.checked_sub(free).filter(|missing| *missing > 0)?;
        let slots = if missing == 1 { "slot" } else { "slots" };
        Some(format!("waits for {missing} more {slots} (needs {needed}, {free} free): start a TaskManager or lower the parallelism"))
    }

    pub(super) fn set_status(&mut self, status: JobStatus, ctx: &mut Context<'_>) {
        if self.status != status {
            self.status = status;
            self.timestamps.insert(status, ctx.now);
        }
        ctx.out.push(Command::Changed(self.id));
    }

    /// The name of a running task.
    pub(super) fn attempt_id(&self, subtask: SubtaskId) -> AttemptId {
        AttemptId { job: self.id, subtask, attempt: self.attempt.unwrap_or_default() }
    }

    /// The first step after submission, or after the job it waited for.
    pub(super) fn start(&mut self, ctx: &mut Context<'_>) {
        match self.restore_from.clone() {
            Some(path) if self.initial.is_none() => self.load(RestoreFrom::Path(path), ctx),
            _ => self.phase = Phase::Pending,
        }
        ctx.out.push(Command::Changed(self.id));
    }

    /// Before another attempt: storage is asked only where it may know more than this process.
    pub(super) fn restart(&mut self, ctx: &mut Context<'_>) {
        ctx.cluster.release(self.id);
        if self.reload {
            self.load(RestoreFrom::JobFolder(self.checkpoint_folder(ctx.settings)), ctx);
        } else if self.attempt.is_none() || (self.checkpoints.latest().is_none() && self.initial.is_none()) {
            self.start(ctx);
        } else {
            self.phase = Phase::Pending;
        }
    }

    /// Takes slots and deploys, if there are enough.
    pub(super) fn try_deploy(&mut self, ctx: &mut Context<'_>) {
        // Two attempts never run side by side: what an older one still runs somewhere has been told to end, and is waited for.
        if !self.lingering.is_empty() {
            return;
        }
        let needed = self.graph.slots_required() as usize;
        let mut free = ctx.cluster.free_slots();
        let kept: Vec<Option<SlotId>> = self.slots.iter().map(|slot| slot.clone().filter(|slot| free.contains(slot))).collect();
        free.retain(|slot| !kept.iter().flatten().any(|kept| kept == slot));
        let Some(slots) = assign(needed, &kept, free) else { return };
        let address = |slot: SlotId| ctx.cluster.get(&slot.task_manager).map(|manager| (slot, manager.data_address.clone()));
        let slots: Vec<(SlotId, String)> = slots.into_iter().filter_map(address).collect();
        self.deploy(&slots, ctx);
    }

    fn deploy(&mut self, slots: &[(SlotId, String)], ctx: &mut Context<'_>) {
        let attempt = self.attempt.map_or(0, |attempt| attempt + 1);
        self.attempt = Some(attempt);
        self.slots = slots.iter().map(|(slot, _)| Some(slot.clone())).collect();
        self.placement = slots.iter().map(|(slot, _)| slot.task_manager.to_string()).collect();
        self.all_ran = false;
        self.final_checkpoint = None;
        self.finishing = false;
        slots.iter().for_each(|(slot, _)| ctx.cluster.hold(slot, self.id));
        ctx.journal(Record::Attempt { job: self.id, attempt, at: ctx.now, placement: self.placement.clone() });
        let restore = self.checkpoints.latest().or(self.initial.as_ref()).cloned();
        self.note_restore(restore.as_ref(), ctx);
        self.executions = self.placed(slots, ctx.now);
        self.phase = Phase::Running;
        self.set_status(JobStatus::Running, ctx);
        let folder = self.checkpoint_folder(ctx.settings);
        let deployment =
            Deployment { job: self.id, graph: &self.graph, attempt, slots, checkpoint_folder: &folder, restore: restore.as_ref() };
        for (slot, task) in deployment.descriptors() {
            ctx.send(&slot.task_manager, Order::Deploy(Box::new(task)));
        }
    }

    fn placed(&self, slots: &[(SlotId, String)], now: Millis) -> BTreeMap<SubtaskId, Execution> {
        let place = |subtask: SubtaskId| {
            let (slot, address) = slots.get(subtask.index as usize)?;
            let mut execution = Execution::new(subtask, Some(slot.clone()), address.clone(), ExecutionState::Scheduled, now);
            execution.set(ExecutionState::Deploying, now);
            Some((subtask, execution))
        };
        subtasks(&self.graph).filter_map(place).collect()
    }

    /// A failure of this attempt that no single task is to blame for.
    pub(super) fn failure(&self, name: &str, message: String, at: Millis) -> Failure {
        Failure {
            name: name.to_owned(),
            message,
            at,
            task: None,
            attempt: self.attempt.unwrap_or_default(),
            task_manager: None,
            location: None,
        }
    }

    /// A failure of one task.
    pub(super) fn task_failure(&self, subtask: SubtaskId, message: String, at: Millis) -> Failure {
        let execution = self.executions.get(&subtask);
        Failure {
            task: Some(self.task_name(subtask)),
            task_manager: execution.and_then(|execution| execution.slot.as_ref()).map(|slot| slot.task_manager.to_string()),
            location: execution.map(|execution| execution.location.clone()),
            ..self.failure("TaskFailed", message, at)
        }
    }

    pub(super) fn record(&mut self, failure: Failure, ctx: &mut Context<'_>) {
        ctx.journal(Record::Failed { job: self.id, failure: failure.clone() });
        self.failures.push_back(failure);
        let excess = self.failures.len().saturating_sub(EXCEPTION_HISTORY_MAX);
        self.failures.drain(..excess);
    }

    pub(super) fn delete(&self, manifest: &Manifest, ctx: &mut Context<'_>) {
        // What a retained checkpoint names as well stays.
        let kept: BTreeSet<String> = self.checkpoints.retained().flat_map(|manifest| objects_of(&manifest.tasks)).collect();
        let objects = objects_of(&manifest.tasks).into_iter().filter(|uri| !kept.contains(uri)).collect();
        ctx.out.push(Command::DeleteCheckpoint { folder: self.checkpoint_folder(ctx.settings), checkpoint: manifest.checkpoint, objects });
    }

    /// A failure that cost nothing is one of the JobManager.
    pub(super) fn blame_of(failure: &Failure) -> Blame {
        match failure.name.as_str() {
            "TaskManagerLost" => Blame::Machine,
            "JobManagerRestarted" => Blame::JobManager,
            "Unrecoverable" => Blame::Input,
            _ => Blame::Job,
        }
    }
}
