//! Rows that operators hold and say again: encoded, and on their way out as a changelog.

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, SchemaRef};
use irmak_common::element::{Element, RowKind};
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX};
use irmak_common::types::Schema;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

use crate::changelog;
use crate::error::EngineError;
use crate::key::KeyEncoder;
use crate::running::rows::RowCodec;

/// A codec for all columns of a schema.
///
/// # Errors
/// [`EngineError::Unsupported`] for MAP and MULTISET columns.
pub(crate) fn codec_of(schema: &Schema) -> Result<RowCodec, EngineError> {
    RowCodec::new(&schema.fields.iter().map(|field| field.ty.kind.to_arrow()).collect::<Vec<DataType>>())
}

/// What tells the state of these rows, kept by these keys, from that of another operator; `what` is its name and what it depends on.
pub(crate) fn fingerprint_of(keys: &KeyEncoder, input: &Schema, what: &str) -> u64 {
    let types = input.fields.iter().map(|field| format!("{:?};", field.ty.kind.to_arrow())).collect::<String>();
    xxh3_64(format!("{} {types} {what}", keys.format().fingerprint()).as_bytes())
}

/// Encoded rows under way, each with its kind, and a number where there is one.
#[derive(Debug)]
pub(crate) struct RowOutput {
    schema: SchemaRef,
    ends: Vec<usize>,
    bytes: Vec<u8>,
    kinds: Vec<u8>,
    numbers: Option<Vec<i64>>,
}

impl RowOutput {
    /// Nothing yet. `numbered`: the last column is a number of the row.
    pub(crate) fn new(output: &Schema, numbered: bool) -> Self {
        let numbers = numbered.then(Vec::new);
        Self { schema: changelog::with_kind(output), ends: Vec::new(), bytes: Vec::new(), kinds: Vec::new(), numbers }
    }

    /// One more row.
    pub(crate) fn push(&mut self, kind: RowKind, row: &[u8], number: u64) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
        self.kinds.push(kind as u8);
        if let Some(numbers) = &mut self.numbers {
            numbers.push(number as i64);
        }
    }

    /// Emits what there is, if it makes a batch.
    pub(crate) fn flush_if_full(&mut self, codec: &RowCodec, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let full = self.ends.len() >= BATCH_ROWS_MAX || self.bytes.len() >= BATCH_BYTES_MAX;
        if full { self.flush(codec, out) } else { Ok(()) }
    }

    /// Emits what there is.
    pub(crate) fn flush(&mut self, codec: &RowCodec, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.ends.is_empty() {
            return Ok(());
        }
        let mut start = 0;
        let rows = self.ends.iter().map(|&end| &self.bytes[std::mem::replace(&mut start, end)..end]);
        let mut columns = codec.decode(rows)?;
        if let Some(numbers) = &mut self.numbers {
            columns.push(Arc::new(Int64Array::from(std::mem::take(numbers))) as ArrayRef);
        }
        self.ends.clear();
        self.bytes.clear();
        out.push(changelog::batch(&self.schema, columns, std::mem::take(&mut self.kinds))?);
        Ok(())
    }
}
