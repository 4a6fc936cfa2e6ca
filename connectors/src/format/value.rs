//! The format of a record's value, chosen by name: one decoder or encoder out of the closed list.

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use irmak_common::types::{Schema, TypeKind};

use super::cells::cells_of;
use super::csv::{CsvDecoder, CsvEncoder, CsvOptions, Frame};
use super::json::{JsonDecoder, JsonEncoder, JsonOptions};
use super::raw::{self, RawCodec};
use super::{Decoded, FormatError};
use crate::error::{ConnectorError, RecordError};
use crate::options::Options;

const FORMATS: &str = "json, csv, raw";

/// Decodes records.
pub(crate) enum ValueDecoder {
    Json(JsonDecoder),
    Csv(CsvDecoder),
    Raw(RawCodec),
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
        match name {
            "json" => Ok(Self::Json(JsonDecoder::new(&projected, JsonOptions::read(options, &prefix)?))),
            "csv" => Ok(Self::Csv(CsvDecoder::new(physical, projection, CsvOptions::read(options, &prefix)?))),
            "raw" => Ok(Self::Raw(RawCodec::open(options, &prefix, physical, !projection.is_empty())?)),
            _ => Err(unknown(options, name)),
        }
    }

    /// Where the first record of a file's bytes ends; `None`: it goes on behind them, unless they are `all`.
    pub(crate) fn frame(&self, bytes: &[u8], all: bool) -> Option<Frame> {
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
        }
    }

    /// Rows decoded and not yet taken.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Json(decoder) => decoder.rows(),
            Self::Csv(decoder) => decoder.rows(),
            Self::Raw(codec) => codec.rows(),
        }
    }

    /// The rows as arrays, one a projected column.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        match self {
            Self::Json(decoder) => decoder.finish(),
            Self::Csv(decoder) => decoder.finish(),
            Self::Raw(codec) => codec.finish(),
        }
    }
}

/// Encodes rows.
pub(crate) struct ValueEncoder {
    table: String,
    names: Vec<String>,
    kinds: Vec<TypeKind>,
    format: EncoderKind,
}

enum EncoderKind {
    Json(Box<JsonEncoder>),
    Csv(Box<CsvEncoder>),
    Raw,
}

impl ValueEncoder {
    /// The encoder that a table's options name, for rows with the columns of `schema`.
    pub(crate) fn open(options: &Options<'_>, key: &str, name: &str, schema: &Schema) -> Result<Self, ConnectorError> {
        let prefix = prefix(key, name);
        let format = match name {
            "json" => EncoderKind::Json(Box::new(JsonEncoder::new(schema, JsonOptions::read(options, &prefix)?))),
            "csv" => EncoderKind::Csv(Box::new(CsvEncoder::new(CsvOptions::read(options, &prefix)?))),
            "raw" => {
                // Checks columns and options; writing needs no more of it.
                RawCodec::open(options, &prefix, schema, true)?;
                EncoderKind::Raw
            }
            _ => return Err(unknown(options, name)),
        };
        Ok(Self {
            table: options.table.to_owned(),
            names: schema.fields.iter().map(|field| field.name.clone()).collect(),
            kinds: schema.fields.iter().map(|field| field.ty.kind.clone()).collect(),
            format,
        })
    }

    /// Appends these rows of the batch (positions, in order), each with its line break.
    ///
    /// # Errors
    /// A value that the format cannot write.
    pub(crate) fn encode(
        &mut self,
        batch: &RecordBatch,
        rows: impl Iterator<Item = usize>,
        out: &mut String,
    ) -> Result<(), ConnectorError> {
        let Some(columns) = cells_of(batch.columns(), &self.kinds) else {
            let what = format!("rows of type {} arrived where {:?} are written", batch.schema(), self.names);
            return Err(ConnectorError::Internal { table: self.table.clone(), what });
        };
        for row in rows {
            let written = match &mut self.format {
                EncoderKind::Json(encoder) => encoder.encode(&columns, row, out).map(|()| out.push('\n')),
                EncoderKind::Csv(encoder) => encoder.encode(&columns, row, out),
                EncoderKind::Raw => raw::encode(&columns, row, out).map(|()| out.push('\n')),
            };
            written.map_err(|(column, reason)| ConnectorError::Row {
                table: self.table.clone(),
                column: self.names.get(column).cloned().unwrap_or_default(),
                reason,
            })?;
        }
        Ok(())
    }
}

/// Where a format's own options stand: `json.` behind `format`, `value.json.` behind `value.format`.
fn prefix(key: &str, name: &str) -> String {
    match key.strip_suffix("format") {
        Some(before) => format!("{before}{name}."),
        None => format!("{name}."),
    }
}

fn unknown(options: &Options<'_>, name: &str) -> ConnectorError {
    ConnectorError::Unknown { table: options.table.to_owned(), kind: "format", name: name.to_owned(), known: FORMATS }
}
