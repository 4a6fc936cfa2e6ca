//! Calls OVER a window that only count places: ROW_NUMBER, RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST, NTILE; and LEAD and LAG, which
//! look at another place.
//!
//! Source: Flink's `InsensitiveOverFrame` and `OffsetOverFrame`. These take row after row, and know nothing of peers unless their name
//! says so: CUME_DIST is the row's own number over the number of rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, new_null_array};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Int64Type};
use irmak_common::call_spec::AggregateCall;

use super::piece::{Part, Piece};
use crate::error::EngineError;

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    Row,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    /// Over so many buckets.
    Ntile,
    Lead,
    Lag,
}

impl Number {
    /// `None`: the name of an aggregate function.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ROW_NUMBER" => Self::Row,
            "RANK" => Self::Rank,
            "DENSE_RANK" => Self::DenseRank,
            "PERCENT_RANK" => Self::PercentRank,
            "CUME_DIST" => Self::CumeDist,
            "NTILE" => Self::Ntile,
            "LEAD" => Self::Lead,
            "LAG" => Self::Lag,
            _ => return None,
        })
    }

    /// The results of a piece; `args`: the call's arguments for its rows.
    pub(super) fn compute(self, call: &AggregateCall, piece: &Piece<'_>, args: &[ArrayRef]) -> Result<ArrayRef, EngineError> {
        let rows = piece.rows.len();
        let whole = |number: &dyn Fn(&Part, usize) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values((0..rows).map(|row| number(piece.part(row), row))))
        };
        let share = |number: &dyn Fn(&Part, usize) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values((0..rows).map(|row| number(piece.part(row), row))))
        };
        let rank = |part: &Part, row: usize| piece.peers[row].start - part.start;
        Ok(match self {
            Self::Row => whole(&|part, row| (row - part.start) as i64 + 1),
            Self::Rank => whole(&|part, row| rank(part, row) as i64 + 1),
            Self::DenseRank => dense(piece),
            Self::PercentRank => share(&|part, row| match part.len() {
                1 => 0.0,
                size => rank(part, row) as f64 / (size - 1) as f64,
            }),
            Self::CumeDist => share(&|part, row| (row - part.start + 1) as f64 / part.len() as f64),
            Self::Ntile => {
                let buckets = numbers(args.first())?;
                whole(&|part, row| ntile(row - part.start, part.len(), at(buckets.as_ref(), row).unwrap_or(1)))
            }
            Self::Lead => shifted(call, piece, args, 1)?,
            Self::Lag => shifted(call, piece, args, -1)?,
        })
    }
}

fn dense(piece: &Piece<'_>) -> ArrayRef {
    let mut number = 0;
    let numbers = (0..piece.rows.len()).map(|row| {
        if row == piece.part(row).start {
            number = 0;
        }
        if row == piece.peers[row].start {
            number += 1;
        }
        number
    });
    Arc::new(Int64Array::from_iter_values(numbers))
}

/// The first buckets have one row more where the rows do not go up in them.
fn ntile(row: usize, rows: usize, buckets: i64) -> i64 {
    let buckets = usize::try_from(buckets.max(1)).unwrap_or(usize::MAX);
    let (size, longer) = (rows / buckets, rows % buckets);
    let bucket = if row < longer * (size + 1) { row / (size + 1) } else { longer + (row - longer * (size + 1)) / size.max(1) };
    bucket as i64 + 1
}

/// The value so many rows on; behind the part's ends the default of the present row.
fn shifted(call: &AggregateCall, piece: &Piece<'_>, args: &[ArrayRef], direction: i64) -> Result<ArrayRef, EngineError> {
    let value = args.first().ok_or_else(|| EngineError::plan(format!("{} of nothing", call.function)))?;
    let offsets = numbers(args.get(1))?;
    let otherwise = args.get(2).cloned().unwrap_or_else(|| new_null_array(value.data_type(), piece.rows.len()));
    let place = |row: usize| {
        let offset = at(offsets.as_ref(), row).unwrap_or(1).saturating_mul(direction);
        let target = usize::try_from((row as i64).saturating_add(offset)).ok().filter(|target| piece.part(row).range().contains(target));
        target.map_or((1, row), |target| (0, target))
    };
    let places: Vec<(usize, usize)> = (0..piece.rows.len()).map(place).collect();
    interleave(&[value.as_ref(), otherwise.as_ref()], &places).map_err(EngineError::arrow("looking at another row"))
}

/// An argument as whole numbers.
fn numbers(arg: Option<&ArrayRef>) -> Result<Option<ArrayRef>, EngineError> {
    arg.map(|arg| cast(arg, &DataType::Int64).map_err(EngineError::arrow("reading a number of rows"))).transpose()
}

fn at(numbers: Option<&ArrayRef>, row: usize) -> Option<i64> {
    let numbers = numbers?.as_primitive_opt::<Int64Type>()?;
    numbers.is_valid(row).then(|| numbers.value(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_buckets_are_the_longer_ones() {
        let buckets = |rows: usize, buckets: i64| (0..rows).map(|row| ntile(row, rows, buckets)).collect::<Vec<_>>();
        assert_eq!(buckets(8, 3), [1, 1, 1, 2, 2, 2, 3, 3]);
        assert_eq!(buckets(3, 5), [1, 2, 3]);
        assert_eq!(buckets(4, 2), [1, 1, 2, 2]);
    }
}
