//! Values kept a group: each once with a count (DISTINCT, COLLECT), or all of them (ARRAY_AGG), in order of arrival.
//!
//! Values are encoded like keys, with the group in front, and interned in one table for all groups: no allocation a value. As state
//! they are list columns, one an argument, and one of counts.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int64Type};
use xxhash_rust::xxh3::xxh3_64;

use super::mismatch;
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyEncoder, KeyFormat};
use crate::state::keyed::KeyTable;

/// Bytes of the group's mark in front of a value.
const MARK: usize = 8;

/// Dead entries are kept up to this number, and up to as many as live ones.
const DEAD_MIN: usize = 4_096;

/// The values of groups `0..n`.
#[derive(Debug)]
pub(super) struct ValueLists {
    encoder: KeyEncoder,
    types: Vec<DataType>,
    /// Each value once, with a count; else each as often as it came.
    distinct: bool,
    entries: KeyTable,
    counts: Vec<i64>,
    /// Entry numbers of each group.
    lists: Vec<Vec<u32>>,
    /// What stands for each group in its entries: another after the group was forgotten.
    marks: Vec<u64>,
    next_mark: u64,
    dead: usize,
    scratch: Vec<u8>,
}

/// The values of some groups, group by group.
#[derive(Debug)]
pub(super) struct Values {
    /// One an argument.
    pub(super) columns: Vec<ArrayRef>,
    /// How often each value came.
    pub(super) counts: Vec<i64>,
    /// Where each group's values begin and end.
    pub(super) offsets: OffsetBuffer<i32>,
}

impl ValueLists {
    /// Lists of values made of arguments of these types.
    ///
    /// # Errors
    /// [`EngineError::Unsupported`] for MAP and MULTISET.
    pub(super) fn new(types: Vec<DataType>, distinct: bool) -> Result<Self, EngineError> {
        let encoder = KeyEncoder::of_format(KeyFormat::of_types(types.iter().cloned().enumerate().collect())?)?;
        Ok(Self {
            encoder,
            types,
            distinct,
            entries: KeyTable::default(),
            counts: Vec::new(),
            lists: Vec::new(),
            marks: Vec::new(),
            next_mark: 0,
            dead: 0,
            scratch: Vec::new(),
        })
    }

    pub(super) fn resize(&mut self, groups: usize) {
        if groups == 0 {
            self.entries.clear();
            self.counts.clear();
            self.dead = 0;
        }
        self.lists.resize_with(groups, Vec::new);
        while self.marks.len() < groups {
            self.marks.push(self.next_mark);
            self.next_mark += 1;
        }
        self.marks.truncate(groups);
    }

    /// Adds rows of the arguments. Gives `fresh` each (group, position in `rows`) whose value is new to its group.
    pub(super) fn add(
        &mut self,
        groups: &[u32],
        rows: &[u32],
        args: &[ArrayRef],
        mut fresh: impl FnMut(u32, usize),
    ) -> Result<(), EngineError> {
        let failed = EngineError::arrow("selecting distinct values");
        let indices = UInt32Array::from(rows.to_vec());
        let columns = args.iter().map(|arg| take(arg, &indices, None)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        self.encoder.encode_columns(&columns, rows.len())?;
        for (position, &group) in groups.iter().enumerate() {
            if self.insert(group, position, 1) {
                fresh(group, position);
            }
        }
        Ok(())
    }

    /// Adds the value at `position` of the encoder; whether it is new to its group.
    fn insert(&mut self, group: u32, position: usize, count: i64) -> bool {
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.marks[group as usize].to_le_bytes());
        if !self.distinct {
            // The ordinal makes every entry another.
            self.scratch.extend_from_slice(&(self.counts.len() as u64).to_le_bytes());
        }
        self.scratch.extend_from_slice(self.encoder.key(position));
        let entry = self.entries.intern(xxh3_64(&self.scratch), &self.scratch);
        if let Some(held) = self.counts.get_mut(entry as usize) {
            *held += count;
            return false;
        }
        self.counts.push(count);
        self.lists[group as usize].push(entry);
        true
    }

    /// Makes a group empty.
    pub(super) fn forget(&mut self, group: u32) {
        self.dead += self.lists[group as usize].len();
        self.lists[group as usize].clear();
        self.marks[group as usize] = self.next_mark;
        self.next_mark += 1;
        if self.dead > DEAD_MIN && self.dead * 2 > self.entries.len() {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let (mut entries, mut counts) = (KeyTable::default(), Vec::new());
        for entry in self.lists.iter_mut().flatten() {
            let moved = entries.intern(self.entries.hash(*entry), self.entries.key(*entry));
            counts.push(self.counts[*entry as usize]);
            *entry = moved;
        }
        (self.entries, self.counts, self.dead) = (entries, counts, 0);
    }

    /// The values of these groups.
    pub(super) fn values(&self, groups: &[u32]) -> Result<Values, EngineError> {
        let header = if self.distinct { MARK } else { MARK + 8 };
        let entries: Vec<u32> = groups.iter().flat_map(|&group| self.lists[group as usize].iter().copied()).collect();
        if entries.len() > i32::MAX as usize {
            return Err(EngineError::TooLarge { what: "the number of distinct values of a window".into(), bound: "2^31".into() });
        }
        let mut columns = KeyColumns::new(self.encoder.format());
        columns.append(entries.iter().map(|&entry| self.entries.key(entry).get(header..).unwrap_or_default()));
        let counts = entries.iter().map(|&entry| self.counts[entry as usize]).collect();
        let offsets = OffsetBuffer::from_lengths(groups.iter().map(|&group| self.lists[group as usize].len()));
        Ok(Values { columns: columns.finish()?, counts, offsets })
    }

    /// State columns: a list an argument, and a list of counts.
    pub(super) fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let Values { mut columns, counts, offsets } = self.values(groups)?;
        columns.push(Arc::new(Int64Array::from(counts)));
        columns.into_iter().map(|values| list(values, offsets.clone())).collect()
    }

    /// How many state columns there are.
    pub(super) fn width(&self) -> usize {
        self.types.len() + 1
    }

    /// Adds state columns. Gives `fresh` each (group, position in the returned values) that is new to its group.
    pub(super) fn merge(
        &mut self,
        groups: &[u32],
        state: &[ArrayRef],
        mut fresh: impl FnMut(u32, usize),
    ) -> Result<Vec<ArrayRef>, EngineError> {
        let mut lists = Vec::with_capacity(state.len());
        for (index, column) in state.iter().enumerate() {
            lists.push(column.as_list_opt::<i32>().ok_or_else(|| mismatch(state, index, &DataType::Null))?);
        }
        let Some((counts, values)) = lists.split_last().filter(|(_, values)| values.len() == self.types.len()) else {
            return Err(mismatch(state, self.types.len(), &DataType::Int64));
        };
        let numbers = counts.values().as_primitive_opt::<Int64Type>().ok_or_else(|| mismatch(state, self.types.len(), &DataType::Int64))?;
        let columns: Vec<ArrayRef> = values.iter().map(|list| Arc::clone(list.values())).collect();
        if let Some(index) = columns.iter().zip(&self.types).position(|(column, ty)| column.data_type() != ty) {
            return Err(mismatch(&columns, index, &self.types[index]));
        }
        self.encoder.encode_columns(&columns, numbers.len())?;
        for (&group, bounds) in groups.iter().zip(counts.value_offsets().windows(2)) {
            for position in bounds[0] as usize..bounds[1] as usize {
                if self.insert(group, position, numbers.value(position)) {
                    fresh(group, position);
                }
            }
        }
        Ok(columns)
    }
}

/// A list column over these values.
pub(super) fn list(values: ArrayRef, offsets: OffsetBuffer<i32>) -> Result<ArrayRef, EngineError> {
    let item = Arc::new(Field::new("item", values.data_type().clone(), true));
    let array = ListArray::try_new(item, offsets, values, None);
    array.map(|array| Arc::new(array) as ArrayRef).map_err(EngineError::arrow("building a list"))
}
