//! The rows of a partition in their order: few of them in one list, many in a tree. Most partitions are small, and a small one should cost
//! little beside its rows.
//!
//! Pure: sort keys, primary keys and rows are bytes; rows of one sort key stand in order of arrival.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// More rows than these are in a tree: below, moving what stands behind a row is cheaper than finding the way to it.
const FEW: usize = 64;

/// A row with its place: sort key and number of arrival.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// Sort key, primary key, row.
    bytes: Arc<[u8]>,
    key: u32,
    primary: u32,
    arrival: u64,
}

impl Kept {
    /// `primary` is empty where rows are not told apart by one.
    pub(super) fn new(key: &[u8], primary: &[u8], row: &[u8], arrival: u64) -> Self {
        Self { bytes: [key, primary, row].concat().into(), key: key.len() as u32, primary: primary.len() as u32, arrival }
    }

    pub(super) fn sort_key(&self) -> &[u8] {
        &self.bytes[..self.key as usize]
    }

    pub(super) fn primary(&self) -> &[u8] {
        &self.bytes[self.key as usize..][..self.primary as usize]
    }

    pub(super) fn row(&self) -> &[u8] {
        &self.bytes[(self.key + self.primary) as usize..]
    }

    pub(super) fn arrival(&self) -> u64 {
        self.arrival
    }

    /// Whether both are one row, not only equal ones.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bytes, &other.bytes)
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sort_key().cmp(other.sort_key()).then(self.arrival.cmp(&other.arrival))
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Kept {}

/// Rows in order.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Empty where there are many.
    few: Vec<Kept>,
    many: Option<Box<Many>>,
}

#[derive(Debug, Default)]
struct Many {
    rows: BTreeSet<Kept>,
    /// Rows that have a primary key, by it.
    primary: HashMap<Box<[u8]>, Kept>,
}

impl Many {
    fn insert(&mut self, row: Kept) {
        if !row.primary().is_empty() {
            self.primary.insert(row.primary().into(), row.clone());
        }
        self.rows.insert(row);
    }

    fn forget(&mut self, row: Kept) -> Kept {
        self.primary.remove(row.primary());
        row
    }
}

impl Order {
    pub(super) fn len(&self) -> usize {
        self.many.as_ref().map_or(self.few.len(), |many| many.rows.len())
    }

    /// All, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.few.iter().chain(self.many.iter().flat_map(|many| many.rows.iter()))
    }

    pub(super) fn last(&self) -> Option<&Kept> {
        self.many.as_ref().map_or(self.few.last(), |many| many.rows.last())
    }

    /// The row in front of this place.
    pub(super) fn before(&self, place: &Kept) -> Option<&Kept> {
        match &self.many {
            Some(many) => many.rows.range(..place).next_back(),
            None => self.few.get(self.few.partition_point(|row| row < place).checked_sub(1)?),
        }
    }

    /// The row behind this place.
    pub(super) fn after(&self, place: &Kept) -> Option<&Kept> {
        match &self.many {
            Some(many) => many.rows.range((Bound::Excluded(place), Bound::Unbounded)).next(),
            None => self.few.get(self.few.partition_point(|row| row <= place)),
        }
    }

    /// The first that has this sort key and this very row.
    pub(super) fn find(&self, key: &[u8], row: &[u8]) -> Option<Kept> {
        let here = |kept: &&Kept| kept.sort_key() == key;
        let same = |kept: &&Kept| kept.row() == row;
        match &self.many {
            Some(many) => many.rows.range(Kept::new(key, &[], &[], 0)..).take_while(here).find(same).cloned(),
            None => {
                let start = self.few.partition_point(|kept| kept.sort_key() < key);
                self.few[start..].iter().take_while(here).find(same).cloned()
            }
        }
    }

    /// The row with this primary key.
    pub(super) fn of_primary(&self, primary: &[u8]) -> Option<Kept> {
        match &self.many {
            Some(many) => many.primary.get(primary).cloned(),
            None => self.few.iter().find(|kept| kept.primary() == primary).cloned(),
        }
    }

    pub(super) fn insert(&mut self, row: Kept) {
        if self.many.is_none() && self.few.len() == FEW {
            let mut many = Many::default();
            std::mem::take(&mut self.few).into_iter().for_each(|row| many.insert(row));
            self.many = Some(Box::new(many));
        }
        match &mut self.many {
            Some(many) => many.insert(row),
            None => {
                let at = self.few.partition_point(|known| *known <= row);
                self.few.insert(at, row);
            }
        }
    }

    pub(super) fn remove(&mut self, row: &Kept) -> Option<Kept> {
        match &mut self.many {
            Some(many) => many.rows.take(row).map(|row| many.forget(row)),
            None => self.few.binary_search(row).ok().map(|at| self.few.remove(at)),
        }
    }

    pub(super) fn pop_last(&mut self) -> Option<Kept> {
        match &mut self.many {
            Some(many) => many.rows.pop_last().map(|row| many.forget(row)),
            None => self.few.pop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn few_and_many_are_one_order(steps in prop::collection::vec((any::<u8>(), 0..4u8), 1..400)) {
            let (mut order, mut model, mut arrival) = (Order::default(), Vec::<(u8, u64)>::new(), 0);
            for (key, what) in steps {
                let first = model.iter().find(|known| known.0 == key).copied();
                match (what, first) {
                    (0, Some(place)) => {
                        let found = order.find(&[key], &[key]).unwrap();
                        prop_assert_eq!(found.arrival(), place.1);
                        prop_assert_eq!(order.before(&found).map(Kept::arrival), model.iter().rfind(|known| **known < place).map(|known| known.1));
                        prop_assert_eq!(order.after(&found).map(Kept::arrival), model.iter().find(|known| **known > place).map(|known| known.1));
                        prop_assert!(order.remove(&found).unwrap().is(&found));
                        prop_assert!(order.of_primary(&place.1.to_le_bytes()).is_none());
                        model.retain(|known| *known != place);
                    }
                    (1, _) if model.len() > 80 => prop_assert_eq!(order.pop_last().map(|row| row.arrival()), model.pop().map(|row| row.1)),
                    _ => {
                        arrival += 1;
                        order.insert(Kept::new(&[key], &u64::to_le_bytes(arrival), &[key], arrival));
                        model.push((key, arrival));
                        model.sort();
                        prop_assert_eq!(order.of_primary(&arrival.to_le_bytes()).map(|row| row.sort_key().to_vec()), Some(vec![key]));
                    }
                }
                prop_assert_eq!(order.len(), model.len());
                prop_assert_eq!(order.last().map(Kept::arrival), model.last().map(|row| row.1));
            }
            prop_assert_eq!(order.iter().map(Kept::arrival).collect::<Vec<_>>(), model.iter().map(|row| row.1).collect::<Vec<_>>());
        }
    }
}
