//! Keys into columns: one key a record, and which row it belongs to.
//!
//! A key is decoded before its value. Where the value then turns out to be no row, or several, the key's columns are put right at the end.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use irmak_common::kafka_fields::KafkaFields;
use irmak_common::operator_spec::SourceSpec;
use irmak_common::types::{Field, Schema};

use crate::error::{ConnectorError, RecordError};
use crate::format::value::ValueDecoder;
use crate::format::{Decoded, FormatError};
use crate::options::Options;

/// The keys of the records of a batch.
pub(super) struct KeyReader {
    decoder: ValueDecoder,
    /// The decoded key of the record at hand.
    current: Option<u32>,
    /// For each row its key.
    of_rows: Vec<Option<u32>>,
}

impl KeyReader {
    /// The reader of the key's columns (`projection`: positions in the key); `None` where none is asked for.
    ///
    /// # Errors
    /// A format or options that are not understood.
    pub(super) fn open(
        options: &Options<'_>,
        spec: &SourceSpec,
        split: &KafkaFields,
        projection: &[usize],
    ) -> Result<Option<Self>, ConnectorError> {
        let Some(format) = options.get("key.format").filter(|_| !split.key.is_empty()) else { return Ok(None) };
        let field = |at: &usize| {
            let field = &spec.physical.fields[*at];
            // A NULL in a key is judged with the row.
            Field::new(split.key_name(&field.name), field.ty.clone())
        };
        let of_key = Schema::new(split.key.iter().map(field).collect());
        let decoder = ValueDecoder::open(options, "key.format", format, &of_key, projection)?;
        if decoder.has_row_kinds() {
            return Err(options.unsupported(format!("'key.format' = '{format}'"), "a key is no change: take json, csv or raw"));
        }
        // Options are judged also where the value has all columns that are asked for.
        Ok((!projection.is_empty()).then_some(Self { decoder, current: None, of_rows: Vec::new() }))
    }

    /// Decodes the key of the next record.
    pub(super) fn decode(&mut self, key: Option<&[u8]>) -> Result<Decoded, RecordError> {
        self.current = None;
        let Some(key) = key else { return Ok(Decoded::Empty) };
        let decoded = self.decoder.decode(key).map_err(|error| RecordError { reason: format!("in the key: {}", error.reason), ..error })?;
        if decoded == Decoded::Row {
            self.current = Some(self.decoder.rows() as u32 - 1);
        }
        Ok(decoded)
    }

    /// The record at hand has made a row.
    pub(super) fn belongs_to_next_row(&mut self) {
        self.of_rows.push(self.current);
    }

    /// The key's columns, one value a row.
    pub(super) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        let as_they_are =
            self.of_rows.len() == self.decoder.rows() && self.of_rows.iter().enumerate().all(|(row, key)| *key == Some(row as u32));
        let columns = self.decoder.finish()?;
        let of_rows = UInt32Array::from(std::mem::take(&mut self.of_rows));
        if as_they_are {
            return Ok(columns);
        }
        columns.iter().map(|column| take(column, &of_rows, None).map_err(FormatError::from)).collect()
    }
}
