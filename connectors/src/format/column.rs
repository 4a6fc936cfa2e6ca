//! Columns being filled: Arrow's buffers, appended to value by value, that can be cut back when a record turns out to be bad.
//!
//! Arrow's own builders cannot forget what was appended; a decoder that fills columns while it reads must be able to. Finishing
//! moves the buffers into arrays without copying.

use std::sync::Arc;

use arrow::array::NullBufferBuilder;
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, ListArray, NullArray, StringArray, StructArray, Time32MillisecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields, TimeUnit};
use arrow::error::ArrowError;
use irmak_common::map;
use irmak_common::types::{TypeKind, timestamp_unit};

/// A column being filled.
pub(crate) struct Column {
    pub(crate) values: Values,
    nulls: NullBufferBuilder,
}

/// What a column is made of. Length of every variant but the nested ones equals the number of rows.
pub(crate) enum Values {
    Null,
    Boolean(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal { values: Vec<i128>, precision: u8, scale: u8 },
    Date(Vec<i32>),
    Time(Vec<i32>),
    Timestamp { values: Vec<i64>, unit: TimeUnit, zoned: bool },
    Text(Bytes),
    Binary(Bytes),
    List { offsets: Vec<i32>, item: Box<Column>, field: FieldRef },
    Map { offsets: Vec<i32>, keys: Box<Column>, values: Box<Column>, entries: FieldRef },
    Row { columns: Vec<Column>, fields: Fields, names: Vec<String> },
}

/// Values of variable length: `offsets` has one more entry than there are rows.
pub(crate) struct Bytes {
    pub(crate) offsets: Vec<i32>,
    pub(crate) bytes: Vec<u8>,
}

impl Bytes {
    fn new() -> Self {
        Self { offsets: vec![0], bytes: Vec::new() }
    }

    /// Ends the value that was appended to `bytes`. Batches are bounded far below 2 GB (`limits::BATCH_BYTES_MAX`).
    pub(crate) fn end_value(&mut self) {
        self.offsets.push(self.bytes.len() as i32);
    }

    fn value(&self, row: usize) -> &[u8] {
        &self.bytes[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.bytes.truncate(self.offsets.last().copied().unwrap_or(0) as usize);
    }

    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        let (rows, size) = (self.offsets.len(), self.bytes.len());
        let mut offsets = Vec::with_capacity(rows);
        offsets.push(0);
        let offsets = std::mem::replace(&mut self.offsets, offsets);
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(size));
        (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(bytes))
    }
}

impl Column {
    /// An empty column of this type.
    pub(crate) fn new(kind: &TypeKind) -> Self {
        Self { values: Values::new(kind), nulls: NullBufferBuilder::new(0) }
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        self.nulls.len()
    }

    /// Whether the row is NULL.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        !self.nulls.is_valid(row)
    }

    /// Whether two rows hold the same value; NULL is the same as NULL.
    pub(crate) fn same(&self, a: usize, b: usize) -> bool {
        if self.is_null(a) || self.is_null(b) {
            return self.is_null(a) && self.is_null(b);
        }
        match &self.values {
            Values::Null => true,
            Values::Boolean(values) => values.get_bit(a) == values.get_bit(b),
            Values::Int8(values) => values[a] == values[b],
            Values::Int16(values) => values[a] == values[b],
            Values::Int32(values) | Values::Date(values) | Values::Time(values) => values[a] == values[b],
            Values::Int64(values) | Values::Timestamp { values, .. } => values[a] == values[b],
            Values::Float32(values) => values[a] == values[b],
            Values::Float64(values) => values[a] == values[b],
            Values::Decimal { values, .. } => values[a] == values[b],
            Values::Text(bytes) | Values::Binary(bytes) => bytes.value(a) == bytes.value(b),
            Values::List { offsets, item, .. } => same_entries(offsets, a, b, |x, y| item.same(x, y)),
            Values::Map { offsets, keys, values, .. } => same_entries(offsets, a, b, |x, y| keys.same(x, y) && values.same(x, y)),
            Values::Row { columns, .. } => columns.iter().all(|column| column.same(a, b)),
        }
    }

    /// Marks the row whose value was just appended to `values` as present.
    #[inline]
    pub(crate) fn present(&mut self) {
        self.nulls.append_non_null();
    }

    /// Appends NULL.
    pub(crate) fn push_null(&mut self) {
        self.nulls.append_null();
        match &mut self.values {
            Values::Null => {}
            Values::Boolean(values) => values.append(false),
            Values::Int8(values) => values.push(0),
            Values::Int16(values) => values.push(0),
            Values::Int32(values) | Values::Date(values) | Values::Time(values) => values.push(0),
            Values::Int64(values) | Values::Timestamp { values, .. } => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::Decimal { values, .. } => values.push(0),
            Values::Text(bytes) | Values::Binary(bytes) => bytes.end_value(),
            Values::List { offsets, .. } | Values::Map { offsets, .. } => offsets.push(offsets.last().copied().unwrap_or(0)),
            Values::Row { columns, .. } => columns.iter_mut().for_each(Self::push_null),
        }
    }

    /// Cuts back to the first `len` rows, also what a value begun and not finished has left.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.nulls.truncate(len.min(self.nulls.len()));
        match &mut self.values {
            Values::Null => {}
            Values::Boolean(values) => values.truncate(len.min(values.len())),
            Values::Int8(values) => values.truncate(len),
            Values::Int16(values) => values.truncate(len),
            Values::Int32(values) | Values::Date(values) | Values::Time(values) => values.truncate(len),
            Values::Int64(values) | Values::Timestamp { values, .. } => values.truncate(len),
            Values::Float32(values) => values.truncate(len),
            Values::Float64(values) => values.truncate(len),
            Values::Decimal { values, .. } => values.truncate(len),
            Values::Text(bytes) | Values::Binary(bytes) => bytes.truncate(len),
            Values::List { offsets, item, .. } => {
                offsets.truncate(len + 1);
                item.truncate(offsets.last().copied().unwrap_or(0) as usize);
            }
            Values::Map { offsets, keys, values, .. } => {
                offsets.truncate(len + 1);
                let entries = offsets.last().copied().unwrap_or(0) as usize;
                keys.truncate(entries);
                values.truncate(entries);
            }
            Values::Row { columns, .. } => columns.iter_mut().for_each(|column| column.truncate(len)),
        }
    }

    /// The rows as an array; the column is empty again and remembers how much room it needed.
    ///
    /// # Errors
    /// Never for columns that were filled as described; Arrow checks it all the same.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let len = self.nulls.len();
        let nulls = self.nulls.finish();
        self.values.finish(len, nulls)
    }
}

impl Values {
    fn new(kind: &TypeKind) -> Self {
        match kind {
            TypeKind::Null | TypeKind::Symbol => Self::Null,
            TypeKind::Char(_) | TypeKind::Varchar(_) => Self::Text(Bytes::new()),
            TypeKind::Binary(_) | TypeKind::Varbinary(_) => Self::Binary(Bytes::new()),
            TypeKind::Boolean => Self::Boolean(BooleanBufferBuilder::new(0)),
            TypeKind::TinyInt => Self::Int8(Vec::new()),
            TypeKind::SmallInt => Self::Int16(Vec::new()),
            TypeKind::Int | TypeKind::IntervalYearMonth { .. } => Self::Int32(Vec::new()),
            TypeKind::BigInt | TypeKind::IntervalDayTime { .. } => Self::Int64(Vec::new()),
            TypeKind::Float => Self::Float32(Vec::new()),
            TypeKind::Double => Self::Float64(Vec::new()),
            TypeKind::Decimal { precision, scale } => Self::Decimal { values: Vec::new(), precision: *precision, scale: *scale },
            TypeKind::Date => Self::Date(Vec::new()),
            TypeKind::Time(_) => Self::Time(Vec::new()),
            TypeKind::Timestamp { precision, .. } => Self::Timestamp { values: Vec::new(), unit: timestamp_unit(*precision), zoned: false },
            TypeKind::TimestampLtz { precision, .. } => {
                Self::Timestamp { values: Vec::new(), unit: timestamp_unit(*precision), zoned: true }
            }
            TypeKind::Array(element) => {
                Self::List { offsets: vec![0], item: Box::new(Column::new(&element.kind)), field: list_field(kind) }
            }
            TypeKind::Map(key, value) => Self::map(kind, &key.kind, &value.kind),
            TypeKind::Multiset(element) => Self::map(kind, &element.kind, &TypeKind::Int),
            TypeKind::Row(fields) => Self::Row {
                columns: fields.iter().map(|field| Column::new(&field.ty.kind)).collect(),
                fields: match kind.to_arrow() {
                    DataType::Struct(fields) => fields,
                    _ => Fields::empty(),
                },
                names: fields.iter().map(|field| field.name.clone()).collect(),
            },
        }
    }

    fn map(kind: &TypeKind, key: &TypeKind, value: &TypeKind) -> Self {
        let entries = list_field(kind);
        let (keys, values) = (Box::new(Column::new(key)), Box::new(Column::new(value)));
        Self::Map { offsets: vec![0], keys, values, entries }
    }

    fn finish(&mut self, len: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Null => Arc::new(NullArray::new(len)),
            Self::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Self::Int8(values) => Arc::new(Int8Array::try_new(take(values), nulls)?),
            Self::Int16(values) => Arc::new(Int16Array::try_new(take(values), nulls)?),
            Self::Int32(values) => Arc::new(Int32Array::try_new(take(values), nulls)?),
            Self::Int64(values) => Arc::new(Int64Array::try_new(take(values), nulls)?),
            Self::Float32(values) => Arc::new(Float32Array::try_new(take(values), nulls)?),
            Self::Float64(values) => Arc::new(Float64Array::try_new(take(values), nulls)?),
            Self::Decimal { values, precision, scale } => {
                Arc::new(Decimal128Array::try_new(take(values), nulls)?.with_precision_and_scale(*precision, *scale as i8)?)
            }
            Self::Date(values) => Arc::new(Date32Array::try_new(take(values), nulls)?),
            Self::Time(values) => Arc::new(Time32MillisecondArray::try_new(take(values), nulls)?),
            Self::Timestamp { values, unit: TimeUnit::Nanosecond, .. } => Arc::new(TimestampNanosecondArray::try_new(take(values), nulls)?),
            Self::Timestamp { values, unit: TimeUnit::Microsecond, .. } => {
                Arc::new(TimestampMicrosecondArray::try_new(take(values), nulls)?)
            }
            Self::Timestamp { values, .. } => Arc::new(TimestampMillisecondArray::try_new(take(values), nulls)?),
            Self::Text(bytes) => {
                let (offsets, bytes) = bytes.take();
                Arc::new(StringArray::try_new(offsets, bytes, nulls)?)
            }
            Self::Binary(bytes) => {
                let (offsets, bytes) = bytes.take();
                Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?)
            }
            Self::List { offsets, item, field } => {
                let offsets = std::mem::replace(offsets, vec![0]);
                Arc::new(ListArray::try_new(field.clone(), OffsetBuffer::new(offsets.into()), item.finish()?, nulls)?)
            }
            Self::Map { offsets, keys, values, entries } => {
                let offsets = std::mem::replace(offsets, vec![0]);
                Arc::new(map::array(entries, OffsetBuffer::new(offsets.into()), keys.finish()?, values.finish()?, nulls)?)
            }
            Self::Row { columns, fields, .. } => {
                let columns = columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>, _>>()?;
                Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, len)?)
            }
        })
    }
}

/// Whether what lies between the offsets of two rows is the same, entry for entry.
fn same_entries(offsets: &[i32], a: usize, b: usize, same: impl Fn(usize, usize) -> bool) -> bool {
    let range = |row: usize| offsets[row] as usize..offsets[row + 1] as usize;
    range(a).len() == range(b).len() && range(a).zip(range(b)).all(|(x, y)| same(x, y))
}

/// The values, leaving room for as many.
fn take<T: arrow::datatypes::ArrowNativeType>(values: &mut Vec<T>) -> ScalarBuffer<T> {
    let room = Vec::with_capacity(values.len());
    ScalarBuffer::from(std::mem::replace(values, room))
}

/// The field of a list's items or a map's entries.
fn list_field(kind: &TypeKind) -> FieldRef {
    match kind.to_arrow() {
        DataType::List(field) | DataType::Map(field, _) => field,
        other => Arc::new(arrow::datatypes::Field::new("item", other, true)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use irmak_common::types::Field;

    use super::*;

    fn push(column: &mut Column, value: i32) {
        match &mut column.values {
            Values::Int32(values) => values.push(value),
            Values::Text(bytes) => {
                bytes.bytes.extend_from_slice(value.to_string().as_bytes());
                bytes.end_value();
            }
            Values::List { offsets, item, .. } => {
                push(item, value);
                offsets.push(item.len() as i32);
            }
            Values::Map { offsets, keys, values, .. } => {
                push(keys, value);
                push(values, value);
                offsets.push(keys.len() as i32);
            }
            Values::Row { columns, .. } => columns.iter_mut().for_each(|column| push(column, value)),
            _ => panic!("no such column here"),
        }
        column.present();
    }

    #[test]
    fn what_is_cut_back_was_never_there() {
        let int = TypeKind::Int.nullable();
        let kinds = [
            TypeKind::Int,
            TypeKind::STRING,
            TypeKind::Array(Box::new(int.clone())),
            TypeKind::Map(Box::new(TypeKind::STRING.nullable()), Box::new(int.clone())),
            TypeKind::Row(vec![Field::new("a", int), Field::new("b", TypeKind::STRING.nullable())]),
        ];
        for kind in kinds {
            let (mut cut, mut plain) = (Column::new(&kind), Column::new(&kind));
            for value in 0..5 {
                push(&mut plain, value);
                push(&mut cut, value);
                push(&mut cut, 77);
                cut.push_null();
                cut.truncate(value as usize + 1);
            }
            plain.push_null();
            cut.push_null();
            let (cut, plain) = (cut.finish().unwrap(), plain.finish().unwrap());
            assert_eq!(cut.as_ref(), plain.as_ref(), "{kind}");
            assert_eq!(cut.data_type(), &kind.to_arrow());
            assert_eq!(cut.len(), 6);
        }
    }
}
