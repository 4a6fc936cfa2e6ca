//! Numbers from text as Java reads them: `Integer.parseInt`, `Double.parseDouble`, `new BigDecimal` (and how that prints).
//!
//! Source: the methods' own documentation (Java 17), and Flink's `DecimalData.fromBigDecimal` for rounding and overflow.

use irmak_common::text::{parse_hexadecimal_f32, parse_hexadecimal_f64, write_digits_stripped};

/// Without characters up to and including the space at both ends: Java's `String.trim`.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| *byte > b' ').unwrap_or(text.len());
    let end = text.iter().rposition(|byte| *byte > b' ').map_or(start, |at| at + 1);
    &text[start..end]
}

/// `Long.parseLong` of a trimmed text: an optional sign and decimal digits.
pub(crate) fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match trim(text) {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    if digits.len() <= 18 {
        // Too short to overflow: the signs and sums need no watching.
        let value = digits.iter().try_fold(0, |value, byte| digit(*byte).map(|digit| value * 10 + i64::from(digit)))?;
        return Some(if negative { -value } else { value });
    }
    let mut value = 0i64;
    for byte in digits {
        let digit = i64::from(digit(*byte)?);
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(value)
}

fn digit(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(digit)
}

/// `Double.parseDouble`: decimal and hexadecimal forms, `NaN`, `Infinity`, with an optional type suffix.
pub(crate) fn parse_f64(text: &[u8]) -> Option<f64> {
    plain_f64(text).or_else(|| java_float(text, |text| text.parse().ok(), parse_hexadecimal_f64))
}

/// The common shape, `-12.34` of few digits and nothing else, where one division gives it; `None` says nothing of the text.
fn plain_f64(text: &[u8]) -> Option<f64> {
    let (negative, number) = match text {
        [b'-', number @ ..] => (true, number),
        number => (false, number),
    };
    // 17 digits are more than a mantissa of 53 bits has; a longer text is read from its beginning by the library.
    if number.len() > 17 {
        return None;
    }
    let (mut mantissa, mut fraction, mut point) = (0u64, 0, false);
    for byte in number {
        match digit(*byte) {
            Some(digit) => {
                mantissa = mantissa * 10 + u64::from(digit);
                fraction += i32::from(point);
            }
            None if *byte == b'.' && !point => point = true,
            None => return None,
        }
    }
    if number.len() == usize::from(point) {
        return None;
    }
    let value = exact_f64(mantissa, -fraction)?;
    Some(if negative { -value } else { value })
}

/// `Float.parseFloat`, likewise.
pub(crate) fn parse_f32(text: &[u8]) -> Option<f32> {
    java_float(text, |text| text.parse().ok(), parse_hexadecimal_f32)
}

fn java_float<T>(text: &[u8], parse: fn(&str) -> Option<T>, hexadecimal: fn(&str) -> Option<T>) -> Option<T> {
    let text = trim(text);
    let unsigned = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let text = std::str::from_utf8(text).ok()?;
    if unsigned == b"NaN" || unsigned == b"Infinity" {
        return parse(text);
    }
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    // Rust reads `inf` and `nan`, which Java does not.
    let plain = number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { parse(number) } else { hexadecimal(text) }
}

const POWERS_OF_TEN: [f64; 23] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

/// `mantissa * 10^exponent` where one correctly rounded operation gives it, else `None`.
///
/// Source: W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990 (the fast path).
pub(crate) fn exact_f64(mantissa: u64, exponent: i32) -> Option<f64> {
    if mantissa > 1 << 53 {
        return None;
    }
    let power = *POWERS_OF_TEN.get(exponent.unsigned_abs() as usize)?;
    Some(if exponent < 0 { mantissa as f64 / power } else { mantissa as f64 * power })
}

/// A text that is no decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotDecimal;

/// `new BigDecimal(text)` rounded half up to `scale`; `None` where it has more than `precision` digits then, as Flink has it.
pub(crate) fn parse_decimal(text: &[u8], precision: u8, scale: u8) -> Result<Option<i128>, NotDecimal> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let split = rest.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (number, exponent) = match split {
        Some(at) => (&rest[..at], exponent(&rest[at + 1..])?),
        None => (rest, 0),
    };
    let point = number.iter().position(|byte| *byte == b'.');
    let fraction = point.map_or(0, |at| number.len() - at - 1);
    let digits = number.iter().enumerate().filter(|(at, _)| Some(*at) != point).map(|(_, byte)| *byte);
    if number.len() == usize::from(point.is_some()) || !digits.clone().all(|byte| byte.is_ascii_digit()) {
        return Err(NotDecimal);
    }
    let significant: Vec<u8> = digits.skip_while(|byte| *byte == b'0').map(|byte| byte - b'0').collect();
    let shift = exponent - fraction as i64 + i64::from(scale);
    let unscaled = rounded(&significant, shift);
    Ok(unscaled.filter(|value| *value < 10i128.pow(u32::from(precision))).map(|value| if negative { -value } else { value }))
}

fn exponent(text: &[u8]) -> Result<i64, NotDecimal> {
    // `BigDecimal` keeps its scale in an int.
    let exponent = if text.len() == trim(text).len() { parse_i64(text) } else { None };
    exponent.filter(|exponent| exponent.abs() <= i64::from(i32::MAX)).ok_or(NotDecimal)
}

/// `digits * 10^shift`, rounded half up; `None` beyond 38 digits.
fn rounded(digits: &[u8], shift: i64) -> Option<i128> {
    if digits.is_empty() {
        return Some(0);
    }
    let length = digits.len() as i64 + shift;
    if length > 38 {
        return None;
    }
    if length < 0 {
        return Some(0);
    }
    let kept = (length as usize).min(digits.len());
    let value = digits[..kept].iter().fold(0i128, |value, digit| value * 10 + i128::from(*digit));
    if shift >= 0 {
        return value.checked_mul(10i128.checked_pow(shift as u32)?);
    }
    Some(value + i128::from(digits.get(kept).is_some_and(|digit| *digit >= 5)))
}

/// Appends a JSON number as `new BigDecimal(text).stripTrailingZeros().toString()` does: `1.50` is `1.5`, `1e3` is `1E+3`.
pub(crate) fn push_big_decimal(out: &mut String, text: &[u8]) {
    let (negative, rest) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let split = rest.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (number, power) = split.map_or((rest, 0), |at| (&rest[..at], exponent(&rest[at + 1..]).unwrap_or_default()));
    let fraction = number.iter().position(|byte| *byte == b'.').map_or(0, |at| number.len() - at - 1);
    let digits: String = number.iter().filter(|byte| **byte != b'.').map(|byte| char::from(*byte)).collect();
    write_digits_stripped(out, negative, &digits, fraction as i64 - power);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_read_as_java_reads_them() {
        for (text, expected) in [
            (" 7 ", Some(7)),
            ("+2", Some(2)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("", None),
            ("-", None),
            ("1.0", None),
            ("0x1", None),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn floats_are_read_as_java_reads_them() {
        for (text, expected) in [
            ("1d", Some(1.0)),
            (" 1.5 ", Some(1.5)),
            (".5", Some(0.5)),
            ("1e400", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            (" -0x1.8p1f\n", Some(-3.0)),
            ("0x1", None),
            ("inf", None),
            ("nan", None),
            ("", None),
            ("w", None),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), expected, "{text}");
        }
        assert!(parse_f64(b"NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn decimals_round_half_up_and_overflow_to_null() {
        for (text, expected) in [
            ("1.005", Ok(Some(101))),
            ("-1.005", Ok(Some(-101))),
            ("1e2", Ok(Some(10_000))),
            ("99999999.995", Ok(None)),
            ("12345678901", Ok(None)),
            ("0.1", Ok(Some(10))),
            ("0.005", Ok(Some(1))),
            ("0.004", Ok(Some(0))),
            ("0.0005", Ok(Some(0))),
            ("1e-2000000000", Ok(Some(0))),
            ("1e2000000000", Ok(None)),
            ("0e2000000000", Ok(Some(0))),
            (".", Err(NotDecimal)),
            ("", Err(NotDecimal)),
            ("1e", Err(NotDecimal)),
            ("x", Err(NotDecimal)),
            (" 1", Err(NotDecimal)),
        ] {
            assert_eq!(parse_decimal(text.as_bytes(), 10, 2), expected, "{text}");
        }
    }

    #[test]
    fn big_decimals_are_printed_as_java_prints_them() {
        for (text, expected) in [
            ("1.50", "1.5"),
            ("1.0", "1"),
            ("10.0", "1E+1"),
            ("1e3", "1E+3"),
            ("1.25E3", "1.25E+3"),
            ("-0.0", "0"),
            ("0e9", "0"),
            ("1e-6", "0.000001"),
            ("1e-7", "1E-7"),
            ("-12.5e-8", "-1.25E-7"),
            ("99999999.994", "99999999.994"),
            ("0.010", "0.01"),
            ("12345678901234567890123456789012345678901234567890.125", "12345678901234567890123456789012345678901234567890.125"),
        ] {
            let mut out = String::new();
            push_big_decimal(&mut out, text.as_bytes());
            assert_eq!(out, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_big_decimal_is_the_number_that_it_was(text in "-?(0|[1-9][0-9]{0,9})(\\.[0-9]{1,9})?([eE][-+]?[0-9]{1,2})?") {
            let mut out = String::new();
            push_big_decimal(&mut out, text.as_bytes());
            prop_assert_eq!(out.parse::<f64>().unwrap(), text.parse::<f64>().unwrap());
        }

        #[test]
        fn the_fast_path_agrees_with_the_library(mantissa in 0u64..1 << 54, exponent in -25i32..25) {
            if let Some(fast) = exact_f64(mantissa, exponent) {
                prop_assert_eq!(fast, format!("{mantissa}e{exponent}").parse::<f64>().unwrap());
            }
        }

        #[test]
        fn a_plain_number_is_the_one_that_the_library_reads(text in "-?[0-9]{0,12}[.]?[0-9]{0,12}") {
            let (read, expected) = (parse_f64(text.as_bytes()), text.parse::<f64>().ok());
            prop_assert_eq!(read.map(f64::to_bits), expected.map(f64::to_bits), "{}", text);
        }

        #[test]
        fn a_whole_number_is_the_one_that_the_library_reads(text in "[-+]?[0-9]{0,21}") {
            prop_assert_eq!(parse_i64(text.as_bytes()), text.parse().ok(), "{}", text);
        }

        #[test]
        fn no_text_makes_a_decimal_panic(text in "[-+0-9.eE ]{0,60}", precision in 1u8..=38, scale in 0u8..=38) {
            let _ = parse_decimal(text.as_bytes(), precision, scale.min(precision));
        }
    }
}
