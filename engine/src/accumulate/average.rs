//! AVG: a sum and a count. Integers are summed in 64 bits, wrapping around, and divided towards zero; floats in DOUBLE; decimals in
//! DECIMAL(38, s), rounded half up.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Float32Array, Float64Array, Int64Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, i256};

use super::fold::DECIMAL_MAX;
use super::{Accumulator, column};
use crate::error::EngineError;

/// How values of a type are summed and divided.
pub(crate) trait Mean: ArrowPrimitiveType {
    type Sum: ArrowPrimitiveType;
    /// `None`: too large.
    fn add(sum: <Self::Sum as ArrowPrimitiveType>::Native, value: Self::Native) -> Option<<Self::Sum as ArrowPrimitiveType>::Native>;
    /// `None`: too large.
    fn join(
        sum: <Self::Sum as ArrowPrimitiveType>::Native,
        other: <Self::Sum as ArrowPrimitiveType>::Native,
    ) -> Option<<Self::Sum as ArrowPrimitiveType>::Native>;
}

macro_rules! integer_mean {
    ($($ty:ty),*) => {$(
        impl Mean for $ty {
            type Sum = Int64Type;
            fn add(sum: i64, value: Self::Native) -> Option<i64> {
                Some(sum.wrapping_add(i64::from(value)))
            }
            fn join(sum: i64, other: i64) -> Option<i64> {
                Some(sum.wrapping_add(other))
            }
        }
    )*};
}
integer_mean!(Int8Type, Int16Type, Int32Type, Int64Type);

macro_rules! float_mean {
    ($($ty:ty),*) => {$(
        impl Mean for $ty {
            type Sum = Float64Type;
            fn add(sum: f64, value: Self::Native) -> Option<f64> {
                Some(sum + f64::from(value))
            }
            fn join(sum: f64, other: f64) -> Option<f64> {
                Some(sum + other)
            }
        }
    )*};
}
float_mean!(Float32Type, Float64Type);

impl Mean for Decimal128Type {
    type Sum = Self;
    fn add(sum: i128, value: i128) -> Option<i128> {
        sum.checked_add(value).filter(|sum| (-DECIMAL_MAX..=DECIMAL_MAX).contains(sum))
    }
    fn join(sum: i128, other: i128) -> Option<i128> {
        Self::add(sum, other)
    }
}

struct Average<T: Mean> {
    sums: Vec<<T::Sum as ArrowPrimitiveType>::Native>,
    /// Decimals only: a sum that was too large stays NULL, as in Flink.
    lost: Vec<bool>,
    counts: Vec<i64>,
    sum_type: DataType,
    output: DataType,
}

/// AVG
pub(super) fn average(input: &DataType, output: DataType) -> Option<Box<dyn Accumulator>> {
    Some(match input {
        DataType::Int8 => boxed::<Int8Type>(DataType::Int64, output),
        DataType::Int16 => boxed::<Int16Type>(DataType::Int64, output),
        DataType::Int32 => boxed::<Int32Type>(DataType::Int64, output),
        DataType::Int64 => boxed::<Int64Type>(DataType::Int64, output),
        DataType::Float32 => boxed::<Float32Type>(DataType::Float64, output),
        DataType::Float64 => boxed::<Float64Type>(DataType::Float64, output),
        DataType::Decimal128(_, scale) => boxed::<Decimal128Type>(DataType::Decimal128(38, *scale), output),
        _ => return None,
    })
}

fn boxed<T: Mean>(sum_type: DataType, output: DataType) -> Box<dyn Accumulator> {
    Box::new(Average::<T> { sums: Vec::new(), lost: Vec::new(), counts: Vec::new(), sum_type, output })
}

impl<T: Mean> Average<T> {
    fn set(&mut self, group: usize, sum: Option<<T::Sum as ArrowPrimitiveType>::Native>) {
        match sum {
            Some(sum) => self.sums[group] = sum,
            None => self.lost[group] = true,
        }
    }

    fn sums(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let sums: PrimitiveArray<T::Sum> =
            groups.iter().map(|&group| (!self.lost[group as usize]).then(|| self.sums[group as usize])).collect();
        super::retype(&(Arc::new(sums) as ArrayRef), &self.sum_type)
    }
}

impl<T: Mean> Accumulator for Average<T> {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, Default::default());
        self.lost.resize(groups, false);
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        let values = column::<T>(args, 0)?;
        for (&group, &row) in groups.iter().zip(rows) {
            let (group, row) = (group as usize, row as usize);
            if values.is_valid(row) {
                self.counts[group] += 1;
                self.set(group, T::add(self.sums[group], values.value(row)));
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let counts = Int64Array::from_iter_values(groups.iter().map(|&group| self.counts[group as usize]));
        Ok(vec![self.sums(groups)?, Arc::new(counts)])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        let (sums, counts) = (column::<T::Sum>(state, 0)?, column::<Int64Type>(state, 1)?);
        for (row, &group) in groups.iter().enumerate() {
            let group = group as usize;
            self.counts[group] += counts.value(row);
            let sum = if sums.is_valid(row) { T::join(self.sums[group], sums.value(row)) } else { None };
            self.set(group, sum);
        }
        Ok(())
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let counts: Vec<i64> = groups.iter().map(|&group| self.counts[group as usize]).collect();
        divide(&self.sums(groups)?, &counts, &self.output)
    }

    fn forget(&mut self, group: u32) {
        self.sums[group as usize] = Default::default();
        self.lost[group as usize] = false;
        self.counts[group as usize] = 0;
    }

    fn width(&self) -> usize {
        2
    }
}

/// Sums by counts, NULL where the count is 0.
pub(crate) fn divide(sums: &ArrayRef, counts: &[i64], output: &DataType) -> Result<ArrayRef, EngineError> {
    let rows = || counts.iter().enumerate().map(|(row, &count)| (row, (count != 0 && sums.is_valid(row)).then_some(count)));
    match (sums.data_type(), output) {
        (DataType::Int64, _) => {
            let sums = sums.as_primitive::<Int64Type>();
            let means: Int64Array = rows().map(|(row, count)| count.map(|count| sums.value(row).wrapping_div(count))).collect();
            cast(&means, output).map_err(EngineError::arrow("averaging"))
        }
        (DataType::Float64, _) => {
            let sums = sums.as_primitive::<Float64Type>();
            let means = rows().map(|(row, count)| count.map(|count| sums.value(row) / count as f64));
            Ok(match output {
                DataType::Float32 => Arc::new(means.map(|mean| mean.map(|mean| mean as f32)).collect::<Float32Array>()),
                _ => Arc::new(means.collect::<Float64Array>()),
            })
        }
        (DataType::Decimal128(_, from), DataType::Decimal128(precision, to)) => {
            let sums = sums.as_primitive::<Decimal128Type>();
            let means = rows().map(|(row, count)| count.and_then(|count| divide_decimal(sums.value(row), i128::from(count), to - from)));
            let means: Decimal128Array = means.collect();
            means
                .with_precision_and_scale(*precision, *to)
                .map(|means| Arc::new(means) as ArrayRef)
                .map_err(EngineError::arrow("averaging"))
        }
        (sum, output) => Err(EngineError::plan(format!("AVG of {sum} cannot give {output}"))),
    }
}

/// `dividend * 10^shift / divisor`, rounded half up (away from zero); `None` when it does not fit 38 digits.
pub(crate) fn divide_decimal(dividend: i128, divisor: i128, shift: i8) -> Option<i128> {
    let ten = i256::from_i128(10);
    let (mut dividend, mut divisor) = (i256::from_i128(dividend), i256::from_i128(divisor));
    for _ in 0..shift.unsigned_abs() {
        if shift > 0 {
            dividend = dividend.checked_mul(ten)?;
        } else {
            divisor = divisor.checked_mul(ten)?;
        }
    }
    let quotient = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?;
    let twice = rest.wrapping_abs().checked_mul(i256::from_i128(2))?;
    let negative = dividend.is_negative() != divisor.is_negative();
    let away = if twice >= divisor.wrapping_abs() { i256::from_i128(if negative { -1 } else { 1 }) } else { i256::ZERO };
    quotient.checked_add(away)?.to_i128().filter(|value| (-DECIMAL_MAX..=DECIMAL_MAX).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_divided_half_up() {
        for (dividend, divisor, shift, quotient) in
            [(5, 2, 0, 3), (-5, 2, 0, -3), (1, 3, 6, 333_333), (2, 3, 6, 666_667), (12_345, 1, -2, 123), (12_350, 1, -2, 124)]
        {
            assert_eq!(divide_decimal(dividend, divisor, shift), Some(quotient), "{dividend} / {divisor}");
        }
        assert_eq!(divide_decimal(DECIMAL_MAX, 1, 1), None);
    }
}
