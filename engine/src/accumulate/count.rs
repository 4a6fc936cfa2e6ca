//! COUNT: rows, or rows in which no argument is NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::Int64Type;

use super::{Accumulator, column};
use crate::error::EngineError;

pub(crate) struct Count {
    counts: Vec<i64>,
}

impl Count {
    pub(crate) fn boxed() -> Box<dyn Accumulator> {
        Box::new(Self { counts: Vec::new() })
    }
}

impl Accumulator for Count {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        let nullable = args.iter().any(|arg| arg.logical_null_count() > 0);
        if !nullable {
            groups.iter().for_each(|&group| self.counts[group as usize] += 1);
            return Ok(());
        }
        let nulls: Vec<_> = args.iter().filter_map(|arg| arg.logical_nulls()).collect();
        for (&group, &row) in groups.iter().zip(rows) {
            self.counts[group as usize] += i64::from(nulls.iter().all(|nulls| nulls.is_valid(row as usize)));
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        Ok(vec![self.evaluate(groups)?])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        let counts = column::<Int64Type>(state, 0)?;
        groups.iter().zip(counts.values()).for_each(|(&group, count)| self.counts[group as usize] += count);
        Ok(())
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        Ok(Arc::new(Int64Array::from_iter_values(groups.iter().map(|&group| self.counts[group as usize]))))
    }

    fn forget(&mut self, group: u32) {
        self.counts[group as usize] = 0;
    }
}
