//! A task's loop over a table made of memory: what is written, made safe and committed, and what is not.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array};
use arrow::record_batch::RecordBatch;
use irmak_common::element::{Barrier, CheckpointKind};
use irmak_common::id::{AttemptId, CheckpointId, JobId, SubtaskId, VertexId};
use irmak_common::time::Millis;
use irmak_connectors::error::ConnectorError;
use irmak_connectors::sink::Sink;
use irmak_connectors::source::{Source, SourceEvent};
use irmak_proto::v1::task_manager_event::Event;
use tokio::sync::mpsc;

use super::chain::Chain;
use super::checkpoint::Uploader;
use super::control::Control;
use super::head::Head;
use super::inbox::Command;
use super::report::{Reporter, TaskEvent};
use super::run::Task;
use super::tail::{Table, Tail};
use crate::error::TaskError;
use crate::lease::Lease;

/// A deadline that only a test that fails reaches.
const LONG: Duration = Duration::from_secs(120);

/// A row a millisecond until told to stop.
struct Drip {
    stopped: bool,
    next: i64,
}

impl Source for Drip {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, ConnectorError> {
        if self.stopped {
            return Ok(SourceEvent::EndOfInput);
        }
        thread::sleep(wait.min(Duration::from_millis(1)));
        let column: ArrayRef = Arc::new(Int64Array::from(vec![self.next]));
        self.next += 1;
        let rows = RecordBatch::try_from_iter([("v", column)]).unwrap();
        Ok(SourceEvent::Batch { split: 0, rows, bytes: 8 })
    }

    fn snapshot(&mut self, _: CheckpointId) -> Result<Vec<Vec<u8>>, ConnectorError> {
        Ok(vec![self.next.to_le_bytes().to_vec()])
    }

    fn stop(&mut self) {
        self.stopped = true;
    }
}

/// What happened to a table.
type Log = Arc<Mutex<Vec<String>>>;

struct Memory {
    log: Log,
    rows: usize,
}

impl Memory {
    fn note(&self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

impl Sink for Memory {
    fn write(&mut self, rows: &RecordBatch, _: Millis) -> Result<(), ConnectorError> {
        self.rows += rows.num_rows();
        self.note("write".to_owned());
        Ok(())
    }

    fn pre_commit(&mut self, checkpoint: CheckpointId, kind: CheckpointKind, _: Millis) -> Result<Vec<Vec<u8>>, ConnectorError> {
        self.note(format!("pre-commit {checkpoint} {kind:?}"));
        Ok(vec![self.rows.to_le_bytes().to_vec()])
    }

    fn commit(&mut self, checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        self.note(format!("commit {checkpoint}"));
        Ok(())
    }
}

struct Rig {
    control: Arc<Control>,
    events: mpsc::Receiver<TaskEvent>,
    log: Log,
    thread: thread::JoinHandle<Result<(), TaskError>>,
}

impl Rig {
    fn start(lease: Duration) -> (Self, Arc<Lease>) {
        let subtask = SubtaskId { vertex: VertexId::of_text("v"), index: 0 };
        let attempt = AttemptId { job: JobId::of_text("j"), subtask, attempt: 0 };
        let lease = Arc::new(Lease::new(Instant::now(), lease));
        let control = Arc::new(Control::new(attempt, 0, lease.clone(), tokio::runtime::Handle::current()));
        let (sender, events) = mpsc::channel(1_024);
        let reporter = Reporter::new(attempt, sender);
        let log = Log::default();
        let mut task = Task {
            head: Head::Source { id: 1, name: "Source: t".to_owned(), source: Box::new(Drip { stopped: false, next: 0 }) },
            chain: Chain::default(),
            tail: Tail::Sink(Table { id: 2, name: "Sink: s".to_owned(), sink: Box::new(Memory { log: log.clone(), rows: 0 }) }),
            control: control.clone(),
            uploader: Uploader::new(attempt, "file:///nowhere", reporter.clone()),
            reporter,
        };
        let thread = thread::spawn(move || task.run());
        (Self { control, events, log, thread }, lease)
    }

    fn barrier(&self, checkpoint: u64, kind: CheckpointKind) {
        let barrier = Barrier { checkpoint: CheckpointId(checkpoint), kind, triggered_at: 0 };
        assert!(self.control.inbox.command(Command::Trigger(barrier)));
    }

    async fn event(&mut self) -> Event {
        match tokio::time::timeout(LONG, self.events.recv()).await.unwrap().unwrap() {
            TaskEvent::Wire(event) => event,
            other => panic!("{other:?}"),
        }
    }

    async fn join(self) -> (Result<(), TaskError>, Vec<String>) {
        let log = self.log.clone();
        let deadline = Instant::now() + LONG;
        while !self.thread.is_finished() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if !self.thread.is_finished() {
            self.control.cancel();
            panic!("the task goes on for ever");
        }
        let outcome = self.thread.join().unwrap();
        let log = log.lock().unwrap().clone();
        (outcome, log)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_source_ends_in_a_final_checkpoint_that_is_committed_before_it_finishes() {
    let (mut rig, _lease) = Rig::start(LONG);
    rig.barrier(1, CheckpointKind::Checkpoint);
    assert!(matches!(rig.event().await, Event::CheckpointAcknowledged(ack) if ack.checkpoint == 1));
    rig.control.inbox.command(Command::Stop);
    assert!(matches!(rig.event().await, Event::TaskEnded(_)));
    rig.barrier(2, CheckpointKind::Final);
    assert!(matches!(rig.event().await, Event::CheckpointAcknowledged(ack) if ack.checkpoint == 2));
    rig.control.inbox.command(Command::Complete(CheckpointId(2)));
    assert!(matches!(rig.event().await, Event::CheckpointCommitted(committed) if committed.checkpoint == 2));
    rig.control.inbox.command(Command::Finish);
    let (outcome, log) = rig.join().await;
    outcome.unwrap();
    let marks: Vec<&str> = log.iter().map(String::as_str).filter(|what| *what != "write").collect();
    assert_eq!(marks, ["pre-commit 1 Checkpoint", "pre-commit 2 Final", "commit 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_lease_ran_out_neither_writes_nor_makes_safe_nor_commits() {
    let (rig, lease) = Rig::start(LONG);
    let written = || rig.log.lock().unwrap().len();
    let deadline = Instant::now() + LONG;
    while written() == 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lease.set_timeout(Duration::ZERO);
    // What had waited in the socket while the process was stopped comes too late.
    assert!(!lease.hear(Instant::now()));
    let before = written();
    rig.barrier(1, CheckpointKind::Checkpoint);
    rig.control.inbox.command(Command::Complete(CheckpointId(1)));
    let (outcome, log) = rig.join().await;
    assert!(outcome.unwrap_err().is_canceled());
    assert!(before > 0 && log.iter().all(|what| what == "write"), "{:?}", log.last());
    // A write that had begun may end; none begins.
    assert!(log.len() <= before + 1, "{} writes after the lease had run out", log.len() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_ends() {
    let (rig, _lease) = Rig::start(LONG);
    tokio::time::sleep(Duration::from_millis(50)).await;
    rig.control.cancel();
    let (outcome, _) = rig.join().await;
    assert!(outcome.unwrap_err().is_canceled());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_from_outside_is_the_tasks_failure() {
    let (rig, _lease) = Rig::start(LONG);
    rig.control.fail("the channel from x broke".to_owned());
    let (outcome, _) = rig.join().await;
    assert_eq!(outcome.unwrap_err().sentence(), "the channel from x broke");
}
