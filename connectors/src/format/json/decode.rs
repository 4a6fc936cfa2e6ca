//! JSON records into columns, with Flink's rules of what becomes what.
//!
//! The hot path of every Kafka job: bytes go from the record straight into Arrow's buffers, nothing is allocated per row, keys are
//! looked for where they stood in the record before. A record that is bad leaves no trace in the columns.
//!
//! Source: Flink 1.20's `JsonParserToRowDataConverters`. Where Flink loses its place in the record behind a value of the wrong kind
//! (an object for an INT, with ignore-parse-errors), this decoder steps over the value instead.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use irmak_common::types::Schema;

use super::cursor::{Cursor, Number, RawString, Syntax, unescape};
use super::options::JsonOptions;
use super::tree::write_tree;
use crate::error::{RecordError, shorten};
use crate::format::column::{Bytes, Column, Values};
use crate::format::hash_order::sort_as_hash_table;
use crate::format::number::{exact_f64, parse_decimal, parse_f32, parse_f64, parse_i64, trim};
use crate::format::time::{parse_date, parse_time, parse_timestamp};
use crate::format::{Decoded, FormatError};

/// Keys of a record whose places are remembered; those behind are looked up by name.
const LAYOUT_KEYS_MAX: usize = 64;

/// Decodes records into the columns of a schema.
pub(crate) struct JsonDecoder {
    options: JsonOptions,
    names: Vec<String>,
    kinds: Vec<String>,
    columns: Vec<Column>,
    /// Columns declared NOT NULL.
    required: Vec<usize>,
    by_name: HashMap<Vec<u8>, usize>,
    layout: Vec<(Vec<u8>, Option<usize>)>,
    rows: usize,
}

/// What is wrong with a value, found deep inside and named on the way out.
enum Fault {
    /// The record is no JSON from here on.
    Syntax(Syntax),
    /// JSON, but no value of the column's type.
    Value(Box<ValueFault>),
}

struct ValueFault {
    start: usize,
    reason: String,
    path: String,
}

impl From<Syntax> for Fault {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

impl Fault {
    fn value(start: usize, reason: impl Into<String>) -> Self {
        Self::Value(Box::new(ValueFault { start, reason: reason.into(), path: String::new() }))
    }

    /// The same, inside of a field or element.
    fn inside(self, name: &str) -> Self {
        match self {
            Self::Value(mut fault) => {
                fault.path = if fault.path.is_empty() { name.to_owned() } else { format!("{name}.{}", fault.path) };
                Self::Value(fault)
            }
            syntax => syntax,
        }
    }
}

impl JsonDecoder {
    /// A decoder for records with these fields; others are stepped over.
    pub(crate) fn new(schema: &Schema, options: JsonOptions) -> Self {
        let names: Vec<String> = schema.fields.iter().map(|field| field.name.clone()).collect();
        Self {
            options,
            by_name: names.iter().enumerate().map(|(index, name)| (name.clone().into_bytes(), index)).collect(),
            kinds: schema.fields.iter().map(|field| field.ty.kind.to_string()).collect(),
            columns: schema.fields.iter().map(|field| Column::new(&field.ty.kind)).collect(),
            required: (0..schema.len()).filter(|index| !schema.fields[*index].ty.nullable).collect(),
            layout: Vec::new(),
            names,
            rows: 0,
        }
    }

    /// Rows decoded and not yet taken.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The rows decoded since the last call, as arrays.
    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        self.rows = 0;
        self.columns.iter_mut().map(|column| column.finish().map_err(FormatError::from)).collect()
    }

    /// Appends the record's row.
    ///
    /// # Errors
    /// A record that is no JSON or does not fit the columns; nothing is appended then.
    pub(crate) fn decode(&mut self, record: &[u8]) -> Result<Decoded, RecordError> {
        let body = record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record);
        if body.is_empty() {
            return Ok(Decoded::Empty);
        }
        match self.row(body) {
            Ok(()) => {
                self.rows += 1;
                Ok(Decoded::Row)
            }
            Err(fault) => {
                self.columns.iter_mut().for_each(|column| column.truncate(self.rows));
                if self.options.ignore_parse_errors { Ok(Decoded::Skipped) } else { Err(self.explain(body, fault)) }
            }
        }
    }

    /// One row: what the object has of the columns, NULL for the others.
    #[inline]
    fn row(&mut self, body: &[u8]) -> Result<(), Fault> {
        self.object(body)?;
        for column in &mut self.columns {
            if column.len() == self.rows {
                column.push_null();
            }
        }
        // The planner relies on NOT NULL; Flink finds such a row at the sink.
        match self.required.iter().find(|index| self.columns[**index].is_null(self.rows)) {
            Some(index) => Err(Fault::value(0, "NULL in a column that is NOT NULL").inside(&self.names[*index])),
            None => Ok(()),
        }
    }

    /// One object; reading stops once as many known keys were seen as there are columns, as in Flink.
    fn object(&mut self, body: &[u8]) -> Result<(), Fault> {
        let mut cursor = Cursor::new(body);
        cursor.skip_space();
        if !cursor.take(b'{') {
            return Ok(cursor.wrong("a JSON object is expected")?);
        }
        let (mut seen, mut position) = (0, 0);
        cursor.members(b'}', 0, |cursor| {
            let column = self.key(cursor, position)?;
            position += 1;
            cursor.colon()?;
            match column {
                Some(index) if seen < self.columns.len() => {
                    seen += 1;
                    let column = &mut self.columns[index];
                    // A key that comes twice: the later one counts.
                    if column.len() > self.rows {
                        column.truncate(self.rows);
                    }
                    read_nullable(cursor, column, &self.options, 1).map_err(|fault| fault.inside(&self.names[index]))
                }
                _ => Ok(cursor.skip_value(1)?),
            }
        })?;
        if seen < self.columns.len() && self.options.fail_on_missing_field {
            let missing = (0..self.columns.len()).find(|index| self.columns[*index].len() == self.rows);
            let name = missing.map_or("", |index| self.names[index].as_str());
            return Err(Fault::value(0, "the field is missing, and 'json.fail-on-missing-field' is true").inside(name));
        }
        Ok(())
    }

    /// Takes a key and says which column it is: first by what stood here in the record before.
    #[inline]
    fn key(&mut self, cursor: &mut Cursor<'_>, position: usize) -> Result<Option<usize>, Syntax> {
        if let Some((key, column)) = self.layout.get(position) {
            let end = cursor.at + 1 + key.len();
            let same = cursor.bytes.get(cursor.at + 1..end) == Some(key.as_slice());
            if same && cursor.peek() == Some(b'"') && cursor.bytes.get(end) == Some(&b'"') {
                cursor.at = end + 1;
                return Ok(*column);
            }
        }
        let raw = cursor.string()?;
        if raw.escaped {
            let mut key = Vec::new();
            unescape(raw, &mut key).map_err(|reason| Syntax { at: cursor.at, reason })?;
            return Ok(self.by_name.get(&key).copied());
        }
        let column = self.by_name.get(raw.bytes).copied();
        let (place, known) = ((raw.bytes.to_vec(), column), self.layout.len());
        if position < known {
            self.layout[position] = place;
        } else if position == known && position < LAYOUT_KEYS_MAX {
            self.layout.push(place);
        }
        Ok(column)
    }

    #[cold]
    fn explain(&self, body: &[u8], fault: Fault) -> RecordError {
        match fault {
            Fault::Syntax(syntax) => RecordError::whole(body, syntax.at, syntax.reason),
            Fault::Value(fault) => {
                let top = fault.path.split(['.', '[']).next().unwrap_or_default();
                let kind = self.names.iter().position(|name| name == top).map(|index| self.kinds[index].as_str());
                let mut cursor = Cursor { bytes: body, at: fault.start };
                let end = cursor.skip_value(0).map_or(body.len(), |()| cursor.at);
                RecordError {
                    column: Some(fault.path),
                    offset: fault.start,
                    text: shorten(&body[fault.start..end.max(fault.start)]),
                    reason: match kind {
                        Some(kind) => format!("{} (the column's type is {kind})", fault.reason),
                        None => fault.reason,
                    },
                }
            }
        }
    }
}

/// Appends a value or NULL. With ignore-parse-errors, a value of the wrong kind is NULL and stepped over.
#[inline]
fn read_nullable(cursor: &mut Cursor<'_>, column: &mut Column, options: &JsonOptions, depth: usize) -> Result<(), Fault> {
    if cursor.peek() == Some(b'n') {
        cursor.word(b"null")?;
        column.push_null();
        return Ok(());
    }
    let (start, rows) = (cursor.at, column.len());
    match read_value(cursor, column, options, depth) {
        Ok(true) => {
            column.present();
            Ok(())
        }
        Ok(false) => {
            column.push_null();
            Ok(())
        }
        Err(Fault::Value(_)) if options.ignore_parse_errors => {
            column.truncate(rows);
            cursor.at = start;
            cursor.skip_value(depth)?;
            column.push_null();
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

/// Appends a value to the column's values (not its validity). `false`: nothing was appended, the value is NULL after all.
#[inline]
fn read_value(cursor: &mut Cursor<'_>, column: &mut Column, options: &JsonOptions, depth: usize) -> Result<bool, Fault> {
    let start = cursor.at;
    match &mut column.values {
        Values::Int32(values) => values.push(integer(cursor, FloatIs::Cut)? as i32),
        Values::Float64(values) => values.push(double(cursor)?),
        Values::Text(bytes) => text(cursor, bytes, depth)?,
        Values::Timestamp { values, unit, zoned } => {
            let moment = with_text(cursor, "timestamp", |text| parse_timestamp(text, options.standard, *zoned))?;
            values.push(moment.in_unit(*unit).ok_or_else(|| Fault::value(start, "the timestamp is beyond what the type holds"))?);
        }
        Values::Int64(values) => values.push(integer_64(cursor)?),
        Values::Int8(values) => values.push(integer(cursor, FloatIs::Refused(i8::MIN.into(), i8::MAX.into()))? as i8),
        Values::Int16(values) => values.push(integer(cursor, FloatIs::Refused(i16::MIN.into(), i16::MAX.into()))? as i16),
        Values::Float32(values) => values.push(float(cursor)?),
        Values::Boolean(values) => values.append(boolean(cursor)?),
        Values::Date(values) => values.push(with_text(cursor, "date (yyyy-MM-dd)", parse_date)?),
        Values::Time(values) => values.push(with_text(cursor, "time (HH:mm:ss)", parse_time)?),
        Values::Decimal { values, precision, scale } => match decimal(cursor, *precision, *scale)? {
            Some(value) => values.push(value),
            None => return Ok(false),
        },
        Values::Binary(bytes) => binary(cursor, bytes)?,
        Values::List { offsets, item, .. } => {
            if !cursor.take(b'[') {
                return Err(Fault::value(start, "an array is expected"));
            }
            cursor.members(b']', depth, |cursor| read_nullable(cursor, item, options, depth + 1))?;
            offsets.push(item.len() as i32);
        }
        Values::Map { offsets, keys, values, .. } => {
            if !cursor.take(b'{') {
                return Err(Fault::value(start, "an object is expected"));
            }
            read_map(cursor, keys, values, options, depth)?;
            offsets.push(keys.len() as i32);
        }
        Values::Row { columns, names, .. } => {
            if !cursor.take(b'{') {
                return Err(Fault::value(start, "an object is expected"));
            }
            let rows = column_len(columns);
            read_row(cursor, columns, names, rows, options, depth)?;
        }
        Values::Null => cursor.skip_value(depth)?,
    }
    Ok(true)
}

/// The rows that all columns of a nested row have.
fn column_len(columns: &[Column]) -> usize {
    columns.iter().map(Column::len).min().unwrap_or(0)
}

fn read_row(
    cursor: &mut Cursor<'_>,
    columns: &mut [Column],
    names: &[String],
    rows: usize,
    options: &JsonOptions,
    depth: usize,
) -> Result<(), Fault> {
    let (mut seen, mut key) = (0, Vec::new());
    let start = cursor.at;
    cursor.members(b'}', depth, |cursor| {
        let raw = cursor.string()?;
        key.clear();
        unescape(raw, &mut key).map_err(|reason| Syntax { at: cursor.at, reason })?;
        cursor.colon()?;
        match names.iter().position(|name| name.as_bytes() == key.as_slice()) {
            Some(index) if seen < columns.len() => {
                seen += 1;
                columns[index].truncate(rows);
                read_nullable(cursor, &mut columns[index], options, depth + 1).map_err(|fault| fault.inside(&names[index]))
            }
            _ => Ok(cursor.skip_value(depth + 1)?),
        }
    })?;
    if seen < columns.len() && options.fail_on_missing_field {
        return Err(Fault::value(start, "a field is missing, and 'json.fail-on-missing-field' is true"));
    }
    for column in columns {
        if column.len() == rows {
            column.push_null();
        }
    }
    Ok(())
}

/// A map's entries, in the order of Flink's hash table; the later of two equal keys counts. The cursor stands behind the brace.
fn read_map(cursor: &mut Cursor<'_>, keys: &mut Column, values: &mut Column, options: &JsonOptions, depth: usize) -> Result<(), Fault> {
    let start = cursor.at;
    let mut entries: Vec<(Vec<u8>, usize)> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    cursor.members(b'}', depth, |cursor| {
        let raw = cursor.string()?;
        let mut key = Vec::with_capacity(raw.bytes.len());
        unescape(raw, &mut key).map_err(|reason| Syntax { at: cursor.at, reason })?;
        cursor.colon()?;
        let value = cursor.at;
        match places.get(&key) {
            Some(earlier) => entries[*earlier].1 = value,
            None => {
                places.insert(key.clone(), entries.len());
                entries.push((key, value));
            }
        }
        cursor.skip_value(depth + 1)
    })?;
    let end = cursor.at;
    sort_as_hash_table(&mut entries);
    for (key, value) in entries {
        let Values::Text(bytes) = &mut keys.values else {
            return Err(Fault::value(start, "only maps with text keys can be read from JSON"));
        };
        bytes.bytes.extend_from_slice(&key);
        bytes.end_value();
        keys.present();
        cursor.at = value;
        let name = || format!("[{}]", String::from_utf8_lossy(&key));
        read_nullable(cursor, values, options, depth + 1).map_err(|fault| fault.inside(&name()))?;
    }
    cursor.at = end;
    Ok(())
}

/// What a fraction does to an integer column, and its bounds.
#[derive(Clone, Copy)]
enum FloatIs {
    /// INT: `1.9` is 1.
    Cut,
    /// TINYINT and SMALLINT with these bounds: refused.
    Refused(i64, i64),
}

#[inline]
fn integer(cursor: &mut Cursor<'_>, float_is: FloatIs) -> Result<i64, Fault> {
    let start = cursor.at;
    let (min, max) = match float_is {
        FloatIs::Cut => (i32::MIN.into(), i32::MAX.into()),
        FloatIs::Refused(min, max) => (min, max),
    };
    let value = match scalar(cursor)? {
        Scalar::Number(number) if number.float => match float_is {
            FloatIs::Cut => cut(&number, start, min, max)?,
            FloatIs::Refused(..) => return Err(Fault::value(start, "not a whole number")),
        },
        Scalar::Number(number) => whole(&number).ok_or_else(|| Fault::value(start, "out of range"))?,
        Scalar::Text(text) => parse_i64(&text).ok_or_else(|| Fault::value(start, "not a whole number"))?,
        Scalar::Word(_) | Scalar::Nested => return Err(Fault::value(start, "not a whole number")),
    };
    if (min..=max).contains(&value) { Ok(value) } else { Err(Fault::value(start, "out of range")) }
}

#[inline]
fn integer_64(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
    let start = cursor.at;
    match scalar(cursor)? {
        Scalar::Number(number) if number.float => cut(&number, start, i64::MIN, i64::MAX),
        Scalar::Number(number) => whole(&number).ok_or_else(|| Fault::value(start, "out of range")),
        Scalar::Text(text) => parse_i64(&text).ok_or_else(|| Fault::value(start, "not a whole number")),
        Scalar::Word(_) | Scalar::Nested => Err(Fault::value(start, "not a whole number")),
    }
}

fn whole(number: &Number<'_>) -> Option<i64> {
    match number.mantissa {
        Some(mantissa) => Some(if number.negative { -(mantissa as i64) } else { mantissa as i64 }),
        None => parse_i64(number.text),
    }
}

/// The whole part of a number with a fraction or an exponent.
fn cut(number: &Number<'_>, start: usize, min: i64, max: i64) -> Result<i64, Fault> {
    let value = to_f64(number, start)?;
    // `i64::MAX as f64` rounds up to 2^63, which does not fit.
    let fits = value >= min as f64 && value <= max as f64 && value < -(i64::MIN as f64);
    if fits { Ok(value as i64) } else { Err(Fault::value(start, "out of range")) }
}

fn to_f64(number: &Number<'_>, start: usize) -> Result<f64, Fault> {
    if let Some(value) = number.mantissa.and_then(|mantissa| exact_f64(mantissa, number.exponent)) {
        return Ok(if number.negative { -value } else { value });
    }
    parse_f64(number.text).ok_or_else(|| Fault::value(start, "not a number"))
}

#[inline]
fn double(cursor: &mut Cursor<'_>) -> Result<f64, Fault> {
    let start = cursor.at;
    match scalar(cursor)? {
        Scalar::Number(number) => to_f64(&number, start),
        Scalar::Text(text) => parse_f64(&text).ok_or_else(|| Fault::value(start, "not a number")),
        Scalar::Word(_) | Scalar::Nested => Err(Fault::value(start, "not a number")),
    }
}

fn float(cursor: &mut Cursor<'_>) -> Result<f32, Fault> {
    let start = cursor.at;
    let value = match scalar(cursor)? {
        Scalar::Number(number) => parse_f32(number.text),
        Scalar::Text(text) => parse_f32(&text),
        Scalar::Word(_) | Scalar::Nested => None,
    };
    value.ok_or_else(|| Fault::value(start, "not a number"))
}

/// Whatever is not `true` (in any case) is false, as Java's `parseBoolean` has it; only nested values are refused.
fn boolean(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    let start = cursor.at;
    match scalar(cursor)? {
        Scalar::Word(word) => Ok(word),
        Scalar::Text(text) => Ok(trim(&text).eq_ignore_ascii_case(b"true")),
        Scalar::Number(_) => Ok(false),
        Scalar::Nested => Err(Fault::value(start, "true or false is expected")),
    }
}

fn decimal(cursor: &mut Cursor<'_>, precision: u8, scale: u8) -> Result<Option<i128>, Fault> {
    let start = cursor.at;
    let value = match scalar(cursor)? {
        Scalar::Number(number) => parse_decimal(number.text, precision, scale),
        Scalar::Text(text) => parse_decimal(trim(&text), precision, scale),
        Scalar::Word(_) | Scalar::Nested => return Err(Fault::value(start, "not a number")),
    };
    value.map_err(|_| Fault::value(start, "not a number"))
}

fn binary(cursor: &mut Cursor<'_>, bytes: &mut Bytes) -> Result<(), Fault> {
    use base64::Engine;
    let start = cursor.at;
    let Scalar::Text(text) = scalar(cursor)? else { return Err(Fault::value(start, "text in base64 is expected")) };
    let decoded = crate::format::BASE64.decode(text.as_ref());
    bytes.bytes.extend_from_slice(&decoded.map_err(|_| Fault::value(start, "not base64"))?);
    bytes.end_value();
    Ok(())
}

/// Text as it is; numbers and words as they are written; objects and arrays as compact JSON.
#[inline]
fn text(cursor: &mut Cursor<'_>, bytes: &mut Bytes, depth: usize) -> Result<(), Fault> {
    let start = cursor.at;
    match cursor.peek() {
        Some(b'"') => {
            let raw = cursor.string()?;
            unescape(raw, &mut bytes.bytes).map_err(|reason| Syntax { at: start, reason })?;
        }
        Some(b'{' | b'[') => write_tree(cursor, &mut bytes.bytes, depth)?,
        _ => {
            cursor.skip_value(depth)?;
            bytes.bytes.extend_from_slice(&cursor.bytes[start..cursor.at]);
        }
    }
    bytes.end_value();
    Ok(())
}

/// Applies `parse` to the text of a string (or to a number as written, which no date is).
#[inline]
fn with_text<T>(cursor: &mut Cursor<'_>, what: &str, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, Fault> {
    let start = cursor.at;
    let value = match scalar(cursor)? {
        Scalar::Text(text) => parse(&text),
        Scalar::Number(number) => parse(number.text),
        Scalar::Word(_) | Scalar::Nested => None,
    };
    value.ok_or_else(|| Fault::value(start, format!("not a {what}")))
}

/// A value that is no object or array.
enum Scalar<'a> {
    Text(std::borrow::Cow<'a, [u8]>),
    Number(Number<'a>),
    Word(bool),
    /// An object or array begins; nothing was taken.
    Nested,
}

#[inline]
fn scalar<'a>(cursor: &mut Cursor<'a>) -> Result<Scalar<'a>, Fault> {
    Ok(match cursor.peek() {
        Some(b'-' | b'0'..=b'9') => Scalar::Number(cursor.number()?),
        Some(b'"') => {
            let start = cursor.at;
            let raw = cursor.string()?;
            Scalar::Text(plain(raw).map_err(|reason| Syntax { at: start, reason })?)
        }
        Some(b't') => cursor.word(b"true").map(|()| Scalar::Word(true))?,
        Some(b'f') => cursor.word(b"false").map(|()| Scalar::Word(false))?,
        Some(b'{' | b'[') => Scalar::Nested,
        _ => cursor.wrong("a value is expected: a string, a number, true, false, null, an object or an array")?,
    })
}

fn plain(raw: RawString<'_>) -> Result<std::borrow::Cow<'_, [u8]>, &'static str> {
    if !raw.escaped {
        return Ok(raw.bytes.into());
    }
    let mut text = Vec::with_capacity(raw.bytes.len());
    unescape(raw, &mut text)?;
    Ok(text.into())
}
