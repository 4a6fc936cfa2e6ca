//! CSV records into columns, with Flink's rules.
//!
//! Source: Flink 1.20's `CsvToRowDataConverters`.

use arrow::array::ArrayRef;
use arrow::datatypes::TimeUnit;
use irmak_common::types::{Field, Schema, TypeKind};

use super::options::CsvOptions;
use super::record::{Fields, Frame, frame, leading_blanks, split, sweep};
use crate::error::{RecordError, shorten};
use crate::format::column::{Bytes, Column, Values};
use crate::format::number::{parse_decimal, parse_f32, parse_f64, parse_i64, trim};
use crate::format::time::{Standard, parse_local_time, parse_sql_date, parse_timestamp};
use crate::format::{Decoded, FormatError, decode_base64};

/// Decodes records into the projected columns of a schema.
pub(crate) struct CsvDecoder {
    options: CsvOptions,
    /// Position in the record, name and type of each column.
    places: Vec<(usize, String, TypeKind)>,
    width: usize,
    columns: Vec<Column>,
    fields: Fields,
    /// The length of the record that was framed last, where `fields` has it.
    swept: Option<usize>,
    rows: usize,
}

impl CsvDecoder {
    /// A decoder for records of all physical columns, of which the projected ones are kept.
    pub(crate) fn new(physical: &Schema, projection: &[usize], options: CsvOptions) -> Self {
        let place = |index: &usize| physical.fields.get(*index).map(|field| (*index, field.name.clone(), field.ty.kind.clone()));
        let places: Vec<_> = projection.iter().filter_map(place).collect();
        let columns = places.iter().map(|(_, _, kind)| Column::new(kind)).collect();
        Self { options, width: physical.len(), columns, places, fields: Fields::default(), swept: None, rows: 0 }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        self.rows = 0;
        self.columns.iter_mut().map(|column| column.finish().map_err(FormatError::from)).collect()
    }

    /// The first record of `bytes`; `None`: it goes on behind them, unless they are `all`. The record that is decoded next is this one.
    pub(crate) fn frame(&mut self, bytes: &[u8], all: bool) -> Option<Frame> {
        let plain = self.options.escape.is_none() && !self.options.allow_comments;
        let found = if plain { sweep(bytes, &self.options, all, &mut self.fields) } else { None };
        self.swept = found.map(|frame| frame.length);
        found.or_else(|| frame(bytes, &self.options, all))
    }

    /// Appends the record's row; see [`crate::format::json::JsonDecoder::decode`].
    pub(crate) fn decode(&mut self, record: &[u8]) -> Result<Decoded, RecordError> {
        let record = &record[leading_blanks(record, &self.options)..];
        if self.options.allow_comments && matches!(record.first(), None | Some(b'#')) {
            return Ok(Decoded::Empty);
        }
        match self.row(record) {
            Ok(()) => {
                self.rows += 1;
                Ok(Decoded::Row)
            }
            Err(error) => {
                self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
                if self.options.ignore_parse_errors { Ok(Decoded::Skipped) } else { Err(error) }
            }
        }
    }

    fn row(&mut self, record: &[u8]) -> Result<(), RecordError> {
        // Without its byte order mark it is shorter than what was framed.
        if self.swept.take() != Some(record.len()) {
            split(record, &self.options, &mut self.fields).map_err(|reason| RecordError::whole(record, 0, reason))?;
        }
        let found = self.fields.len();
        // One empty field too many is a comma at the end; fewer than are asked for are let pass when errors are.
        let trailing = || found == self.width + 1 && self.fields.get(self.width, record).is_some_and(|field| trim(field).is_empty());
        let many = found > self.width && !trailing();
        if many || (found < self.places.len() && !self.options.ignore_parse_errors) {
            let reason = format!("the record has {found} fields, and {} are expected", self.width);
            return Err(RecordError::whole(record, 0, reason));
        }
        for ((place, name, kind), column) in self.places.iter().zip(&mut self.columns) {
            let Some(field) = self.fields.get(*place, record) else {
                column.push_null();
                continue;
            };
            if let Err(reason) = read_nullable(field, column, kind, &self.options) {
                let reason = format!("{reason} (the column's type is {kind})");
                return Err(RecordError { column: Some(name.clone()), offset: 0, text: shorten(record), reason });
            }
        }
        // NULL in a column that is NOT NULL is found in front of the sink, as in Flink.
        Ok(())
    }
}

/// A column of one value, `rows` times: what a partition's folder says of the rows in it. `None`: NULL. Timestamps have a `T`, as Java
/// writes them.
pub(crate) fn constant(text: Option<&str>, kind: &TypeKind, rows: usize) -> Result<ArrayRef, String> {
    let (mut column, options) = (Column::new(kind), CsvOptions::default());
    for _ in 0..rows {
        match (text, &mut column.values) {
            (Some(text), Values::Timestamp { values, unit, zoned }) => {
                // An instant's folder may say that it is in UTC, and needs not.
                let text = if *zoned { text.strip_suffix('Z').unwrap_or(text) } else { text };
                let moment = parse_timestamp(text.as_bytes(), Standard::Iso8601, false).and_then(|moment| moment.in_unit(*unit));
                values.push(moment.ok_or_else(|| format!("`{text}` is no timestamp (yyyy-MM-ddTHH:mm:ss)"))?);
                column.present();
            }
            (Some(text), _) => read_nullable(text.as_bytes(), &mut column, kind, &options)?,
            (None, _) => column.push_null(),
        }
    }
    column.finish().map_err(|error| error.to_string())
}

fn read_nullable(field: &[u8], column: &mut Column, kind: &TypeKind, options: &CsvOptions) -> Result<(), String> {
    // What stands for NULL is an element of an array or row, never all of it.
    let is_literal = options.null_literal.as_ref().is_some_and(|literal| literal.as_bytes() == field);
    if is_literal && !matches!(column.values, Values::List { .. } | Values::Row { .. }) {
        column.push_null();
        return Ok(());
    }
    let rows = column.len();
    match read(field, column, kind, options) {
        Ok(true) => column.present(),
        Ok(false) => column.push_null(),
        Err(reason) => {
            column.truncate(rows);
            if !options.ignore_parse_errors {
                return Err(reason);
            }
            column.push_null();
        }
    }
    Ok(())
}

/// Appends a value to the column's values; `false`: it is NULL after all.
fn read(field: &[u8], column: &mut Column, kind: &TypeKind, options: &CsvOptions) -> Result<bool, String> {
    let not = |what: &str| format!("`{}` is no {what}", shorten(field));
    let whole = |min: i64, max: i64| match parse_i64(field) {
        Some(value) if (min..=max).contains(&value) => Ok(value),
        Some(_) => Err(format!("`{}` is out of range", shorten(field))),
        None => Err(not("whole number")),
    };
    match &mut column.values {
        Values::Int8(values) => values.push(whole(i8::MIN.into(), i8::MAX.into())? as i8),
        Values::Int16(values) => values.push(whole(i16::MIN.into(), i16::MAX.into())? as i16),
        Values::Int32(values) => values.push(whole(i32::MIN.into(), i32::MAX.into())? as i32),
        Values::Int64(values) => values.push(whole(i64::MIN, i64::MAX)?),
        Values::Float32(values) => values.push(parse_f32(field).ok_or_else(|| not("number"))?),
        Values::Float64(values) => values.push(parse_f64(field).ok_or_else(|| not("number"))?),
        Values::Boolean(values) => values.append(trim(field).eq_ignore_ascii_case(b"true")),
        Values::Decimal { values, precision, scale } => match parse_decimal(field, *precision, *scale).map_err(|_| not("number"))? {
            Some(value) => values.push(value),
            None => return Ok(false),
        },
        Values::Date(values) => values.push(parse_sql_date(field).ok_or_else(|| not("date (yyyy-MM-dd)"))?),
        Values::Time(values) => {
            let precision = if let TypeKind::Time(precision) = kind { *precision } else { 3 };
            values.push(parse_local_time(field, precision).ok_or_else(|| not("time (HH:mm:ss)"))?);
        }
        Values::Timestamp { values, unit, zoned } => values.push(timestamp(field, *unit, *zoned)?),
        Values::Text(bytes) => text(field, bytes)?,
        Values::Binary(bytes) => {
            decode_base64(field, &mut bytes.bytes).ok_or_else(|| not("base64"))?;
            bytes.end_value();
        }
        Values::List { offsets, item, .. } => {
            let TypeKind::Array(element) = kind else { return Err(not("array")) };
            for part in elements(field, options) {
                read_nullable(part, item, &element.kind, options)?;
            }
            offsets.push(item.len() as i32);
        }
        Values::Row { columns, .. } => {
            let TypeKind::Row(fields) = kind else { return Err(not("row")) };
            return row(field, columns, fields, options);
        }
        Values::Map { .. } => return Err("CSV has no maps".to_owned()),
        Values::Null => {}
    }
    Ok(true)
}

fn timestamp(field: &[u8], unit: TimeUnit, zoned: bool) -> Result<i64, String> {
    let not = |what: &str| format!("`{}` is no {what}", shorten(field));
    let shape = if zoned { "instant (yyyy-MM-dd HH:mm:ssZ)" } else { "timestamp (yyyy-MM-dd HH:mm:ss)" };
    let moment = parse_timestamp(trim(field), Standard::Sql, zoned).ok_or_else(|| not(shape))?;
    moment.in_unit(unit).ok_or_else(|| not("timestamp that the type holds"))
}

/// The parts of a ROW; `false`: it has none, and is NULL.
fn row(field: &[u8], columns: &mut [Column], fields: &[Field], options: &CsvOptions) -> Result<bool, String> {
    let parts: Vec<&[u8]> = elements(field, options).collect();
    if parts.is_empty() {
        return Ok(false);
    }
    if parts.len() < columns.len() && !options.ignore_parse_errors {
        return Err(format!("`{}` has {} parts, and {} are expected", shorten(field), parts.len(), columns.len()));
    }
    for (at, (column, field)) in columns.iter_mut().zip(fields).enumerate() {
        match parts.get(at) {
            Some(part) => read_nullable(part, column, &field.ty.kind, options)?,
            None => column.push_null(),
        }
    }
    Ok(true)
}

fn text(field: &[u8], bytes: &mut Bytes) -> Result<(), String> {
    if !field.is_ascii() && std::str::from_utf8(field).is_err() {
        return Err("the text is not UTF-8".to_owned());
    }
    bytes.bytes.extend_from_slice(field);
    bytes.end_value();
    Ok(())
}

/// The elements of an array or row; an empty text has none.
fn elements<'a>(field: &'a [u8], options: &'a CsvOptions) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
    let delimiter = options.array_delimiter.as_bytes();
    if field.is_empty() {
        return Box::new(std::iter::empty());
    }
    if delimiter.is_empty() {
        return Box::new(std::iter::once(field));
    }
    let mut rest = Some(field);
    Box::new(std::iter::from_fn(move || {
        let text = rest?;
        match text.windows(delimiter.len()).position(|window| window == delimiter) {
            Some(at) => {
                rest = Some(&text[at + delimiter.len()..]);
                Some(&text[..at])
            }
            None => rest.take(),
        }
    }))
}
