//! What an operator stands on: its input, and how rows come from there to where they must meet.

use irmak_common::job_graph::Partitioning;
use irmak_common::operator_spec::WindowKind;
use irmak_common::types::Schema;

/// The input's number, parallelism and columns, and the parallelism of the job.
pub(super) struct Below {
    pub(super) input: usize,
    pub(super) have: u32,
    pub(super) schema: Schema,
    pub(super) parallelism: u32,
}

impl Below {
    /// Any subtask will do.
    pub(super) fn forward(&self, parallelism: u32) -> Vec<(usize, Partitioning)> {
        vec![(self.input, between(self.have, parallelism))]
    }

    /// Rows of one key meet in one subtask; without a key all do.
    pub(super) fn keyed(&self, keys: Vec<usize>) -> (u32, Partitioning) {
        if keys.is_empty() { (1, Partitioning::Global) } else { (self.parallelism, Partitioning::Hash { columns: keys }) }
    }

    /// Rows of one key meet in one of `parallelism` subtasks; without a key, those of one window that is attached to them, else all.
    pub(super) fn windowed(&self, keys: &[usize], kind: &WindowKind, parallelism: u32) -> (u32, Partitioning) {
        match kind {
            _ if !keys.is_empty() => (parallelism, Partitioning::Hash { columns: keys.to_vec() }),
            WindowKind::Attached { start, end } if parallelism > 1 => (parallelism, Partitioning::Hash { columns: vec![*start, *end] }),
            _ => (1, Partitioning::Global),
        }
    }
}

/// How rows go from one parallelism to another where any subtask will do.
pub(super) fn between(have: u32, want: u32) -> Partitioning {
    match want {
        _ if have == want => Partitioning::Forward,
        1 => Partitioning::Global,
        _ => Partitioning::Rebalance,
    }
}
