//! Values that are no object or array: what a number, text or word means to a column of each type.
//!
//! Flink has two readers. The one of `json` takes values from the parser; the other (`tree`: `json.decode.json-parser.enabled` = false, and
//! the changelog formats) from a tree that was parsed before, where numbers have lost their spelling.

use super::cursor::{Cursor, Number, RawString, Syntax, unescape};
use super::fault::Fault;
use super::options::JsonOptions;
use super::tree::{number_text, write_tree};
use crate::format::column::Bytes;
use crate::format::decode_base64;
use crate::format::number::{exact_f64, parse_decimal, parse_f32, parse_f64, parse_i64, trim};

/// What a fraction does to an integer column, and its bounds.
#[derive(Clone, Copy)]
pub(super) enum FloatIs {
    /// INT: `1.9` is 1.
    Cut,
    /// TINYINT and SMALLINT with these bounds: refused.
    Refused(i64, i64),
}

#[inline]
pub(super) fn integer(cursor: &mut Cursor<'_>, float_is: FloatIs, options: &JsonOptions) -> Result<i64, Fault> {
    let start = cursor.at;
    let (min, max) = match float_is {
        FloatIs::Cut => (i32::MIN.into(), i32::MAX.into()),
        FloatIs::Refused(min, max) => (min, max),
    };
    let value = match scalar(cursor)? {
        Scalar::Number(number) if number.float => match float_is {
            FloatIs::Cut => cut(&number, start, min, max)?,
            FloatIs::Refused(..) if options.tree && options.exact => {
                let mut text = Vec::new();
                number_text(&number, true, &mut text);
                parse_i64(&text).ok_or_else(|| Fault::value(start, "not a whole number"))?
            }
            FloatIs::Refused(..) => return Err(Fault::value(start, "not a whole number")),
        },
        Scalar::Number(number) => whole(&number).ok_or_else(|| Fault::value(start, "out of range"))?,
        Scalar::Text(text) => parse_i64(&text).ok_or_else(|| Fault::value(start, "not a whole number"))?,
        Scalar::Word(_) | Scalar::Nested => return Err(Fault::value(start, "not a whole number")),
    };
    if (min..=max).contains(&value) { Ok(value) } else { Err(Fault::value(start, "out of range")) }
}

#[inline]
pub(super) fn integer_64(cursor: &mut Cursor<'_>) -> Result<i64, Fault> {
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
pub(super) fn double(cursor: &mut Cursor<'_>, options: &JsonOptions) -> Result<f64, Fault> {
    let start = cursor.at;
    match scalar(cursor)? {
        Scalar::Number(number) if loses_sign(&number, options) => Ok(to_f64(&number, start)? + 0.0),
        Scalar::Number(number) => to_f64(&number, start),
        Scalar::Text(text) => parse_f64(&text).ok_or_else(|| Fault::value(start, "not a number")),
        Scalar::Word(_) | Scalar::Nested => Err(Fault::value(start, "not a number")),
    }
}

/// Whether -0 is 0 as soon as the number stands in a tree: as a whole number or a decimal.
#[inline]
fn loses_sign(number: &Number<'_>, options: &JsonOptions) -> bool {
    options.tree && (options.exact || !number.float)
}

pub(super) fn float(cursor: &mut Cursor<'_>, options: &JsonOptions) -> Result<f32, Fault> {
    let start = cursor.at;
    let value = match scalar(cursor)? {
        Scalar::Number(number) if loses_sign(&number, options) => parse_f32(number.text).map(|value| value + 0.0),
        Scalar::Number(number) => parse_f32(number.text),
        Scalar::Text(text) => parse_f32(&text),
        Scalar::Word(_) | Scalar::Nested => None,
    };
    value.ok_or_else(|| Fault::value(start, "not a number"))
}

/// Whatever is not `true` (in any case) is false, as Java's `parseBoolean` has it; nested values are refused, where there is no tree of them.
pub(super) fn boolean(cursor: &mut Cursor<'_>, tree: bool) -> Result<bool, Fault> {
    let start = cursor.at;
    match scalar(cursor)? {
        Scalar::Word(word) => Ok(word),
        Scalar::Text(text) => Ok(trim(&text).eq_ignore_ascii_case(b"true")),
        Scalar::Number(_) => Ok(false),
        Scalar::Nested if tree => {
            cursor.skip_value(0)?;
            Ok(false)
        }
        Scalar::Nested => Err(Fault::value(start, "true or false is expected")),
    }
}

pub(super) fn decimal(cursor: &mut Cursor<'_>, precision: u8, scale: u8, tree: bool) -> Result<Option<i128>, Fault> {
    let start = cursor.at;
    let value = match scalar(cursor)? {
        Scalar::Number(number) => parse_decimal(number.text, precision, scale),
        Scalar::Text(text) => parse_decimal(if tree { &text } else { trim(&text) }, precision, scale),
        Scalar::Word(_) | Scalar::Nested => return Err(Fault::value(start, "not a number")),
    };
    value.map_err(|_| Fault::value(start, "not a number"))
}

pub(super) fn binary(cursor: &mut Cursor<'_>, bytes: &mut Bytes) -> Result<(), Fault> {
    let start = cursor.at;
    let Scalar::Text(text) = scalar(cursor)? else { return Err(Fault::value(start, "text in base64 is expected")) };
    decode_base64(&text, &mut bytes.bytes).ok_or_else(|| Fault::value(start, "not base64"))?;
    bytes.end_value();
    Ok(())
}

/// Text as it is; numbers and words as they are written; objects and arrays as compact JSON.
#[inline]
pub(super) fn text(cursor: &mut Cursor<'_>, bytes: &mut Bytes, depth: usize, options: &JsonOptions) -> Result<(), Fault> {
    let start = cursor.at;
    match cursor.peek() {
        Some(b'"') => {
            let raw = cursor.string()?;
            unescape(raw, &mut bytes.bytes).map_err(|reason| Syntax { at: start, reason })?;
        }
        Some(b'{' | b'[') => write_tree(cursor, &mut bytes.bytes, depth, options.exact)?,
        Some(b'-' | b'0'..=b'9') if options.tree => number_text(&cursor.number()?, options.exact, &mut bytes.bytes),
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
pub(super) fn with_text<T>(cursor: &mut Cursor<'_>, what: &str, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, Fault> {
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
