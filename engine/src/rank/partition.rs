//! One partition of a Top-N: its rows in order, and what a change of them means for the first ranks.
//!
//! Pure: rows are bytes, sort keys are bytes whose order is the order of ranks. Rows of one sort key stand in order of arrival.
//! The sequence of what is said is that of Flink's `AppendOnlyTopNFunction`, `UpdatableTopNFunction` and `RetractableTopNFunction`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use irmak_common::element::RowKind;

/// The ranks that are asked for, and how they are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranks {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Ranks are told apart: the number is a column, or the first ranks are left out. Else only which rows are among them matters.
    pub(super) by_rank: bool,
}

/// What is said: kind, row, rank.
pub(super) type Said = (RowKind, Arc<[u8]>, u64);

/// A place in the order: sort key, number of arrival.
type Place = (Arc<[u8]>, u64);

/// A row, and its primary key where rows are updated by one.
#[derive(Debug)]
struct Entry {
    row: Arc<[u8]>,
    primary: Box<[u8]>,
}

/// The rows of a partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    rows: BTreeMap<Place, Entry>,
    /// Where the row of each primary key is.
    places: HashMap<Box<[u8]>, Place>,
    /// By rank: the rows of ranks 1 to `end`.
    shown: Vec<Arc<[u8]>>,
    /// Not by rank: how many rows are among the first.
    first: u64,
    /// The place of the last of them.
    last: Option<Place>,
    next: u64,
}

impl Partition {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A row of an input that only inserts: rows beyond the last rank are let go.
    pub(super) fn append(&mut self, ranks: Ranks, key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        self.keep(ranks, &[], key, row, said);
    }

    /// A row of an input that updates rows by primary key, and never moves one behind.
    pub(super) fn update(&mut self, ranks: Ranks, primary: &[u8], key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let Some(place) = self.places.get(primary).cloned() else { return self.keep(ranks, primary, key, row, said) };
        let Some(before) = self.rows.remove(&place) else { return };
        let after: Arc<[u8]> = row.into();
        let place = if *place.0 == *key { place } else { self.place(key) };
        self.insert(place, Arc::clone(&after), primary);
        if ranks.by_rank {
            return self.tell(ranks, said);
        }
        said.push((RowKind::UpdateBefore, before.row, 0));
        said.push((RowKind::UpdateAfter, after, 0));
    }

    /// A row that is kept only while it is among the first.
    fn keep(&mut self, ranks: Ranks, primary: &[u8], key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let full = self.rows.len() as u64 >= ranks.end;
        if full && self.rows.last_key_value().is_none_or(|(last, _)| *key >= *last.0) {
            return;
        }
        let gone = if full { self.rows.pop_last() } else { None };
        if let Some((_, gone)) = &gone {
            self.places.remove(&gone.primary);
        }
        let (place, row): (Place, Arc<[u8]>) = (self.place(key), row.into());
        self.insert(place, Arc::clone(&row), primary);
        if ranks.by_rank {
            return self.tell(ranks, said);
        }
        said.extend(gone.map(|(_, gone)| (RowKind::Delete, gone.row, 0)));
        said.push((RowKind::Insert, row, 0));
    }

    /// A row comes, of an input that may take it back.
    pub(super) fn add(&mut self, ranks: Ranks, key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let (place, row): (Place, Arc<[u8]>) = (self.place(key), row.into());
        let room = self.first < ranks.end;
        let among = room || self.last.as_ref().is_some_and(|last| place < *last);
        self.insert(place.clone(), Arc::clone(&row), &[]);
        if !among {
            return;
        }
        if room {
            self.first += 1;
            self.last = self.last.take().max(Some(place));
        } else if let Some(last) = self.last.take() {
            let gone = self.rows.get(&last).map(|entry| (RowKind::Delete, Arc::clone(&entry.row), 0));
            said.extend(gone.filter(|_| !ranks.by_rank));
            self.last = self.rows.range(..last).next_back().map(|(place, _)| place.clone());
        }
        if ranks.by_rank { self.tell(ranks, said) } else { said.push((RowKind::Insert, row, 0)) }
    }

    /// A row is taken back: the oldest that equals it. What never came is not missed.
    pub(super) fn retract(&mut self, ranks: Ranks, key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let from: Place = (key.into(), 0);
        let found = self.rows.range(from..).take_while(|(place, _)| *place.0 == *key).find(|(_, entry)| *entry.row == *row);
        let Some(place) = found.map(|(place, _)| place.clone()) else { return };
        let Some(gone) = self.rows.remove(&place) else { return };
        let Some(last) = self.last.clone().filter(|last| place <= *last) else { return };
        if !ranks.by_rank {
            said.push((RowKind::Delete, gone.row, 0));
        }
        let enters = self.rows.range((Bound::Excluded(&last), Bound::Unbounded)).next();
        match enters.map(|(place, entry)| (place.clone(), Arc::clone(&entry.row))) {
            Some((next, row)) => {
                self.last = Some(next);
                said.extend((!ranks.by_rank).then_some((RowKind::Insert, row, 0)));
            }
            None => {
                self.first -= 1;
                if place == last {
                    self.last = self.rows.range(..last).next_back().map(|(place, _)| place.clone());
                }
            }
        }
        if ranks.by_rank {
            self.tell(ranks, said);
        }
    }

    fn place(&mut self, key: &[u8]) -> Place {
        self.next += 1;
        (key.into(), self.next)
    }

    fn insert(&mut self, place: Place, row: Arc<[u8]>, primary: &[u8]) {
        if !primary.is_empty() {
            self.places.insert(primary.into(), place.clone());
        }
        self.rows.insert(place, Entry { row, primary: primary.into() });
    }

    /// The first ranks as they were; from now on they are as they are.
    fn retake(&mut self, ranks: Ranks) -> Vec<Arc<[u8]>> {
        let end = usize::try_from(ranks.end).unwrap_or(usize::MAX);
        let shown = self.rows.values().take(end).map(|entry| Arc::clone(&entry.row)).collect();
        std::mem::replace(&mut self.shown, shown)
    }

    /// Says what has changed in the first ranks.
    fn tell(&mut self, ranks: Ranks, said: &mut Vec<Said>) {
        let before = self.retake(ranks);
        let after = &self.shown;
        for at in (ranks.start as usize).saturating_sub(1)..before.len().max(after.len()) {
            let rank = at as u64 + 1;
            match (before.get(at), after.get(at)) {
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
                (Some(old), Some(new)) => {
                    said.push((RowKind::UpdateBefore, Arc::clone(old), rank));
                    said.push((RowKind::UpdateAfter, Arc::clone(new), rank));
                }
                (None, Some(new)) => said.push((RowKind::Insert, Arc::clone(new), rank)),
                (Some(old), None) => said.push((RowKind::Delete, Arc::clone(old), rank)),
                (None, None) => {}
            }
        }
    }

    /// Sort key, primary key (empty where there is none) and row of each row, in order.
    pub(super) fn stored(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8], &[u8])> {
        self.rows.iter().map(|(place, entry)| (&*place.0, &*entry.primary, &*entry.row))
    }

    /// The next of [`Self::stored`], in the same order. [`Self::restored`] follows the last.
    pub(super) fn restore(&mut self, key: &[u8], primary: &[u8], row: &[u8]) {
        let place = self.place(key);
        self.insert(place, row.into(), primary);
    }

    /// All rows are back.
    pub(super) fn restored(&mut self, ranks: Ranks) {
        self.first = ranks.end.min(self.rows.len() as u64);
        self.last = self.first.checked_sub(1).and_then(|at| self.rows.keys().nth(at as usize)).cloned();
        if ranks.by_rank {
            self.retake(ranks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(said: &[Said]) -> Vec<String> {
        said.iter().map(|(kind, row, rank)| format!("{} {} {rank}", kind.short(), String::from_utf8_lossy(row))).collect()
    }

    fn check(by_rank: bool, rows: &[(u8, &str)], expected: &[&str]) {
        let ranks = Ranks { start: 1, end: 2, by_rank };
        let (mut partition, mut said) = (Partition::default(), Vec::new());
        rows.iter().for_each(|(key, row)| partition.append(ranks, &[*key], row.as_bytes(), &mut said));
        assert_eq!(told(&said), expected);
    }

    #[test]
    fn with_numbers_every_shifted_rank_is_said_anew() {
        check(true, &[(5, "a"), (4, "b"), (6, "c"), (4, "d")], &["+I a 1", "-U a 1", "+U b 1", "+I a 2", "-U a 2", "+U d 2"]);
    }

    #[test]
    fn without_numbers_a_row_leaves_before_another_enters() {
        check(false, &[(5, "a"), (4, "b"), (6, "c"), (4, "d"), (4, "e")], &["+I a 0", "+I b 0", "-D a 0", "+I d 0"]);
    }

    #[test]
    fn a_row_taken_back_lets_the_next_one_in() {
        let ranks = Ranks { start: 1, end: 1, by_rank: true };
        let (mut partition, mut said) = (Partition::default(), Vec::new());
        partition.add(ranks, b"1", b"a", &mut said);
        partition.add(ranks, b"2", b"b", &mut said);
        partition.retract(ranks, b"1", b"a", &mut said);
        partition.retract(ranks, b"2", b"b", &mut said);
        partition.retract(ranks, b"2", b"b", &mut said);
        assert_eq!(told(&said), ["+I a 1", "-U a 1", "+U b 1", "-D b 1"]);
        assert!(partition.is_empty());
    }

    #[test]
    fn an_update_that_moves_ahead_shifts_the_ranks_between() {
        let ranks = Ranks { start: 1, end: 2, by_rank: true };
        let (mut partition, mut said) = (Partition::default(), Vec::new());
        for (primary, key, row) in [("x", "5", "x5"), ("y", "6", "y6"), ("z", "7", "z7"), ("y", "4", "y4"), ("y", "4", "Y4")] {
            partition.update(ranks, primary.as_bytes(), key.as_bytes(), row.as_bytes(), &mut said);
        }
        let expected = ["+I x5 1", "+I y6 2", "-U x5 1", "+U y4 1", "-U y6 2", "+U x5 2", "-U y4 1", "+U Y4 1"];
        assert_eq!(told(&said), expected);
    }

    proptest! {
        #[test]
        fn what_is_said_adds_up_to_the_first_ranks(
            steps in prop::collection::vec((0..4u8, 0..3u8, any::<bool>()), 1..60), start in 1..3u64, more in 0..3u64, by_rank in any::<bool>(),
        ) {
            let ranks = Ranks { start: if by_rank { start } else { 1 }, end: start + more, by_rank };
            let (mut partition, mut said) = (Partition::default(), Vec::new());
            let mut all: Vec<(u8, u8)> = Vec::new();
            for (key, row, add) in steps {
                if add {
                    all.push((key, row));
                    partition.add(ranks, &[key], &[row], &mut said);
                } else {
                    if let Some(at) = all.iter().position(|known| *known == (key, row)) {
                        all.remove(at);
                    }
                    partition.retract(ranks, &[key], &[row], &mut said);
                }
            }
            all.sort_by_key(|(key, _)| *key);
            let mut expected: Vec<(u8, u64)> = all.iter().enumerate().map(|(at, (_, row))| (*row, at as u64 + 1))
                .filter(|(_, rank)| *rank >= ranks.start && *rank <= ranks.end)
                .map(|(row, rank)| (row, if by_rank { rank } else { 0 })).collect();
            let mut have: Vec<(u8, u64)> = Vec::new();
            for (kind, row, rank) in said {
                match kind {
                    RowKind::Insert | RowKind::UpdateAfter => have.push((row[0], rank)),
                    _ => {
                        let at = have.iter().position(|known| *known == (row[0], rank)).unwrap();
                        have.remove(at);
                    }
                }
            }
            expected.sort();
            have.sort();
            prop_assert_eq!(have, expected);
        }
    }
}
