//! What an operator is told about the subtask that it runs in.

use std::collections::BTreeMap;

use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::key_group::{MaxParallelism, owned_range};
use irmak_functions::Environment;

use crate::state::rescale::Owned;

/// What an operator is told about the subtask that it runs in.
#[derive(Clone, Debug, Default)]
pub struct OperatorEnvironment {
    /// `0..parallelism`.
    pub subtask_index: u32,
    /// Subtasks of the vertex, at least 1.
    pub parallelism: u32,
    /// Key groups of the job.
    pub max_parallelism: MaxParallelism,
    /// `table.local-time-zone`.
    pub zone: String,
    /// All that was SET, by key.
    pub options: BTreeMap<String, String>,
    /// This operator's snapshots, one a subtask as there were when they were taken; empty: a fresh start. The operator takes the
    /// key groups that it owns.
    pub restored: Vec<OperatorSnapshot>,
}

impl OperatorEnvironment {
    /// What expressions are told.
    pub(crate) fn functions(&self) -> Environment {
        Environment { zone: if self.zone.is_empty() { "UTC".into() } else { self.zone.clone() }, options: self.options.clone() }
    }

    /// The part of the restored state that is this subtask's.
    pub(crate) fn owned(&self) -> Owned<'_> {
        let range = owned_range(self.subtask_index, self.parallelism.max(1), self.max_parallelism);
        Owned::new(&self.restored, range)
    }
}
