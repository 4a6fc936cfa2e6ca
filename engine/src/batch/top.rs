//! The first rows of an order, while others come and go: which of equal rows stay is what Flink's heap makes of it.
//!
//! Source: Flink's `SortLimitOperator`, twice: once where rows are, once where they all meet; and Java's `PriorityQueue`.

use std::cmp::Ordering;

/// A heap of row numbers, the last of the order on top.
#[derive(Debug, Default)]
pub(super) struct Heap {
    rows: Vec<u32>,
}

impl Heap {
    /// Takes a row; when there are more than `most`, the last of the order goes.
    pub(super) fn offer(&mut self, row: u32, most: usize, compare: &impl Fn(u32, u32) -> Ordering) {
        if self.rows.len() < most {
            self.rows.push(row);
            return self.rise(self.rows.len() - 1, compare);
        }
        if self.rows.first().is_some_and(|top| compare(*top, row) == Ordering::Greater) {
            if let Some(last) = self.rows.pop()
                && !self.rows.is_empty()
            {
                self.sink(last, compare);
            }
            self.rows.push(row);
            self.rise(self.rows.len() - 1, compare);
        }
    }

    /// Its rows, as the heap has them.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Gives its rows the numbers `0..` in the heap's order.
    pub(super) fn renumber(&mut self) {
        self.rows = (0..self.rows.len() as u32).collect();
    }

    /// The rows in order.
    pub(super) fn sorted(&self, most: usize, compare: &impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
        let mut global = Self::default();
        self.rows.iter().for_each(|row| global.offer(*row, most, compare));
        global.rows.sort_by(|a, b| compare(*a, *b));
        global.rows
    }

    /// Puts the row at a place where it belongs above.
    fn rise(&mut self, mut at: usize, compare: &impl Fn(u32, u32) -> Ordering) {
        let row = self.rows[at];
        while at > 0 {
            let parent = (at - 1) / 2;
            if compare(self.rows[parent], row) != Ordering::Less {
                break;
            }
            self.rows[at] = self.rows[parent];
            at = parent;
        }
        self.rows[at] = row;
    }

    /// Puts a row in the top's place, and from there where it belongs.
    fn sink(&mut self, row: u32, compare: &impl Fn(u32, u32) -> Ordering) {
        let (mut at, size) = (0, self.rows.len());
        while at < size / 2 {
            let mut child = 2 * at + 1;
            if child + 1 < size && compare(self.rows[child + 1], self.rows[child]) == Ordering::Greater {
                child += 1;
            }
            if compare(self.rows[child], row) != Ordering::Greater {
                break;
            }
            self.rows[at] = self.rows[child];
            at = child;
        }
        self.rows[at] = row;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_rows_of_the_order_stay(keys in prop::collection::vec(0..30u8, 0..200), most in 0..20usize) {
            let compare = |a: u32, b: u32| keys[a as usize].cmp(&keys[b as usize]);
            let mut heap = Heap::default();
            (0..keys.len() as u32).for_each(|row| heap.offer(row, most, &compare));
            let kept: Vec<u8> = heap.sorted(most, &compare).into_iter().map(|row| keys[row as usize]).collect();
            let mut expected = keys.clone();
            expected.sort_unstable();
            expected.truncate(most);
            prop_assert_eq!(kept, expected);
        }
    }

    #[test]
    fn equal_rows_stand_as_javas_heap_leaves_them() {
        // By hand: 2a 1b 2c 1d with two places. Full with 2a, 1b; 2c is not before 2a; 1d puts 2a out.
        let keys = [2, 1, 2, 1];
        let compare = |a: u32, b: u32| keys[a as usize].cmp(&keys[b as usize]);
        let mut heap = Heap::default();
        (0..4).for_each(|row| heap.offer(row, 2, &compare));
        assert_eq!(heap.rows(), [1, 3]);
    }
}
