//! What kernels read and write: columns that are arrays or constants, typed views of them, and builders that allocate per batch.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, ArrowPrimitiveType, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, Datum, PrimitiveArray,
    PrimitiveBuilder, StringArray, StringBuilder, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMillisecondType};

use crate::error::EvalError;

/// One operand of a kernel.
#[derive(Clone, Debug)]
pub(crate) enum Column {
    /// A value a row.
    Rows(ArrayRef),
    /// The same value for every row: an array of length 1.
    Constant(ArrayRef),
}

impl Column {
    /// The values; of length 1 for a constant.
    pub(crate) fn array(&self) -> &ArrayRef {
        match self {
            Self::Rows(array) | Self::Constant(array) => array,
        }
    }

    /// A value a row, for kernels that have no use for constants.
    pub(crate) fn into_rows(self, rows: usize) -> Result<ArrayRef, EvalError> {
        match self {
            Self::Rows(array) => Ok(array),
            Self::Constant(array) if rows == 1 => Ok(array),
            Self::Constant(array) => Ok(take(&array, &UInt32Array::from(vec![0; rows]), None).map_err(arrow_error)?),
        }
    }

    /// Where the value of a row stands in [`Column::array`].
    pub(crate) fn index(&self, row: usize) -> usize {
        if matches!(self, Self::Rows(_)) { row } else { 0 }
    }

    /// The same values in other packaging.
    pub(crate) fn map(&self, change: impl FnOnce(&ArrayRef) -> Result<ArrayRef, EvalError>) -> Result<Self, EvalError> {
        Ok(match self {
            Self::Rows(array) => Self::Rows(change(array)?),
            Self::Constant(array) => Self::Constant(change(array)?),
        })
    }

    /// A typed view.
    pub(crate) fn view<A: Array + Clone + 'static>(&self) -> Result<View<A>, EvalError> {
        let array = self.array().as_any().downcast_ref::<A>().cloned();
        let array =
            array.ok_or_else(|| internal(format!("operand of Arrow type {} where another was planned", self.array().data_type())))?;
        let nulls = array.null_count() > 0;
        Ok(View { array, step: usize::from(matches!(self, Self::Rows(_))), nulls })
    }

    /// Texts.
    pub(crate) fn strings(&self) -> Result<View<StringArray>, EvalError> {
        self.view()
    }

    /// Bytes.
    pub(crate) fn bytes(&self) -> Result<View<BinaryArray>, EvalError> {
        self.view()
    }

    /// Numbers of an Arrow type.
    pub(crate) fn numbers<T: ArrowPrimitiveType>(&self) -> Result<View<PrimitiveArray<T>>, EvalError> {
        self.view()
    }

    /// INT values.
    pub(crate) fn ints(&self) -> Result<View<PrimitiveArray<Int32Type>>, EvalError> {
        self.view()
    }

    /// BIGINT values.
    pub(crate) fn longs(&self) -> Result<View<PrimitiveArray<Int64Type>>, EvalError> {
        self.view()
    }

    /// Truth values.
    pub(crate) fn bools(&self) -> Result<View<BooleanArray>, EvalError> {
        self.view()
    }

    /// Timestamps as milliseconds, whatever their unit.
    pub(crate) fn millis(&self) -> Result<View<PrimitiveArray<TimestampMillisecondType>>, EvalError> {
        let millis = arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None);
        if self.array().data_type() == &millis {
            return self.view();
        }
        // Arrow rounds towards zero; a time before 1970 must not change its second.
        self.map(floor_to_millis)?.view()
    }
}

fn floor_to_millis(array: &ArrayRef) -> Result<ArrayRef, EvalError> {
    use arrow::datatypes::{DataType, TimeUnit};
    let unit = match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000,
        other => return Err(internal(format!("Arrow type {other} where a timestamp was planned"))),
    };
    let values = cast(array, &DataType::Int64).map_err(arrow_error)?;
    let values = values.as_any().downcast_ref::<PrimitiveArray<Int64Type>>().ok_or_else(|| internal("64-bit integers"))?;
    Ok(Arc::new(values.unary::<_, TimestampMillisecondType>(|value| value.div_euclid(unit))))
}

impl Datum for Column {
    fn get(&self) -> (&dyn Array, bool) {
        match self {
            Self::Rows(array) => (array.as_ref(), false),
            Self::Constant(array) => (array.as_ref(), true),
        }
    }
}

/// A column of known type, read row by row.
#[derive(Clone, Debug)]
pub(crate) struct View<A> {
    array: A,
    step: usize,
    nulls: bool,
}

impl<A> View<A> {
    /// The values themselves; of length 1 for a constant.
    pub(crate) fn into_array(self) -> A {
        self.array
    }
}

impl<A: Array> View<A> {
    /// The value of a row, `None` for NULL.
    #[inline]
    pub(crate) fn get<'a>(&'a self, row: usize) -> Option<<&'a A as ArrayAccessor>::Item>
    where
        &'a A: ArrayAccessor,
    {
        let at = row * self.step;
        if self.nulls && self.array.is_null(at) {
            return None;
        }
        Some((&self.array).value(at))
    }

    /// The value where it is the same for all rows: `Some(None)` is a constant NULL.
    pub(crate) fn constant<'a>(&'a self) -> Option<Option<<&'a A as ArrayAccessor>::Item>>
    where
        &'a A: ArrayAccessor,
    {
        (self.step == 0).then(|| self.get(0))
    }
}

/// Texts, one a row: `write` appends to the buffer and says whether there is a value.
pub(crate) fn build_strings(
    rows: usize,
    mut write: impl FnMut(usize, &mut String) -> Result<Option<()>, EvalError>,
) -> Result<ArrayRef, EvalError> {
    let mut builder = StringBuilder::with_capacity(rows, rows * 16);
    let mut buffer = String::new();
    for row in 0..rows {
        buffer.clear();
        match write(row, &mut buffer)? {
            Some(()) => builder.append_value(&buffer),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Parts of texts or whole ones, one a row, without a copy in between.
pub(crate) fn build_slices<'a>(rows: usize, value: impl Fn(usize) -> Option<&'a str>) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(rows, rows * 16);
    (0..rows).for_each(|row| builder.append_option(value(row)));
    Arc::new(builder.finish())
}

/// Bytes, one a row.
pub(crate) fn build_bytes(
    rows: usize,
    mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<Option<()>, EvalError>,
) -> Result<ArrayRef, EvalError> {
    let mut builder = BinaryBuilder::with_capacity(rows, rows * 16);
    let mut buffer = Vec::new();
    for row in 0..rows {
        buffer.clear();
        match write(row, &mut buffer)? {
            Some(()) => builder.append_value(&buffer),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Numbers, one a row.
pub(crate) fn build_numbers<T: ArrowPrimitiveType>(
    rows: usize,
    mut value: impl FnMut(usize) -> Result<Option<T::Native>, EvalError>,
) -> Result<ArrayRef, EvalError> {
    let mut builder = PrimitiveBuilder::<T>::with_capacity(rows);
    for row in 0..rows {
        builder.append_option(value(row)?);
    }
    Ok(Arc::new(builder.finish()))
}

/// Truth values, one a row.
pub(crate) fn build_bools(rows: usize, mut value: impl FnMut(usize) -> Result<Option<bool>, EvalError>) -> Result<ArrayRef, EvalError> {
    let mut builder = BooleanBuilder::with_capacity(rows);
    for row in 0..rows {
        builder.append_option(value(row)?);
    }
    Ok(Arc::new(builder.finish()))
}

/// A failure of Arrow, which a correct plan never meets.
pub(crate) fn arrow_error(error: arrow::error::ArrowError) -> EvalError {
    internal(error.to_string())
}

/// A failure that is Irmak's own fault.
pub(crate) fn internal(message: impl Into<String>) -> EvalError {
    EvalError::new("internal", message)
}
