//! DISTINCT: each value once a group, whatever the aggregate. A value goes when it has been taken back as often as it came.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::rows::RowCodec;
use super::{Running, keep};
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::bytes::{put_bytes, put_number, take_bytes, take_number};
use crate::state::snapshot::Reader;

struct Distinct {
    codec: RowCodec,
    args: Vec<ArrayRef>,
    values: Vec<HashMap<Box<[u8]>, i64>>,
    inner: Box<dyn Running>,
}

/// `inner` over distinct values of arguments of these types.
pub(super) fn distinct(types: &[DataType], inner: Box<dyn Running>) -> Result<Box<dyn Running>, EngineError> {
    Ok(Box::new(Distinct { codec: RowCodec::new(types)?, args: Vec::new(), values: Vec::new(), inner }))
}

impl Running for Distinct {
    fn resize(&mut self, groups: usize) {
        self.values.resize_with(groups, HashMap::new);
        self.inner.resize(groups);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError> {
        self.args = args.to_vec();
        self.codec.bind(args)?;
        self.inner.bind(args)
    }

    fn apply(&mut self, group: u32, row: usize, change: Change) -> Result<(), EngineError> {
        // No aggregate minds a NULL, so none is kept.
        if self.args.iter().any(|arg| arg.is_null(row)) {
            return Ok(());
        }
        let (values, value) = (&mut self.values[group as usize], self.codec.row(row));
        match (change, values.get_mut(value)) {
            (Change::Add, Some(count)) => *count += 1,
            (Change::Add, None) => {
                values.insert(value.into(), 1);
                self.inner.apply(group, row, change)?;
            }
            (Change::Retract, Some(count)) if *count > 1 => *count -= 1,
            (Change::Retract, Some(_)) => {
                values.remove(value);
                self.inner.apply(group, row, change)?;
            }
            (Change::Retract, None) => {}
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        self.inner.push(group)
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.inner.same(a, b)
    }

    fn pop(&mut self, results: usize) {
        self.inner.pop(results);
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        self.inner.finish()
    }

    fn forget(&mut self, group: u32) {
        self.values[group as usize] = HashMap::new();
        self.inner.forget(group);
    }

    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        keep(&mut self.values, kept);
        self.inner.compact(kept)
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let values = &self.values[group as usize];
        put_number(out, values.len() as i64);
        for (value, count) in values {
            put_bytes(out, value);
            put_number(out, *count);
        }
        self.inner.save(group, out)
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        for _ in 0..take_number(from)? {
            let value = take_bytes(from)?;
            self.values[group as usize].insert(value.into(), take_number(from)?);
        }
        self.inner.load(group, from)
    }
}
