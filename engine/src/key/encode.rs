//! Key columns to bytes, a batch at a time and a column at a time. The hot path: nothing is allocated per row.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};
use irmak_common::types::Schema;
use xxhash_rust::xxh3::xxh3_64;

use super::{KeyFormat, Layout};
use crate::error::EngineError;

/// Encodes and hashes the key columns of batches.
#[derive(Debug)]
pub struct KeyEncoder {
    format: KeyFormat,
    /// Where the key of each row begins; one more for the end.
    starts: Vec<usize>,
    /// Where the next variable cell of each row goes.
    cursors: Vec<usize>,
    bytes: Vec<u8>,
    hashes: Vec<u64>,
    /// One a key column; `Some` for ARRAY, MAP, MULTISET and ROW.
    nested: Vec<Option<RowConverter>>,
}

impl KeyEncoder {
    /// An encoder for batches of `schema`, keyed by these columns in this order.
    ///
    /// # Errors
    /// [`EngineError::Plan`] for columns that do not exist.
    pub fn new(schema: &Schema, columns: &[usize]) -> Result<Self, EngineError> {
        Self::of_format(KeyFormat::new(schema, columns)?)
    }

    pub(crate) fn of_format(format: KeyFormat) -> Result<Self, EngineError> {
        let nested = format
            .cells
            .iter()
            .map(|cell| match cell.layout {
                Layout::Nested(_) => RowConverter::new(vec![SortField::new(cell.data_type.clone())]).map(Some),
                _ => Ok(None),
            })
            .collect::<Result<_, _>>()
            .map_err(EngineError::arrow("preparing the encoding of a nested key"))?;
        Ok(Self { format, starts: Vec::new(), cursors: Vec::new(), bytes: Vec::new(), hashes: Vec::new(), nested })
    }

    /// The hash of each row's key, in order; `out` is cleared first. `KeyGroup::of_hash` makes the key group of it.
    ///
    /// # Errors
    /// [`EngineError::Column`] when the batch is not of the schema.
    pub fn hashes(&mut self, batch: &RecordBatch, out: &mut Vec<u64>) -> Result<(), EngineError> {
        self.encode(batch)?;
        out.clear();
        out.extend_from_slice(&self.hashes);
        Ok(())
    }

    /// Encodes and hashes all rows; [`Self::key`] and [`Self::hash`] speak of this batch until the next.
    pub(crate) fn encode(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let mut columns = Vec::with_capacity(self.format.cells.len());
        for cell in &self.format.cells {
            let column = batch.columns().get(cell.column);
            columns.push(column.filter(|column| column.data_type() == &cell.data_type).cloned().ok_or_else(|| EngineError::Column {
                column: cell.column,
                expected: cell.data_type.to_string(),
                found: column.map_or_else(|| "none".into(), |column| column.data_type().to_string()),
            })?);
        }
        self.encode_columns(&columns, batch.num_rows())
    }

    /// The same for the key columns alone, which the caller has checked, in the format's order.
    pub(crate) fn encode_columns(&mut self, columns: &[ArrayRef], rows: usize) -> Result<(), EngineError> {
        let nested = self.convert_nested(columns)?;
        self.lay_out(columns, &nested, rows);
        for (index, column) in columns.iter().enumerate() {
            mark_nulls(&mut self.bytes, &self.starts, index, column.nulls());
            match self.format.cells[index].layout {
                Layout::Nothing => (0..rows).for_each(|row| self.bytes[self.starts[row] + index / 8] |= 1 << (index % 8)),
                Layout::Boolean(offset) => {
                    let values = column.as_boolean();
                    let cells = (0..rows).map(|row| [u8::from(values.is_valid(row) && values.value(row))]);
                    put(&mut self.bytes, &self.starts, offset, None, cells);
                }
                Layout::Fixed { offset, width } => put_fixed(&mut self.bytes, &self.starts, offset, width, column),
                Layout::Bytes(offset) => self.put_bytes(offset, column),
                Layout::Nested(offset) => {
                    let Some(rows) = &nested[index] else { continue };
                    let cells = rows.iter().enumerate().map(|(row, cell)| if column.is_null(row) { &[][..] } else { cell.data() });
                    put_variable(&mut self.bytes, &self.starts, &mut self.cursors, offset, cells);
                }
            }
        }
        self.hashes.clear();
        let Self { hashes, starts, bytes, .. } = self;
        hashes.extend(starts.windows(2).map(|row| xxh3_64(&bytes[row[0]..row[1]])));
        Ok(())
    }

    /// The encoded key of a row of the batch encoded last.
    pub(crate) fn key(&self, row: usize) -> &[u8] {
        &self.bytes[self.starts[row]..self.starts[row + 1]]
    }

    /// The hash of that key.
    pub(crate) fn hash(&self, row: usize) -> u64 {
        self.hashes[row]
    }

    /// The layout of the keys.
    pub(crate) fn format(&self) -> &KeyFormat {
        &self.format
    }

    fn convert_nested(&self, columns: &[ArrayRef]) -> Result<Vec<Option<Rows>>, EngineError> {
        let convert = |(converter, column): (&Option<RowConverter>, &ArrayRef)| {
            converter.as_ref().map(|converter| converter.convert_columns(std::slice::from_ref(column))).transpose()
        };
        self.nested.iter().zip(columns).map(convert).collect::<Result<_, _>>().map_err(EngineError::arrow("encoding a nested key"))
    }

    /// Sizes every row and fills the buffer with zeros.
    fn lay_out(&mut self, columns: &[ArrayRef], nested: &[Option<Rows>], rows: usize) {
        let header = self.format.header;
        self.starts.clear();
        self.starts.resize(rows + 1, 0);
        let lengths = &mut self.starts[1..];
        lengths.fill(header);
        for (index, column) in columns.iter().enumerate() {
            match self.format.cells[index].layout {
                Layout::Bytes(_) => {
                    let offsets = offsets_of(column);
                    match column.nulls() {
                        None => lengths.iter_mut().zip(offsets.windows(2)).for_each(|(sum, pair)| *sum += (pair[1] - pair[0]) as usize),
                        Some(nulls) => lengths.iter_mut().zip(offsets.windows(2)).zip(nulls.iter()).for_each(|((sum, pair), valid)| {
                            *sum += if valid { (pair[1] - pair[0]) as usize } else { 0 };
                        }),
                    }
                }
                Layout::Nested(_) => {
                    let Some(cells) = &nested[index] else { continue };
                    for (row, (sum, cell)) in lengths.iter_mut().zip(cells.iter()).enumerate() {
                        *sum += if column.is_null(row) { 0 } else { cell.data().len() };
                    }
                }
                _ => {}
            }
        }
        let mut end = 0;
        for start in self.starts.iter_mut().skip(1) {
            end += *start;
            *start = end;
        }
        self.bytes.clear();
        self.bytes.resize(end, 0);
        self.cursors.clear();
        self.cursors.extend(self.starts[..rows].iter().map(|start| start + header));
    }

    fn put_bytes(&mut self, offset: usize, column: &ArrayRef) {
        let values = match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().values(),
            _ => column.as_binary::<i32>().values(),
        };
        let nulls = column.nulls();
        let cells = offsets_of(column).windows(2).enumerate().map(|(row, pair)| match nulls {
            Some(nulls) if nulls.is_null(row) => &[][..],
            _ => &values.as_slice()[pair[0] as usize..pair[1] as usize],
        });
        put_variable(&mut self.bytes, &self.starts, &mut self.cursors, offset, cells);
    }
}

fn offsets_of(column: &ArrayRef) -> &[i32] {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value_offsets(),
        _ => column.as_binary::<i32>().value_offsets(),
    }
}

fn mark_nulls(bytes: &mut [u8], starts: &[usize], index: usize, nulls: Option<&NullBuffer>) {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return };
    for (row, valid) in nulls.iter().enumerate() {
        bytes[starts[row] + index / 8] |= u8::from(!valid) << (index % 8);
    }
}

/// Writes a fixed cell of each row.
fn put<const W: usize>(
    bytes: &mut [u8],
    starts: &[usize],
    offset: usize,
    nulls: Option<&NullBuffer>,
    cells: impl Iterator<Item = [u8; W]>,
) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => {
            for (start, cell) in starts.iter().zip(cells) {
                bytes[start + offset..start + offset + W].copy_from_slice(&cell);
            }
        }
        Some(nulls) => {
            for ((start, cell), valid) in starts.iter().zip(cells).zip(nulls.iter()) {
                if valid {
                    bytes[start + offset..start + offset + W].copy_from_slice(&cell);
                }
            }
        }
    }
}

fn put_fixed(bytes: &mut [u8], starts: &[usize], offset: usize, width: usize, column: &ArrayRef) {
    let nulls = column.nulls();
    match column.data_type() {
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().values().iter();
            put(bytes, starts, offset, nulls, values.map(|value| if value.is_nan() { f64::NAN } else { *value }.to_le_bytes()));
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>().values().iter();
            put(bytes, starts, offset, nulls, values.map(|value| if value.is_nan() { f32::NAN } else { *value }.to_le_bytes()));
        }
        _ => {
            let data = column.to_data();
            let raw = &data.buffers()[0].as_slice()[data.offset() * width..(data.offset() + data.len()) * width];
            match width {
                1 => put(bytes, starts, offset, nulls, words::<1>(raw)),
                2 => put(bytes, starts, offset, nulls, words::<2>(raw)),
                4 => put(bytes, starts, offset, nulls, words::<4>(raw)),
                8 => put(bytes, starts, offset, nulls, words::<8>(raw)),
                _ => put(bytes, starts, offset, nulls, words::<16>(raw)),
            }
        }
    }
}

/// The cells of a buffer as little-endian bytes.
fn words<const W: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; W]> {
    raw.chunks_exact(W).map(|chunk| {
        let mut word = [0; W];
        word.copy_from_slice(chunk);
        if cfg!(target_endian = "big") {
            word.reverse();
        }
        word
    })
}

fn put_variable<'a>(bytes: &mut [u8], starts: &[usize], cursors: &mut [usize], offset: usize, cells: impl Iterator<Item = &'a [u8]>) {
    for ((start, cursor), cell) in starts.iter().zip(cursors).zip(cells) {
        bytes[start + offset..start + offset + 4].copy_from_slice(&(cell.len() as u32).to_le_bytes());
        bytes[*cursor..*cursor + cell.len()].copy_from_slice(cell);
        *cursor += cell.len();
    }
}
