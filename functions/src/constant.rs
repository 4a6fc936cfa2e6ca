//! Constants: [`Value`]s to Arrow arrays and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, ListArray, NullArray, StringArray, StructArray, Time32MillisecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use irmak_common::expr::Value;
use irmak_common::map::entry_keys;
use irmak_common::types::{Field, LogicalType, TypeKind};

use crate::error::FunctionError;

/// An array of length 1 that holds the value, in the Arrow type of `ty`.
///
/// # Errors
/// When the value is not of the type.
pub(crate) fn to_array(value: &Value, ty: &LogicalType) -> Result<ArrayRef, FunctionError> {
    column_of(std::iter::once(value), ty)
}

/// The values of one column, in order, in the Arrow type of `ty`.
///
/// # Errors
/// When a value is not of the type.
pub(crate) fn column_of<'a>(values: impl Iterator<Item = &'a Value>, ty: &LogicalType) -> Result<ArrayRef, FunctionError> {
    let values: Vec<&Value> = values.collect();
    let arrow = ty.kind.to_arrow();
    Ok(match &ty.kind {
        TypeKind::Null => new_null_array(&arrow, values.len()),
        TypeKind::Boolean => {
            Arc::new(BooleanArray::from(scalars(&values, ty, |value| if let Value::Boolean(value) = value { Some(*value) } else { None })?))
        }
        TypeKind::Float => {
            Arc::new(Float32Array::from(scalars(
                &values,
                ty,
                |value| if let Value::Float(value) = value { Some(*value as f32) } else { None },
            )?))
        }
        TypeKind::Double => {
            Arc::new(Float64Array::from(scalars(&values, ty, |value| if let Value::Float(value) = value { Some(*value) } else { None })?))
        }
        TypeKind::Decimal { precision, scale } => {
            let unscaled = scalars(&values, ty, |value| if let Value::Decimal(value) = value { Some(*value) } else { None })?;
            let typed = Decimal128Array::from(unscaled).with_precision_and_scale(*precision, *scale as i8);
            Arc::new(typed.map_err(|error| wrong(&error, ty))?)
        }
        TypeKind::Char(_) | TypeKind::Varchar(_) | TypeKind::Symbol => {
            Arc::new(StringArray::from(scalars(
                &values,
                ty,
                |value| if let Value::String(value) = value { Some(value.as_str()) } else { None },
            )?))
        }
        TypeKind::Binary(_) | TypeKind::Varbinary(_) => {
            Arc::new(BinaryArray::from(scalars(
                &values,
                ty,
                |value| if let Value::Bytes(value) = value { Some(value.as_slice()) } else { None },
            )?))
        }
        TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_) | TypeKind::Row(_) => nested(&values, ty, &arrow)?,
        _ => integers(scalars(&values, ty, |value| if let Value::Int(value) = value { Some(*value) } else { None })?, ty, &arrow)?,
    })
}

fn wrong(value: &dyn std::fmt::Display, ty: &LogicalType) -> FunctionError {
    FunctionError::Literal { value: value.to_string(), ty: ty.to_string() }
}

/// What each value holds, `None` for NULL.
fn scalars<'a, T>(values: &[&'a Value], ty: &LogicalType, get: impl Fn(&'a Value) -> Option<T>) -> Result<Vec<Option<T>>, FunctionError> {
    let one = |value: &&'a Value| match value {
        Value::Null => Ok(None),
        value => get(value).map(Some).ok_or_else(|| wrong(&format!("{value:?}"), ty)),
    };
    values.iter().map(one).collect()
}

fn integers(values: Vec<Option<i64>>, ty: &LogicalType, arrow: &DataType) -> Result<ArrayRef, FunctionError> {
    let narrow = || {
        values
            .iter()
            .map(|value| value.map(|value| i32::try_from(value).map_err(|_| wrong(&value, ty))).transpose())
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match arrow {
        DataType::Int8 => Arc::new(
            values
                .iter()
                .map(|value| value.map(|value| i8::try_from(value).map_err(|_| wrong(&value, ty))).transpose())
                .collect::<Result<Int8Array, _>>()?,
        ),
        DataType::Int16 => Arc::new(
            values
                .iter()
                .map(|value| value.map(|value| i16::try_from(value).map_err(|_| wrong(&value, ty))).transpose())
                .collect::<Result<Int16Array, _>>()?,
        ),
        DataType::Int32 => Arc::new(Int32Array::from(narrow()?)),
        DataType::Date32 => Arc::new(Date32Array::from(narrow()?)),
        DataType::Time32(_) => Arc::new(Time32MillisecondArray::from(narrow()?)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Arc::new(TimestampMillisecondArray::from(values)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Arc::new(TimestampMicrosecondArray::from(values)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Arc::new(TimestampNanosecondArray::from(values)),
        _ => Arc::new(Int64Array::from(values)),
    })
}

fn nested(values: &[&Value], ty: &LogicalType, arrow: &DataType) -> Result<ArrayRef, FunctionError> {
    let nulls = NullBuffer::from(values.iter().map(|value| !matches!(value, Value::Null)).collect::<Vec<_>>());
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let unfit = |error: arrow::error::ArrowError| wrong(&error, ty);
    let int = TypeKind::Int.not_null();
    match (&ty.kind, arrow) {
        (TypeKind::Array(element), DataType::List(field)) => {
            let lists = scalars(values, ty, |value| if let Value::Array(items) = value { Some(items) } else { None })?;
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.map_or(0, Vec::len)));
            let items = column_of(lists.into_iter().flatten().flatten(), element)?;
            Ok(Arc::new(ListArray::try_new(field.clone(), offsets, items, nulls).map_err(unfit)?))
        }
        (TypeKind::Row(fields), DataType::Struct(arrow_fields)) => {
            let rows =
                scalars(
                    values,
                    ty,
                    |value| if let Value::Row(items) = value { (items.len() == fields.len()).then_some(items) } else { None },
                )?;
            if fields.is_empty() {
                return Ok(Arc::new(StructArray::new_empty_fields(values.len(), nulls)));
            }
            let column =
                |(at, field): (usize, &Field)| column_of(rows.iter().map(|row| row.map_or(&Value::Null, |row| &row[at])), &field.ty);
            let columns = fields.iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(arrow_fields.clone(), columns, nulls).map_err(unfit)?))
        }
        (TypeKind::Map(..) | TypeKind::Multiset(_), _) => {
            let (key, value) = match &ty.kind {
                TypeKind::Map(key, value) => (key.as_ref(), value.as_ref()),
                TypeKind::Multiset(element) => (element.as_ref(), &int),
                _ => return Err(wrong(ty, ty)),
            };
            let maps = scalars(values, ty, |value| if let Value::Map(entries) = value { Some(entries) } else { None })?;
            let offsets = OffsetBuffer::from_lengths(maps.iter().map(|map| map.map_or(0, Vec::len)));
            let keys = column_of(maps.iter().copied().flatten().flatten().map(|(key, _)| key), key)?;
            let held = column_of(maps.iter().copied().flatten().flatten().map(|(_, value)| value), value)?;
            map_array(arrow, offsets, keys, held, nulls).ok_or_else(|| wrong(&"a map", ty))
        }
        _ => Err(wrong(ty, ty)),
    }
}

/// A map array of an Arrow map type.
pub(crate) fn map_array(
    ty: &DataType,
    offsets: OffsetBuffer<i32>,
    keys: ArrayRef,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    let DataType::Map(field, _) = ty else { return None };
    Some(Arc::new(irmak_common::map::array(field, offsets, keys, values, nulls).ok()?))
}

/// The value of a row of an array in the Arrow type of `ty`.
pub(crate) fn from_array(array: &dyn Array, row: usize, ty: &LogicalType) -> Value {
    if array.as_any().is::<NullArray>() || array.is_null(row) {
        return Value::Null;
    }
    match (array.data_type(), &ty.kind) {
        (DataType::Boolean, _) => Value::Boolean(array.as_boolean().value(row)),
        (DataType::Int8, _) => Value::Int(array.as_primitive::<Int8Type>().value(row).into()),
        (DataType::Int16, _) => Value::Int(array.as_primitive::<Int16Type>().value(row).into()),
        (DataType::Int32, _) => Value::Int(array.as_primitive::<Int32Type>().value(row).into()),
        (DataType::Int64, _) => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        (DataType::Date32, _) => Value::Int(array.as_primitive::<Date32Type>().value(row).into()),
        (DataType::Time32(_), _) => Value::Int(array.as_primitive::<Time32MillisecondType>().value(row).into()),
        (DataType::Timestamp(TimeUnit::Millisecond, _), _) => Value::Int(array.as_primitive::<TimestampMillisecondType>().value(row)),
        (DataType::Timestamp(TimeUnit::Microsecond, _), _) => Value::Int(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        (DataType::Timestamp(TimeUnit::Nanosecond, _), _) => Value::Int(array.as_primitive::<TimestampNanosecondType>().value(row)),
        (DataType::Float32, _) => Value::Float(array.as_primitive::<Float32Type>().value(row).into()),
        (DataType::Float64, _) => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        (DataType::Decimal128(..), _) => Value::Decimal(array.as_primitive::<Decimal128Type>().value(row)),
        (DataType::Utf8, _) => Value::String(array.as_string::<i32>().value(row).to_owned()),
        (DataType::Binary, _) => Value::Bytes(array.as_binary::<i32>().value(row).to_owned()),
        (DataType::List(_), TypeKind::Array(element)) => {
            let items = array.as_list::<i32>().value(row);
            Value::Array((0..items.len()).map(|at| from_array(&items, at, element)).collect())
        }
        (DataType::Map(..), kind) => {
            let entries = array.as_map().value(row);
            let int = TypeKind::Int.not_null();
            let (key, value) = match kind {
                TypeKind::Map(key, value) => (key.as_ref(), value.as_ref()),
                TypeKind::Multiset(element) => (element.as_ref(), &int),
                _ => return Value::Null,
            };
            let entry = |at| (from_array(entry_keys(&entries), at, key), from_array(entries.column(1), at, value));
            Value::Map((0..entries.len()).map(entry).collect())
        }
        (DataType::Struct(_), TypeKind::Row(fields)) => {
            let columns = array.as_struct();
            Value::Row(fields.iter().enumerate().map(|(at, field)| from_array(columns.column(at), row, &field.ty)).collect())
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way_through_arrow() {
        let row = TypeKind::Row(vec![Field::new("a", TypeKind::Int.nullable()), Field::new("b", TypeKind::STRING.nullable())]);
        for (value, kind) in [
            (Value::Null, TypeKind::Int),
            (Value::Int(-7), TypeKind::TinyInt),
            (Value::Int(1_739_689_689_123_456), TypeKind::timestamp(6)),
            (Value::Decimal(-12345), TypeKind::Decimal { precision: 10, scale: 2 }),
            (Value::Array(vec![Value::Int(1), Value::Null]), TypeKind::Array(Box::new(TypeKind::Int.nullable()))),
            (Value::Array(vec![]), TypeKind::Array(Box::new(TypeKind::Int.nullable()))),
            (
                Value::Map(vec![(Value::String("k".into()), Value::Null), (Value::Null, Value::Int(1))]),
                TypeKind::Map(Box::new(TypeKind::STRING.nullable()), Box::new(TypeKind::Int.nullable())),
            ),
            (Value::Row(vec![Value::Int(1), Value::String("x".into())]), row),
        ] {
            let ty = kind.nullable();
            let array = to_array(&value, &ty).unwrap();
            assert_eq!(array.data_type(), &ty.kind.to_arrow());
            assert_eq!(from_array(&array, 0, &ty), value);
        }
        assert!(to_array(&Value::Int(300), &TypeKind::TinyInt.nullable()).is_err());
    }
}
