//! Bytes back to key columns, a column at a time.

use std::sync::Arc;

use arrow::array::{ArrayData, ArrayRef, BinaryArray, BooleanArray, NullArray, StringArray, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, DataType};
use arrow::row::{RowConverter, SortField};

use super::{Cell, KeyFormat, Layout, is_null, read, read_length};
use crate::error::EngineError;

/// Columns under construction.
#[derive(Debug)]
pub(crate) struct KeyColumns {
    format: KeyFormat,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Column {
    values: Values,
    /// Shorter than the rows: those behind are valid.
    valid: Vec<bool>,
}

#[derive(Debug)]
enum Values {
    Nothing,
    Boolean(Vec<bool>),
    W1(Vec<i8>),
    W2(Vec<i16>),
    W4(Vec<i32>),
    W8(Vec<i64>),
    W16(Vec<i128>),
    /// Offsets (one more than rows) and bytes; of ARRAY and ROW cells too.
    Bytes(Vec<i32>, Vec<u8>),
}

impl KeyColumns {
    /// No rows yet.
    pub(crate) fn new(format: &KeyFormat) -> Self {
        let columns = format.cells.iter().map(|cell| Column { values: Values::new(cell.layout), valid: Vec::new() }).collect();
        Self { format: format.clone(), columns, rows: 0, bytes: 0 }
    }

    /// Bytes of keys appended since the last `finish`.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends keys of the format.
    pub(crate) fn append<'a>(&mut self, keys: impl Iterator<Item = &'a [u8]>) {
        let keys: Vec<&[u8]> = keys.collect();
        let nulls = keys.iter().any(|key| key.iter().take(self.format.cells.len().div_ceil(8)).any(|bits| *bits != 0));
        let mut variable = 0;
        let lengths: Vec<usize> = self.format.cells.iter().filter_map(|cell| cell.length_at()).collect();
        for (index, (cell, column)) in self.format.cells.iter().zip(&mut self.columns).enumerate() {
            if nulls {
                column.valid.resize(self.rows, true);
                column.valid.extend(keys.iter().map(|key| !is_null(key, index)));
            }
            let at = cell.offset();
            match &mut column.values {
                Values::Nothing => {}
                Values::Boolean(values) => values.extend(keys.iter().map(|key| read::<1>(key, at)[0] != 0)),
                Values::W1(values) => values.extend(keys.iter().map(|key| i8::from_le_bytes(read(key, at)))),
                Values::W2(values) => values.extend(keys.iter().map(|key| i16::from_le_bytes(read(key, at)))),
                Values::W4(values) => values.extend(keys.iter().map(|key| i32::from_le_bytes(read(key, at)))),
                Values::W8(values) => values.extend(keys.iter().map(|key| i64::from_le_bytes(read(key, at)))),
                Values::W16(values) => values.extend(keys.iter().map(|key| i128::from_le_bytes(read(key, at)))),
                Values::Bytes(offsets, values) => {
                    for &key in &keys {
                        let start = self.format.header + lengths[..variable].iter().map(|&at| read_length(key, at)).sum::<usize>();
                        values.extend_from_slice(key.get(start..start + read_length(key, at)).unwrap_or_default());
                        // A batch is cut long before 2 GiB: see `window::emit`.
                        offsets.push(values.len() as i32);
                    }
                    variable += 1;
                }
            }
        }
        self.rows += keys.len();
        self.bytes += keys.iter().map(|key| key.len()).sum::<usize>();
    }

    /// The columns so far; begins anew.
    ///
    /// # Errors
    /// Keys from a damaged snapshot: text that is no UTF-8.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, EngineError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        self.format.cells.iter().zip(&mut self.columns).map(|(cell, column)| column.finish(cell, rows)).collect()
    }
}

impl Cell {
    fn length_at(&self) -> Option<usize> {
        match self.layout {
            Layout::Bytes(at) | Layout::Nested(at) => Some(at),
            _ => None,
        }
    }

    fn offset(&self) -> usize {
        match self.layout {
            Layout::Nothing => 0,
            Layout::Boolean(offset) | Layout::Fixed { offset, .. } | Layout::Bytes(offset) | Layout::Nested(offset) => offset,
        }
    }
}

impl Values {
    fn new(layout: Layout) -> Self {
        match layout {
            Layout::Nothing => Self::Nothing,
            Layout::Boolean(_) => Self::Boolean(Vec::new()),
            Layout::Fixed { width: 1, .. } => Self::W1(Vec::new()),
            Layout::Fixed { width: 2, .. } => Self::W2(Vec::new()),
            Layout::Fixed { width: 4, .. } => Self::W4(Vec::new()),
            Layout::Fixed { width: 8, .. } => Self::W8(Vec::new()),
            Layout::Fixed { .. } => Self::W16(Vec::new()),
            Layout::Bytes(_) | Layout::Nested(_) => Self::Bytes(vec![0], Vec::new()),
        }
    }
}

impl Column {
    fn finish(&mut self, cell: &Cell, rows: usize) -> Result<ArrayRef, EngineError> {
        let mut valid = std::mem::take(&mut self.valid);
        let all_valid = valid.iter().all(|valid| *valid);
        valid.resize(rows, true);
        let nulls = (!all_valid).then(|| NullBuffer::from(valid));
        match std::mem::replace(&mut self.values, Values::new(cell.layout)) {
            Values::Nothing => Ok(Arc::new(NullArray::new(rows))),
            Values::Boolean(values) => Ok(Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls))),
            Values::W1(values) => fixed(cell, values, nulls),
            Values::W2(values) => fixed(cell, values, nulls),
            Values::W4(values) => fixed(cell, values, nulls),
            Values::W8(values) => fixed(cell, values, nulls),
            Values::W16(values) => fixed(cell, values, nulls),
            Values::Bytes(offsets, values) => variable(cell, offsets, values, nulls),
        }
    }
}

fn fixed<T: ArrowNativeType>(cell: &Cell, values: Vec<T>, nulls: Option<NullBuffer>) -> Result<ArrayRef, EngineError> {
    let rows = values.len();
    let builder = ArrayData::builder(cell.data_type.clone()).len(rows).nulls(nulls).add_buffer(Buffer::from_vec(values));
    builder.build().map(make_array).map_err(EngineError::arrow("building a key column"))
}

fn variable(cell: &Cell, offsets: Vec<i32>, values: Vec<u8>, nulls: Option<NullBuffer>) -> Result<ArrayRef, EngineError> {
    if values.len() > i32::MAX as usize {
        return Err(EngineError::TooLarge { what: "the text of one column of keys or distinct values".into(), bound: "2 GiB".into() });
    }
    if let Layout::Nested(_) = cell.layout {
        return nested(cell, &offsets, &values, nulls);
    }
    let (offsets, values) = (OffsetBuffer::new(ScalarBuffer::from(offsets)), Buffer::from_vec(values));
    let array: Result<ArrayRef, _> = match cell.data_type {
        DataType::Utf8 => StringArray::try_new(offsets, values, nulls).map(|array| Arc::new(array) as ArrayRef),
        _ => BinaryArray::try_new(offsets, values, nulls).map(|array| Arc::new(array) as ArrayRef),
    };
    array.map_err(EngineError::arrow("building a key column"))
}

fn nested(cell: &Cell, offsets: &[i32], values: &[u8], nulls: Option<NullBuffer>) -> Result<ArrayRef, EngineError> {
    let failed = EngineError::arrow("decoding a nested key");
    let converter = RowConverter::new(vec![SortField::new(cell.data_type.clone())]).map_err(&failed)?;
    // A NULL cell has no bytes of its own, so it borrows those of a NULL.
    let null = converter.convert_columns(&[arrow::array::new_null_array(&cell.data_type, 1)]).map_err(&failed)?;
    let (parser, null) = (converter.parser(), null.row(0));
    let rows = offsets.windows(2).enumerate().map(|(row, pair)| match &nulls {
        Some(nulls) if nulls.is_null(row) => null,
        _ => parser.parse(&values[pair[0] as usize..pair[1] as usize]),
    });
    let mut columns = converter.convert_rows(rows.collect::<Vec<_>>()).map_err(&failed)?;
    columns.pop().ok_or_else(|| EngineError::plan("a nested key has no column"))
}
