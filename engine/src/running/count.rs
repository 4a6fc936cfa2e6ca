//! COUNT: rows, or rows in which no argument is NULL.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int64Type};

use super::fold::Column;
use super::{Running, keep};
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::bytes::{put_number, take_number};
use crate::state::snapshot::Reader;

#[derive(Default)]
struct Count {
    counts: Vec<i64>,
    nulls: Vec<NullBuffer>,
    output: Column<i64>,
}

/// COUNT
pub(super) fn count() -> Box<dyn Running> {
    Box::new(Count::default())
}

impl Running for Count {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError> {
        self.nulls.clear();
        self.nulls.extend(args.iter().filter_map(|arg| arg.logical_nulls()).filter(|nulls| nulls.null_count() > 0));
        Ok(())
    }

    fn apply(&mut self, group: u32, row: usize, change: Change) -> Result<(), EngineError> {
        if self.nulls.iter().all(|nulls| nulls.is_valid(row)) {
            self.counts[group as usize] += if change == Change::Add { 1 } else { -1 };
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        self.output.push(Some(self.counts[group as usize]));
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.output.same(a, b)
    }

    fn pop(&mut self, results: usize) {
        self.output.pop(results);
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        self.output.finish::<Int64Type>(&DataType::Int64)
    }

    fn forget(&mut self, group: u32) {
        self.counts[group as usize] = 0;
    }

    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        keep(&mut self.counts, kept);
        Ok(())
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError> {
        put_number(out, self.counts[group as usize]);
        Ok(())
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        self.counts[group as usize] = take_number(from)?;
        Ok(())
    }
}
