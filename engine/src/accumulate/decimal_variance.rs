//! The statistics of decimals, with the scale that Flink's rules give each step, and NULL where a step does not fit 38 digits.
//!
//! Source: Flink's `LogicalTypeMerging.findMultiplicationDecimalType` and its siblings, `adjustPrecisionScale`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array, Int64Array};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, i256};

use super::average::divide_decimal;
use super::fold::DECIMAL_MAX;
use super::statistic::Statistic;
use super::{Accumulator, column};
use crate::error::EngineError;

/// Digits behind the point that are kept when a result has too many digits.
const SCALE_MIN: i16 = 6;

struct DecimalVariance {
    /// Sums that do not fit are NULL.
    squares: Vec<Option<i128>>,
    sums: Vec<Option<i128>>,
    counts: Vec<i64>,
    statistic: Statistic,
    scale: i8,
    /// Of x * x.
    square_scale: i8,
    output: DataType,
}

/// A statistic of DECIMAL(precision, scale).
pub(super) fn boxed(statistic: Statistic, precision: u8, scale: i8, output: DataType) -> Box<dyn Accumulator> {
    let square_scale = adjusted_scale(i16::from(precision) * 2 + 1, i16::from(scale) * 2);
    Box::new(DecimalVariance { squares: Vec::new(), sums: Vec::new(), counts: Vec::new(), statistic, scale, square_scale, output })
}

/// The scale that is left of a result with this many digits.
fn adjusted_scale(precision: i16, scale: i16) -> i8 {
    let kept = if precision <= 38 { scale } else { (38 - (precision - scale)).max(scale.min(SCALE_MIN)) };
    kept as i8
}

fn add(held: Option<i128>, next: Option<i128>) -> Option<i128> {
    held?.checked_add(next?).filter(|sum| (-DECIMAL_MAX..=DECIMAL_MAX).contains(sum))
}

/// `a * b` with another scale, half up.
fn multiply(a: i128, b: i128, shift: i8) -> Option<i128> {
    let product = i256::from_i128(a).checked_mul(i256::from_i128(b))?;
    rescale(product, shift)
}

/// `value * 10^shift`, half up.
fn rescale(value: i256, shift: i8) -> Option<i128> {
    let (ten, two) = (i256::from_i128(10), i256::from_i128(2));
    let mut power = i256::ONE;
    for _ in 0..shift.unsigned_abs() {
        power = power.checked_mul(ten)?;
    }
    let scaled = if shift >= 0 {
        value.checked_mul(power)?
    } else {
        let (quotient, rest) = (value.checked_div(power)?, value.checked_rem(power)?);
        let away = rest.wrapping_abs().checked_mul(two)? >= power;
        let step = if !away {
            i256::ZERO
        } else if value.is_negative() {
            i256::MINUS_ONE
        } else {
            i256::ONE
        };
        quotient.checked_add(step)?
    };
    scaled.to_i128().filter(|scaled| (-DECIMAL_MAX..=DECIMAL_MAX).contains(scaled))
}

impl DecimalVariance {
    fn finish(&self, group: usize) -> Option<i128> {
        let count = self.counts[group];
        let divisor = self.statistic.divisor(count)?;
        let (squares, sum) = (self.squares[group]?, self.sums[group]?);
        // SUM(x) * SUM(x): two of 38 digits.
        let product_scale = adjusted_scale(77, i16::from(self.scale) * 2);
        let product = multiply(sum, sum, product_scale - self.scale * 2)?;
        // Divided by a BIGINT: what is left of the scale.
        let mean_scale = product_scale.max(SCALE_MIN as i8);
        let mean = divide_decimal(product, i128::from(count), mean_scale - product_scale)?;
        // The difference of two of 38 digits.
        let whole = (38 - i16::from(self.square_scale)).max(38 - i16::from(mean_scale)) + 1;
        let wide = self.square_scale.max(mean_scale);
        let narrow = adjusted_scale(whole + i16::from(wide), i16::from(wide));
        let squares = i256::from_i128(squares).checked_mul(power_of_ten(wide - self.square_scale)?)?;
        let mean = i256::from_i128(mean).checked_mul(power_of_ten(wide - mean_scale)?)?;
        let difference = rescale(squares.checked_sub(mean)?, narrow - wide)?;
        let scale = narrow.max(SCALE_MIN as i8);
        let variance = divide_decimal(difference, i128::from(divisor), scale - narrow)?;
        let DataType::Decimal128(_, output) = self.output else { return None };
        if self.statistic.deviation { square_root(variance, scale, output) } else { rescale(i256::from_i128(variance), output - scale) }
    }
}

fn power_of_ten(exponent: i8) -> Option<i256> {
    (0..exponent).try_fold(i256::ONE, |power, _| power.checked_mul(i256::from_i128(10)))
}

/// `POWER(x, 0.5)`, which is DOUBLE, as a decimal again: by the shortest digits that are the same DOUBLE, as Java does.
fn square_root(unscaled: i128, scale: i8, output: i8) -> Option<i128> {
    let root = format!("{unscaled}e-{scale}").parse::<f64>().ok()?.powf(0.5);
    let text = format!("{root:e}");
    let (digits, exponent) = text.split_once('e')?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent.parse::<i32>().ok()? - fraction.len() as i32 + i32::from(output);
    rescale(i256::from_i128(unscaled), i8::try_from(shift).ok()?)
}

impl Accumulator for DecimalVariance {
    fn resize(&mut self, groups: usize) {
        self.squares.resize(groups, Some(0));
        self.sums.resize(groups, Some(0));
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        let values = column::<Decimal128Type>(args, 0)?;
        for (&group, &row) in groups.iter().zip(rows) {
            let (group, row) = (group as usize, row as usize);
            if values.is_valid(row) {
                let value = values.value(row);
                self.squares[group] = add(self.squares[group], multiply(value, value, self.square_scale - self.scale * 2));
                self.sums[group] = add(self.sums[group], Some(value));
                self.counts[group] += 1;
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let of = |values: &[Option<i128>], scale| -> Result<ArrayRef, EngineError> {
            let column: Decimal128Array = groups.iter().map(|&group| values[group as usize]).collect();
            let column = column.with_precision_and_scale(38, scale);
            column.map(|column| Arc::new(column) as ArrayRef).map_err(EngineError::arrow("storing a variance"))
        };
        let counts = Int64Array::from_iter_values(groups.iter().map(|&group| self.counts[group as usize]));
        Ok(vec![of(&self.squares, self.square_scale)?, of(&self.sums, self.scale)?, Arc::new(counts)])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        let (squares, sums) = (column::<Decimal128Type>(state, 0)?, column::<Decimal128Type>(state, 1)?);
        let counts = column::<Int64Type>(state, 2)?;
        for (row, &group) in groups.iter().enumerate() {
            let group = group as usize;
            self.squares[group] = add(self.squares[group], squares.is_valid(row).then(|| squares.value(row)));
            self.sums[group] = add(self.sums[group], sums.is_valid(row).then(|| sums.value(row)));
            self.counts[group] += counts.value(row);
        }
        Ok(())
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let DataType::Decimal128(precision, scale) = self.output else {
            return Err(EngineError::plan(format!("the variance of a DECIMAL cannot be {}", self.output)));
        };
        let results: Decimal128Array = groups.iter().map(|&group| self.finish(group as usize)).collect();
        let results = results.with_precision_and_scale(precision, scale);
        results.map(|results| Arc::new(results) as ArrayRef).map_err(EngineError::arrow("computing a variance"))
    }

    fn forget(&mut self, group: u32) {
        (self.squares[group as usize], self.sums[group as usize], self.counts[group as usize]) = (Some(0), Some(0), 0);
    }

    fn width(&self) -> usize {
        3
    }
}
