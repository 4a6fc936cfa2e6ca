//! Casts from and to texts and bytes.
//!
//! Source: Flink 1.20, `BinaryStringDataUtil`, whose leniencies are kept: `1.999` is the INT 1, `1L` the DECIMAL(10, 2) 1.00.

use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, StringBuilder};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use irmak_common::text::{Instant, parse_date, parse_hexadecimal_f32, parse_hexadecimal_f64, parse_time, parse_timestamp};
use irmak_common::types::{TypeKind, timestamp_unit};

use super::driver::{text_to_bool, text_to_primitive};
use super::{Context, Convert};
use crate::cell::{Style, write_cell};
use crate::column::{arrow_error, internal};
use crate::decimal::{self, Form};
use crate::error::EvalError;
use crate::types::KindExt;

/// Anything to CHAR(n) or VARCHAR(n): cut to n characters, CHAR padded with spaces.
pub(super) fn to_text(from: &TypeKind, to: &TypeKind, context: &Context) -> Convert {
    let (from, context) = (from.clone(), context.clone());
    let (length, padded) = match to {
        TypeKind::Char(n) => (*n as usize, true),
        TypeKind::Varchar(n) => (*n as usize, false),
        _ => (usize::MAX, false),
    };
    Arc::new(move |array| {
        let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 16);
        let mut buffer = String::new();
        for row in 0..array.len() {
            if array.is_null(row) {
                builder.append_null();
                continue;
            }
            buffer.clear();
            write_cell(&mut buffer, array, row, &from, &context.zone, Style::Cast);
            fit(&mut buffer, length, padded);
            builder.append_value(&buffer);
        }
        Ok(Arc::new(builder.finish()))
    })
}

fn fit(text: &mut String, length: usize, padded: bool) {
    if text.len() > length
        && let Some((at, _)) = text.char_indices().nth(length)
    {
        text.truncate(at);
    }
    if padded {
        let missing = length.saturating_sub(text.chars().count());
        text.extend(std::iter::repeat_n(' ', missing));
    }
}

/// Texts (as UTF-8) or bytes to BINARY(n) or VARBINARY(n): cut to n bytes, BINARY padded with zeros.
pub(super) fn to_bytes(from: &TypeKind, to: &TypeKind) -> Convert {
    let from_text = from.is_text();
    let (length, padded) = match to {
        TypeKind::Binary(n) => (*n as usize, true),
        TypeKind::Varbinary(n) => (*n as usize, false),
        _ => (usize::MAX, false),
    };
    Arc::new(move |array| {
        let bytes =
            if from_text { arrow::compute::cast(array, &arrow::datatypes::DataType::Binary).map_err(arrow_error)? } else { array.clone() };
        let bytes = bytes.as_binary_opt::<i32>().ok_or_else(|| internal("bytes were planned"))?;
        let mut builder = BinaryBuilder::with_capacity(bytes.len(), bytes.len() * 16);
        for value in bytes {
            builder.append_option(value.map(|value| {
                let cut = &value[..value.len().min(length)];
                if padded && cut.len() < length { Cow::Owned([cut, &vec![0; length - cut.len()]].concat()) } else { Cow::Borrowed(cut) }
            }));
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// Texts to anything but texts and bytes.
pub(super) fn from_text(_from: &TypeKind, to: &TypeKind, context: &Context) -> Convert {
    let (to, context) = (to.clone(), context.clone());
    Arc::new(move |array| match &to {
        TypeKind::Boolean => text_to_bool(array, &context, boolean),
        TypeKind::TinyInt => text_to_primitive::<Int8Type>(array, &context, |text| narrow(text, integer(text)?)),
        TypeKind::SmallInt => text_to_primitive::<Int16Type>(array, &context, |text| narrow(text, integer(text)?)),
        TypeKind::Int => text_to_primitive::<Int32Type>(array, &context, |text| narrow(text, integer(text)?)),
        TypeKind::BigInt => text_to_primitive::<Int64Type>(array, &context, |text| narrow(text, integer(text)?)),
        TypeKind::Float => text_to_primitive::<Float32Type>(array, &context, |text| java_float(text, parse_hexadecimal_f32)),
        TypeKind::Double => text_to_primitive::<Float64Type>(array, &context, |text| java_float(text, parse_hexadecimal_f64)),
        TypeKind::Decimal { precision, scale } => {
            let form = Form { precision: *precision, scale: *scale };
            let unscaled =
                text_to_primitive::<Decimal128Type>(array, &context, |text| text_to_number(text, form).ok_or_else(|| overflow(text)))?;
            let typed = unscaled.as_primitive::<Decimal128Type>().clone().with_precision_and_scale(*precision, *scale as i8);
            Ok(Arc::new(typed.map_err(arrow_error)?))
        }
        TypeKind::Date => text_to_primitive::<Date32Type>(array, &context, |text| parse_date(text).map_err(|error| error.to_string())),
        TypeKind::Time(_) => {
            text_to_primitive::<Time32MillisecondType>(array, &context, |text| parse_time(text).map_err(|error| error.to_string()))
        }
        TypeKind::Timestamp { precision, .. } => timestamps(array, &context, *precision, |instant| instant),
        TypeKind::TimestampLtz { precision, .. } => timestamps(array, &context, *precision, |local: Instant| Instant {
            seconds: local.seconds - context.zone.offset_of_local(local.seconds),
            nanos: local.nanos,
        }),
        other => Err(internal(format!("no cast from a text to {other}"))),
    })
}

/// Whether Java's `Double.parseDouble` takes a text.
pub(crate) fn parses_as_double(text: &str) -> bool {
    java_float(text, parse_hexadecimal_f64).is_ok()
}

fn timestamps(array: &ArrayRef, context: &Context, precision: u8, shift: impl Fn(Instant) -> Instant) -> Result<ArrayRef, EvalError> {
    let convert = |text: &str| {
        // Reading rounds down; only a cast between timestamps rounds towards zero.
        let instant = shift(parse_timestamp(text).map_err(|error| error.to_string())?.floor(precision));
        instant.to_stored(precision).ok_or_else(|| format!("'{text}' is beyond the years 1677 to 2262 that TIMESTAMP({precision}) holds"))
    };
    match timestamp_unit(precision) {
        TimeUnit::Microsecond => text_to_primitive::<TimestampMicrosecondType>(array, context, convert),
        TimeUnit::Nanosecond => text_to_primitive::<TimestampNanosecondType>(array, context, convert),
        _ => text_to_primitive::<TimestampMillisecondType>(array, context, convert),
    }
}

fn overflow(text: &str) -> String {
    format!("For input string: '{text}'. Overflow.")
}

fn not_a_number(text: &str) -> String {
    if text.trim().is_empty() { "empty String".into() } else { format!("For input string: \"{text}\"") }
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Ok(true),
        "f" | "false" | "n" | "no" | "0" => Ok(false),
        _ => Err(format!("Cannot parse '{text}' as BOOLEAN.")),
    }
}

/// Sign and digits; a fraction is allowed and dropped.
fn integer(text: &str) -> Result<i64, String> {
    let trimmed = text.trim_matches(' ');
    let (negative, digits) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, &trimmed[1..]),
        Some(b'+') => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let valid = !digits.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !valid {
        return Err(format!("For input string: '{trimmed}'. Invalid character found."));
    }
    let value = whole.bytes().try_fold(0_i64, |value, byte| value.checked_mul(10)?.checked_sub(i64::from(byte - b'0')));
    let value = if negative { value } else { value.and_then(i64::checked_neg) };
    value.ok_or_else(|| overflow(trimmed))
}

fn narrow<T: TryFrom<i64>>(text: &str, value: i64) -> Result<T, String> {
    T::try_from(value).map_err(|_| overflow(text.trim_matches(' ')))
}

/// Java's `parseDouble` and `parseFloat`: as Rust's, but for a type suffix, which is dropped, and hexadecimal numbers.
fn java_float<T: FromStr>(text: &str, hexadecimal: fn(&str) -> Option<T>) -> Result<T, String> {
    let trimmed = text.trim_matches(|c: char| c <= ' ');
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let read = if matches!(unsigned, "NaN" | "Infinity") {
        trimmed.parse().ok()
    } else if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        let plain = trimmed.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(trimmed);
        plain.parse().ok().or_else(|| hexadecimal(trimmed))
    } else {
        // Rust also reads "inf", "nan" and "infinity" in any case; Java does not.
        return Err(not_a_number(trimmed));
    };
    read.ok_or_else(|| not_a_number(text))
}

/// A DECIMAL of a text, `None` where it is none or does not fit.
pub(crate) fn text_to_number(text: &str, form: Form) -> Option<i128> {
    if form.precision > 18 || text.len() > 18 {
        return decimal::parse(text.trim_matches([' ', '\n', '\t']))?.to_form(form);
    }
    short_decimal(text.as_bytes(), form)
}

/// Flink's reader of short decimals, which swallows one character behind the digits, whatever it is.
fn short_decimal(bytes: &[u8], form: Form) -> Option<i128> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t');
    let mut rest = &bytes[bytes.iter().position(|byte| !blank(byte))?..];
    let negative = rest[0] == b'-';
    if negative || rest[0] == b'+' {
        rest = &rest[1..];
        rest.first()?;
    }
    let (mut significand, mut digits, mut point, mut last) = (0_i128, 0_i32, None, 0_u8);
    while let Some((&byte, tail)) = rest.split_first() {
        (last, rest) = (byte, tail);
        match byte {
            b'0'..=b'9' => {
                significand = significand * 10 + i128::from(byte - b'0');
                digits += 1;
            }
            b'.' if point.is_some() => return None,
            b'.' => point = Some(digits),
            _ => break,
        }
    }
    let mut exponent = point.unwrap_or(digits) - digits;
    if matches!(last, b'e' | b'E') && !rest.is_empty() {
        let below = rest[0] == b'-';
        if below || rest[0] == b'+' {
            rest = &rest[1..];
            rest.first()?;
        }
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let power: i32 = std::str::from_utf8(&rest[..count]).ok()?.parse().unwrap_or(1_000_000);
        // Behind the exponent, too, one character is swallowed.
        rest = &rest[(count + 1).min(rest.len())..];
        exponent += if below { -power } else { power };
    }
    if !rest.iter().all(blank) {
        return None;
    }
    let change = exponent + i32::from(form.scale);
    if digits + change > i32::from(form.precision) {
        return None;
    }
    let signed = if negative { -significand } else { significand };
    if change >= 0 {
        signed.checked_mul(decimal::power_of_ten(change as u32)?)
    } else {
        Some(decimal::power_of_ten(change.unsigned_abs()).map_or(0, |unit| decimal::divide_half_up(signed, unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_flink_reads_them() {
        for (text, value) in [
            ("1.999", Ok(1)),
            (" 42 ", Ok(42)),
            ("+7", Ok(7)),
            (".5", Ok(0)),
            ("5.", Ok(5)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err("For input string: '9223372036854775808'. Overflow.")),
            ("abc", Err("For input string: 'abc'. Invalid character found.")),
            ("1e3", Err("For input string: '1e3'. Invalid character found.")),
            ("", Err("For input string: ''. Invalid character found.")),
            ("-", Err("For input string: '-'. Invalid character found.")),
        ] {
            assert_eq!(integer(text), value.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn decimals_are_read_as_flink_reads_them() {
        for (text, short, long) in [
            ("1.5", Some(150), Some(1_500_000_000_000_000_000)),
            ("1L", Some(100), None),
            ("T", Some(0), None),
            ("abc", None, None),
            ("1e3", Some(100_000), Some(1_000_000_000_000_000_000_000)),
            ("99999999.995", Some(10_000_000_000), Some(99_999_999_995_000_000_000_000_000)),
            ("  42  ", Some(4_200), Some(42_000_000_000_000_000_000)),
            ("", None, None),
            ("-", None, None),
            ("1.2.3", None, None),
            ("1e", Some(100), None),
        ] {
            assert_eq!(text_to_number(text, Form { precision: 10, scale: 2 }), short, "{text}");
            assert_eq!(text_to_number(text, Form { precision: 38, scale: 18 }), long, "{text}");
        }
    }

    #[test]
    fn doubles_are_read_as_java_reads_them() {
        for (text, good) in [
            ("1d", true),
            ("NaN", true),
            ("-Infinity", true),
            ("inf", false),
            ("nan", false),
            ("1_000", false),
            ("", false),
            ("1e400", true),
            (" .5 ", true),
            ("-0x1.8p3d", true),
            ("0x1", false),
        ] {
            assert_eq!(parses_as_double(text), good, "{text}");
        }
    }
}
