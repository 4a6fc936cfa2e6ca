//! What a checkpoint is made of: the snapshot of each operator, the handle under which it is stored, and the manifest that makes
//! the checkpoint exist.
//!
//! The manifest is the commit point: a checkpoint exists exactly when its manifest was written with put-if-absent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::element::CheckpointKind;
use crate::id::{CheckpointId, JobId, SubtaskId};
use crate::key_group::KeyGroup;
use crate::time::Millis;

/// The version of the manifest and of all that it points to. A reader refuses what it does not know.
pub const MANIFEST_VERSION: u32 = 1;

/// One operator's state, in memory.
///
/// `keyed` moves by key group when a job is rescaled. `union` entries (source positions, files to commit) are handed to every
/// subtask at restore; each picks those it owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorSnapshot {
    /// Encoded state by key group; groups without state are absent.
    pub keyed: BTreeMap<KeyGroup, Vec<u8>>,
    /// Encoded entries, in an order of no meaning.
    pub union: Vec<Vec<u8>>,
}

impl OperatorSnapshot {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.keyed.is_empty() && self.union.is_empty()
    }

    /// Bytes in all.
    pub fn size(&self) -> u64 {
        let keyed: usize = self.keyed.values().map(Vec::len).sum();
        let union: usize = self.union.iter().map(Vec::len).sum();
        (keyed + union) as u64
    }
}

/// One subtask's part of a checkpoint, as acknowledged to the JobManager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSnapshot {
    /// Whose.
    pub subtask: SubtaskId,
    /// Where its operators' states lie; `None`: it has no state.
    pub state: Option<StateHandle>,
    /// How long it took, for the page.
    pub stats: SnapshotStats,
}

/// Where a subtask's state lies: one object that holds `runtime::storage`'s encoding of `(operator id, OperatorSnapshot)` pairs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateHandle {
    /// In the acknowledgement and the manifest: small states (Flink's `state.storage.fs.memory-threshold`).
    Inline {
        /// The encoding itself, hexadecimal in JSON.
        #[serde(with = "bytes_text")]
        bytes: Vec<u8>,
    },
    /// A file.
    Object {
        /// URI: `file:///checkpoints/<job id>/chk-7/<subtask>-<attempt>-<uuid>`.
        uri: String,
        /// Bytes.
        size: u64,
        /// `xxh3_64` of the bytes: what is read back must be what was written.
        checksum: u64,
    },
}

impl StateHandle {
    /// Bytes stored.
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline { bytes } => bytes.len() as u64,
            Self::Object { size, .. } => *size,
        }
    }
}

/// How a subtask's snapshot went. Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotStats {
    /// From the trigger to the barrier's arrival.
    pub start_delay_ms: u64,
    /// From the first barrier to the last.
    pub alignment_ms: u64,
    /// In the task's thread.
    pub sync_ms: u64,
    /// Encoding and upload.
    pub async_ms: u64,
    /// Bytes.
    pub size: u64,
}

/// A complete checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`]
    pub version: u32,
    /// Whose.
    pub job: JobId,
    /// Which.
    pub checkpoint: CheckpointId,
    /// What for.
    pub kind: CheckpointKind,
    /// The key groups that keyed states are cut in.
    pub max_parallelism: u16,
    /// When it was triggered, by the JobManager's clock.
    pub triggered_at: Millis,
    /// Every subtask of the job.
    pub tasks: Vec<TaskSnapshot>,
}

mod bytes_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write;
        let mut hex = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        serializer.serialize_str(&hex)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let hex = String::deserialize(deserializer)?;
        if hex.len() % 2 != 0 || !hex.is_ascii() {
            return Err(D::Error::custom("state bytes are not hexadecimal"));
        }
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).map_err(D::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inline_state_survives_json() {
        let handle = StateHandle::Inline { bytes: (0..=255).collect() };
        let text = serde_json::to_string(&handle).unwrap();
        assert_eq!(serde_json::from_str::<StateHandle>(&text).unwrap(), handle);
    }
}
