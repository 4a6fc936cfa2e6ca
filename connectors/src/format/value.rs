//! The format of a record's value, chosen by name: one decoder or encoder out of the closed list.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::UInt8Type;
use arrow::record_batch::RecordBatch;
use irmak_common::element::{ROW_KIND_COLUMN, RowKind};
use irmak_common::format_types::{needs_all, refused};
use irmak_common::types::{Schema, TypeKind};

use super::cells::{CellValues, Cells, cells_of};
use super::changelog::{ChangelogDecoder, ChangelogEncoder, Dialect, Direction, row_options};
use super::csv::{CsvDecoder, CsvEncoder, CsvOptions, Frame};
use super::json::{JsonDecoder, JsonEncoder, JsonOptions};
use super::raw::{RawCodec, RawWriter};
use super::{Decoded, FormatError};
use crate::error::{ConnectorError, RecordError};
use crate::options::Options;

const FORMATS: &str = "json, csv, raw, debezium-json, canal-json, maxwell-json, ogg-json";

/// Decodes records.
pub(crate) enum ValueDecoder {
    Json(JsonDecoder),
    Csv(CsvDecoder),
    Raw(RawCodec),
    Changelog(Box<ChangelogDecoder>),
}

impl ValueDecoder {
    /// The decoder that a table's options name: `key` is `format` or `value.format`, `name` its value. Options of the format stand
    /// below `json.` or `value.json.`.
    pub(crate) fn open(
        options: &Options<'_>,
        key: &str,
        name: &str,
        physical: &Schema,
        projection: &[usize],
    ) -> Result<Self, ConnectorError> {
        let prefix = prefix(key, name);
        let projected = Schema::new(projection.iter().filter_map(|index| physical.fields.get(*index).cloned()).collect());
        // Flink lays out all columns of CSV, and of the others those that are read.
        check_types(options, name, if needs_all(name) { physical } else { &projected })?;
        match name {
            "json" => Ok(Self::Json(JsonDecoder::new(&projected, JsonOptions::read(options, &prefix)?))),
            "csv" => Ok(Self::Csv(CsvDecoder::new(physical, projection, CsvOptions::read(options, &prefix)?))),
            "raw" => Ok(Self::Raw(RawCodec::open(options, &prefix, physical, !projection.is_empty())?)),
            _ => match Dialect::read(name, options, &prefix, Direction::Read)? {
                Some(dialect) => {
                    let decoder = ChangelogDecoder::new(&projected, row_options(options, &prefix)?, dialect);
                    Ok(Self::Changelog(Box::new(decoder)))
                }
                None => Err(unknown(options, name)),
            },
        }
    }

    /// Whether rows have kinds: [`ValueDecoder::finish`] puts them behind the columns then.
    pub(crate) fn has_row_kinds(&self) -> bool {
        matches!(self, Self::Changelog(_))
    }

    /// Whether records are values as they are.
    pub(crate) fn is_raw(&self) -> bool {
        matches!(self, Self::Raw(_))
    }

    /// Where the first record of a file's bytes ends; `None`: it goes on behind them, unless they are `all`. The record that is decoded
    /// next is this one.
    pub(crate) fn frame(&mut self, bytes: &[u8], all: bool) -> Option<Frame> {
        match self {
            Self::Csv(decoder) => decoder.frame(bytes, all),
            // Lines, of which a CR at the end is no part.
            _ => match memchr::memchr(b'\n', bytes) {
                Some(at) => Some(Frame { length: at - usize::from(at > 0 && bytes[at - 1] == b'\r'), consumed: at + 1 }),
                None => (all && !bytes.is_empty()).then_some(Frame { length: bytes.len(), consumed: bytes.len() }),
            },
        }
    }

    /// Appends the record's row; see [`JsonDecoder::decode`].
    #[inline]
    pub(crate) fn decode(&mut self, record: &[u8]) -> Result<Decoded, RecordError> {
        match self {
            Self::Json(decoder) => decoder.decode(record),
            Self::Csv(decoder) => decoder.decode(record),
            Self::Raw(codec) => codec.decode(record),
            Self::Changelog(decoder) => decoder.decode(record),
        }
    }

    /// Rows decoded and not yet taken.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Json(decoder) => decoder.rows(),
            Self::Csv(decoder) => decoder.rows(),
            Self::Raw(codec) => codec.rows(),
            Self::Changelog(decoder) => decoder.rows(),
        }
    }

    /// The rows as arrays, one a projected column, and the row kinds where there are any.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        match self {
            Self::Json(decoder) => decoder.finish(),
            Self::Csv(decoder) => decoder.finish(),
            Self::Raw(codec) => codec.finish(),
            Self::Changelog(decoder) => decoder.finish(),
        }
    }
}

/// Encodes rows.
pub(crate) struct ValueEncoder {
    table: String,
    names: Vec<String>,
    kinds: Vec<TypeKind>,
    format: EncoderKind,
    /// Texts on their way into bytes.
    text: String,
}

enum EncoderKind {
    Json(Box<JsonEncoder>),
    Csv(Box<CsvEncoder>),
    Raw(RawWriter),
    Changelog(Box<ChangelogEncoder>),
}

impl ValueEncoder {
    /// The encoder that a table's options name, for rows with the columns of `schema`.
    pub(crate) fn open(options: &Options<'_>, key: &str, name: &str, schema: &Schema) -> Result<Self, ConnectorError> {
        let prefix = prefix(key, name);
        check_types(options, name, schema)?;
        let format = match name {
            "json" => EncoderKind::Json(Box::new(JsonEncoder::new(schema, JsonOptions::read(options, &prefix)?))),
            "csv" => EncoderKind::Csv(Box::new(CsvEncoder::new(CsvOptions::read(options, &prefix)?))),
            "raw" => {
                // Reading checks columns and options; writing takes them over.
                EncoderKind::Raw(RawCodec::open(options, &prefix, schema, true)?.writer())
            }
            _ => match Dialect::read(name, options, &prefix, Direction::Write)? {
                Some(dialect) => EncoderKind::Changelog(Box::new(ChangelogEncoder::new(schema, row_options(options, &prefix)?, dialect))),
                None => return Err(unknown(options, name)),
            },
        };
        Ok(Self {
            table: options.table.to_owned(),
            names: schema.fields.iter().map(|field| field.name.clone()).collect(),
            kinds: schema.fields.iter().map(|field| field.ty.kind.clone()).collect(),
            format,
            text: String::new(),
        })
    }

    /// The same as [`ValueEncoder::encode`], into bytes: what `raw` writes need not be text.
    ///
    /// # Errors
    /// A value that the format cannot write.
    pub(crate) fn encode_bytes(
        &mut self,
        batch: &RecordBatch,
        rows: impl Iterator<Item = usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), ConnectorError> {
        let EncoderKind::Raw(writer) = self.format else {
            let mut text = std::mem::take(&mut self.text);
            text.clear();
            let result = self.encode(batch, rows, &mut text);
            out.extend_from_slice(text.as_bytes());
            self.text = text;
            return result;
        };
        let columns = cells(&self.table, &self.names, &self.kinds, batch)?;
        for row in rows {
            writer.write_row(&columns, row, out).map_err(|failed| row_error(&self.table, &self.names, failed))?;
            out.push(b'\n');
        }
        Ok(())
    }

    /// Whether the format writes updates and deletes too.
    pub(crate) fn takes_changes(&self) -> bool {
        matches!(self.format, EncoderKind::Changelog(_))
    }

    /// Appends these rows of the batch (positions, in order), each with its line break. Row kinds, if the batch has them, stand in its
    /// last column; a format that has no place for them writes rows as if they were new.
    ///
    /// # Errors
    /// A value that the format cannot write.
    pub(crate) fn encode(
        &mut self,
        batch: &RecordBatch,
        rows: impl Iterator<Item = usize>,
        out: &mut String,
    ) -> Result<(), ConnectorError> {
        self.encode_each(batch, rows, out, |_| {})
    }

    /// The same, telling after each row how long `out` is.
    pub(crate) fn encode_each(
        &mut self,
        batch: &RecordBatch,
        rows: impl Iterator<Item = usize>,
        out: &mut String,
        mut written_to: impl FnMut(usize),
    ) -> Result<(), ConnectorError> {
        let columns = cells(&self.table, &self.names, &self.kinds, batch)?;
        let kinds = batch.column_by_name(ROW_KIND_COLUMN).and_then(|column| column.as_primitive_opt::<UInt8Type>());
        for row in rows {
            let written = match &mut self.format {
                EncoderKind::Json(encoder) => encoder.encode(&columns, row, out).map(|()| out.push('\n')),
                EncoderKind::Csv(encoder) => encoder.encode(&columns, row, out),
                EncoderKind::Raw(writer) => raw_text(*writer, &columns, row, out).map(|()| out.push('\n')),
                EncoderKind::Changelog(encoder) => {
                    let kind = kinds.and_then(|kinds| RowKind::from_byte(kinds.value(row))).unwrap_or(RowKind::Insert);
                    encoder.encode(&columns, kind, row, out).map(|()| out.push('\n'))
                }
            };
            written.map_err(|failed| row_error(&self.table, &self.names, failed))?;
            written_to(out.len());
        }
        Ok(())
    }
}

/// The cells of a batch with these columns.
fn cells<'a>(table: &str, names: &[String], kinds: &'a [TypeKind], batch: &'a RecordBatch) -> Result<Vec<Cells<'a>>, ConnectorError> {
    cells_of(batch.columns(), kinds).ok_or_else(|| {
        let what = format!("rows of type {} arrived where {names:?} are written", batch.schema());
        ConnectorError::Internal { table: table.to_owned(), what }
    })
}

/// A raw value where text is written; numbers and bytes are none.
fn raw_text(writer: RawWriter, columns: &[Cells<'_>], row: usize, out: &mut String) -> Result<(), (usize, String)> {
    let text = columns.first().is_none_or(|cells| matches!(cells.values, CellValues::Text(_)));
    let mut bytes = Vec::new();
    writer.write_row(columns, row, &mut bytes)?;
    match String::from_utf8(bytes) {
        Ok(written) if text && writer.is_utf8() => out.push_str(&written),
        _ => return Err((0, "the format 'raw' writes STRING columns in UTF-8 only here; CAST the column AS STRING".to_owned())),
    }
    Ok(())
}

fn row_error(table: &str, names: &[String], (column, reason): (usize, String)) -> ConnectorError {
    ConnectorError::Row { table: table.to_owned(), column: names.get(column).cloned().unwrap_or_default(), reason }
}

/// Refuses columns that the format can neither read nor write. The planner has asked the same already; a plan may come from elsewhere.
fn check_types(options: &Options<'_>, format: &str, schema: &Schema) -> Result<(), ConnectorError> {
    match schema.fields.iter().find_map(|field| refused(format, &field.ty.kind).map(|instead| (field, instead))) {
        Some((field, instead)) => {
            let what = format!("format '{format}' with column `{}` of type {}", field.name, field.ty.kind);
            Err(options.unsupported(what, instead))
        }
        None => Ok(()),
    }
}

/// Where a format's own options stand: `json.` behind `format`, `value.json.` behind `value.format`.
pub(super) fn prefix(key: &str, name: &str) -> String {
    match key.strip_suffix("format") {
        Some(before) => format!("{before}{name}."),
        None => format!("{name}."),
    }
}

fn unknown(options: &Options<'_>, name: &str) -> ConnectorError {
    ConnectorError::Unknown { table: options.table.to_owned(), kind: "format", name: name.to_owned(), known: FORMATS }
}
