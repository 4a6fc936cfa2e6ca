//! What is kept over a crash of the JobManager: the records of the journal, and what they add up to.
//!
//! A record is written before the world sees what it records. Replaying records in order gives a [`JobImage`] a job; that, the
//! manifests in storage and the TaskManagers that register again are all that a new JobManager knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, JobId};
use irmak_common::job_graph::JobGraph;
use irmak_common::limits::FINISHED_JOBS_MAX;
use irmak_common::status::JobStatus;
use irmak_common::time::Millis;
use irmak_common::types::Schema;
use serde::{Deserialize, Serialize};

/// Submissions whose outcome is remembered for a client that asks again.
const SUBMISSIONS_MAX: usize = 1_000;

/// A job as it was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// Its id, drawn by whoever submits.
    pub id: JobId,
    /// What it does.
    #[serde(with = "shared")]
    pub graph: Arc<JobGraph>,
    /// Starts only when that job has finished (`table.dml-sync`).
    pub after: Option<JobId>,
    /// A checkpoint or savepoint to begin with.
    pub restore_from: Option<String>,
}

/// What one statement of a script came to, as the client is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementOutcome {
    /// Warnings of the planner.
    pub warnings: Vec<String>,
    /// A job, a table, or nothing.
    pub outcome: Outcome,
}

/// The kinds of outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// A job was started.
    Job {
        /// Which.
        id: JobId,
        /// Its name.
        name: String,
        /// Columns of a closing SELECT.
        collect: Option<Schema>,
    },
    /// Rows to print.
    Table {
        /// Name and type.
        columns: Vec<(String, String)>,
        /// Cells; `None` is NULL.
        rows: Vec<Vec<Option<String>>>,
        /// One column of text, to print as it is.
        plain: bool,
    },
    /// Nothing to show.
    None,
}

/// A planned script: its jobs in order and what the client is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// Chosen by the client; the same in a retry.
    pub id: String,
    /// In the order of the script.
    pub jobs: Vec<NewJob>,
    /// One a statement.
    pub outcomes: Vec<StatementOutcome>,
}

/// What a person asked of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goal {
    /// Nothing: it runs.
    Run,
    /// It shall drain and finish.
    Stop,
    /// It shall end at once.
    Cancel,
}

/// One entry of a job's exception history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A class in one word: `TaskFailed`, `Unrecoverable`, `TaskManagerLost`, `CheckpointFailed`, `JobManagerRestarted`, `RestoreFailed`.
    pub name: String,
    /// The sentence for a person.
    pub message: String,
    /// When.
    pub at: Millis,
    /// `Source: t[1] (1/2)`, where one task is to blame.
    pub task: Option<String>,
    /// The attempt that failed.
    pub attempt: u32,
    /// The TaskManager it ran on.
    pub task_manager: Option<String>,
    /// `host:port` of that TaskManager.
    pub location: Option<String>,
}

/// A checkpoint that is over, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastCheckpoint {
    /// Which.
    pub id: CheckpointId,
    /// What for.
    pub kind: CheckpointKind,
    /// When it began.
    pub triggered_at: Millis,
    /// The last acknowledgement, or the failure.
    pub updated_at: Millis,
    /// How many subtasks had to acknowledge.
    pub expected: usize,
    /// How many did.
    pub acknowledged: usize,
    /// Bytes of state.
    pub size: u64,
    /// Why it was given up; `None`: it is complete.
    pub failure: Option<String>,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// A JobManager took over.
    Epoch(u64),
    /// A script was accepted.
    Submitted {
        /// When.
        at: Millis,
        /// What.
        submission: Box<Submission>,
    },
    /// An attempt is about to be deployed on these TaskManagers.
    Attempt {
        /// Whose.
        job: JobId,
        /// Which.
        attempt: u32,
        /// When.
        at: Millis,
        /// `host:port` and id of each TaskManager that gets a part, by slot of the job.
        placement: Vec<String>,
    },
    /// A checkpoint id is taken: it is never given again.
    Triggered {
        /// Whose.
        job: JobId,
        /// Which.
        checkpoint: CheckpointId,
    },
    /// A checkpoint is complete, its manifest exists; or it was given up.
    Checkpointed {
        /// Whose.
        job: JobId,
        /// Which, and how it went.
        past: PastCheckpoint,
    },
    /// A person asked for something.
    Asked {
        /// Of which job.
        job: JobId,
        /// For what.
        goal: Goal,
    },
    /// Something went wrong.
    Failed {
        /// With which job.
        job: JobId,
        /// What.
        failure: Failure,
    },
    /// Nothing follows.
    Ended {
        /// Which job.
        job: JobId,
        /// FINISHED, CANCELED or FAILED.
        status: JobStatus,
        /// When.
        at: Millis,
    },
}

/// A job as the journal knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobImage {
    /// As submitted.
    pub new: NewJob,
    /// When it was submitted.
    pub submitted_at: Millis,
    /// The last attempt that was journalled; `None`: never deployed.
    pub attempt: Option<u32>,
    /// When that was.
    pub attempt_at: Millis,
    /// The TaskManagers of the last attempt, by slot of the job.
    pub placement: Vec<String>,
    /// The highest checkpoint id that was taken.
    pub last_checkpoint: u64,
    /// The newest checkpoints that are over, oldest first.
    pub past: Vec<PastCheckpoint>,
    /// Complete checkpoints in all.
    pub completed_count: u64,
    /// Those that were given up.
    pub failed_count: u64,
    /// What a person asked.
    pub goal: Goal,
    /// The newest failures, oldest first.
    pub failures: Vec<Failure>,
    /// When it ended, and how.
    pub ended: Option<(JobStatus, Millis)>,
}

/// All that a journal says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The last epoch.
    pub epoch: u64,
    /// Jobs in the order of their submission.
    pub jobs: Vec<JobImage>,
    /// Outcomes by submission id, oldest first.
    pub submissions: Vec<(String, Vec<StatementOutcome>)>,
}

impl Image {
    /// The image after one more record. Records of unknown jobs (forgotten since) are skipped.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Epoch(epoch) => self.epoch = self.epoch.max(epoch),
            Record::Submitted { at, submission } => self.submitted(at, *submission),
            Record::Attempt { job, attempt, at, placement } => self.with(job, |image| {
                image.attempt = Some(attempt);
                image.attempt_at = at;
                image.placement = placement;
            }),
            Record::Triggered { job, checkpoint } => {
                self.with(job, |image| image.last_checkpoint = image.last_checkpoint.max(checkpoint.0))
            }
            Record::Checkpointed { job, past } => self.with(job, |image| {
                image.last_checkpoint = image.last_checkpoint.max(past.id.0);
                match past.failure {
                    None => image.completed_count += 1,
                    Some(_) => image.failed_count += 1,
                }
                image.past.push(past);
                let excess = image.past.len().saturating_sub(irmak_common::limits::CHECKPOINT_HISTORY_MAX);
                image.past.drain(..excess);
            }),
            Record::Asked { job, goal } => self.with(job, |image| image.goal = goal),
            Record::Failed { job, failure } => self.with(job, |image| {
                image.failures.push(failure);
                let excess = image.failures.len().saturating_sub(irmak_common::limits::EXCEPTION_HISTORY_MAX);
                image.failures.drain(..excess);
            }),
            Record::Ended { job, status, at } => {
                self.with(job, |image| image.ended = Some((status, at)));
                self.forget();
            }
        }
    }

    fn submitted(&mut self, at: Millis, submission: Submission) {
        for new in submission.jobs {
            self.jobs.push(JobImage {
                new,
                submitted_at: at,
                attempt: None,
                attempt_at: at,
                placement: Vec::new(),
                last_checkpoint: 0,
                past: Vec::new(),
                completed_count: 0,
                failed_count: 0,
                goal: Goal::Run,
                failures: Vec::new(),
                ended: None,
            });
        }
        self.submissions.push((submission.id, submission.outcomes));
        let excess = self.submissions.len().saturating_sub(SUBMISSIONS_MAX);
        self.submissions.drain(..excess);
    }

    fn with(&mut self, job: JobId, change: impl FnOnce(&mut JobImage)) {
        if let Some(image) = self.jobs.iter_mut().rev().find(|image| image.new.id == job) {
            change(image);
        }
    }

    /// Drops the oldest ended jobs beyond the bound.
    fn forget(&mut self) {
        let ended: BTreeMap<Millis, JobId> = self.jobs.iter().filter_map(|image| image.ended.map(|(_, at)| (at, image.new.id))).collect();
        let excess = self.jobs.iter().filter(|image| image.ended.is_some()).count().saturating_sub(FINISHED_JOBS_MAX);
        let old: Vec<JobId> = ended.into_values().take(excess).collect();
        self.jobs.retain(|image| !old.contains(&image.new.id));
    }
}

/// A shared graph is stored as the graph itself.
mod shared {
    use std::sync::Arc;

    use irmak_common::job_graph::JobGraph;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(graph: &Arc<JobGraph>, serializer: S) -> Result<S::Ok, S::Error> {
        graph.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<JobGraph>, D::Error> {
        JobGraph::deserialize(deserializer).map(Arc::new)
    }
}
