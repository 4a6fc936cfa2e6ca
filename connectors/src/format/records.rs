//! Rows as records of a message queue: the bytes of each on their own, without line breaks between them.
//!
//! Text formats are written as for files and cut. `raw` is bytes as they are, numbers in fixed width, and a NULL is no bytes at all, which a
//! queue can tell from empty ones. Source: Flink 1.20's `RawFormatSerializationSchema` and the `SerializationSchema`s of json and csv.

use arrow::record_batch::RecordBatch;
use irmak_common::types::{Schema, TypeKind};

use super::cells::{CellValues, cells_of};
use super::csv::CsvOptions;
use super::raw::{RawCodec, RawWriter};
use super::value::{ValueEncoder, prefix};
use crate::error::ConnectorError;
use crate::options::Options;

/// Encodes rows, one record each.
pub(crate) enum RecordsEncoder {
    Text {
        encoder: ValueEncoder,
        /// Bytes of the line break behind each row.
        line_break: usize,
        text: String,
        ends: Vec<usize>,
    },
    Raw {
        table: String,
        column: String,
        kind: TypeKind,
        writer: RawWriter,
        bytes: Vec<u8>,
        ends: Vec<usize>,
        nulls: Vec<bool>,
    },
}

impl RecordsEncoder {
    /// The encoder that a table's options name (`key`: `format`, `value.format`, `key.format`), for rows with the columns of `schema`.
    ///
    /// # Errors
    /// An unknown format, options that are not understood, columns that the format cannot hold.
    pub(crate) fn open(options: &Options<'_>, key: &str, name: &str, schema: &Schema) -> Result<Self, ConnectorError> {
        let prefix = prefix(key, name);
        if name == "raw" {
            let codec = RawCodec::open(options, &prefix, schema, true)?;
            let field = schema.fields.first();
            return Ok(Self::Raw {
                table: options.table.to_owned(),
                column: field.map(|field| field.name.clone()).unwrap_or_default(),
                kind: field.map_or(TypeKind::BYTES, |field| field.ty.kind.clone()),
                writer: codec.writer(),
                bytes: Vec::new(),
                ends: Vec::new(),
                nulls: Vec::new(),
            });
        }
        let line_break = if name == "csv" { CsvOptions::read(options, &prefix)?.row_delimiter.len() } else { 1 };
        let encoder = ValueEncoder::open(options, key, name, schema)?;
        Ok(Self::Text { encoder, line_break, text: String::new(), ends: Vec::new() })
    }

    /// Encodes all rows; then [`RecordsEncoder::record`] hands them out.
    ///
    /// # Errors
    /// A value that the format cannot write.
    pub(crate) fn encode(&mut self, batch: &RecordBatch) -> Result<(), ConnectorError> {
        let rows = batch.num_rows();
        match self {
            Self::Text { encoder, text, ends, .. } => {
                text.clear();
                ends.clear();
                encoder.encode_each(batch, 0..rows, text, |end| ends.push(end))
            }
            Self::Raw { table, column, kind, writer, bytes, ends, nulls } => {
                let kinds = std::slice::from_ref(kind);
                let cells = cells_of(batch.columns(), kinds).and_then(|cells| cells.into_iter().next());
                let Some(cells) = cells else {
                    return Err(ConnectorError::Internal { table: table.clone(), what: "a column of another type came".to_owned() });
                };
                bytes.clear();
                ends.clear();
                nulls.clear();
                for row in 0..rows {
                    let is_null = matches!(cells.values, CellValues::Null) || cells.is_null(row);
                    nulls.push(is_null);
                    if !is_null {
                        let written = writer.write(&cells, row, bytes);
                        written.map_err(|reason| ConnectorError::Row { table: table.clone(), column: column.clone(), reason })?;
                    }
                    ends.push(bytes.len());
                }
                Ok(())
            }
        }
    }

    /// The record of a row; `None` where it has no bytes, not even none.
    pub(crate) fn record(&self, row: usize) -> Option<&[u8]> {
        let (bytes, ends, line_break) = match self {
            Self::Text { text, ends, line_break, .. } => (text.as_bytes(), ends, *line_break),
            Self::Raw { nulls, .. } if nulls.get(row).copied().unwrap_or(true) => return None,
            Self::Raw { bytes, ends, .. } => (bytes.as_slice(), ends, 0),
        };
        let start = if row == 0 { 0 } else { *ends.get(row - 1)? };
        let end = ends.get(row)?.saturating_sub(line_break);
        bytes.get(start..end.max(start))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, StringArray};
    use irmak_common::operator_spec::ConnectorSpec;

    use super::*;

    fn check(options: &[(&str, &str)], columns: &[(&str, TypeKind)], arrays: &[ArrayRef], expected: &[Option<&[u8]>]) {
        let map: BTreeMap<_, _> = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let connector = ConnectorSpec { connector: "kafka".into(), options: map };
        let options = Options::new("t", &connector);
        let mut encoder = RecordsEncoder::open(&options, "format", options.get("format").unwrap(), &Schema::nullable(columns)).unwrap();
        encoder.encode(&RecordBatch::try_new(Schema::nullable(columns).to_arrow(), arrays.to_vec()).unwrap()).unwrap();
        let found: Vec<_> = (0..expected.len()).map(|row| encoder.record(row)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn records_are_cut_where_rows_end() {
        let columns = [("id", TypeKind::Int), ("name", TypeKind::STRING)];
        let arrays: [ArrayRef; 2] =
            [Arc::new(Int32Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec![Some("a\nb"), Some("x")]))];
        check(&[("format", "json")], &columns, &arrays, &[Some(br#"{"id":1,"name":"a\nb"}"#), Some(br#"{"id":null,"name":"x"}"#)]);
        check(&[("format", "csv")], &columns, &arrays, &[Some(b"1,\"a\nb\""), Some(b",x")]);
        check(&[("format", "csv"), ("csv.line-delimiter", "\r\n")], &columns, &arrays, &[Some(b"1,\"a\nb\""), Some(b",x")]);
    }

    #[test]
    fn raw_records_are_bytes_and_a_null_has_none() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("é"), None, Some("")]));
        check(&[("format", "raw")], &[("v", TypeKind::STRING)], std::slice::from_ref(&texts), &[Some("é".as_bytes()), None, Some(b"")]);
        check(&[("format", "raw"), ("raw.charset", "ISO-8859-1")], &[("v", TypeKind::STRING)], &[texts], &[Some(b"\xe9"), None, Some(b"")]);
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![258]));
        check(&[("format", "raw")], &[("v", TypeKind::Int)], std::slice::from_ref(&numbers), &[Some(&[0, 0, 1, 2])]);
        check(&[("format", "raw"), ("raw.endianness", "little-endian")], &[("v", TypeKind::Int)], &[numbers], &[Some(&[2, 1, 0, 0])]);
    }
}
