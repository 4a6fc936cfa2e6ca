//! A table of groups: interned keys, and one accumulator column an aggregate. The state of one window or pane.

use arrow::array::{Array, ArrayRef};
use xxhash_rust::xxh3::xxh3_64;

use crate::accumulate::{Accumulator, AggregateSet, Inputs};
use crate::error::EngineError;
use crate::key::{KeyEncoder, KeyFormat};
use crate::state::keyed::KeyTable;

/// Keys and their accumulators; group `i` is key number `i`.
pub(crate) struct GroupTable {
    pub(crate) keys: KeyTable,
    pub(crate) accumulators: Vec<Box<dyn Accumulator>>,
}

/// Buffers that are used anew by every call.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    groups: Vec<u32>,
    filtered_groups: Vec<u32>,
    filtered_rows: Vec<u32>,
}

impl GroupTable {
    /// An empty table.
    pub(crate) fn new(aggregates: &AggregateSet) -> Result<Self, EngineError> {
        Ok(Self { keys: KeyTable::default(), accumulators: aggregates.accumulators()? })
    }

    /// Adds rows of the batch that `keys` has encoded.
    pub(crate) fn add(&mut self, keys: &KeyEncoder, inputs: &Inputs, rows: &[u32], scratch: &mut Scratch) -> Result<(), EngineError> {
        if self.accumulators.is_empty() {
            for &row in rows {
                self.keys.intern(keys.hash(row as usize), keys.key(row as usize));
            }
            return Ok(());
        }
        scratch.groups.clear();
        let table = &mut self.keys;
        scratch.groups.extend(rows.iter().map(|&row| table.intern(keys.hash(row as usize), keys.key(row as usize))));
        add_rows(&mut self.accumulators, self.keys.len(), inputs, rows, scratch)
    }

    /// Adds all groups of another table of the same aggregates.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<(), EngineError> {
        let all: Vec<u32> = (0..other.keys.len() as u32).collect();
        let groups: Vec<u32> = all.iter().map(|&id| self.keys.intern(other.keys.hash(id), other.keys.key(id))).collect();
        for (accumulator, theirs) in self.accumulators.iter_mut().zip(&other.accumulators) {
            accumulator.resize(self.keys.len());
            accumulator.merge(&groups, &theirs.state(&all)?)?;
        }
        Ok(())
    }

    /// Adds stored groups: keys, and rows `from..` of their accumulators' state columns.
    ///
    /// # Errors
    /// [`EngineError::State`] for keys or columns of another format.
    pub(crate) fn restore(&mut self, format: &KeyFormat, keys: &[&[u8]], states: &[ArrayRef], from: usize) -> Result<(), EngineError> {
        if !keys.iter().all(|key| format.holds(key)) {
            return Err(EngineError::state("a key has not the form of this query's keys"));
        }
        let groups: Vec<u32> = keys.iter().map(|key| self.keys.intern(xxh3_64(key), key)).collect();
        restore_accumulators(&mut self.accumulators, self.keys.len(), &groups, states, from)
    }

    /// Forgets all groups and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(0));
    }
}

/// Adds rows `from..` of stored state columns to these groups of `all` there are.
pub(crate) fn restore_accumulators(
    accumulators: &mut [Box<dyn Accumulator>],
    all: usize,
    groups: &[u32],
    states: &[ArrayRef],
    from: usize,
) -> Result<(), EngineError> {
    let mut columns = states.iter().map(|column| column.slice(from, groups.len()));
    for accumulator in accumulators {
        let state: Vec<ArrayRef> = columns.by_ref().take(accumulator.width()).collect();
        if state.len() < accumulator.width() {
            return Err(EngineError::state("an aggregate's column is missing"));
        }
        accumulator.resize(all);
        accumulator.merge(groups, &state)?;
    }
    Ok(())
}

/// Adds rows to accumulators; `scratch.groups` holds the group of each row.
pub(crate) fn add_rows(
    accumulators: &mut [Box<dyn Accumulator>],
    groups: usize,
    inputs: &Inputs,
    rows: &[u32],
    scratch: &mut Scratch,
) -> Result<(), EngineError> {
    for (index, accumulator) in accumulators.iter_mut().enumerate() {
        accumulator.resize(groups);
        let args = inputs.args(index);
        let Some(filter) = inputs.filter(index) else {
            accumulator.update(&scratch.groups, rows, args)?;
            continue;
        };
        scratch.filtered_groups.clear();
        scratch.filtered_rows.clear();
        for (&group, &row) in scratch.groups.iter().zip(rows) {
            if filter.value(row as usize) {
                scratch.filtered_groups.push(group);
                scratch.filtered_rows.push(row);
            }
        }
        accumulator.update(&scratch.filtered_groups, &scratch.filtered_rows, args)?;
    }
    Ok(())
}

impl Scratch {
    /// The group of each row that `add_rows` is given next.
    pub(crate) fn groups(&mut self) -> &mut Vec<u32> {
        &mut self.groups
    }
}
