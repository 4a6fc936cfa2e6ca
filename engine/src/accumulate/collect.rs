//! COLLECT: a multiset of the values that are not NULL. ARRAY_AGG: all values, NULLs too, in order of arrival.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, ListArray, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;
use irmak_common::map;

use super::java_order::iteration_order;
use super::value_lists::{ValueLists, Values};
use super::{Accumulator, retype};
use crate::error::EngineError;

struct Collect {
    values: ValueLists,
    output: DataType,
    multiset: bool,
}

/// COLLECT, with results in the order of Flink's hash map.
pub(super) fn collect(input: &DataType, output: DataType) -> Result<Option<Box<dyn Accumulator>>, EngineError> {
    let values = ValueLists::new(vec![input.clone()], true)?;
    Ok(Some(Box::new(Collect { values, output, multiset: true })))
}

/// ARRAY_AGG, NULL for no rows; each value once where `distinct`, NULL too.
pub(super) fn array_agg(input: &DataType, output: DataType, distinct: bool) -> Result<Option<Box<dyn Accumulator>>, EngineError> {
    let values = ValueLists::new(vec![input.clone()], distinct)?;
    Ok(Some(Box::new(Collect { values, output, multiset: false })))
}

impl Collect {
    fn multisets(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let failed = EngineError::arrow("building a multiset");
        let (DataType::Map(entries, _), Some(key)) = (&self.output, map::key_type(&self.output)) else {
            return Err(EngineError::plan(format!("COLLECT cannot give {}", self.output)));
        };
        let Values { columns, counts, offsets } = self.values.values(groups)?;
        let order = offsets.windows(2).flat_map(|bounds| iteration_order(&columns[0], bounds[0] as usize..bounds[1] as usize));
        let order = UInt32Array::from_iter_values(order.map(|row| row as u32));
        let keys = retype(&take(&columns[0], &order, None).map_err(&failed)?, key)?;
        let counts = Int32Array::from_iter_values(order.values().iter().map(|&row| counts[row as usize] as i32));
        let map = map::array(entries, offsets, keys, Arc::new(counts), None);
        map.map(|map| Arc::new(map) as ArrayRef).map_err(failed)
    }

    fn arrays(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let DataType::List(item) = &self.output else {
            return Err(EngineError::plan(format!("ARRAY_AGG cannot give {}", self.output)));
        };
        let Values { columns, offsets, .. } = self.values.values(groups)?;
        let nulls = NullBuffer::from(offsets.windows(2).map(|bounds| bounds[0] < bounds[1]).collect::<Vec<_>>());
        let array = ListArray::try_new(Arc::clone(item), offsets, retype(&columns[0], item.data_type())?, Some(nulls));
        array.map(|array| Arc::new(array) as ArrayRef).map_err(EngineError::arrow("building an array"))
    }
}

impl Accumulator for Collect {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        let kept = |row: u32| !self.multiset || args.first().is_none_or(|arg| arg.is_valid(row as usize));
        let (groups, rows): (Vec<u32>, Vec<u32>) = groups.iter().zip(rows).filter(|(_, row)| kept(**row)).unzip();
        self.values.add(&groups, &rows, args, |_, _| {})
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        self.values.state(groups)
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        self.values.merge(groups, state, |_, _| {}).map(drop)
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        if self.multiset { self.multisets(groups) } else { self.arrays(groups) }
    }

    fn forget(&mut self, group: u32) {
        self.values.forget(group);
    }

    fn width(&self) -> usize {
        self.values.width()
    }
}
