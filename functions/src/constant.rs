//! Constants: [`Value`]s to Arrow arrays and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, ListArray, MapArray, NullArray, StringArray, StructArray, Time32MillisecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, new_empty_array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use irmak_common::expr::Value;
use irmak_common::types::{LogicalType, TypeKind};

use crate::error::FunctionError;

/// An array of length 1 that holds the value, in the Arrow type of `ty`.
///
/// # Errors
/// When the value is not of the type.
pub(crate) fn to_array(value: &Value, ty: &LogicalType) -> Result<ArrayRef, FunctionError> {
    let wrong = || FunctionError::Literal { value: format!("{value:?}"), ty: ty.to_string() };
    let arrow = ty.kind.to_arrow();
    Ok(match (value, &ty.kind) {
        (Value::Null, _) => new_null_array(&arrow, 1),
        (Value::Boolean(value), TypeKind::Boolean) => Arc::new(BooleanArray::from(vec![*value])),
        (Value::Int(value), _) => integer(*value, &arrow).ok_or_else(wrong)?,
        (Value::Float(value), TypeKind::Float) => Arc::new(Float32Array::from(vec![*value as f32])),
        (Value::Float(value), TypeKind::Double) => Arc::new(Float64Array::from(vec![*value])),
        (Value::Decimal(value), TypeKind::Decimal { precision, scale }) => {
            let array = Decimal128Array::from(vec![*value]).with_precision_and_scale(*precision, *scale as i8);
            Arc::new(array.map_err(|_| wrong())?)
        }
        (Value::String(value), TypeKind::Char(_) | TypeKind::Varchar(_) | TypeKind::Symbol) => {
            Arc::new(StringArray::from(vec![value.as_str()]))
        }
        (Value::Bytes(value), TypeKind::Binary(_) | TypeKind::Varbinary(_)) => Arc::new(BinaryArray::from(vec![value.as_slice()])),
        (Value::Array(values), TypeKind::Array(element)) => {
            let DataType::List(field) = arrow else { return Err(wrong()) };
            let items = column_of(values.iter(), element)?;
            Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths([values.len()]), items, None).map_err(|_| wrong())?)
        }
        (Value::Map(entries), TypeKind::Map(..) | TypeKind::Multiset(_)) => {
            let (key, value) = match &ty.kind {
                TypeKind::Map(key, value) => (key.as_ref().clone(), value.as_ref().clone()),
                TypeKind::Multiset(element) => (element.as_ref().clone(), TypeKind::Int.not_null()),
                _ => return Err(wrong()),
            };
            let keys = column_of(entries.iter().map(|(key, _)| key), &key)?;
            let values = column_of(entries.iter().map(|(_, value)| value), &value)?;
            map_array(&arrow, OffsetBuffer::from_lengths([entries.len()]), keys, values, None).ok_or_else(wrong)?
        }
        (Value::Row(values), TypeKind::Row(fields)) if values.len() == fields.len() => {
            let DataType::Struct(arrow_fields) = arrow else { return Err(wrong()) };
            let columns = values.iter().zip(fields).map(|(value, field)| to_array(value, &field.ty)).collect::<Result<Vec<_>, _>>()?;
            if columns.is_empty() {
                Arc::new(StructArray::new_empty_fields(1, None))
            } else {
                Arc::new(StructArray::try_new(arrow_fields, columns, None).map_err(|_| wrong())?)
            }
        }
        _ => return Err(wrong()),
    })
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
    let DataType::Struct(fields) = field.data_type() else { return None };
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None).ok()?;
    Some(Arc::new(MapArray::try_new(field.clone(), offsets, entries, nulls, false).ok()?))
}

fn integer(value: i64, arrow: &DataType) -> Option<ArrayRef> {
    Some(match arrow {
        DataType::Int8 => Arc::new(Int8Array::from(vec![i8::try_from(value).ok()?])),
        DataType::Int16 => Arc::new(Int16Array::from(vec![i16::try_from(value).ok()?])),
        DataType::Int32 => Arc::new(Int32Array::from(vec![i32::try_from(value).ok()?])),
        DataType::Int64 => Arc::new(Int64Array::from(vec![value])),
        DataType::Date32 => Arc::new(Date32Array::from(vec![i32::try_from(value).ok()?])),
        DataType::Time32(_) => Arc::new(Time32MillisecondArray::from(vec![i32::try_from(value).ok()?])),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Arc::new(TimestampMillisecondArray::from(vec![value])),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Arc::new(TimestampMicrosecondArray::from(vec![value])),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Arc::new(TimestampNanosecondArray::from(vec![value])),
        _ => return None,
    })
}

/// The values of one column, in order.
pub(crate) fn column_of<'a>(values: impl Iterator<Item = &'a Value>, ty: &LogicalType) -> Result<ArrayRef, FunctionError> {
    let arrays = values.map(|value| to_array(value, ty)).collect::<Result<Vec<_>, _>>()?;
    if arrays.is_empty() {
        return Ok(new_empty_array(&ty.kind.to_arrow()));
    }
    let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    concat(&parts).map_err(|error| FunctionError::Literal { value: error.to_string(), ty: ty.to_string() })
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
            let entry = |at| (from_array(entries.column(0), at, key), from_array(entries.column(1), at, value));
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
    use irmak_common::types::Field;

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
                Value::Map(vec![(Value::String("k".into()), Value::Null)]),
                TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::Int.nullable())),
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
