//! DISTINCT: each value once a group, whatever the aggregate.
//!
//! The state is the values; the aggregate within is made of them again.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::Accumulator;
use super::java_order::iteration_order;
use super::value_lists::{ValueLists, Values};
use crate::error::EngineError;

/// Makes an empty accumulator.
type Fresh = fn() -> Option<Box<dyn Accumulator>>;

pub(super) struct Distinct {
    values: ValueLists,
    inner: Box<dyn Accumulator>,
    /// The order of values matters, and is that of Flink's hash map: see [`in_hash_order`].
    fresh_inner: Option<Fresh>,
}

/// `inner` over distinct values of arguments of these types.
pub(super) fn distinct(types: Vec<DataType>, inner: Box<dyn Accumulator>) -> Result<Box<dyn Accumulator>, EngineError> {
    Ok(Box::new(Distinct { values: ValueLists::new(types, true)?, inner, fresh_inner: None }))
}

/// LISTAGG(DISTINCT ...) under a window table function. Flink aggregates such windows in two phases, the first of which hands its
/// distinct values on in the order of a Java `HashMap`.
pub(super) fn in_hash_order(types: Vec<DataType>) -> Result<Option<Box<dyn Accumulator>>, EngineError> {
    fn inner() -> Option<Box<dyn Accumulator>> {
        super::text::list_agg(&DataType::Utf8)
    }
    let Some(list) = inner().filter(|_| types.first() == Some(&DataType::Utf8)) else { return Ok(None) };
    Ok(Some(Box::new(Distinct { values: ValueLists::new(types, true)?, inner: list, fresh_inner: Some(inner) })))
}

impl Accumulator for Distinct {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups);
        self.inner.resize(groups);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        // No aggregate minds a NULL, so none is kept.
        let known = |row: u32| args.first().is_none_or(|arg| arg.is_valid(row as usize));
        let (groups, rows): (Vec<u32>, Vec<u32>) = groups.iter().zip(rows).filter(|(_, row)| known(**row)).unzip();
        let (mut fresh_groups, mut fresh_rows) = (Vec::new(), Vec::new());
        self.values.add(&groups, &rows, args, |group, position| {
            fresh_groups.push(group);
            fresh_rows.push(rows[position]);
        })?;
        self.inner.update(&fresh_groups, &fresh_rows, args)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        self.values.state(groups)
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        let (mut fresh_groups, mut fresh_rows) = (Vec::new(), Vec::new());
        let columns = self.values.merge(groups, state, |group, position| {
            fresh_groups.push(group);
            fresh_rows.push(position as u32);
        })?;
        self.inner.update(&fresh_groups, &fresh_rows, &columns)
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let Some(mut inner) = self.fresh_inner.and_then(|fresh| fresh()) else { return self.inner.evaluate(groups) };
        let Values { columns, offsets, .. } = self.values.values(groups)?;
        let (mut result_groups, mut rows) = (Vec::new(), Vec::new());
        for (group, bounds) in offsets.windows(2).enumerate() {
            let order = iteration_order(&columns[0], bounds[0] as usize..bounds[1] as usize);
            result_groups.resize(result_groups.len() + order.len(), group as u32);
            rows.extend(order.into_iter().map(|row| row as u32));
        }
        inner.resize(groups.len());
        inner.update(&result_groups, &rows, &columns)?;
        inner.evaluate(&(0..groups.len() as u32).collect::<Vec<_>>())
    }

    fn forget(&mut self, group: u32) {
        self.values.forget(group);
        self.inner.forget(group);
    }

    fn width(&self) -> usize {
        self.values.width()
    }
}
