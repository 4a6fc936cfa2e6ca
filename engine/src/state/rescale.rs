//! What a subtask takes of the snapshots of all subtasks there were: the key groups it owns, and every union entry.

use std::ops::Range;

use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::key_group::KeyGroup;

/// A view of restored snapshots.
#[derive(Clone, Debug)]
pub(crate) struct Owned<'a> {
    snapshots: &'a [OperatorSnapshot],
    groups: Range<u16>,
}

impl<'a> Owned<'a> {
    pub(crate) fn new(snapshots: &'a [OperatorSnapshot], groups: Range<u16>) -> Self {
        Self { snapshots, groups }
    }

    /// The encoded state of each owned key group, in order of groups. A group was one subtask's, so it is there at most once.
    pub(crate) fn keyed(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut owned: Vec<_> = self
            .snapshots
            .iter()
            .flat_map(|snapshot| snapshot.keyed.range(KeyGroup(self.groups.start)..KeyGroup(self.groups.end)))
            .collect();
        owned.sort_by_key(|(group, _)| **group);
        owned.into_iter().map(|(_, bytes)| bytes.as_slice())
    }

    /// Every subtask's union entries.
    pub(crate) fn union(&self) -> impl Iterator<Item = &'a [u8]> {
        self.snapshots.iter().flat_map(|snapshot| &snapshot.union).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use irmak_common::key_group::{MaxParallelism, owned_range};

    #[test]
    fn every_group_is_restored_exactly_once_at_any_parallelism() {
        let max = MaxParallelism::new(128).unwrap();
        let old: Vec<OperatorSnapshot> = (0..3)
            .map(|subtask| OperatorSnapshot {
                keyed: owned_range(subtask, 3, max).map(|group| (KeyGroup(group), group.to_le_bytes().to_vec())).collect(),
                union: vec![vec![subtask as u8]],
            })
            .collect();
        for parallelism in [1, 2, 3, 5, 128] {
            let restored: Vec<u16> = (0..parallelism)
                .flat_map(|subtask| {
                    let owned = Owned::new(&old, owned_range(subtask, parallelism, max));
                    assert_eq!(owned.union().count(), 3);
                    owned.keyed().map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]])).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(restored, (0..128).collect::<Vec<_>>());
        }
    }
}
