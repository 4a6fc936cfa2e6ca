//! A sum and a count for each group: what SUM and AVG hold, and how it is stored.

use super::fold::{Stored, put_option, take_option};
use super::keep;
use crate::error::EngineError;
use crate::state::bytes::{put_number, take_number};
use crate::state::snapshot::Reader;

/// See the module's page.
pub(super) struct Counted<N> {
    /// What is `None` is up to the call: nothing came, or the sum was too large.
    sums: Vec<Option<N>>,
    /// Values that are not NULL.
    counts: Vec<i64>,
    /// The sum of nothing.
    begin: Option<N>,
}

impl<N: Stored> Counted<N> {
    /// No groups yet; `begin` is the sum of a new one.
    pub(super) fn new(begin: Option<N>) -> Self {
        Self { sums: Vec::new(), counts: Vec::new(), begin }
    }

    /// A group's sum and count.
    #[inline]
    pub(super) fn of(&self, group: u32) -> (Option<N>, i64) {
        (self.sums[group as usize], self.counts[group as usize])
    }

    /// The same, to change.
    #[inline]
    pub(super) fn of_mut(&mut self, group: u32) -> (&mut Option<N>, &mut i64) {
        (&mut self.sums[group as usize], &mut self.counts[group as usize])
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, self.begin);
        self.counts.resize(groups, 0);
    }

    pub(super) fn forget(&mut self, group: u32) {
        let begin = self.begin;
        let (sum, count) = self.of_mut(group);
        (*sum, *count) = (begin, 0);
    }

    pub(super) fn compact(&mut self, kept: &[u32]) {
        keep(&mut self.sums, kept);
        keep(&mut self.counts, kept);
    }

    pub(super) fn save(&self, group: u32, out: &mut Vec<u8>) {
        let (sum, count) = self.of(group);
        put_number(out, count);
        put_option(sum, out);
    }

    pub(super) fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        let (sum, count) = self.of_mut(group);
        *count = take_number(from)?;
        *sum = take_option(from)?;
        Ok(())
    }
}
