//! What is told of checkpoints: each with its parts, how many there were, and which one an attempt began with.

use std::collections::BTreeMap;

use irmak_common::checkpoint::{StateHandle, TaskSnapshot};
use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, SubtaskId};
use irmak_common::time::Millis;

use super::record::PastCheckpoint;

/// Where a checkpoint of the history stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Under way.
    InProgress,
    /// Its manifest exists.
    Completed,
    /// Given up.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A checkpoint as REST shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which.
    pub id: CheckpointId,
    /// What for.
    pub kind: CheckpointKind,
    /// When it began.
    pub triggered_at: Millis,
    /// The last acknowledgement, or the failure.
    pub updated_at: Millis,
    /// Where it stands.
    pub outcome: Outcome,
    /// Who has to acknowledge.
    pub expected: usize,
    /// Who has: snapshot and when it came.
    pub acknowledged: BTreeMap<SubtaskId, (TaskSnapshot, Millis)>,
    /// Whether its state was deleted since.
    pub discarded: bool,
    /// Of an earlier JobManager's checkpoint: how many had acknowledged, and bytes of state. The parts are not known any more.
    pub recalled: Option<(usize, u64)>,
}

impl Entry {
    pub(super) fn recalled(past: &PastCheckpoint) -> Self {
        let outcome = match &past.failure {
            Some(reason) => Outcome::Failed { reason: reason.clone() },
            None => Outcome::Completed,
        };
        Self {
            id: past.id,
            kind: past.kind,
            triggered_at: past.triggered_at,
            updated_at: past.updated_at,
            outcome,
            expected: past.expected,
            acknowledged: BTreeMap::new(),
            // Until the manifests are read.
            discarded: true,
            recalled: Some((past.acknowledged, past.size)),
        }
    }

    /// Bytes of state.
    pub fn size(&self) -> u64 {
        let part = |snapshot: &TaskSnapshot| snapshot.stats.size.max(snapshot.state.as_ref().map_or(0, StateHandle::size));
        self.recalled.map_or_else(|| self.acknowledged.values().map(|(snapshot, _)| part(snapshot)).sum(), |(_, size)| size)
    }

    /// How many subtasks have acknowledged.
    pub fn acknowledged_count(&self) -> usize {
        self.recalled.map_or(self.acknowledged.len(), |(count, _)| count)
    }

    /// When the last of them did.
    pub fn last_acknowledged_at(&self) -> Option<Millis> {
        match self.recalled {
            Some((count, _)) => (count > 0).then_some(self.updated_at),
            None => self.acknowledged.values().map(|(_, at)| *at).max(),
        }
    }

    /// Milliseconds from trigger to the last acknowledgement.
    pub fn duration_ms(&self) -> i64 {
        (self.updated_at - self.triggered_at).max(0)
    }
}

/// Counts over the job's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Begun.
    pub total: u64,
    /// Completed.
    pub completed: u64,
    /// Given up.
    pub failed: u64,
    /// Restarts from one.
    pub restored: u64,
}

/// The checkpoint that an attempt began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Which.
    pub id: CheckpointId,
    /// When the attempt began.
    pub at: Millis,
    /// Whether a person owns it.
    pub savepoint: bool,
    /// Its folder's URI.
    pub path: String,
}
