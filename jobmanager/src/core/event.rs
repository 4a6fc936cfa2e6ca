//! What the core hears and what it asks for: two closed enums, and the data they carry.
//!
//! Everything here is plain data. The actor turns wire messages into events and runs the commands; the core between them knows
//! neither clock nor socket nor disk.

use std::sync::Arc;

use irmak_common::checkpoint::{Manifest, TaskSnapshot};
use irmak_common::element::CheckpointKind;
use irmak_common::id::{AttemptId, CheckpointId, JobId, TaskManagerId};
use irmak_common::metrics::TaskMetrics;
use irmak_common::status::ExecutionState;
use irmak_common::task::TaskDescriptor;
use irmak_common::time::Millis;

use super::record::{Record, Submission};

/// One stream of one TaskManager, numbered as they came. What an older stream of the same TaskManager still says is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(pub u64);

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The TaskManager.
    pub id: TaskManagerId,
    /// Its stream.
    pub session: Session,
}

/// A TaskManager that says what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Who.
    pub peer: Peer,
    /// How many slots it offers.
    pub slots: u32,
    /// `host:port` of its shuffle service.
    pub data_address: String,
    /// Bytes of memory of its machine.
    pub memory_bytes: u64,
    /// Cores of its machine.
    pub cpu_cores: u32,
    /// What still runs on it: attempt, state, slot.
    pub running: Vec<(AttemptId, ExecutionState, u32)>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A planned script. A submission whose id is known changes nothing.
    Submit(Box<Submission>),
    /// A person cancels a job.
    Cancel(JobId),
    /// A person stops a job: it drains and finishes.
    Stop(JobId),
    /// A TaskManager opened its stream.
    Registered(Registration),
    /// A stream is gone.
    StreamEnded(Peer),
    /// A TaskManager lives and reports.
    Heartbeat {
        /// Who.
        from: Peer,
        /// Figures of its tasks.
        tasks: Vec<(AttemptId, TaskMetrics)>,
        /// Bytes its process uses.
        memory_used: u64,
        /// Cores in use.
        cpu_load: f64,
    },
    /// A task changed its state.
    TaskState {
        /// Who says so.
        from: Peer,
        /// Which task.
        attempt: AttemptId,
        /// Its state now.
        state: ExecutionState,
        /// With FAILED: why.
        failure: Option<String>,
        /// With FAILED: another attempt would fail in the same way.
        unrecoverable: bool,
        /// When, by the TaskManager's clock.
        at: Millis,
    },
    /// A task's part of a checkpoint is stored.
    Acknowledged {
        /// Who says so.
        from: Peer,
        /// Which task.
        attempt: AttemptId,
        /// Which checkpoint.
        checkpoint: CheckpointId,
        /// Where its state lies.
        snapshot: Box<TaskSnapshot>,
    },
    /// A task cannot take part in a checkpoint.
    Declined {
        /// Who says so.
        from: Peer,
        /// Which task.
        attempt: AttemptId,
        /// Which checkpoint.
        checkpoint: CheckpointId,
        /// Why.
        reason: String,
    },
    /// A task has made visible all that it pre-committed for a checkpoint.
    Committed {
        /// Who says so.
        from: Peer,
        /// Which task.
        attempt: AttemptId,
        /// Which checkpoint.
        checkpoint: CheckpointId,
    },
    /// A task has emitted all it will.
    Ended {
        /// Who says so.
        from: Peer,
        /// Which task.
        attempt: AttemptId,
    },
    /// A manifest is on disk: the checkpoint exists.
    ManifestWritten {
        /// Whose.
        job: JobId,
        /// Which.
        checkpoint: CheckpointId,
    },
    /// A manifest could not be written, or nobody knows whether it was.
    ManifestFailed {
        /// Whose.
        job: JobId,
        /// Which.
        checkpoint: CheckpointId,
        /// Why.
        reason: String,
    },
    /// The answer to [`Command::LoadCheckpoints`]: manifests by rising id, possibly none.
    CheckpointsLoaded {
        /// Whose.
        job: JobId,
        /// What was found, or why nothing could be read.
        loaded: Result<Vec<Manifest>, String>,
    },
    /// Time passes.
    Tick,
}

/// What a TaskManager is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Run this.
    Deploy(Box<TaskDescriptor>),
    /// Stop that, at once.
    Cancel(AttemptId),
    /// To a source task: a barrier.
    Trigger {
        /// Which task.
        attempt: AttemptId,
        /// Which checkpoint.
        checkpoint: CheckpointId,
        /// What for.
        kind: CheckpointKind,
        /// When.
        at: Millis,
    },
    /// The checkpoint exists: commit.
    Complete {
        /// Which task.
        attempt: AttemptId,
        /// Which checkpoint.
        checkpoint: CheckpointId,
    },
    /// To a source task: read no further, drain, end.
    Stop(AttemptId),
    /// All is committed: finish.
    Finish(AttemptId),
}

/// Where the state of a job's first attempt comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreFrom {
    /// All manifests below the job's folder.
    JobFolder(String),
    /// One checkpoint or savepoint that a person named: its folder or its `_metadata`.
    Path(String),
}

/// What is to be done, in this order. Records are on disk before the next command of another kind is run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// To a TaskManager.
    Send {
        /// Whom.
        to: TaskManagerId,
        /// What.
        order: Order,
    },
    /// End this stream.
    Disconnect {
        /// Whose.
        peer: Peer,
        /// Why.
        reason: String,
    },
    /// Keep this over a crash.
    Journal(Record),
    /// Write a manifest with put-if-absent; answer with `ManifestWritten` or `ManifestFailed`.
    WriteManifest {
        /// URI of the job's folder.
        folder: String,
        /// What.
        manifest: Arc<Manifest>,
    },
    /// Read manifests; answer with `CheckpointsLoaded`.
    LoadCheckpoints {
        /// Whose.
        job: JobId,
        /// From where.
        from: RestoreFrom,
    },
    /// Remove a checkpoint: its manifest first, then these objects.
    DeleteCheckpoint {
        /// URI of the job's folder.
        folder: String,
        /// Which.
        checkpoint: CheckpointId,
        /// URIs of its state objects.
        objects: Vec<String>,
    },
    /// Remove state objects that no manifest names.
    DeleteObjects(Vec<String>),
    /// Whoever watches this job should look again.
    Changed(JobId),
}
