//! SUM, and MIN, MAX, FIRST_VALUE and LAST_VALUE of rows that only come: of numbers and of what is held as a number. NULLs are passed
//! over.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    ArrowNativeType, ArrowNativeTypeOp, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};

use super::counted::Counted;
use super::{Running, keep};
use crate::accumulate::fold::{Add, AddDecimal, DECIMAL_MAX, First, Greatest, Join, Last, Least};
use crate::accumulate::{column, retype, with_primitive};
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::snapshot::Reader;

/// A number that has a stored form.
pub(super) trait Stored: Copy + Default + PartialEq + Send {
    fn put(self, out: &mut Vec<u8>);
    fn take(from: &mut Reader<'_>) -> Result<Self, EngineError>;
}

macro_rules! stored {
    ($($ty:ty),*) => {$(
        impl Stored for $ty {
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(from: &mut Reader<'_>) -> Result<Self, EngineError> {
                from.number().map(Self::from_le_bytes)
            }
        }
    )*};
}
stored!(i8, i16, i32, i64, i128, f32, f64);

/// Results under construction.
#[derive(Debug, Default)]
pub(super) struct Column<N> {
    values: Vec<N>,
    valid: Vec<bool>,
    nulls: usize,
}

impl<N: Copy + Default + PartialEq> Column<N> {
    pub(super) fn push(&mut self, value: Option<N>) {
        self.values.push(value.unwrap_or_default());
        self.valid.push(value.is_some());
        self.nulls += usize::from(value.is_none());
    }

    pub(super) fn same(&self, a: usize, b: usize) -> bool {
        self.valid[a] == self.valid[b] && (!self.valid[a] || self.values[a] == self.values[b])
    }

    pub(super) fn pop(&mut self, results: usize) {
        let left = self.values.len() - results;
        self.nulls -= self.valid[left..].iter().filter(|valid| !**valid).count();
        self.values.truncate(left);
        self.valid.truncate(left);
    }

    pub(super) fn finish<T: ArrowPrimitiveType<Native = N>>(&mut self, output: &DataType) -> Result<ArrayRef, EngineError>
    where
        N: ArrowNativeType,
    {
        let valid = std::mem::take(&mut self.valid);
        let nulls = (std::mem::take(&mut self.nulls) > 0).then(|| valid.into());
        let values = std::mem::take(&mut self.values);
        let array: ArrayRef = Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls));
        retype(&array, output)
    }
}

/// The value of a row, `None` where it is NULL.
pub(super) fn value<T: ArrowPrimitiveType>(args: &Option<PrimitiveArray<T>>, row: usize) -> Option<T::Native> {
    args.as_ref().filter(|values| values.is_valid(row)).map(|values| values.value(row))
}

/// Takes a value back from a sum.
trait Unjoin<N> {
    fn unjoin(held: N, gone: N) -> Option<N>;
}

impl<N: ArrowNativeTypeOp> Unjoin<N> for Add {
    fn unjoin(held: N, gone: N) -> Option<N> {
        Some(held.sub_wrapping(gone))
    }
}

impl Unjoin<i128> for AddDecimal {
    fn unjoin(held: i128, gone: i128) -> Option<i128> {
        held.checked_sub(gone).filter(|sum| (-DECIMAL_MAX..=DECIMAL_MAX).contains(sum))
    }
}

struct Sum<T: ArrowPrimitiveType, J> {
    args: Option<PrimitiveArray<T>>,
    /// `None`: no value came, or (DECIMAL) the sum was too large.
    sums: Counted<T::Native>,
    zero: bool,
    output: Column<T::Native>,
    ty: DataType,
    join: PhantomData<J>,
}

/// SUM, wrapping around for integers; `zero`: 0 instead of NULL for no values.
pub(super) fn sum(input: &DataType, output: &DataType, zero: Option<()>) -> Option<Box<dyn Running>> {
    fn of<T: ArrowPrimitiveType, J: Join<T::Native> + Unjoin<T::Native> + 'static>(ty: &DataType, zero: bool) -> Box<dyn Running>
    where
        T::Native: Stored,
    {
        let (sums, output) = (Counted::new(None), Column::default());
        Box::new(Sum::<T, J> { args: None, sums, zero, output, ty: ty.clone(), join: PhantomData })
    }
    let zero = zero.is_some();
    Some(match input {
        DataType::Int8 => of::<Int8Type, Add>(output, zero),
        DataType::Int16 => of::<Int16Type, Add>(output, zero),
        DataType::Int32 => of::<Int32Type, Add>(output, zero),
        DataType::Int64 => of::<Int64Type, Add>(output, zero),
        DataType::Float32 => of::<Float32Type, Add>(output, zero),
        DataType::Float64 => of::<Float64Type, Add>(output, zero),
        DataType::Decimal128(..) => of::<Decimal128Type, AddDecimal>(output, zero),
        _ => return None,
    })
}

impl<T: ArrowPrimitiveType, J: Join<T::Native> + Unjoin<T::Native>> Running for Sum<T, J>
where
    T::Native: Stored,
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
                *sum = sum.map_or(Some(value), |held| J::join(held, value));
            }
            Change::Retract => {
                *count -= 1;
                *sum = J::unjoin(sum.unwrap_or_default(), value);
            }
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        let (sum, count) = self.sums.of(group);
        let sum = sum.filter(|_| count != 0);
        self.output.push(if self.zero { Some(sum.unwrap_or_default()) } else { sum });
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.output.same(a, b)
    }

    fn pop(&mut self, results: usize) {
        self.output.pop(results);
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        self.output.finish::<T>(&self.ty)
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

pub(super) fn put_option<N: Stored>(value: Option<N>, out: &mut Vec<u8>) {
    out.push(u8::from(value.is_some()));
    value.unwrap_or_default().put(out);
}

pub(super) fn take_option<N: Stored>(from: &mut Reader<'_>) -> Result<Option<N>, EngineError> {
    let there = from.take(1)?[0] != 0;
    N::take(from).map(|value| there.then_some(value))
}

/// One of the values that came.
struct Kept<T: ArrowPrimitiveType, J> {
    args: Option<PrimitiveArray<T>>,
    values: Vec<Option<T::Native>>,
    output: Column<T::Native>,
    ty: DataType,
    join: PhantomData<J>,
}

/// MIN, MAX, FIRST_VALUE or LAST_VALUE, by name.
pub(super) fn kept(name: &str, input: &DataType, output: &DataType) -> Option<Box<dyn Running>> {
    fn of<T: ArrowPrimitiveType, J: Join<T::Native> + 'static>(ty: &DataType) -> Box<dyn Running>
    where
        T::Native: Stored,
    {
        Box::new(Kept::<T, J> { args: None, values: Vec::new(), output: Column::default(), ty: ty.clone(), join: PhantomData })
    }
    fn named<T: ArrowPrimitiveType>(name: &str, ty: &DataType) -> Option<Box<dyn Running>>
    where
        T::Native: Stored + PartialOrd,
    {
        Some(match name {
            "MIN" => of::<T, Least>(ty),
            "MAX" => of::<T, Greatest>(ty),
            "FIRST_VALUE" => of::<T, First>(ty),
            "LAST_VALUE" => of::<T, Last>(ty),
            _ => return None,
        })
    }
    with_primitive!(input, named, name, output)?
}

impl<T: ArrowPrimitiveType, J: Join<T::Native>> Running for Kept<T, J>
where
    T::Native: Stored,
{
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, None);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError> {
        self.args = Some(column::<T>(args, 0)?.clone());
        Ok(())
    }

    /// Nothing is ever taken back: the value only moves one way.
    fn apply(&mut self, group: u32, row: usize, change: Change) -> Result<(), EngineError> {
        if change == Change::Retract {
            return Ok(());
        }
        if let Some(value) = value(&self.args, row) {
            let held = &mut self.values[group as usize];
            *held = held.map_or(Some(value), |held| J::join(held, value));
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        self.output.push(self.values[group as usize]);
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.output.same(a, b)
    }

    fn pop(&mut self, results: usize) {
        self.output.pop(results);
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        self.output.finish::<T>(&self.ty)
    }

    fn forget(&mut self, group: u32) {
        self.values[group as usize] = None;
    }

    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        keep(&mut self.values, kept);
        Ok(())
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError> {
        put_option(self.values[group as usize], out);
        Ok(())
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        self.values[group as usize] = take_option(from)?;
        Ok(())
    }
}
