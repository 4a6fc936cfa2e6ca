//! One value of a record into one column: the type of the column says what is read, the record only whether it can be.
//!
//! The hot path: everything here is inlined into the walk over a record's keys. A value that does not fit leaves its column longer than
//! it was; whoever called cuts it back.

use std::borrow::Cow;
use std::collections::HashMap;

use irmak_common::hash_order::{hash_of_text, sort_as_hash_table};

use super::cursor::{Cursor, Syntax, unescape};
use super::fault::Fault;
use super::options::JsonOptions;
use super::scalar::{FloatIs, binary, boolean, decimal, double, float, integer, integer_64, text, with_text};
use crate::format::column::{Column, Values};
use crate::format::time::{parse_date, parse_time, parse_timestamp};

/// Keys of a map that are looked for one by one; a map of more gets a table.
const MAP_KEYS_FEW: usize = 16;

/// What a nested value begins with, and what is said where it does not.
const ARRAY: (u8, &str) = (b'[', "an array is expected");
const OBJECT: (u8, &str) = (b'{', "an object is expected");

/// Appends a value or NULL. With ignore-parse-errors, a value of the wrong kind is NULL and stepped over.
#[inline]
pub(super) fn read_nullable(cursor: &mut Cursor<'_>, column: &mut Column, options: &JsonOptions, depth: usize) -> Result<(), Fault> {
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
        Values::Int32(values) => values.push(integer(cursor, FloatIs::Cut, options)? as i32),
        Values::Float64(values) => values.push(double(cursor, options)?),
        Values::Text(bytes) => text(cursor, bytes, depth, options)?,
        Values::Timestamp { values, unit, zoned } => {
            let moment = with_text(cursor, "timestamp", |text| parse_timestamp(text, options.standard, *zoned))?;
            values.push(moment.in_unit(*unit).ok_or_else(|| Fault::value(start, "the timestamp is beyond what the type holds"))?);
        }
        Values::Int64(values) => values.push(integer_64(cursor)?),
        Values::Int8(values) => values.push(integer(cursor, FloatIs::Refused(i8::MIN.into(), i8::MAX.into()), options)? as i8),
        Values::Int16(values) => values.push(integer(cursor, FloatIs::Refused(i16::MIN.into(), i16::MAX.into()), options)? as i16),
        Values::Float32(values) => values.push(float(cursor, options)?),
        Values::Boolean(values) => values.append(boolean(cursor, options.tree)?),
        Values::Date(values) => values.push(with_text(cursor, "date (yyyy-MM-dd)", parse_date)?),
        Values::Time(values) => values.push(with_text(cursor, "time (HH:mm:ss)", parse_time)?),
        Values::Decimal { values, precision, scale } => match decimal(cursor, *precision, *scale, options.tree)? {
            Some(value) => values.push(value),
            None => return Ok(false),
        },
        Values::Binary(bytes) => binary(cursor, bytes)?,
        Values::List { offsets, item, .. } => {
            begin(cursor, ARRAY)?;
            cursor.members(b']', depth, |cursor| read_nullable(cursor, item, options, depth + 1))?;
            offsets.push(item.len() as i32);
        }
        Values::Map { offsets, keys, values, .. } => {
            begin(cursor, OBJECT)?;
            read_map(cursor, keys, values, options, depth)?;
            offsets.push(keys.len() as i32);
        }
        Values::Row { columns, names, .. } => {
            begin(cursor, OBJECT)?;
            let rows = column_len(columns);
            read_row(cursor, columns, names, rows, options, depth)?;
        }
        Values::Null => cursor.skip_value(depth)?,
    }
    Ok(true)
}

/// Takes what a nested value begins with.
#[inline]
fn begin(cursor: &mut Cursor<'_>, (bracket, otherwise): (u8, &'static str)) -> Result<(), Fault> {
    let start = cursor.at;
    if cursor.take(bracket) { Ok(()) } else { Err(Fault::value(start, otherwise)) }
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
    let (mut seen, mut position) = (0, 0);
    let start = cursor.at;
    cursor.members(b'}', depth, |cursor| {
        let index = field(cursor, names, position)?;
        position += 1;
        cursor.colon()?;
        match index {
            Some(index) if seen < columns.len() || options.tree => {
                seen += 1;
                // A key that comes twice: the later one counts.
                if columns[index].len() > rows {
                    columns[index].truncate(rows);
                }
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

/// Takes a key and says which field it is; mostly they come in the type's order.
#[inline]
fn field(cursor: &mut Cursor<'_>, names: &[String], position: usize) -> Result<Option<usize>, Syntax> {
    let key = key(cursor)?;
    Ok(match names.get(position) {
        Some(name) if *name.as_bytes() == *key => Some(position),
        _ => names.iter().position(|name| *name.as_bytes() == *key),
    })
}

/// Takes a key.
#[inline]
fn key<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, [u8]>, Syntax> {
    let raw = cursor.string()?;
    if raw.ascii && !raw.escaped {
        return Ok(raw.bytes.into());
    }
    let mut key = Vec::with_capacity(raw.bytes.len());
    unescape(raw, &mut key).map_err(|reason| Syntax { at: cursor.at, reason })?;
    Ok(key.into())
}

/// A map's entries, in the order of Flink's hash table; the later of two equal keys counts. The cursor stands behind the brace.
fn read_map(cursor: &mut Cursor<'_>, keys: &mut Column, values: &mut Column, options: &JsonOptions, depth: usize) -> Result<(), Fault> {
    let start = cursor.at;
    let mut entries: Vec<(Cow<'_, [u8]>, usize)> = Vec::new();
    let mut places: HashMap<Cow<'_, [u8]>, usize> = HashMap::new();
    cursor.members(b'}', depth, |cursor| {
        let key = key(cursor)?;
        cursor.colon()?;
        let value = cursor.at;
        let earlier = if places.is_empty() { entries.iter().position(|(known, _)| *known == key) } else { places.get(&key).copied() };
        match earlier {
            Some(earlier) => entries[earlier].1 = value,
            None => {
                // So few keys are compared sooner than hashed.
                if entries.len() == MAP_KEYS_FEW {
                    places.extend(entries.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)));
                }
                if entries.len() >= MAP_KEYS_FEW {
                    places.insert(key.clone(), entries.len());
                }
                entries.push((key, value));
            }
        }
        cursor.skip_value(depth + 1)
    })?;
    let end = cursor.at;
    sort_as_hash_table(&mut entries, |(key, _)| hash_of_text(key));
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
