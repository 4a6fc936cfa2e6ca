//! The rows of begun matches, each kept once, and the paths through them.
//!
//! A path is a chain of nodes from a match's last row back to its first; matches that began alike share their beginning. A node lives as
//! long as a match or a node behind it holds it, a row as long as a node does. Source: Flink's `SharedBuffer`.

use arrow::record_batch::RecordBatch;

use crate::error::EngineError;
use crate::ordered::rows::RowStore;

/// A match that has no row yet.
pub(super) const NOTHING: u32 = u32::MAX;

/// One row of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The one before it, or [`NOTHING`].
    pub(super) before: u32,
    /// The variable that took the row.
    pub(super) variable: u32,
    /// The row's number in the store.
    pub(super) row: u32,
    /// The row's place among all that were looked at: of two rows of one key the later has the greater.
    pub(super) order: u64,
    holders: u32,
}

#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) store: RowStore,
    nodes: Vec<Node>,
    free: Vec<u32>,
    /// How many hold each row.
    rows: Vec<u32>,
}

impl Buffer {
    pub(super) fn new(store: RowStore) -> Self {
        Self { store, nodes: Vec::new(), free: Vec::new(), rows: Vec::new() }
    }

    /// Keeps rows of a batch, each held once; their numbers.
    pub(super) fn add(&mut self, batch: &RecordBatch, rows: &[u32]) -> Result<Vec<u32>, EngineError> {
        let numbers = self.store.add(batch, rows)?;
        let most = numbers.iter().max().map_or(0, |most| *most as usize + 1);
        self.rows.resize(self.rows.len().max(most), 0);
        numbers.iter().for_each(|&number| self.rows[number as usize] = 1);
        Ok(numbers)
    }

    /// Lets go of a row.
    pub(super) fn release_row(&mut self, row: u32) {
        let Some(holders) = self.rows.get_mut(row as usize).filter(|holders| **holders > 0) else { return };
        *holders -= 1;
        if *holders == 0 {
            self.store.release(row);
        }
    }

    /// A path that is one row longer, held once. It holds the path before it.
    pub(super) fn extend(&mut self, before: u32, variable: usize, row: u32, order: u64) -> u32 {
        self.hold(before);
        if let Some(holders) = self.rows.get_mut(row as usize) {
            *holders += 1;
        }
        let node = Node { before, variable: variable as u32, row, order, holders: 1 };
        match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                self.nodes.push(node);
                (self.nodes.len() - 1) as u32
            }
        }
    }

    /// Holds a path once more.
    pub(super) fn hold(&mut self, node: u32) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.holders += 1;
        }
    }

    /// Lets go of a path.
    pub(super) fn release(&mut self, mut at: u32) {
        while let Some(node) = self.nodes.get_mut(at as usize).filter(|node| node.holders > 0) {
            node.holders -= 1;
            if node.holders > 0 {
                return;
            }
            let (row, before) = (node.row, node.before);
            self.free.push(at);
            self.release_row(row);
            at = before;
        }
    }

    /// The nodes of a path from its last row to its first, with their numbers.
    pub(super) fn path(&self, node: u32) -> impl Iterator<Item = (u32, &Node)> {
        let at = |number: u32| self.nodes.get(number as usize).map(|node| (number, node));
        std::iter::successors(at(node), move |(_, node)| at(node.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int32Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;

    #[test]
    fn a_row_is_forgotten_with_the_last_path_that_has_it() {
        let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Int32, true)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(Int32Array::from(vec![1, 2, 3]))]).unwrap();
        let mut buffer = Buffer::new(RowStore::new(schema));
        let rows = buffer.add(&batch, &[0, 1, 2]).unwrap();
        let first = buffer.extend(NOTHING, 0, rows[0], 0);
        let (left, right) = (buffer.extend(first, 1, rows[1], 1), buffer.extend(first, 2, rows[1], 1));
        rows.iter().for_each(|&row| buffer.release_row(row));
        buffer.release(first);
        let path = |buffer: &Buffer, node| buffer.path(node).map(|(_, node)| (node.variable, node.row)).collect::<Vec<_>>();
        assert_eq!(path(&buffer, left), [(1, rows[1]), (0, rows[0])]);
        assert_eq!(buffer.rows, [1, 2, 0]);
        buffer.release(left);
        assert_eq!(path(&buffer, right), [(2, rows[1]), (0, rows[0])]);
        buffer.release(right);
        assert!(buffer.rows.iter().all(|holders| *holders == 0));
        assert_eq!(buffer.free.len(), 3);
    }
}
