//! Keyed state: tables of keys and accumulators, their snapshots by key group, and what a subtask takes of them at restore.

pub(crate) mod bytes;
pub(crate) mod groups;
pub(crate) mod keyed;
pub(crate) mod rescale;
pub(crate) mod slots;
pub(crate) mod snapshot;
