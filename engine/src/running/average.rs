//! AVG: a sum and a count, divided when the result is asked for. The arithmetic is that of windows: [`crate::accumulate::average`].

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeTypeOp, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};

use super::Running;
use super::counted::Counted;
use super::fold::{Column, Stored, value};
use crate::accumulate::average::{Mean, divide_decimal};
use crate::accumulate::{column, retype};
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::snapshot::Reader;

type SumOf<T> = <<T as Mean>::Sum as ArrowPrimitiveType>::Native;

/// How a sum is divided, and what is made of the quotients.
trait Quotient: ArrowPrimitiveType {
    /// `shift`: digits that the result has behind the point more than the sum. `None`: too large.
    fn divide(sum: Self::Native, count: i64, shift: i8) -> Option<Self::Native>;
    /// Quotients as the call's type.
    fn column(quotients: &mut Column<Self::Native>, output: &DataType) -> Result<ArrayRef, EngineError>;
}

impl Quotient for Int64Type {
    fn divide(sum: i64, count: i64, _: i8) -> Option<i64> {
        Some(sum.wrapping_div(count))
    }
    fn column(quotients: &mut Column<i64>, output: &DataType) -> Result<ArrayRef, EngineError> {
        let means = quotients.finish::<Self>(&DataType::Int64)?;
        cast(&means, output).map_err(EngineError::arrow("averaging"))
    }
}

impl Quotient for Float64Type {
    fn divide(sum: f64, count: i64, _: i8) -> Option<f64> {
        Some(sum / count as f64)
    }
    fn column(quotients: &mut Column<f64>, output: &DataType) -> Result<ArrayRef, EngineError> {
        let means = quotients.finish::<Self>(&DataType::Float64)?;
        cast(&means, output).map_err(EngineError::arrow("averaging"))
    }
}

impl Quotient for Decimal128Type {
    fn divide(sum: i128, count: i64, shift: i8) -> Option<i128> {
        divide_decimal(sum, i128::from(count), shift)
    }
    fn column(quotients: &mut Column<i128>, output: &DataType) -> Result<ArrayRef, EngineError> {
        retype(&quotients.finish::<Self>(output)?, output)
    }
}

struct Average<T: Mean> {
    args: Option<PrimitiveArray<T>>,
    /// `None` (decimals): too large, and so it stays.
    sums: Counted<SumOf<T>>,
    shift: i8,
    quotients: Column<SumOf<T>>,
    ty: DataType,
}

/// AVG
pub(super) fn average(input: &DataType, output: &DataType) -> Option<Box<dyn Running>> {
    fn of<T: Mean>(shift: i8, ty: &DataType) -> Box<dyn Running>
    where
        T::Sum: Quotient,
        SumOf<T>: Stored,
    {
        let sums = Counted::new(Some(SumOf::<T>::default()));
        Box::new(Average::<T> { args: None, sums, shift, quotients: Column::default(), ty: ty.clone() })
    }
    Some(match (input, output) {
        (DataType::Int8, _) => of::<Int8Type>(0, output),
        (DataType::Int16, _) => of::<Int16Type>(0, output),
        (DataType::Int32, _) => of::<Int32Type>(0, output),
        (DataType::Int64, _) => of::<Int64Type>(0, output),
        (DataType::Float32, _) => of::<Float32Type>(0, output),
        (DataType::Float64, _) => of::<Float64Type>(0, output),
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) => of::<Decimal128Type>(to - from, output),
        _ => return None,
    })
}

impl<T: Mean> Running for Average<T>
where
    T::Sum: Quotient,
    SumOf<T>: Stored,
{
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError> {
        self.args = Some(column::<T>(args, 0)?.clone());
        Ok(())
    }

    fn apply(&mut self, group: u32, row: usize, change: Change) -> Result<(), EngineError> {
        let Some(value) = value(&self.args, row) else { return Ok(()) };
        let (sum, count) = self.sums.of_mut(group);
        match change {
            Change::Add => {
                *count += 1;
                *sum = sum.and_then(|sum| T::add(sum, value));
            }
            Change::Retract => {
                *count -= 1;
                let gone = T::add(SumOf::<T>::default(), value);
                *sum = sum.zip(gone).map(|(sum, gone)| sum.sub_wrapping(gone));
            }
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        let (sum, count) = self.sums.of(group);
        self.quotients.push(sum.filter(|_| count != 0).and_then(|sum| T::Sum::divide(sum, count, self.shift)));
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.quotients.same(a, b)
    }

    fn pop(&mut self, results: usize) {
        self.quotients.pop(results);
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        T::Sum::column(&mut self.quotients, &self.ty)
    }

    fn forget(&mut self, group: u32) {
        self.sums.forget(group);
    }

    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        self.sums.compact(kept);
        Ok(())
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.sums.save(group, out);
        Ok(())
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        self.sums.load(group, from)
    }
}
