//! A task's part of a checkpoint: what was cut in its thread is encoded and uploaded behind its back, then acknowledged.
//!
//! Small states travel inside the acknowledgement. A state that cannot be stored declines the checkpoint; the task goes on.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use irmak_common::checkpoint::{OperatorSnapshot, SnapshotStats, StateHandle, TaskSnapshot};
use irmak_common::id::{AttemptId, CheckpointId};
use irmak_common::limits::INLINE_STATE_BYTES_MAX;
use irmak_proto::convert;
use irmak_proto::v1;
use irmak_proto::v1::task_manager_event::Event;
use irmak_runtime::state_codec;
use irmak_runtime::storage::{Storage, StorageError};
use irmak_runtime::tasks;
use xxhash_rust::xxh3::xxh3_64;

use super::control::Control;
use super::report::{Reporter, TaskEvent};

/// What the task's thread has cut.
#[derive(Debug)]
pub struct Cut {
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// By operator number; empty ones left out.
    pub states: Vec<(u32, OperatorSnapshot)>,
    /// So far without `async_ms` and `size`.
    pub stats: SnapshotStats,
}

/// Uploads one task's cuts.
#[derive(Clone, Debug)]
pub struct Uploader {
    attempt: AttemptId,
    /// URI of the job's checkpoint folder.
    dir: String,
    reporter: Reporter,
}

impl Uploader {
    /// Of this task, into this folder.
    pub fn new(attempt: AttemptId, dir: impl Into<String>, reporter: Reporter) -> Self {
        Self { attempt, dir: dir.into(), reporter }
    }

    /// Stores a cut and acknowledges it, or declines it; returns at once.
    pub fn start(&self, control: &Arc<Control>, cut: Cut) {
        let (uploader, runtime) = (self.clone(), control.handle().clone());
        let _entered = runtime.enter();
        tasks::spawn("checkpoint-upload", async move {
            let checkpoint = cut.checkpoint;
            match uploader.upload(cut).await {
                Ok(event) => uploader.reporter.tell(TaskEvent::Wire(event)).await,
                Err(reason) => uploader.reporter.tell(declined(uploader.attempt, checkpoint, reason)).await,
            }
        });
    }

    async fn upload(&self, cut: Cut) -> Result<Event, String> {
        let begun = Instant::now();
        let Cut { checkpoint, states, mut stats } = cut;
        let state = match states.is_empty() {
            true => None,
            false => {
                // Encoding copies all of the state: not on a thread that serves heartbeats.
                let encoded = tasks::spawn_blocking(move || state_codec::encode(&states)).await.map_err(|error| error.to_string())?;
                Some(self.store(checkpoint, encoded).await.map_err(|error| error.to_string())?)
            }
        };
        stats.size = state.as_ref().map_or(0, StateHandle::size);
        stats.async_ms = begun.elapsed().as_millis() as u64;
        let snapshot = TaskSnapshot { subtask: self.attempt.subtask, state, stats };
        let snapshot = convert::to_json("snapshot", &snapshot).map_err(|error| error.to_string())?;
        let attempt = Some(self.attempt.into());
        Ok(Event::CheckpointAcknowledged(v1::CheckpointAcknowledged { attempt, checkpoint: checkpoint.0, snapshot }))
    }

    async fn store(&self, checkpoint: CheckpointId, bytes: Vec<u8>) -> Result<StateHandle, StorageError> {
        if bytes.len() <= INLINE_STATE_BYTES_MAX {
            return Ok(StateHandle::Inline { bytes });
        }
        let storage = Storage::open(&self.dir)?;
        let (attempt, unique) = (self.attempt.attempt, uuid::Uuid::new_v4().simple());
        let path = format!("chk-{checkpoint}/{}-{attempt}-{unique}", self.attempt.subtask);
        let (size, checksum) = (bytes.len() as u64, xxh3_64(&bytes));
        storage.put(&path, Bytes::from(bytes)).await?;
        Ok(StateHandle::Object { uri: storage.uri(&path), size, checksum })
    }
}

/// The answer of a task that cannot take part in a checkpoint.
pub fn declined(attempt: AttemptId, checkpoint: CheckpointId, reason: impl Into<String>) -> TaskEvent {
    let declined = v1::CheckpointDeclined { attempt: Some(attempt.into()), checkpoint: checkpoint.0, reason: reason.into() };
    TaskEvent::Wire(Event::CheckpointDeclined(declined))
}

/// The answer of a task that has committed a checkpoint.
pub fn committed(attempt: AttemptId, checkpoint: CheckpointId) -> TaskEvent {
    let committed = v1::CheckpointCommitted { attempt: Some(attempt.into()), checkpoint: checkpoint.0 };
    TaskEvent::Wire(Event::CheckpointCommitted(committed))
}
