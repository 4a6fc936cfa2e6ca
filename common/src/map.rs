//! How maps lie in Arrow: a NULL key is allowed in Flink and forbidden in Arrow, so each key stands in a row of its own.
//!
//! `Map<entries: Struct<keys: Struct<key: K>, values: V>>`: the rows of one field are never NULL, the keys in them may be. Whoever
//! builds or reads a map does it through this file.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, MapArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;

/// The type of maps from `key` to `value`.
pub fn data_type(key: DataType, value: DataType) -> DataType {
    let keys = DataType::Struct(Fields::from(vec![Field::new("key", key, true)]));
    let entries = Fields::from(vec![Field::new("keys", keys, false), Field::new("values", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
}

/// The maps whose entries these are. `field` is that of [`data_type`]'s entries.
///
/// # Errors
/// When the columns are not of the field's types, or not as long as the offsets say.
pub fn array(
    field: &FieldRef,
    offsets: OffsetBuffer<i32>,
    keys: ArrayRef,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<MapArray, ArrowError> {
    let unfit = || ArrowError::InvalidArgumentError(format!("entries of the Arrow type {}", field.data_type()));
    let DataType::Struct(fields) = field.data_type() else { return Err(unfit()) };
    let Some(DataType::Struct(key)) = fields.first().map(|keys| keys.data_type()) else { return Err(unfit()) };
    let keys = Arc::new(StructArray::try_new(key.clone(), vec![keys], None)?);
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    MapArray::try_new(Arc::clone(field), offsets, entries, nulls, false)
}

/// The type of the keys in maps of [`data_type`]'s type.
pub fn key_type(maps: &DataType) -> Option<&DataType> {
    let DataType::Map(entries, _) = maps else { return None };
    let DataType::Struct(fields) = entries.data_type() else { return None };
    match fields.first()?.data_type() {
        DataType::Struct(key) => Some(key.first()?.data_type()),
        _ => None,
    }
}

/// The keys of all maps.
pub fn keys(maps: &MapArray) -> &ArrayRef {
    unpacked(maps.keys())
}

/// The keys of one map's entries.
pub fn entry_keys(entries: &StructArray) -> &ArrayRef {
    unpacked(entries.column(0))
}

fn unpacked(keys: &ArrayRef) -> &ArrayRef {
    keys.as_struct_opt().and_then(|rows| rows.columns().first()).unwrap_or(keys)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, Int32Array, StringArray, UInt32Array};
    use arrow::compute::{concat, interleave, take};

    use super::*;

    #[test]
    fn a_key_may_be_null_and_survives_what_batches_go_through() {
        let ty = data_type(DataType::Utf8, DataType::Int32);
        let DataType::Map(field, _) = &ty else { panic!("no map") };
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("b")]));
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), Some(2), None]));
        let nulls = NullBuffer::from(vec![true, false, true]);
        let maps = array(field, OffsetBuffer::from_lengths([2, 0, 1]), texts, numbers, Some(nulls)).unwrap();
        assert_eq!((maps.data_type(), key_type(&ty)), (&ty, Some(&DataType::Utf8)));
        assert!(keys(&maps).is_null(1) && !maps.keys().is_null(1));
        let all: ArrayRef = Arc::new(maps.clone());
        let taken = take(&all, &UInt32Array::from(vec![0, 1, 2]), None).unwrap();
        let joined = concat(&[&maps.slice(0, 1), &maps.slice(1, 2)]).unwrap();
        let mixed = interleave(&[&maps, &maps], &[(1, 0), (0, 1), (0, 2)]).unwrap();
        for copy in [&taken, &joined, &mixed] {
            assert_eq!(copy.as_ref(), all.as_ref());
            assert!(entry_keys(&copy.as_map().value(0)).is_null(1));
        }
    }
}
