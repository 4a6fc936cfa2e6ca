//! A job on two TaskManagers, brought to a state by events, without a TaskManager, a stream or a disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use irmak_common::checkpoint::{SnapshotStats, TaskSnapshot};
use irmak_common::id::{AttemptId, CheckpointId, JobId, SubtaskId, TaskManagerId};
use irmak_common::job_graph::JobGraph;
use irmak_common::metrics::TaskMetrics;
use irmak_common::status::ExecutionState;

use crate::actor::View;
use crate::config::JobManagerConfig;
use crate::core::event::{Event, Peer, Registration, Session};
use crate::core::execution_graph::subtasks;
use crate::core::record::{Image, NewJob, Submission};
use crate::core::tests::setup::{JOB, graph};
use crate::core::{Core, Settings};
use crate::refusals::Refusals;
use crate::rest::asked::{Answer, Asked};
use crate::rest::facts::Facts;
use crate::wire::HeartbeatTimes;

/// The moment of the first event: within the clock's years, as every time that REST shows.
pub(super) const START: i64 = 1_795_197_200_000;

pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) refusals: Refusals,
    pub(crate) now: i64,
}

pub(crate) fn config(dir: &std::path::Path) -> JobManagerConfig {
    let given = [("rest.address", "irmak.example"), ("s3.secret-key", "hush"), ("parallelism.default", "2")];
    JobManagerConfig {
        prometheus_ports: Vec::new(),
        roots: Default::default(),
        rest_address: "127.0.0.1:8081".to_owned(),
        rpc_address: "127.0.0.1:6123".to_owned(),
        data_dir: dir.to_owned(),
        settings: settings(),
        heartbeat: HeartbeatTimes { interval_ms: 1_000, timeout_ms: 50_000 },
        configuration: given.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

fn settings() -> Settings {
    Settings {
        heartbeat_timeout_ms: 50_000,
        reconcile_timeout_ms: 10_000,
        cancellation_timeout_ms: 30_000,
        checkpoint_dir: "file:///c".to_owned(),
    }
}

/// The graph of the core's tests, with a setting that is nobody's business.
pub(super) fn job_graph() -> JobGraph {
    let mut graph = graph(2);
    graph.options.configuration = BTreeMap::from([
        ("table.exec.source.idle-timeout".to_owned(), "30 s".to_owned()),
        ("properties.sasl.jaas.config".to_owned(), "hush".to_owned()),
    ]);
    graph
}

pub(super) fn submission() -> Event {
    let job = NewJob { id: JOB, graph: Arc::new(job_graph()), after: None, restore_from: None };
    Event::Submit(Box::new(Submission { id: "s".to_owned(), jobs: vec![job], outcomes: Vec::new() }))
}

pub(super) fn registration(name: &str, slots: u32) -> Registration {
    Registration {
        peer: peer(name),
        slots,
        data_address: format!("{name}.host:6121"),
        memory_bytes: 8 << 30,
        cpu_cores: 2,
        running: Vec::new(),
    }
}

fn peer(name: &str) -> Peer {
    Peer { id: TaskManagerId(name.to_owned()), session: Session(1) }
}

impl World {
    /// A submitted job and no TaskManager.
    pub(super) fn waiting() -> Self {
        let (core, _) = Core::recover(settings(), START, &Image::default());
        let mut world = Self { core, refusals: Refusals::default(), now: START };
        world.tell(submission());
        world
    }

    /// All tasks RUNNING and reporting, one checkpoint complete.
    pub(super) fn running() -> Self {
        let mut world = Self::waiting();
        world.now += 10;
        world.tell(Event::Registered(registration("a", 1)));
        world.tell(Event::Registered(registration("b", 2)));
        world.all(ExecutionState::Running, None);
        world.now += 1_000;
        world.report(100);
        world.now += 1_000;
        world.report(1_100);
        world.checkpoint(1);
        world
    }

    /// The same after a task failed, and the job restarted from its checkpoint.
    pub(crate) fn restarted() -> Self {
        let mut world = Self::running();
        world.fail();
        world.now += 5_000;
        world.tell(Event::Tick);
        world.all(ExecutionState::Running, None);
        world.now += 1_000;
        world.report(10);
        world.now += 1_000;
        world.report(2_010);
        world.checkpoint(2);
        world
    }

    /// One task FAILED, the others canceled.
    pub(super) fn fail(&mut self) {
        let first = self.subtasks()[0];
        self.task(first, ExecutionState::Failed, Some("division by zero at row 7"));
        self.all(ExecutionState::Canceled, None);
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.core.on_event(self.now, event);
    }

    fn subtasks(&self) -> Vec<SubtaskId> {
        subtasks(&job_graph()).collect()
    }

    fn who(&self, subtask: SubtaskId) -> Option<(Peer, AttemptId)> {
        let job = self.core.job(JOB)?;
        let slot = job.executions.get(&subtask)?.slot.clone()?;
        Some((peer(&slot.task_manager.0), AttemptId { job: JOB, subtask, attempt: job.attempt? }))
    }

    fn task(&mut self, subtask: SubtaskId, state: ExecutionState, failure: Option<&str>) {
        let Some((from, attempt)) = self.who(subtask) else { return };
        self.tell(Event::TaskState { from, attempt, state, failure: failure.map(str::to_owned), unrecoverable: false, at: self.now });
    }

    pub(super) fn all(&mut self, state: ExecutionState, failure: Option<&str>) {
        self.subtasks().into_iter().for_each(|subtask| self.task(subtask, state, failure));
    }

    /// Every task has seen so many rows; the second subtask of each vertex stands still and says why.
    pub(super) fn report(&mut self, rows: u64) {
        for subtask in self.subtasks() {
            let Some((from, attempt)) = self.who(subtask) else { continue };
            let slow = subtask.index == 1;
            let metrics = TaskMetrics {
                records_in: rows,
                records_out: rows,
                bytes_in: rows * 10,
                bytes_out: rows * 10,
                busy_ms: if slow { rows / 2 } else { 0 },
                idle_ms: if slow { rows / 2 } else { rows },
                watermark: Some(if slow { 5 } else { 7 }),
                late_records: 1,
                skipped_records: 2,
                message: slow.then(|| "the broker is away".to_owned()),
                ..TaskMetrics::default()
            };
            self.tell(Event::Heartbeat { from, tasks: vec![(attempt, metrics)], memory_used: 64 << 20, cpu_load: 0.5 });
        }
    }

    fn checkpoint(&mut self, id: u64) {
        self.now += 1_000;
        self.tell(Event::Tick);
        let checkpoint = CheckpointId(id);
        for subtask in self.subtasks() {
            let Some((from, attempt)) = self.who(subtask) else { continue };
            let stats = SnapshotStats { start_delay_ms: 1, alignment_ms: 2, sync_ms: 3, async_ms: 4, size: 100 };
            let snapshot = Box::new(TaskSnapshot { subtask, state: None, stats });
            self.now += 1;
            self.tell(Event::Acknowledged { from, attempt, checkpoint, snapshot });
        }
        self.tell(Event::ManifestWritten { job: JOB, checkpoint });
    }

    /// What a handler answers about [`JOB`].
    pub(super) fn ask(&self, answer: fn(&View<'_>, &Asked) -> Answer, path: &[(&str, &str)], query: &[(&str, &str)]) -> Answer {
        let facts = Arc::new(Facts::new(&config(std::path::Path::new("/"))));
        let job: String = JobId::to_string(&JOB);
        let path: Vec<(&str, &str)> = std::iter::once(("job", job.as_str())).chain(path.iter().copied()).collect();
        answer(&View { core: &self.core, refusals: &self.refusals, now: self.now }, &Asked::of(&path, query, facts))
    }
}
