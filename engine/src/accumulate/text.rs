//! MIN, MAX, FIRST_VALUE and LAST_VALUE of text and bytes, and LISTAGG: what is held as bytes of its own a group.
//!
//! Text is compared by its UTF-8 bytes, as Flink's `BinaryStringData` is.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, GenericByteArray, StringArray};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{ByteArrayType, DataType};

use super::{Accumulator, mismatch};
use crate::error::EngineError;

/// What becomes of the value that is held when another comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Least,
    Greatest,
    First,
    Last,
}

struct Text {
    keep: Keep,
    values: Vec<Vec<u8>>,
    present: Vec<bool>,
    output: DataType,
}

/// MIN, MAX, FIRST_VALUE, LAST_VALUE
pub(super) fn text(keep: Keep, input: &DataType, output: DataType) -> Option<Box<dyn Accumulator>> {
    let bytes = matches!(input, DataType::Utf8 | DataType::Binary);
    bytes.then(|| Box::new(Text { keep, values: Vec::new(), present: Vec::new(), output }) as Box<dyn Accumulator>)
}

impl Text {
    fn add(&mut self, group: u32, next: &[u8]) {
        let group = group as usize;
        let held = &mut self.values[group];
        let replace = !self.present[group]
            || match self.keep {
                Keep::Least => next < held.as_slice(),
                Keep::Greatest => next > held.as_slice(),
                Keep::First => false,
                Keep::Last => true,
            };
        if replace {
            held.clear();
            held.extend_from_slice(next);
            self.present[group] = true;
        }
    }

    fn add_all(&mut self, groups: &[u32], rows: impl Iterator<Item = usize>, columns: &[ArrayRef]) -> Result<(), EngineError> {
        let cells = Cells::new(columns, 0)?;
        for (&group, row) in groups.iter().zip(rows) {
            if let Some(next) = cells.get(row) {
                self.add(group, next);
            }
        }
        Ok(())
    }
}

impl Accumulator for Text {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, Vec::new());
        self.present.resize(groups, false);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        self.add_all(groups, rows.iter().map(|&row| row as usize), args)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        Ok(vec![self.evaluate(groups)?])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        self.add_all(groups, 0..groups.len(), state)
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        bytes_array(&self.output, groups.iter().map(|&group| self.present[group as usize].then(|| self.values[group as usize].as_slice())))
    }

    fn forget(&mut self, group: u32) {
        self.values[group as usize] = Vec::new();
        self.present[group as usize] = false;
    }
}

struct ListAgg {
    values: Vec<Vec<u8>>,
    present: Vec<bool>,
    /// A constant in Flink; here the last one seen.
    separator: Vec<u8>,
}

/// LISTAGG: the values that are not NULL, in order of arrival, with a comma or the second argument between them.
pub(super) fn list_agg(input: &DataType) -> Option<Box<dyn Accumulator>> {
    let list = ListAgg { values: Vec::new(), present: Vec::new(), separator: b",".to_vec() };
    (input == &DataType::Utf8).then(|| Box::new(list) as Box<dyn Accumulator>)
}

impl ListAgg {
    fn add_all(&mut self, groups: &[u32], rows: impl Iterator<Item = usize>, columns: &[ArrayRef]) -> Result<(), EngineError> {
        let cells = Cells::new(columns, 0)?;
        let separators = if columns.len() > 1 { Some(Cells::new(columns, 1)?) } else { None };
        for (&group, row) in groups.iter().zip(rows) {
            let Some(next) = cells.get(row) else { continue };
            if let Some(separator) = separators.as_ref().and_then(|separators| separators.get(row))
                && separator != self.separator
            {
                self.separator = separator.to_vec();
            }
            let group = group as usize;
            if self.present[group] {
                self.values[group].extend_from_slice(&self.separator);
            }
            self.values[group].extend_from_slice(next);
            self.present[group] = true;
        }
        Ok(())
    }
}

impl Accumulator for ListAgg {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, Vec::new());
        self.present.resize(groups, false);
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        self.add_all(groups, rows.iter().map(|&row| row as usize), args)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let separators = bytes_array(&DataType::Utf8, groups.iter().map(|_| Some(self.separator.as_slice())))?;
        Ok(vec![self.evaluate(groups)?, separators])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        self.add_all(groups, 0..groups.len(), state)
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let cells = groups.iter().map(|&group| self.present[group as usize].then(|| self.values[group as usize].as_slice()));
        bytes_array(&DataType::Utf8, cells)
    }

    fn forget(&mut self, group: u32) {
        self.values[group as usize] = Vec::new();
        self.present[group as usize] = false;
    }

    fn width(&self) -> usize {
        2
    }
}

/// The cells of a text or bytes column.
pub(crate) enum Cells<'a> {
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
}

impl<'a> Cells<'a> {
    pub(crate) fn new(columns: &'a [ArrayRef], index: usize) -> Result<Self, EngineError> {
        let column = columns.get(index).ok_or_else(|| mismatch(columns, index, &DataType::Utf8))?;
        match column.data_type() {
            DataType::Utf8 => Ok(Self::Text(column.as_string())),
            DataType::Binary => Ok(Self::Bytes(column.as_binary())),
            _ => Err(mismatch(columns, index, &DataType::Utf8)),
        }
    }

    pub(crate) fn get(&self, row: usize) -> Option<&'a [u8]> {
        fn cell<T: ByteArrayType>(array: &GenericByteArray<T>, row: usize) -> Option<&T::Native> {
            array.is_valid(row).then(|| array.value(row))
        }
        match self {
            Self::Text(array) => cell(array, row).map(str::as_bytes),
            Self::Bytes(array) => cell(array, row),
        }
    }
}

/// A column of these cells. Text was text when it came.
pub(crate) fn bytes_array<'a>(data_type: &DataType, cells: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef, EngineError> {
    let (mut bytes, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        bytes.extend_from_slice(cell.unwrap_or_default());
        lengths.push(cell.map_or(0, <[u8]>::len));
        valid.push(cell.is_some());
    }
    if bytes.len() > i32::MAX as usize {
        return Err(EngineError::TooLarge { what: "the text of a batch of results".into(), bound: "2 GiB".into() });
    }
    let (offsets, bytes, nulls) = (OffsetBuffer::from_lengths(lengths), Buffer::from_vec(bytes), NullBuffer::from(valid));
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let array: Result<ArrayRef, _> = match data_type {
        DataType::Binary => BinaryArray::try_new(offsets, bytes, nulls).map(|array| Arc::new(array) as ArrayRef),
        _ => StringArray::try_new(offsets, bytes, nulls).map(|array| Arc::new(array) as ArrayRef),
    };
    array.map_err(EngineError::arrow("building an aggregate's text"))
}
