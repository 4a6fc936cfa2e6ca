//! Which slots a job gets, decided from which are free.
//!
//! A job needs as many slots as its highest parallelism (Flink's slot sharing: subtask i of every vertex shares the job's slot i).
//! It keeps the slots it has, and takes the rest from the TaskManagers with the most free ones, so that load spreads evenly.

use std::collections::{BTreeMap, VecDeque};

use irmak_common::id::TaskManagerId;

/// A slot of a TaskManager.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    /// Whose.
    pub task_manager: TaskManagerId,
    /// `0..slots`.
    pub index: u32,
}

/// The slots for a job's subtasks `0..needed`, or `None` where there are too few. `kept[i]` is what subtask i had and still has.
pub fn assign(needed: usize, kept: &[Option<SlotId>], free: impl IntoIterator<Item = SlotId>) -> Option<Vec<SlotId>> {
    let mut by_owner: BTreeMap<TaskManagerId, VecDeque<u32>> = BTreeMap::new();
    for slot in free {
        by_owner.entry(slot.task_manager).or_default().push_back(slot.index);
    }
    (0..needed).map(|subtask| kept.get(subtask).cloned().flatten().or_else(|| take_from_emptiest(&mut by_owner))).collect()
}

/// Takes the lowest free slot of the TaskManager with the most free slots, the first by name among equals.
fn take_from_emptiest(free: &mut BTreeMap<TaskManagerId, VecDeque<u32>>) -> Option<SlotId> {
    let owner = free.iter().rev().max_by_key(|(_, slots)| slots.len()).map(|(owner, _)| owner.clone())?;
    let index = free.get_mut(&owner)?.pop_front()?;
    Some(SlotId { task_manager: owner, index })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(text: &str) -> SlotId {
        let (owner, index) = text.split_once(':').unwrap();
        SlotId { task_manager: TaskManagerId(owner.into()), index: index.parse().unwrap() }
    }

    fn check(kept: &[&str], free: &[&str], needed: usize, expected: Option<&[&str]>) {
        let kept: Vec<Option<SlotId>> = kept.iter().map(|text| (!text.is_empty()).then(|| slot(text))).collect();
        let got = assign(needed, &kept, free.iter().map(|text| slot(text)));
        assert_eq!(got, expected.map(|slots| slots.iter().map(|text| slot(text)).collect()));
    }

    #[test]
    fn slots_spread_over_task_managers() {
        check(&[], &["a:0", "a:1", "b:0", "b:1"], 2, Some(&["a:0", "b:0"]));
        check(&[], &["a:0", "b:0", "b:1", "b:2"], 3, Some(&["b:0", "b:1", "a:0"]));
    }

    #[test]
    fn too_few_slots_are_none() {
        check(&[], &["a:0"], 2, None);
        check(&["a:1"], &[], 2, None);
    }

    #[test]
    fn what_a_job_has_it_keeps() {
        check(&["b:1", ""], &["a:0", "a:1"], 2, Some(&["b:1", "a:0"]));
    }

    proptest! {
        #[test]
        fn no_slot_is_given_twice_and_load_differs_by_one_at_most(managers in 1..6u32, each in 1..6u32, needed in 0..20usize) {
            let free: Vec<SlotId> = (0..managers)
                .flat_map(|m| (0..each).map(move |index| SlotId { task_manager: TaskManagerId(format!("tm{m}")), index }))
                .collect();
            let Some(got) = assign(needed, &[], free.clone()) else {
                prop_assert!(needed > free.len());
                return Ok(());
            };
            let mut distinct = got.clone();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), needed);
            let load = |m: u32| got.iter().filter(|slot| slot.task_manager.0 == format!("tm{m}")).count();
            let loads: Vec<usize> = (0..managers).map(load).collect();
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
        }
    }
}
