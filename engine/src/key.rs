//! Keys: how the key columns of a row become bytes, and the bytes a hash.
//!
//! The encoding is injective, the same on every machine, and part of the stored format, as is the hash (`xxh3_64` of the encoding):
//! the shuffle and the keyed state use the same, so a row is always sent to the subtask that owns its key group.
//!
//! A key is laid out as
//!
//! ```text
//! null bits, one a column | fixed cells, little endian, zero where NULL | u32 lengths of variable cells | their bytes, in order
//! ```
//!
//! Equality is Flink's for `BinaryRowData`: NULL equals NULL, `-0.0` and `0.0` differ, all NaN are one, maps are equal whose entries are
//! in their order (equal maps come in the order of Java's hash table). ARRAY, MAP, MULTISET and ROW cells are in Arrow's row format. Knows nothing of windows or aggregates.

mod decode;
mod encode;

use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use irmak_common::time::Millis;
use irmak_common::types::Schema;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::EngineError;

pub(crate) use decode::KeyColumns;
pub use encode::KeyEncoder;

/// How one key column is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// The type `NULL`: nothing but the null bit.
    Nothing,
    /// One byte, 0 or 1, at this offset.
    Boolean(usize),
    /// `width` bytes at this offset.
    Fixed { offset: usize, width: usize },
    /// A u32 length at this offset, and so many bytes behind the header.
    Bytes(usize),
    /// The same, holding Arrow's row format.
    Nested(usize),
}

#[derive(Clone, Debug)]
struct Cell {
    /// Position in the batch.
    column: usize,
    data_type: DataType,
    layout: Layout,
}

/// The layout of a key of certain columns.
#[derive(Clone, Debug)]
pub(crate) struct KeyFormat {
    cells: Vec<Cell>,
    /// Bytes before the first variable cell.
    header: usize,
}

impl KeyFormat {
    /// The layout of a key made of these columns of a batch.
    ///
    /// # Errors
    /// A column that does not exist.
    pub(crate) fn new(schema: &Schema, columns: &[usize]) -> Result<Self, EngineError> {
        let types = columns
            .iter()
            .map(|&column| schema.fields.get(column).map(|field| (column, field.ty.kind.to_arrow())))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| EngineError::plan(format!("key columns {columns:?} of {} columns", schema.len())))?;
        Self::of_types(types)
    }

    /// The layout of whole rows, to be kept and read back.
    pub(crate) fn of_rows(schema: &Schema) -> Result<Self, EngineError> {
        Self::of_types(schema.fields.iter().enumerate().map(|(column, field)| (column, field.ty.kind.to_arrow())).collect())
    }

    /// The layout of a key made of (position, type) pairs.
    pub(crate) fn of_types(types: Vec<(usize, DataType)>) -> Result<Self, EngineError> {
        let mut header = types.len().div_ceil(8);
        let mut cells = Vec::with_capacity(types.len());
        for (column, data_type) in types {
            let layout = layout_of(&data_type, header)?;
            header += match layout {
                Layout::Nothing => 0,
                Layout::Boolean(_) => 1,
                Layout::Fixed { width, .. } => width,
                Layout::Bytes(_) | Layout::Nested(_) => 4,
            };
            cells.push(Cell { column, data_type, layout });
        }
        Ok(Self { cells, header })
    }

    /// How many columns.
    pub(crate) fn width(&self) -> usize {
        self.cells.len()
    }

    /// What the stored keys depend on, as text.
    pub(crate) fn fingerprint(&self) -> String {
        self.cells.iter().map(|cell| format!("{:?};", cell.data_type)).collect()
    }

    /// Whether bytes read from a snapshot are a key of this format.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        if key.len() < self.header {
            return false;
        }
        let variable: usize = self
            .cells
            .iter()
            .map(|cell| match cell.layout {
                Layout::Bytes(at) | Layout::Nested(at) => read_length(key, at),
                _ => 0,
            })
            .sum();
        key.len() == self.header + variable
    }
}

fn layout_of(data_type: &DataType, offset: usize) -> Result<Layout, EngineError> {
    let fixed = |width| Ok(Layout::Fixed { offset, width });
    match data_type {
        DataType::Null => Ok(Layout::Nothing),
        DataType::Boolean => Ok(Layout::Boolean(offset)),
        DataType::Int8 => fixed(1),
        DataType::Int16 => fixed(2),
        DataType::Int32 | DataType::Date32 | DataType::Time32(_) | DataType::Float32 => fixed(4),
        DataType::Int64 | DataType::Timestamp(..) | DataType::Float64 => fixed(8),
        DataType::Decimal128(..) => fixed(16),
        DataType::Utf8 | DataType::Binary => Ok(Layout::Bytes(offset)),
        nested if RowConverter::supports_fields(&[SortField::new(nested.clone())]) => Ok(Layout::Nested(offset)),
        other => Err(EngineError::Unsupported {
            what: format!("a key or distinct value of the Arrow type {other}"),
            instead: "group by the parts of the value, or by its text (CAST AS STRING)".into(),
        }),
    }
}

/// The hash of a key of two TIMESTAMP(3) columns that are not NULL.
pub(crate) fn hash_of_times(times: [Millis; 2]) -> u64 {
    let mut key = [0; 17];
    key[1..9].copy_from_slice(&times[0].to_le_bytes());
    key[9..].copy_from_slice(&times[1].to_le_bytes());
    xxh3_64(&key)
}

/// `N` bytes of a key at an offset; zeros behind its end, which a well-formed key never asks for.
fn read<const N: usize>(key: &[u8], at: usize) -> [u8; N] {
    key.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
}

fn read_length(key: &[u8], at: usize) -> usize {
    u32::from_le_bytes(read(key, at)) as usize
}

/// Whether a key's cell is NULL.
pub(crate) fn is_null(key: &[u8], cell: usize) -> bool {
    key.get(cell / 8).is_some_and(|bits| bits & (1 << (cell % 8)) != 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{
        Array, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int32Builder, Int64Array, ListArray, MapBuilder,
        NullArray, StringArray, StringBuilder, TimestampMillisecondArray,
    };
    use arrow::datatypes::{Field as ArrowField, Int32Type, Schema as ArrowSchema};
    use arrow::record_batch::RecordBatch;
    use irmak_common::types::{Field, TypeKind};
    use proptest::prelude::*;

    fn batch(columns: Vec<ArrayRef>) -> (Schema, RecordBatch) {
        let fields = columns.iter().enumerate().map(|(i, column)| ArrowField::new(format!("c{i}"), column.data_type().clone(), true));
        let schema = ArrowSchema::new(fields.collect::<Vec<_>>());
        let logical = columns.iter().enumerate().map(|(i, column)| Field::new(format!("c{i}"), logical(column.data_type())));
        (Schema::new(logical.collect()), RecordBatch::try_new(Arc::new(schema), columns).unwrap())
    }

    fn logical(data_type: &DataType) -> irmak_common::types::LogicalType {
        match data_type {
            DataType::Int32 => TypeKind::Int,
            DataType::Int64 => TypeKind::BigInt,
            DataType::Float64 => TypeKind::Double,
            DataType::Utf8 => TypeKind::STRING,
            DataType::Boolean => TypeKind::Boolean,
            DataType::Null => TypeKind::Null,
            DataType::Timestamp(..) => TypeKind::timestamp(3),
            DataType::Decimal128(precision, scale) => TypeKind::Decimal { precision: *precision, scale: *scale as u8 },
            DataType::List(_) => TypeKind::Array(Box::new(TypeKind::Int.nullable())),
            other => panic!("{other}"),
        }
        .nullable()
    }

    fn round_trip(columns: Vec<ArrayRef>) {
        let (schema, batch) = batch(columns);
        let all: Vec<usize> = (0..schema.len()).collect();
        let mut encoder = KeyEncoder::new(&schema, &all).unwrap();
        encoder.encode(&batch).unwrap();
        let mut decoded = KeyColumns::new(encoder.format());
        decoded.append((0..batch.num_rows()).map(|row| encoder.key(row)));
        for row in 0..batch.num_rows() {
            assert!(encoder.format().holds(encoder.key(row)));
        }
        assert_eq!(decoded.finish().unwrap(), batch.columns());
    }

    #[test]
    fn keys_of_every_type_are_read_back() {
        round_trip(vec![
            Arc::new(Int32Array::from(vec![Some(1), None, Some(-7)])),
            Arc::new(StringArray::from(vec![Some("é😀"), Some(""), None])),
            Arc::new(NullArray::new(3)),
            Arc::new(BooleanArray::from(vec![None, Some(true), Some(false)])),
            Arc::new(Float64Array::from(vec![Some(-0.0), Some(f64::INFINITY), None])),
            Arc::new(Decimal128Array::from(vec![Some(-1), None, Some(i128::from(u64::MAX))]).with_precision_and_scale(38, 4).unwrap()),
            Arc::new(TimestampMillisecondArray::from(vec![Some(-1), None, Some(i64::MAX)])),
            Arc::new(StringArray::from(vec![None, Some("a"), Some("bc")])),
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(vec![]), None])),
        ]);
        round_trip(vec![Arc::new(Int64Array::from(vec![Some(5)]))]);
    }

    #[test]
    fn zeros_differ_by_sign_and_all_nans_are_one_key() {
        let nan = f64::from_bits(f64::NAN.to_bits() ^ 1);
        let (schema, batch) = batch(vec![Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, nan, -f64::NAN]))]);
        let mut encoder = KeyEncoder::new(&schema, &[0]).unwrap();
        let mut hashes = Vec::new();
        encoder.hashes(&batch, &mut hashes).unwrap();
        assert_ne!(hashes[0], hashes[1]);
        assert!(hashes[2] == hashes[3] && hashes[3] == hashes[4]);
    }

    #[test]
    fn the_encoding_is_the_stored_one() {
        let (schema, batch) =
            batch(vec![Arc::new(Int32Array::from(vec![Some(7), None])), Arc::new(StringArray::from(vec![Some("ab"), Some("")]))]);
        let mut encoder = KeyEncoder::new(&schema, &[1, 0]).unwrap();
        encoder.encode(&batch).unwrap();
        assert_eq!(encoder.key(0), [0, 2, 0, 0, 0, 7, 0, 0, 0, b'a', b'b']);
        assert_eq!(encoder.key(1), [2, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encoder.hash(0), xxh3_64(&[0, 2, 0, 0, 0, 7, 0, 0, 0, b'a', b'b']));
    }

    #[test]
    fn no_key_columns_give_one_empty_key() {
        let (schema, batch) = batch(vec![Arc::new(Int32Array::from(vec![1, 2]))]);
        let mut encoder = KeyEncoder::new(&schema, &[]).unwrap();
        encoder.encode(&batch).unwrap();
        assert_eq!((encoder.key(0), encoder.key(1)), (&[][..], &[][..]));
    }

    #[test]
    fn a_sliced_batch_has_the_keys_of_its_rows() {
        let (schema, batch) = batch(vec![
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3), Some(4)])),
            Arc::new(StringArray::from(vec![Some("x"), Some("yy"), None, Some("zzz")])),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(true), Some(false)])),
        ]);
        let (mut whole, mut part) = (KeyEncoder::new(&schema, &[0, 1, 2]).unwrap(), KeyEncoder::new(&schema, &[0, 1, 2]).unwrap());
        whole.encode(&batch).unwrap();
        part.encode(&batch.slice(1, 3)).unwrap();
        for row in 0..3 {
            assert_eq!(part.key(row), whole.key(row + 1));
        }
    }

    #[test]
    fn a_window_hashes_as_its_two_columns() {
        let times = |time| Arc::new(TimestampMillisecondArray::from(vec![time])) as ArrayRef;
        let (schema, batch) = batch(vec![times(-5), times(7)]);
        let mut encoder = KeyEncoder::new(&schema, &[0, 1]).unwrap();
        encoder.encode(&batch).unwrap();
        assert_eq!(encoder.hash(0), hash_of_times([-5, 7]));
    }

    #[test]
    fn maps_are_keys_by_their_entries() {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
        for entries in [Some(vec![("k", Some(1))]), Some(vec![]), None, Some(vec![("k", None)]), Some(vec![("k", Some(1))]), None] {
            for (key, value) in entries.iter().flatten() {
                builder.keys().append_value(key);
                builder.values().append_option(*value);
            }
            builder.append(entries.is_some()).unwrap();
        }
        let maps = builder.finish();
        let mut encoder = KeyEncoder::of_format(KeyFormat::of_types(vec![(0, maps.data_type().clone())]).unwrap()).unwrap();
        let fields = vec![ArrowField::new("m", maps.data_type().clone(), true)];
        let batch = RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), vec![Arc::new(maps)]).unwrap();
        encoder.encode(&batch).unwrap();
        let keys: Vec<&[u8]> = (0..6).map(|row| encoder.key(row)).collect();
        assert!(keys[0] == keys[4] && keys[2] == keys[5]);
        for (a, b) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            assert_ne!(keys[a], keys[b], "{a} {b}");
        }
        let mut decoded = KeyColumns::new(encoder.format());
        decoded.append(keys.into_iter());
        assert_eq!(decoded.finish().unwrap(), batch.columns());
    }

    proptest! {
        #[test]
        fn different_keys_have_different_encodings(
            rows in prop::collection::vec((prop::option::of(any::<i32>()), prop::option::of("[ab]{0,2}"), prop::option::of("[ab]{0,2}")), 1..40)
        ) {
            let (schema, batch) = batch(vec![
                Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1.clone()))),
                Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.0))),
                Arc::new(StringArray::from_iter(rows.iter().map(|row| row.2.clone()))),
            ]);
            let mut encoder = KeyEncoder::new(&schema, &[0, 1, 2]).unwrap();
            encoder.encode(&batch).unwrap();
            for a in 0..rows.len() {
                for b in 0..rows.len() {
                    prop_assert_eq!(encoder.key(a) == encoder.key(b), rows[a] == rows[b]);
                }
            }
        }
    }
}
