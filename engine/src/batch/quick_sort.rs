//! The order that Flink's sorter leaves rows in.
//!
//! Rows that are equal in an ORDER BY have no order of their own, but what is counted over them (ROW_NUMBER, CUME_DIST, a LIMIT) shows
//! the one that they got. Source: Flink's `QuickSort`, which is Hadoop's: median of three, equal rows swapped to the ends, and up to
//! twelve rows by insertion. Flink sorts so as long as its sort memory lasts; then it merges, and so the order of equals is its own.

use std::cmp::Ordering;

/// As many rows or fewer are sorted by insertion.
const INSERTION_MAX: isize = 12;

/// Sorts rows as Flink does.
pub(super) fn quick_sort(rows: &mut [u32], compare: &impl Fn(u32, u32) -> Ordering) {
    let depth = (usize::BITS - rows.len().saturating_sub(1).leading_zeros()) << 2;
    Sorter { rows, compare }.sort(0, None, depth);
}

struct Sorter<'a, C> {
    rows: &'a mut [u32],
    compare: &'a C,
}

impl<C: Fn(u32, u32) -> Ordering> Sorter<'_, C> {
    fn compare(&self, a: isize, b: isize) -> Ordering {
        (self.compare)(self.rows[a as usize], self.rows[b as usize])
    }

    fn swap(&mut self, a: isize, b: isize) {
        self.rows.swap(a as usize, b as usize);
    }

    /// Puts the lesser of two first.
    fn fix(&mut self, first: isize, second: isize) {
        if self.compare(first, second) == Ordering::Greater {
            self.swap(first, second);
        }
    }

    /// Sorts `from..to` (to the end where there is no `to`): the smaller part first, so that the stack stays shallow.
    fn sort(&mut self, mut from: isize, to: Option<isize>, mut depth: u32) {
        let mut to = to.unwrap_or(self.rows.len() as isize);
        loop {
            if to - from <= INSERTION_MAX {
                return self.insert(from, to);
            }
            if depth == 0 {
                let compare = self.compare;
                return self.rows[from as usize..to as usize].sort_by(|a, b| compare(*a, *b));
            }
            depth -= 1;
            let (less, more) = self.divide(from, to);
            if less - from < to - more {
                self.sort(from, Some(less), depth);
                from = more;
            } else {
                self.sort(more, Some(to), depth);
                to = less;
            }
        }
    }

    fn insert(&mut self, from: isize, to: isize) {
        for at in from..to {
            let mut hole = at;
            while hole > from && self.compare(hole - 1, hole) == Ordering::Greater {
                self.swap(hole, hole - 1);
                hole -= 1;
            }
        }
    }

    /// The first row from `at` on and below `end` that is greater than the pivot; its equals on the way go to the left end.
    fn first_greater(&mut self, mut at: isize, end: isize, pivot: isize, left: &mut isize) -> isize {
        while at < end {
            match self.compare(at, pivot) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    *left += 1;
                    if *left != at {
                        self.swap(*left, at);
                    }
                }
                Ordering::Less => {}
            }
            at += 1;
        }
        at
    }

    /// The last row from `at` down and above `end` that is less than the pivot; its equals on the way go to the right end.
    fn last_less(&mut self, mut at: isize, end: isize, pivot: isize, right: &mut isize) -> isize {
        while at > end {
            match self.compare(pivot, at) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    *right -= 1;
                    if *right != at {
                        self.swap(*right, at);
                    }
                }
                Ordering::Less => {}
            }
            at -= 1;
        }
        at
    }

    /// Parts the rows around a pivot: where those less end, and where those greater begin.
    fn divide(&mut self, from: isize, to: isize) -> (isize, isize) {
        let middle = (from + to) >> 1;
        self.fix(middle, from);
        self.fix(middle, to - 1);
        self.fix(from, to - 1);
        let (mut i, mut j, mut left, mut right) = (from, to, from, to);
        loop {
            i = self.first_greater(i + 1, j, from, &mut left);
            j = self.last_less(j - 1, i, from, &mut right);
            if i >= j {
                break;
            }
            self.swap(i, j);
        }
        j = i;
        // The pivot and its equals go between both parts.
        while left >= from {
            i -= 1;
            self.swap(left, i);
            left -= 1;
        }
        while right < to {
            self.swap(right, j);
            right += 1;
            j += 1;
        }
        (i, j)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_come_out_sorted_and_none_is_lost(keys in prop::collection::vec(0..20u8, 0..400)) {
            let mut rows: Vec<u32> = (0..keys.len() as u32).collect();
            quick_sort(&mut rows, &|a, b| keys[a as usize].cmp(&keys[b as usize]));
            prop_assert!(rows.windows(2).all(|pair| keys[pair[0] as usize] <= keys[pair[1] as usize]));
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..keys.len() as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn equal_rows_stand_as_flink_leaves_them() {
        // golden/relational/batch_rank_functions: auction and bidder of bids.json, in order of arrival.
        let keys = [
            (1, 11),
            (1, 12),
            (2, 11),
            (1, 13),
            (2, 14),
            (1, 12),
            (3, 15),
            (2, 11),
            (1, 13),
            (3, 16),
            (1, 11),
            (2, 12),
            (1, 14),
            (3, 15),
            (2, 13),
            (1, 12),
        ];
        let mut rows: Vec<u32> = (0..16).collect();
        quick_sort(&mut rows, &|a, b| keys[a as usize].cmp(&keys[b as usize]));
        assert_eq!(rows, [10, 0, 15, 1, 5, 8, 3, 12, 7, 2, 11, 14, 4, 6, 13, 9]);
    }
}
