//! Dates, times and timestamps between text and numbers, as Flink's formats read and write them.
//!
//! Source: Flink 1.20's `TimeFormats` and the `java.time` formatters that it is made of: what they accept, to the character.

use arrow::datatypes::TimeUnit;
use irmak_common::text::{civil_from_days, days_from_civil, days_in_month};

/// How the day of the month and 24:00 are judged: Java's `ResolverStyle`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolver {
    /// What does not exist is refused.
    Strict,
    /// The 31st of a shorter month is its last day; 24:00:00 is the next day's midnight.
    Smart,
}

/// Which of Flink's two standards timestamps are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standard {
    /// `2025-02-16 07:08:09.123`, instants with `Z` behind.
    Sql,
    /// `2025-02-16T07:08:09.123`, instants with `Z` behind.
    Iso8601,
}

/// A point on the calendar: days since the epoch, nanoseconds of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) days: i64,
    pub(crate) nanos: i64,
}

impl Moment {
    /// In a unit since the epoch, finer parts cut off; `None` where 64 bits do not hold it.
    pub(crate) fn in_unit(self, unit: TimeUnit) -> Option<i64> {
        let per_second = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        self.days.checked_mul(86_400 * per_second)?.checked_add(self.nanos / (1_000_000_000 / per_second))
    }

    /// The inverse of [`Moment::in_unit`].
    pub(crate) fn from_unit(value: i64, unit: TimeUnit) -> Self {
        let per_second = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let day = 86_400 * per_second;
        Self { days: value.div_euclid(day), nanos: value.rem_euclid(day) * (1_000_000_000 / per_second) }
    }
}

/// `2025-02-16`, nothing behind it: `ISO_LOCAL_DATE`.
pub(crate) fn parse_date(text: &[u8]) -> Option<i32> {
    let (date, rest) = date_prefix(text, Resolver::Strict)?;
    if rest.is_empty() { i32::try_from(date).ok() } else { None }
}

/// `07:08:09`, and up to nine digits of a fraction, which is cut off; milliseconds of the day.
pub(crate) fn parse_time(text: &[u8]) -> Option<i32> {
    let (nanos, rest) = time_prefix(text, SecondsPart::Required)?;
    // 24:00:00 is the midnight of the same day here: there is no day to carry into.
    if rest.is_empty() { i32::try_from(nanos / 1_000_000_000).ok().map(|seconds| seconds % 86_400 * 1_000) } else { None }
}

/// A timestamp without zone (`zoned` false), or an instant, which must end in `Z`.
pub(crate) fn parse_timestamp(text: &[u8], standard: Standard, zoned: bool) -> Option<Moment> {
    let text = if zoned { text.strip_suffix(b"Z")? } else { text };
    if let Some(moment) = plain_timestamp(text, standard) {
        return Some(moment);
    }
    let (resolver, seconds) = match (standard, zoned) {
        (Standard::Sql, _) => (Resolver::Smart, SecondsPart::Required),
        // ISO_LOCAL_DATE_TIME itself resolves strictly; the formatter for instants is put together anew and does not.
        (Standard::Iso8601, false) => (Resolver::Strict, SecondsPart::Optional),
        (Standard::Iso8601, true) => (Resolver::Smart, SecondsPart::Optional),
    };
    let (days, rest) = date_prefix(text, resolver)?;
    let rest = match (standard, rest) {
        (Standard::Sql, [b' ', rest @ ..]) | (Standard::Iso8601, [b'T' | b't', rest @ ..]) => rest,
        _ => return None,
    };
    let (nanos, rest) = time_prefix(rest, seconds)?;
    if !rest.is_empty() {
        return None;
    }
    const DAY: i64 = 86_400_000_000_000;
    match nanos {
        DAY if resolver == Resolver::Smart => Some(Moment { days: days + 1, nanos: 0 }),
        DAY => None,
        nanos => Some(Moment { days, nanos }),
    }
}

/// The common shape, `2025-02-16 07:08:09` and nothing else, without a branch per part.
fn plain_timestamp(text: &[u8], standard: Standard) -> Option<Moment> {
    let text: &[u8; 19] = text.try_into().ok()?;
    let separator = if standard == Standard::Sql { b' ' } else { b'T' };
    if (text[4], text[7], text[10], text[13], text[16]) != (b'-', b'-', separator, b':', b':') {
        return None;
    }
    let pair = |at: usize| {
        let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
        // 255 is beyond every bound below.
        if tens < 10 && ones < 10 { u32::from(tens * 10 + ones) } else { 255 }
    };
    let (century, year, month, day) = (pair(0), pair(2), pair(5), pair(8));
    let (hour, minute, second) = (pair(11), pair(14), pair(17));
    let good = century < 100 && year < 100 && (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    let year = i64::from(century * 100 + year);
    if !good || day == 0 || (day > 28 && day > days_in_month(year, month)) {
        return None;
    }
    let seconds = i64::from(hour * 3_600 + minute * 60 + second);
    Some(Moment { days: days_from_civil(year, month, day), nanos: seconds * 1_000_000_000 })
}

/// `yyyy-MM-dd` at the front, years as `ISO_LOCAL_DATE` has them; and what is behind.
fn date_prefix(text: &[u8], resolver: Resolver) -> Option<(i64, &[u8])> {
    let (sign, unsigned) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let digits = unsigned.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    // More than four digits need a sign, and a plus needs more than four.
    let width_fits = match text.first()? {
        b'-' => digits >= 4,
        b'+' => digits > 4,
        _ => digits == 4,
    };
    if !width_fits {
        return None;
    }
    let year = sign * number(&unsigned[..digits])?;
    if year.abs() > 999_999_999 {
        return None;
    }
    let [b'-', m1, m2, b'-', d1, d2, rest @ ..] = &unsigned[digits..] else { return None };
    let (month, day) = (number(&[*m1, *m2])? as u32, number(&[*d1, *d2])? as u32);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let last = days_in_month(year, month);
    if day > last && resolver == Resolver::Strict {
        return None;
    }
    Some((days_from_civil(year, month, day.min(last)), rest))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SecondsPart {
    Required,
    Optional,
}

/// `HH:mm:ss[.f]` at the front, as nanoseconds (24:00:00 is allowed); and what is behind.
fn time_prefix(text: &[u8], seconds: SecondsPart) -> Option<(i64, &[u8])> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else { return None };
    let (hour, minute) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (number(&[*s1, *s2])?, rest),
        rest if seconds == SecondsPart::Optional => (0, rest),
        _ => return None,
    };
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => {
            let digits = rest.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
            (number(&rest[..digits]).unwrap_or(0) * 10i64.pow(9 - digits as u32), &rest[digits..])
        }
        rest => (0, rest),
    };
    let nanos = (hour * 3_600 + minute * 60 + second) * 1_000_000_000 + fraction;
    let midnight = hour == 24 && nanos == 86_400_000_000_000;
    ((hour < 24 || midnight) && minute < 60 && second < 60).then_some((nanos, rest))
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// Appends `2025-02-16`, as `ISO_LOCAL_DATE` writes it.
pub(crate) fn write_date(out: &mut String, days: i64) {
    let (year, month, day) = civil_from_days(days);
    match year {
        0..=9_999 => {
            two_digits(out, (year / 100) as u32);
            two_digits(out, (year % 100) as u32);
        }
        10_000.. => out.push_str(&format!("+{year}")),
        _ => out.push_str(&format!("-{:04}", -year)),
    }
    out.push('-');
    two_digits(out, month);
    out.push('-');
    two_digits(out, day);
}

/// Appends `07:08:09`, and the fraction without its trailing zeros where there is one.
pub(crate) fn write_time(out: &mut String, nanos: i64) {
    let seconds = (nanos / 1_000_000_000) as u32;
    two_digits(out, seconds / 3_600);
    out.push(':');
    two_digits(out, seconds / 60 % 60);
    out.push(':');
    two_digits(out, seconds % 60);
    let mut fraction = nanos % 1_000_000_000;
    if fraction == 0 {
        return;
    }
    out.push('.');
    let mut unit = 100_000_000;
    while fraction > 0 {
        out.push(char::from(b'0' + (fraction / unit) as u8));
        fraction %= unit;
        unit /= 10;
    }
}

/// Appends the time as `LocalTime.toString` does: `07:40`, `07:08:09`, `07:08:09.120`, fractions in groups of three digits.
pub(crate) fn write_java_time(out: &mut String, nanos: i64, always_seconds: bool) {
    let (seconds, fraction) = ((nanos / 1_000_000_000) as u32, nanos % 1_000_000_000);
    two_digits(out, seconds / 3_600);
    out.push(':');
    two_digits(out, seconds / 60 % 60);
    if !always_seconds && seconds % 60 == 0 && fraction == 0 {
        return;
    }
    out.push(':');
    two_digits(out, seconds % 60);
    match fraction {
        0 => {}
        _ if fraction % 1_000_000 == 0 => out.push_str(&format!(".{:03}", fraction / 1_000_000)),
        _ if fraction % 1_000 == 0 => out.push_str(&format!(".{:06}", fraction / 1_000)),
        _ => out.push_str(&format!(".{fraction:09}")),
    }
}

/// `2025-2-6` too, as `java.sql.Date.valueOf` reads it; the 31st of a shorter month runs over into the next.
pub(crate) fn parse_sql_date(text: &[u8]) -> Option<i32> {
    let mut parts = text.split(|byte| *byte == b'-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || !(1..=2).contains(&month.len()) || !(1..=2).contains(&day.len()) {
        return None;
    }
    let (year, month, day) = (number(year)?, number(month)? as u32, number(day)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    i32::try_from(days_from_civil(year, month, 1) + day - 1).ok()
}

/// `07:08[:09[.5]]`, as `LocalTime.parse` reads it, cut to `precision` digits; milliseconds of the day.
pub(crate) fn parse_local_time(text: &[u8], precision: u8) -> Option<i32> {
    let (nanos, rest) = time_prefix(text, SecondsPart::Optional)?;
    let millis = i32::try_from(nanos / 1_000_000).ok().filter(|millis| *millis < 86_400_000)?;
    let unit = 10i32.pow(u32::from(3 - precision.min(3)));
    if rest.is_empty() { Some(millis / unit * unit) } else { None }
}

/// Appends `2025-02-16 07:08:09.12`, with the standard's separator and, for an instant, `Z`.
pub(crate) fn write_timestamp(out: &mut String, moment: Moment, standard: Standard, zoned: bool) {
    write_date(out, moment.days);
    out.push(if standard == Standard::Sql { ' ' } else { 'T' });
    write_time(out, moment.nanos);
    if zoned {
        out.push('Z');
    }
}

/// `00` to `99`, one behind the other.
const PAIRS: &str = "\
0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

#[inline]
fn two_digits(out: &mut String, number: u32) {
    let at = (number % 100) as usize * 2;
    out.push_str(&PAIRS[at..at + 2]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, standard: Standard, zoned: bool) -> Option<String> {
        parse_timestamp(text.as_bytes(), standard, zoned).map(|moment| {
            let mut out = String::new();
            write_timestamp(&mut out, moment, Standard::Sql, false);
            out
        })
    }

    #[test]
    fn timestamps_are_read_as_flink_reads_them() {
        for (text, standard, zoned, expected) in [
            ("2025-02-16 07:08:09", Standard::Sql, false, Some("2025-02-16 07:08:09")),
            ("2025-02-16 07:08:09.120", Standard::Sql, false, Some("2025-02-16 07:08:09.12")),
            ("2025-02-16 07:08:09.", Standard::Sql, false, Some("2025-02-16 07:08:09")),
            ("2025-02-16 24:00:00", Standard::Sql, false, Some("2025-02-17 00:00:00")),
            ("2025-02-30 07:08:09", Standard::Sql, false, Some("2025-02-28 07:08:09")),
            ("2025-02-30T07:08:09", Standard::Iso8601, false, None),
            ("2025-02-16T07:08", Standard::Iso8601, false, Some("2025-02-16 07:08:00")),
            ("2025-02-16 07:08", Standard::Sql, false, None),
            ("2025-02-16 07:08:09Z", Standard::Sql, true, Some("2025-02-16 07:08:09")),
            ("2025-02-16 07:08:09", Standard::Sql, true, None),
            ("2025-02-16 07:08:09Z", Standard::Sql, false, None),
            ("2025-2-6 7:8:9", Standard::Sql, false, None),
            (" 2025-02-16 07:08:09", Standard::Sql, false, None),
            ("0001-01-01 00:00:00", Standard::Sql, false, Some("0001-01-01 00:00:00")),
            ("+12025-02-16 07:08:09", Standard::Sql, false, Some("+12025-02-16 07:08:09")),
            ("2025-02-16 07:60:09", Standard::Sql, false, None),
            ("", Standard::Sql, false, None),
        ] {
            assert_eq!(shown(text, standard, zoned).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn dates_and_times_are_read_strictly() {
        assert_eq!(parse_date(b"1970-01-02"), Some(1));
        assert_eq!(parse_date(b"2025-02-29"), None);
        assert_eq!(parse_date(b"16.02.2025"), None);
        assert_eq!(parse_time(b"07:08:09.5"), Some(25_689_000));
        assert_eq!(parse_time(b"7"), None);
    }

    proptest! {
        #[test]
        fn a_timestamp_survives_its_text(millis in -62_135_596_800_000i64..253_402_300_800_000) {
            let mut text = String::new();
            write_timestamp(&mut text, Moment::from_unit(millis, TimeUnit::Millisecond), Standard::Iso8601, true);
            let read = parse_timestamp(text.as_bytes(), Standard::Iso8601, true);
            prop_assert_eq!(read.and_then(|moment| moment.in_unit(TimeUnit::Millisecond)), Some(millis));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".{0,40}") {
            let _ = (parse_date(text.as_bytes()), parse_time(text.as_bytes()));
            let _ = parse_timestamp(text.as_bytes(), Standard::Sql, true);
        }
    }
}
