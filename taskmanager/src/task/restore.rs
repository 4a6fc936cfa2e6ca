//! The state that a task begins with, read back from where its vertex's subtasks had left it.
//!
//! Every subtask reads the snapshots of all old subtasks: union entries are for everybody, and of keyed state it keeps the key groups
//! that it owns now.

use std::collections::HashMap;

use irmak_common::checkpoint::{OperatorSnapshot, StateHandle, TaskSnapshot};
use irmak_common::id::CheckpointId;
use irmak_common::key_group::owned_range;
use irmak_common::task::TaskDescriptor;
use irmak_runtime::state_codec;
use irmak_runtime::storage::Storage;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::TaskError;

/// What was restored, by operator.
#[derive(Debug, Default)]
pub struct Restored {
    /// Which checkpoint; `None`: a fresh start.
    pub checkpoint: Option<CheckpointId>,
    operators: HashMap<u32, Vec<OperatorSnapshot>>,
}

impl Restored {
    /// An operator's snapshots, one an old subtask that had any. Given once.
    pub fn snapshots(&mut self, operator: u32) -> Vec<OperatorSnapshot> {
        self.operators.remove(&operator).unwrap_or_default()
    }

    /// A source's or sink's entries, of all old subtasks; `None` on a fresh start. Given once.
    pub fn union(&mut self, operator: u32) -> Option<Vec<Vec<u8>>> {
        self.checkpoint?;
        Some(self.snapshots(operator).into_iter().flat_map(|snapshot| snapshot.union).collect())
    }
}

/// Reads what a task begins with.
///
/// # Errors
/// An object that is gone, damaged, or not what was written.
pub async fn load(task: &TaskDescriptor) -> Result<Restored, TaskError> {
    let Some(restore) = &task.restore else { return Ok(Restored::default()) };
    let checkpoint = restore.checkpoint;
    let owned = owned_range(task.subtask().index, task.parallelism.max(1), task.max_parallelism);
    let mut operators: HashMap<u32, Vec<OperatorSnapshot>> = HashMap::new();
    for snapshot in &restore.snapshots {
        let failed = |reason| TaskError::Restore { checkpoint, reason };
        let Some(bytes) = read(snapshot, &task.checkpoint_dir).await.map_err(failed)? else { continue };
        let states = state_codec::decode(&bytes).map_err(|error| failed(format!("the state of {}: {error}", snapshot.subtask)))?;
        for (operator, mut state) in states {
            state.keyed.retain(|group, _| owned.contains(&group.0));
            operators.entry(operator).or_default().push(state);
        }
    }
    Ok(Restored { checkpoint: Some(checkpoint), operators })
}

async fn read(snapshot: &TaskSnapshot, dir: &str) -> Result<Option<Vec<u8>>, String> {
    match &snapshot.state {
        None => Ok(None),
        Some(StateHandle::Inline { bytes }) => Ok(Some(bytes.clone())),
        Some(StateHandle::Object { uri, size, checksum }) => {
            let bytes = read_object(uri, dir).await?;
            if bytes.len() as u64 != *size || xxh3_64(&bytes) != *checksum {
                return Err(format!("`{uri}` is not what was written: {} bytes where {size} were, or other ones", bytes.len()));
            }
            Ok(Some(bytes))
        }
    }
}

/// The object may lie in another folder than today's: a savepoint's, or the one that the job had before.
async fn read_object(uri: &str, dir: &str) -> Result<Vec<u8>, String> {
    let here = Storage::open(dir).map_err(|error| error.to_string())?;
    if let Some(path) = here.relative(uri) {
        return here.get(path).await.map(Vec::from).map_err(|error| error.to_string());
    }
    let (folder, name) = uri.rsplit_once('/').ok_or_else(|| format!("`{uri}` is no URI of an object"))?;
    let there = Storage::open(folder).map_err(|error| error.to_string())?;
    there.get(name).await.map(Vec::from).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use irmak_common::checkpoint::SnapshotStats;
    use irmak_common::id::{AttemptId, JobId, SubtaskId, VertexId};
    use irmak_common::key_group::{KeyGroup, MaxParallelism};
    use irmak_common::task::TaskRestore;

    use super::*;
    use crate::task::tests_support::descriptor;

    fn subtask(index: u32) -> SubtaskId {
        SubtaskId { vertex: VertexId::of_text("v"), index }
    }

    fn state(group: u16, text: &str) -> Vec<(u32, OperatorSnapshot)> {
        let keyed = [(KeyGroup(group), text.as_bytes().to_vec())].into();
        vec![(3, OperatorSnapshot { keyed, union: vec![text.as_bytes().to_vec()] })]
    }

    async fn restored(handles: Vec<StateHandle>, dir: &str) -> Result<Restored, TaskError> {
        let attempt = AttemptId { job: JobId::of_text("j"), subtask: subtask(0), attempt: 1 };
        let snapshots = handles.into_iter().enumerate().map(|(index, state)| TaskSnapshot {
            subtask: subtask(index as u32),
            state: Some(state),
            stats: SnapshotStats::default(),
        });
        let mut task = descriptor(attempt);
        task.parallelism = 2;
        task.max_parallelism = MaxParallelism::default();
        task.checkpoint_dir = dir.to_owned();
        task.restore = Some(TaskRestore { checkpoint: CheckpointId(4), snapshots: snapshots.collect() });
        load(&task).await
    }

    #[tokio::test]
    async fn a_subtask_gets_every_union_entry_and_its_own_key_groups() {
        let handles = [state(1, "a"), state(100, "b")].map(|state| StateHandle::Inline { bytes: state_codec::encode(&state) });
        let dir = tempfile::tempdir().unwrap();
        let mut restored = restored(handles.to_vec(), &format!("file://{}", dir.path().display())).await.unwrap();
        let snapshots = restored.snapshots(3);
        let groups: Vec<u16> = snapshots.iter().flat_map(|snapshot| snapshot.keyed.keys().map(|group| group.0)).collect();
        assert_eq!((groups, snapshots.iter().map(|snapshot| snapshot.union.len()).sum::<usize>()), (vec![1], 2));
    }

    #[tokio::test]
    async fn an_object_that_was_changed_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let uri = format!("file://{}", dir.path().display());
        let storage = Storage::open(&uri).unwrap();
        storage.put("chk-4/x", bytes::Bytes::from_static(b"other")).await.unwrap();
        let handle = StateHandle::Object { uri: storage.uri("chk-4/x"), size: 5, checksum: 1 };
        let error = restored(vec![handle], &uri).await.unwrap_err().to_string();
        assert!(error.starts_with("checkpoint 4 cannot be restored: `file://") && error.contains("is not what was written"), "{error}");
    }
}
