//! The cells of a column about to be written, with the type of the column resolved once a batch instead of once a cell.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, ListArray, MapArray, StringArray, StructArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use irmak_common::types::TypeKind;

/// A column's cells. Validity is asked of `array`.
pub(crate) struct Cells<'a> {
    pub(crate) array: &'a dyn Array,
    pub(crate) values: CellValues<'a>,
}

/// The values behind a column, by what they mean.
pub(crate) enum CellValues<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal { values: &'a [i128], scale: u32 },
    Date(&'a [i32]),
    Time(&'a [i32]),
    Timestamp { values: &'a [i64], unit: TimeUnit, zoned: bool },
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
    List { list: &'a ListArray, item: Box<Cells<'a>> },
    Map { map: &'a MapArray, keys: Box<Cells<'a>>, values: Box<Cells<'a>> },
    Row { names: Vec<&'a str>, columns: Vec<Cells<'a>> },
}

impl<'a> Cells<'a> {
    /// The cells of `array`, which holds values of `kind`. `None` where the array is of another type: a fault of the planner.
    pub(crate) fn new(array: &'a ArrayRef, kind: &'a TypeKind) -> Option<Self> {
        Some(Self { values: CellValues::new(array, kind)?, array })
    }

    /// Whether the cell is NULL.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        matches!(self.values, CellValues::Null) || self.array.is_null(row)
    }
}

impl<'a> CellValues<'a> {
    fn new(array: &'a ArrayRef, kind: &'a TypeKind) -> Option<Self> {
        Some(match (kind, array.data_type()) {
            (TypeKind::Null, _) => Self::Null,
            (TypeKind::Boolean, DataType::Boolean) => Self::Boolean(array.as_boolean_opt()?),
            (TypeKind::TinyInt, _) => Self::Int8(array.as_primitive_opt::<Int8Type>()?.values()),
            (TypeKind::SmallInt, _) => Self::Int16(array.as_primitive_opt::<Int16Type>()?.values()),
            (TypeKind::Int | TypeKind::IntervalYearMonth { .. }, _) => Self::Int32(array.as_primitive_opt::<Int32Type>()?.values()),
            (TypeKind::BigInt | TypeKind::IntervalDayTime { .. }, _) => Self::Int64(array.as_primitive_opt::<Int64Type>()?.values()),
            (TypeKind::Float, _) => Self::Float32(array.as_primitive_opt::<Float32Type>()?.values()),
            (TypeKind::Double, _) => Self::Float64(array.as_primitive_opt::<Float64Type>()?.values()),
            (TypeKind::Decimal { scale, .. }, _) => {
                Self::Decimal { values: array.as_primitive_opt::<Decimal128Type>()?.values(), scale: u32::from(*scale) }
            }
            (TypeKind::Date, _) => Self::Date(array.as_primitive_opt::<Date32Type>()?.values()),
            (TypeKind::Time(_), _) => Self::Time(array.as_primitive_opt::<Time32MillisecondType>()?.values()),
            (TypeKind::Timestamp { .. }, _) => timestamps(array, false)?,
            (TypeKind::TimestampLtz { .. }, _) => timestamps(array, true)?,
            (TypeKind::Char(_) | TypeKind::Varchar(_), _) => Self::Text(array.as_string_opt::<i32>()?),
            (TypeKind::Binary(_) | TypeKind::Varbinary(_), _) => Self::Binary(array.as_binary_opt::<i32>()?),
            (TypeKind::Array(element), _) => {
                let list = array.as_list_opt::<i32>()?;
                Self::List { list, item: Box::new(Cells::new(list.values(), &element.kind)?) }
            }
            (TypeKind::Map(key, value), _) => map(array, &key.kind, &value.kind)?,
            (TypeKind::Multiset(element), _) => map(array, &element.kind, &TypeKind::Int)?,
            (TypeKind::Row(fields), _) => {
                let row: &StructArray = array.as_struct_opt()?;
                let columns = row.columns().iter().zip(fields).map(|(column, field)| Cells::new(column, &field.ty.kind));
                Self::Row { names: fields.iter().map(|field| field.name.as_str()).collect(), columns: columns.collect::<Option<_>>()? }
            }
            _ => return None,
        })
    }
}

fn timestamps(array: &ArrayRef, zoned: bool) -> Option<CellValues<'_>> {
    let (values, unit): (&[i64], _) = match array.data_type() {
        DataType::Timestamp(unit @ TimeUnit::Nanosecond, _) => (array.as_primitive_opt::<TimestampNanosecondType>()?.values(), *unit),
        DataType::Timestamp(unit @ TimeUnit::Microsecond, _) => (array.as_primitive_opt::<TimestampMicrosecondType>()?.values(), *unit),
        DataType::Timestamp(unit @ TimeUnit::Millisecond, _) => (array.as_primitive_opt::<TimestampMillisecondType>()?.values(), *unit),
        _ => return None,
    };
    Some(CellValues::Timestamp { values, unit, zoned })
}

fn map<'a>(array: &'a ArrayRef, key: &'a TypeKind, value: &'a TypeKind) -> Option<CellValues<'a>> {
    let map = array.as_map_opt()?;
    let (keys, values) = (Cells::new(irmak_common::map::keys(map), key)?, Cells::new(map.values(), value)?);
    Some(CellValues::Map { map, keys: Box::new(keys), values: Box::new(values) })
}

/// The cells of all columns of a batch.
pub(crate) fn cells_of<'a>(columns: &'a [ArrayRef], kinds: &'a [TypeKind]) -> Option<Vec<Cells<'a>>> {
    if columns.len() < kinds.len() {
        return None;
    }
    columns.iter().zip(kinds).map(|(column, kind)| Cells::new(column, kind)).collect()
}
