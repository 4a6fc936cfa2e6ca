//! A priority queue whose order among equals is `java.util.PriorityQueue`'s.
//!
//! Which of two matches of the same first row is complete first, and so is the one that stays, is in Flink the order in which this queue
//! hands them out. It is no order that a specification gives, but it is the same for the same rows, so it is kept: sift up, sift down and
//! heapify as the JDK (11 and later) has them.

/// What a queue is ordered by.
pub(super) trait Ranked {
    /// The least comes first.
    fn rank(&self) -> u64;
}

/// The queue.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Heap<T> {
    items: Vec<T>,
}

impl<T> Default for Heap<T> {
    fn default() -> Self {
        Self { items: Vec::new() }
    }
}

impl<T: Ranked> Heap<T> {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// All items as they lie.
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The first one.
    pub(super) fn peek(&self) -> Option<&T> {
        self.items.first()
    }

    /// Adds one.
    pub(super) fn push(&mut self, item: T) {
        self.items.push(item);
        let mut at = self.items.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.items[at].rank() >= self.items[parent].rank() {
                break;
            }
            self.items.swap(at, parent);
            at = parent;
        }
    }

    /// Takes the first one out.
    pub(super) fn pop(&mut self) -> Option<T> {
        if self.items.is_empty() {
            return None;
        }
        let first = self.items.swap_remove(0);
        if !self.items.is_empty() {
            self.sift_down(0);
        }
        Some(first)
    }

    /// Takes out all that are so.
    pub(super) fn remove_if(&mut self, mut gone: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut removed = Vec::new();
        if !self.items.iter().any(&mut gone) {
            return removed;
        }
        let mut kept = Vec::with_capacity(self.items.len());
        for item in std::mem::take(&mut self.items) {
            if gone(&item) { removed.push(item) } else { kept.push(item) }
        }
        self.items = kept;
        for at in (0..self.items.len() / 2).rev() {
            self.sift_down(at);
        }
        removed
    }

    /// All items as they lie, the queue being empty then.
    pub(super) fn take(&mut self) -> Vec<T> {
        std::mem::take(&mut self.items)
    }

    fn sift_down(&mut self, mut at: usize) {
        let length = self.items.len();
        while at < length / 2 {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let child = if right < length && self.items[left].rank() > self.items[right].rank() { right } else { left };
            if self.items[at].rank() <= self.items[child].rank() {
                break;
            }
            self.items.swap(at, child);
            at = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Item(u64, u32);

    impl Ranked for Item {
        fn rank(&self) -> u64 {
            self.0
        }
    }

    fn of(ranks: &[u64]) -> Heap<Item> {
        let mut heap = Heap::new();
        ranks.iter().enumerate().for_each(|(at, &rank)| heap.push(Item(rank, at as u32)));
        heap
    }

    #[test]
    fn equals_come_out_as_from_javas_queue() {
        // Recorded from java.util.PriorityQueue (OpenJDK 17).
        let mut heap = of(&[7, 7, 7, 7, 7]);
        let order: Vec<u32> = std::iter::from_fn(|| heap.pop()).map(|item| item.1).collect();
        assert_eq!(order, [0, 4, 3, 2, 1]);
        let mut heap = of(&[3, 1, 2, 1, 3, 2, 1, 1, 3]);
        heap.remove_if(|item| item.0 == 2);
        let order: Vec<u32> = std::iter::from_fn(|| heap.pop()).map(|item| item.1).collect();
        assert_eq!(order, [1, 3, 7, 6, 8, 4, 0]);
    }

    proptest! {
        #[test]
        fn the_least_comes_first_whatever_was_taken_out(ranks in prop::collection::vec(0..6u64, 0..40), gone in 0..6u64) {
            let mut heap = of(&ranks);
            let removed = heap.remove_if(|item| item.0 == gone);
            prop_assert_eq!(removed.len(), ranks.iter().filter(|rank| **rank == gone).count());
            let mut expected: Vec<u64> = ranks.into_iter().filter(|rank| *rank != gone).collect();
            expected.sort_unstable();
            let found: Vec<u64> = std::iter::from_fn(|| heap.pop()).map(|item| item.0).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
