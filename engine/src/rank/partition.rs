//! One partition of a Top-N: its rows in order, and what a change of them means for the first ranks.
//!
//! Pure: rows are bytes, sort keys are bytes whose order is the order of ranks. Rows of one sort key stand in order of arrival.
//! The sequence of what is said is that of Flink's `AppendOnlyTopNFunction`, `UpdatableTopNFunction` and `RetractableTopNFunction`.

use irmak_common::element::RowKind;

use super::order::{Kept, Order};

/// The ranks that are asked for, and how they are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranks {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Ranks are told apart: the number is a column, or the first ranks are left out. Else only which rows are among them matters.
    pub(super) by_rank: bool,
    /// One rank is asked for in every partition.
    pub(super) one: bool,
}

impl Ranks {
    /// The same up to this rank, where it comes first.
    pub(super) fn until(self, end: u64) -> Self {
        Self { end: self.end.min(end), ..self }
    }
}

/// What is said: kind, row, rank.
pub(super) type Said = (RowKind, Kept, u64);

/// The rows of a partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    rows: Order,
    /// Of rows that may be taken back: how many are among the first.
    first: u64,
    /// The last of them.
    last: Option<Kept>,
    next: u64,
    /// The last rank that was asked for.
    pub(super) end: u64,
}

impl Partition {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// A row of an input that only inserts: rows beyond the last rank are let go.
    pub(super) fn append(&mut self, ranks: Ranks, key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        self.keep(ranks, &[], key, row, said);
    }

    /// A row of an input that updates rows by primary key, and never moves one behind.
    pub(super) fn update(&mut self, ranks: Ranks, primary: &[u8], key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let Some(place) = self.rows.of_primary(primary) else { return self.keep(ranks, primary, key, row, said) };
        let shown = self.shown(ranks);
        let Some(before) = self.rows.remove(&place) else { return };
        let arrival = if *place.sort_key() == *key { place.arrival() } else { self.arrival() };
        let after = Kept::new(key, primary, row, arrival);
        self.rows.insert(after.clone());
        if ranks.by_rank {
            return self.tell(ranks, &shown, said);
        }
        said.push((RowKind::UpdateBefore, before, 0));
        said.push((RowKind::UpdateAfter, after, 0));
    }

    /// A row that is kept only while it is among the first.
    fn keep(&mut self, ranks: Ranks, primary: &[u8], key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let full = self.rows.len() as u64 >= ranks.end;
        if full && self.rows.last().is_none_or(|last| *key >= *last.sort_key()) {
            return;
        }
        let shown = self.shown(ranks);
        let gone = if full { self.rows.pop_last() } else { None };
        let row = Kept::new(key, primary, row, self.arrival());
        self.rows.insert(row.clone());
        if ranks.by_rank {
            return self.tell(ranks, &shown, said);
        }
        // The only row of a partition is updated. Source: Flink's `FastTop1Function`.
        let (leaves, enters) = match gone.is_some() && ranks.one {
            true => (RowKind::UpdateBefore, RowKind::UpdateAfter),
            false => (RowKind::Delete, RowKind::Insert),
        };
        said.extend(gone.map(|gone| (leaves, gone, 0)));
        said.push((enters, row, 0));
    }

    /// A row comes, of an input that may take it back.
    pub(super) fn add(&mut self, ranks: Ranks, key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let row = Kept::new(key, &[], row, self.arrival());
        let room = self.first < ranks.end;
        if !room && self.last.as_ref().is_none_or(|last| row >= *last) {
            return self.rows.insert(row);
        }
        let shown = self.shown(ranks);
        self.rows.insert(row.clone());
        if room {
            self.first += 1;
            self.last = self.last.take().max(Some(row.clone()));
        } else if let Some(last) = self.last.take() {
            self.last = self.rows.before(&last).cloned();
            said.extend((!ranks.by_rank).then_some((RowKind::Delete, last, 0)));
        }
        if ranks.by_rank { self.tell(ranks, &shown, said) } else { said.push((RowKind::Insert, row, 0)) }
    }

    /// A row is taken back: the oldest that equals it. What never came is not missed.
    pub(super) fn retract(&mut self, ranks: Ranks, key: &[u8], row: &[u8], said: &mut Vec<Said>) {
        let Some(place) = self.rows.find(key, row) else { return };
        let Some(last) = self.last.clone().filter(|last| place <= *last) else {
            self.rows.remove(&place);
            return;
        };
        let shown = self.shown(ranks);
        self.rows.remove(&place);
        said.extend((!ranks.by_rank).then(|| (RowKind::Delete, place.clone(), 0)));
        match self.rows.after(&last).cloned() {
            Some(next) => {
                said.extend((!ranks.by_rank).then(|| (RowKind::Insert, next.clone(), 0)));
                self.last = Some(next);
            }
            None => {
                self.first -= 1;
                if place == last {
                    self.last = self.rows.before(&last).cloned();
                }
            }
        }
        if ranks.by_rank {
            self.tell(ranks, &shown, said);
        }
    }

    /// The number of the next row.
    fn arrival(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The first ranks, where they are told apart.
    fn shown(&self, ranks: Ranks) -> Vec<Kept> {
        let end = if ranks.by_rank { usize::try_from(ranks.end).unwrap_or(usize::MAX) } else { 0 };
        self.rows.iter().take(end).cloned().collect()
    }

    /// Says what has changed in the first ranks.
    fn tell(&self, ranks: Ranks, before: &[Kept], said: &mut Vec<Said>) {
        let after = self.shown(ranks);
        for at in (ranks.start as usize).saturating_sub(1)..before.len().max(after.len()) {
            let rank = at as u64 + 1;
            match (before.get(at), after.get(at)) {
                (Some(old), Some(new)) if old.is(new) => {}
                (Some(old), Some(new)) => {
                    said.push((RowKind::UpdateBefore, old.clone(), rank));
                    said.push((RowKind::UpdateAfter, new.clone(), rank));
                }
                (None, Some(new)) => said.push((RowKind::Insert, new.clone(), rank)),
                (Some(old), None) => said.push((RowKind::Delete, old.clone(), rank)),
                (None, None) => {}
            }
        }
    }

    /// All rows, in order.
    pub(super) fn stored(&self) -> &Order {
        &self.rows
    }

    /// The next of [`Self::stored`], in the same order: sort key, primary key (empty where there is none), row. [`Self::restored`] follows the
    /// last.
    pub(super) fn restore(&mut self, key: &[u8], primary: &[u8], row: &[u8]) {
        let arrival = self.arrival();
        self.rows.insert(Kept::new(key, primary, row, arrival));
    }

    /// All rows are back.
    pub(super) fn restored(&mut self, ranks: Ranks) {
        self.first = ranks.end.min(self.rows.len() as u64);
        self.last = self.first.checked_sub(1).and_then(|at| self.rows.iter().nth(at as usize)).cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(said: &[Said]) -> Vec<String> {
        said.iter().map(|(kind, row, rank)| format!("{} {} {rank}", kind.short(), String::from_utf8_lossy(row.row()))).collect()
    }

    fn check(by_rank: bool, rows: &[(u8, &str)], expected: &[&str]) {
        let ranks = Ranks { start: 1, end: 2, by_rank, one: false };
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
    fn the_first_row_alone_is_updated() {
        let ranks = Ranks { start: 1, end: 1, by_rank: false, one: true };
        let (mut partition, mut said) = (Partition::default(), Vec::new());
        [(5, "a"), (6, "b"), (4, "c"), (4, "d")].iter().for_each(|(key, row)| partition.append(ranks, &[*key], row.as_bytes(), &mut said));
        assert_eq!(told(&said), ["+I a 0", "-U a 0", "+U c 0"]);
    }

    #[test]
    fn a_partition_that_asks_for_one_rank_among_others_that_ask_for_more_says_deletes() {
        let ranks = Ranks { start: 1, end: u64::MAX, by_rank: false, one: false }.until(1);
        let (mut partition, mut said) = (Partition::default(), Vec::new());
        [(5, "a"), (6, "b"), (4, "c")].iter().for_each(|(key, row)| partition.append(ranks, &[*key], row.as_bytes(), &mut said));
        assert_eq!(told(&said), ["+I a 0", "-D a 0", "+I c 0"]);
    }

    #[test]
    fn a_partition_that_asks_for_no_rank_keeps_and_says_nothing() {
        let ranks = Ranks { start: 1, end: u64::MAX, by_rank: true, one: false }.until(0);
        let (mut partition, mut said) = (Partition::default(), Vec::new());
        partition.append(ranks, b"1", b"a", &mut said);
        assert!(partition.is_empty());
        partition.add(ranks, b"1", b"a", &mut said);
        partition.retract(ranks, b"1", b"a", &mut said);
        assert!(said.is_empty() && partition.is_empty());
    }

    #[test]
    fn a_row_taken_back_lets_the_next_one_in() {
        let ranks = Ranks { start: 1, end: 1, by_rank: true, one: true };
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
        let ranks = Ranks { start: 1, end: 2, by_rank: true, one: false };
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
            let ranks = Ranks { start: if by_rank { start } else { 1 }, end: start + more, by_rank, one: false };
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
                    RowKind::Insert | RowKind::UpdateAfter => have.push((row.row()[0], rank)),
                    _ => {
                        let at = have.iter().position(|known| *known == (row.row()[0], rank)).unwrap();
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
