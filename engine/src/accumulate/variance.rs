//! VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP: sums of x and x * x, and a count.
//!
//! Computed as Flink plans them, `(SUM(x * x) - SUM(x) * SUM(x) / COUNT(x)) / n`, in the types that its rules give every step. So
//! integers wrap and truncate, and decimals are rounded at each step.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, Int64Array, PrimitiveArray};
use arrow::datatypes::{ArrowNativeTypeOp, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};

use super::statistic::Statistic;
use super::{Accumulator, column, decimal_variance};
use crate::error::EngineError;

/// A number whose statistics are computed in its own type.
trait Moments: ArrowPrimitiveType {
    /// From SUM(x * x), SUM(x), COUNT(x) and the divisor.
    fn finish(squares: Self::Native, sum: Self::Native, count: i64, divisor: i64, deviation: bool) -> Self::Native;
}

macro_rules! integer_moments {
    ($($ty:ty),*) => {$(
        impl Moments for $ty {
            fn finish(squares: Self::Native, sum: Self::Native, count: i64, divisor: i64, deviation: bool) -> Self::Native {
                let mean_square = i64::from(sum.wrapping_mul(sum)).wrapping_div(count);
                let variance = i64::from(squares).wrapping_sub(mean_square).wrapping_div(divisor);
                if deviation { (variance as f64).powf(0.5) as Self::Native } else { variance as Self::Native }
            }
        }
    )*};
}
integer_moments!(Int8Type, Int16Type, Int32Type, Int64Type);

impl Moments for Float32Type {
    fn finish(squares: f32, sum: f32, count: i64, divisor: i64, deviation: bool) -> f32 {
        let variance = (squares - sum * sum / count as f32) / divisor as f32;
        if deviation { f64::from(variance).powf(0.5) as f32 } else { variance }
    }
}

impl Moments for Float64Type {
    fn finish(squares: f64, sum: f64, count: i64, divisor: i64, deviation: bool) -> f64 {
        let variance = (squares - sum * sum / count as f64) / divisor as f64;
        if deviation { variance.powf(0.5) } else { variance }
    }
}

struct Variance<T: Moments> {
    squares: Vec<T::Native>,
    sums: Vec<T::Native>,
    counts: Vec<i64>,
    statistic: Statistic,
}

/// A statistic of numbers of a type.
pub(super) fn variance(statistic: Statistic, input: &DataType, output: &DataType) -> Option<Box<dyn Accumulator>> {
    fn boxed<T: Moments>(statistic: Statistic) -> Box<dyn Accumulator> {
        Box::new(Variance::<T> { squares: Vec::new(), sums: Vec::new(), counts: Vec::new(), statistic })
    }
    Some(match (input, output) {
        (DataType::Int8, DataType::Int8) => boxed::<Int8Type>(statistic),
        (DataType::Int16, DataType::Int16) => boxed::<Int16Type>(statistic),
        (DataType::Int32, DataType::Int32) => boxed::<Int32Type>(statistic),
        (DataType::Int64, DataType::Int64) => boxed::<Int64Type>(statistic),
        (DataType::Float32, DataType::Float32) => boxed::<Float32Type>(statistic),
        (DataType::Float64, DataType::Float64) => boxed::<Float64Type>(statistic),
        (DataType::Decimal128(precision, scale), DataType::Decimal128(..)) => {
            decimal_variance::boxed(statistic, *precision, *scale, output.clone())
        }
        _ => return None,
    })
}

impl<T: Moments> Accumulator for Variance<T> {
    fn resize(&mut self, groups: usize) {
        self.squares.resize(groups, T::Native::default());
        self.sums.resize(groups, T::Native::default());
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        let values = column::<T>(args, 0)?;
        for (&group, &row) in groups.iter().zip(rows) {
            let (group, row) = (group as usize, row as usize);
            if values.is_valid(row) {
                let value = values.value(row);
                self.squares[group] = self.squares[group].add_wrapping(value.mul_wrapping(value));
                self.sums[group] = self.sums[group].add_wrapping(value);
                self.counts[group] += 1;
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let of = |values: &[T::Native]| -> ArrayRef {
            Arc::new(PrimitiveArray::<T>::from_iter_values(groups.iter().map(|&group| values[group as usize])))
        };
        let counts = Int64Array::from_iter_values(groups.iter().map(|&group| self.counts[group as usize]));
        Ok(vec![of(&self.squares), of(&self.sums), Arc::new(counts)])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        let (squares, sums, counts) = (column::<T>(state, 0)?, column::<T>(state, 1)?, column::<Int64Type>(state, 2)?);
        for (row, &group) in groups.iter().enumerate() {
            let group = group as usize;
            self.squares[group] = self.squares[group].add_wrapping(squares.value(row));
            self.sums[group] = self.sums[group].add_wrapping(sums.value(row));
            self.counts[group] += counts.value(row);
        }
        Ok(())
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let one = |&group: &u32| {
            let group = group as usize;
            let count = self.counts[group];
            let divisor = self.statistic.divisor(count)?;
            Some(T::finish(self.squares[group], self.sums[group], count, divisor, self.statistic.deviation))
        };
        Ok(Arc::new(groups.iter().map(one).collect::<PrimitiveArray<T>>()))
    }

    fn forget(&mut self, group: u32) {
        self.squares[group as usize] = T::Native::default();
        self.sums[group as usize] = T::Native::default();
        self.counts[group as usize] = 0;
    }

    fn width(&self) -> usize {
        3
    }
}
