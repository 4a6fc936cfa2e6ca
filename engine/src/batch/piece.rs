//! Whole parts of the rows, in order: what calls OVER work on.

use std::ops::Range;

/// The rows of one part, as places in its piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Part {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Some whole parts.
pub(super) struct Piece<'a> {
    /// Numbers of its rows, in order.
    pub(super) rows: &'a [u32],
    pub(super) parts: Vec<Part>,
    /// Of each row: which part.
    pub(super) part_of: Vec<u32>,
    /// Of each row: the rows that are equal to it in the order.
    pub(super) peers: Vec<Range<usize>>,
}

impl Piece<'_> {
    /// The part that a row is in.
    pub(super) fn part(&self, row: usize) -> &Part {
        &self.parts[self.part_of[row] as usize]
    }
}
