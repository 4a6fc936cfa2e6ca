//! MIN and MAX of rows that come and go: every value with how often it is there, in order.
//!
//! Source: Flink's `MinWithRetractAggFunction`. What is taken back before it came is owed, and cancels the next of its kind.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::list::Kept;
use super::rows::RowCodec;
use super::{Running, keep};
use crate::accumulate::retype;
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::bytes::{put_bytes, put_number, take_bytes, take_number};
use crate::state::snapshot::Reader;

/// Which end of the order is the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Least,
    Greatest,
}

struct Sorted {
    end: End,
    codec: RowCodec,
    nulls: Option<ArrayRef>,
    values: Vec<BTreeMap<Box<[u8]>, i64>>,
    output: Kept,
    ty: DataType,
}

/// MIN or MAX.
pub(super) fn sorted(input: &DataType, output: &DataType, end: End) -> Result<Box<dyn Running>, EngineError> {
    let codec = RowCodec::new(std::slice::from_ref(input))?;
    Ok(Box::new(Sorted { end, codec, nulls: None, values: Vec::new(), output: Kept::default(), ty: output.clone() }))
}

impl Running for Sorted {
    fn resize(&mut self, groups: usize) {
        self.values.resize_with(groups, BTreeMap::new);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError> {
        self.nulls = args.first().cloned();
        self.codec.bind(args)
    }

    fn apply(&mut self, group: u32, row: usize, change: Change) -> Result<(), EngineError> {
        if self.nulls.as_ref().is_none_or(|arg| arg.is_null(row)) {
            return Ok(());
        }
        let (values, value) = (&mut self.values[group as usize], self.codec.row(row));
        let step = if change == Change::Add { 1 } else { -1 };
        match values.get_mut(value) {
            Some(count) => {
                *count += step;
                if *count == 0 {
                    values.remove(value);
                }
            }
            None => {
                values.insert(value.into(), step);
            }
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        let mut there = self.values[group as usize].iter().filter(|(_, count)| **count > 0).map(|(value, _)| value);
        let value = if self.end == End::Least { there.next() } else { there.next_back() };
        self.output.push(value.map(|value| &**value));
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.output.get(a) == self.output.get(b)
    }

    fn pop(&mut self, results: usize) {
        self.output.pop(results);
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        retype(&self.output.finish(&self.codec)?, &self.ty)
    }

    fn forget(&mut self, group: u32) {
        self.values[group as usize].clear();
    }

    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        keep(&mut self.values, kept);
        Ok(())
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let values = &self.values[group as usize];
        put_number(out, values.len() as i64);
        for (value, count) in values {
            put_bytes(out, value);
            put_number(out, *count);
        }
        Ok(())
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        for _ in 0..take_number(from)? {
            let value = take_bytes(from)?;
            self.values[group as usize].insert(value.into(), take_number(from)?);
        }
        Ok(())
    }
}
