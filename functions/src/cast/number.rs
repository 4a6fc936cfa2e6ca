//! Casts among numbers, BOOLEAN and intervals: Java's narrowing, DECIMAL rounded half up and NULL where it does not fit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use irmak_common::types::TypeKind;

use super::driver::primitive_to_primitive;
use super::{Context, Convert};
use crate::column::{arrow_error, internal};
use crate::decimal::{self, Form};
use crate::error::EvalError;
use crate::types::KindExt;

pub(super) fn convert(from: &TypeKind, to: &TypeKind, context: &Context) -> Convert {
    let (from, to, context) = (from.clone(), to.clone(), context.clone());
    Arc::new(move |array| match (&from, &to) {
        (_, TypeKind::Boolean) => to_bool(array),
        (from, TypeKind::Decimal { precision, scale }) => to_decimal(array, from, Form { precision: *precision, scale: *scale }, &context),
        (TypeKind::Decimal { scale, .. }, to) => from_decimal(array, *scale, to, &context),
        (from, to) if from.is_approximate() && to.is_integer() => float_to_integer(array, to, &context),
        (TypeKind::BigInt | TypeKind::Int | TypeKind::SmallInt, to) if to.is_integer() => wrap_integer(array, to, &context),
        // Widening, integers to floats, booleans: Arrow does what Java does. Intervals are integers here.
        (_, to) => arrow_cast(array, &to.to_arrow()),
    })
}

fn arrow_cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, EvalError> {
    cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() }).map_err(arrow_error)
}

fn to_bool(array: &ArrayRef) -> Result<ArrayRef, EvalError> {
    let nonzero: BooleanArray = match array.data_type() {
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().iter().map(|value| value.map(|value| value != 0)).collect(),
        DataType::Float32 | DataType::Float64 => {
            let doubles = arrow_cast(array, &DataType::Float64)?;
            doubles.as_primitive::<Float64Type>().iter().map(|value| value.map(|value| value != 0.0)).collect()
        }
        _ => {
            let longs = arrow_cast(array, &DataType::Int64)?;
            longs.as_primitive::<Int64Type>().iter().map(|value| value.map(|value| value != 0)).collect()
        }
    };
    Ok(Arc::new(nonzero))
}

fn to_decimal(array: &ArrayRef, from: &TypeKind, form: Form, context: &Context) -> Result<ArrayRef, EvalError> {
    let unscaled = match from {
        TypeKind::Decimal { scale, .. } => primitive_to_primitive::<Decimal128Type, Decimal128Type>(array, context, |value| {
            Ok(decimal::rescale(value, *scale, form.precision, form.scale))
        }),
        from if from.is_approximate() => {
            let doubles = arrow_cast(array, &DataType::Float64)?;
            primitive_to_primitive::<Float64Type, Decimal128Type>(&doubles, context, |value| {
                if value.is_finite() { Ok(decimal::from_double(value, form)) } else { Err("Infinite or NaN".into()) }
            })
        }
        _ => {
            let longs = arrow_cast(array, &DataType::Int64)?;
            primitive_to_primitive::<Int64Type, Decimal128Type>(&longs, context, |value| {
                Ok(decimal::rescale(value.into(), 0, form.precision, form.scale))
            })
        }
    }?;
    let typed = unscaled.as_primitive::<Decimal128Type>().clone().with_precision_and_scale(form.precision, form.scale as i8);
    Ok(Arc::new(typed.map_err(arrow_error)?))
}

fn from_decimal(array: &ArrayRef, scale: u8, to: &TypeKind, context: &Context) -> Result<ArrayRef, EvalError> {
    let unit = decimal::power_of_ten(u32::from(scale)).unwrap_or(1);
    match to {
        TypeKind::TinyInt => primitive_to_primitive::<Decimal128Type, Int8Type>(array, context, |value| Ok(Some((value / unit) as i8))),
        TypeKind::SmallInt => primitive_to_primitive::<Decimal128Type, Int16Type>(array, context, |value| Ok(Some((value / unit) as i16))),
        TypeKind::Int => primitive_to_primitive::<Decimal128Type, Int32Type>(array, context, |value| Ok(Some((value / unit) as i32))),
        TypeKind::BigInt => primitive_to_primitive::<Decimal128Type, Int64Type>(array, context, |value| Ok(Some((value / unit) as i64))),
        TypeKind::Float => {
            primitive_to_primitive::<Decimal128Type, Float32Type>(array, context, |value| Ok(Some(decimal::to_double(value, scale) as f32)))
        }
        TypeKind::Double => {
            primitive_to_primitive::<Decimal128Type, Float64Type>(array, context, |value| Ok(Some(decimal::to_double(value, scale))))
        }
        other => Err(internal(format!("no cast from DECIMAL to {other}"))),
    }
}

/// Saturating to 32 or 64 bits, NaN to 0; smaller integers then lose their upper bits.
fn float_to_integer(array: &ArrayRef, to: &TypeKind, context: &Context) -> Result<ArrayRef, EvalError> {
    let doubles = arrow_cast(array, &DataType::Float64)?;
    match to {
        TypeKind::TinyInt => primitive_to_primitive::<Float64Type, Int8Type>(&doubles, context, |value| Ok(Some(value as i32 as i8))),
        TypeKind::SmallInt => primitive_to_primitive::<Float64Type, Int16Type>(&doubles, context, |value| Ok(Some(value as i32 as i16))),
        TypeKind::Int => primitive_to_primitive::<Float64Type, Int32Type>(&doubles, context, |value| Ok(Some(value as i32))),
        _ => primitive_to_primitive::<Float64Type, Int64Type>(&doubles, context, |value| Ok(Some(value as i64))),
    }
}

fn wrap_integer(array: &ArrayRef, to: &TypeKind, context: &Context) -> Result<ArrayRef, EvalError> {
    let longs = arrow_cast(array, &DataType::Int64)?;
    match to {
        TypeKind::TinyInt => narrowed::<Int8Type>(&longs, context, |value| value as i8),
        TypeKind::SmallInt => narrowed::<Int16Type>(&longs, context, |value| value as i16),
        TypeKind::Int => narrowed::<Int32Type>(&longs, context, |value| value as i32),
        _ => Ok(longs),
    }
}

fn narrowed<O: ArrowPrimitiveType>(array: &ArrayRef, context: &Context, narrow: fn(i64) -> O::Native) -> Result<ArrayRef, EvalError> {
    primitive_to_primitive::<Int64Type, O>(array, context, |value| Ok(Some(narrow(value))))
}
