//! Dates, times and timestamps as Flink's casts from STRING read them, oddities included.
//!
//! Source: Flink 1.20, `DateTimeUtils.parseDate`, `parseTime`, `parseTimestampData`; recorded in `golden/scalar/try_cast_string_times`.

use thiserror::Error;

use super::calendar::{days_from_civil, days_in_month};
use super::time::Instant;

/// A text that is no date, time or timestamp, in Flink's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ParseError(pub String);

/// Days since the epoch. `2025`, `2025-2` and `2025-2-6` are dates; what follows a space is ignored; years are 0 to 9999 and days
/// must exist.
///
/// # Errors
/// For anything else.
pub fn parse_date(text: &str) -> Result<i32, ParseError> {
    date_of(text).ok_or_else(|| ParseError(format!("For input string: '{text}'.")))
}

fn date_of(text: &str) -> Option<i32> {
    let text = text.find(' ').filter(|at| *at > 0).map_or(text, |at| &text[..at]);
    let mut parts = text.splitn(3, '-').map(integer);
    let year = parts.next()??;
    let month = parts.next().unwrap_or(Some(1))?;
    let day = parts.next().unwrap_or(Some(1))?;
    let (year, month, day) = (i64::from(year), month as u32, day as u32);
    let exists = year <= 9_999 && (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month);
    exists.then(|| days_from_civil(year, month, day) as i32)
}

/// Milliseconds of the day. `7`, `7:8` and `7:8:9.5` are times, and so are hours beyond 23, as in Flink; an offset (`07:00+01:30`)
/// is added or subtracted. Computed in 32 bits that wrap, as Flink does it.
///
/// # Errors
/// For anything else.
pub fn parse_time(text: &str) -> Result<i32, ParseError> {
    time_of(text).ok_or_else(|| ParseError(format!("For input string: '{text}'.")))
}

fn time_of(text: &str) -> Option<i32> {
    let (clock, sign, offset) = match (text.find('-'), text.find('+')) {
        (Some(at), _) => (&text[..at], -1, Some(&text[at + 1..])),
        (None, Some(at)) => (&text[..at], 1, Some(&text[at + 1..])),
        (None, None) => (text, 1, None),
    };
    let (offset_hour, offset_minute) = match offset.map(|offset| offset.split_once(':').unwrap_or((offset, "0"))) {
        Some((hour, minute)) => (integer(hour)?, integer(minute)?),
        None => (0, 0),
    };
    let mut parts = clock.splitn(3, ':');
    let hour = integer(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), integer)?;
    let (second, milli) = match parts.next().map(|seconds| seconds.split_once('.').unwrap_or((seconds, ""))) {
        Some((second, fraction)) => (integer(second)?, millis_of_fraction(fraction.trim())?),
        None => (0, 0),
    };
    let hour = hour.wrapping_add(offset_hour.wrapping_mul(sign));
    let minute = minute.wrapping_add(offset_minute.wrapping_mul(sign));
    let whole = hour.wrapping_mul(3_600_000).wrapping_add(minute.wrapping_mul(60_000)).wrapping_add(second.wrapping_mul(1_000));
    Some(whole.wrapping_add(milli))
}

/// Digits only, spaces around them allowed, within 32 bits.
fn integer(text: &str) -> Option<i32> {
    let text = text.trim_matches(|c: char| c <= ' ');
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn millis_of_fraction(digits: &str) -> Option<i32> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((0..3).fold(0, |millis, at| millis * 10 + digits.as_bytes().get(at).map_or(0, |digit| i32::from(digit - b'0'))))
}

/// A timestamp: `yyyy-M-d`, or that, one space and `H:m:s` with up to 9 digits of a fraction. A day that its month does not have
/// becomes the month's last; `24:00:00` is the next day.
///
/// # Errors
/// For anything else, with the place where reading stopped.
pub fn parse_timestamp(text: &str) -> Result<Instant, ParseError> {
    let mut reader = Reader { text: text.as_bytes(), at: 0 };
    let date = reader.date().ok_or_else(|| ParseError(format!("Text '{text}' could not be parsed at index {}", reader.at)))?;
    let behind_date = reader.at;
    let clock = reader.clock();
    if clock.is_none() {
        reader.at = behind_date;
    }
    if reader.at < text.len() {
        return Err(ParseError(format!("Text '{text}' could not be parsed, unparsed text found at index {}", reader.at)));
    }
    let (hour, minute, second, nanos) = clock.unwrap_or_default();
    let (year, month, day) = date;
    let midnight_after = hour == 24 && minute == 0 && second == 0 && nanos == 0;
    for (name, value, range) in [
        ("YearOfEra", year as u32, 1..=999_999_999),
        ("MonthOfYear", month, 1..=12),
        ("DayOfMonth", day, 1..=31),
        ("HourOfDay", if midnight_after { 0 } else { hour }, 0..=23),
        ("MinuteOfHour", minute, 0..=59),
        ("SecondOfMinute", second, 0..=59),
    ] {
        if !range.contains(&value) {
            let (first, last) = (range.start(), range.end());
            return Err(ParseError(format!(
                "Text '{text}' could not be parsed: Invalid value for {name} (valid values {first} - {last}): {value}"
            )));
        }
    }
    let days = days_from_civil(year, month, day.min(days_in_month(year, month)));
    Ok(Instant { seconds: days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second), nanos })
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn date(&mut self) -> Option<(i64, u32, u32)> {
        let year = self.year()?;
        self.literal(b'-')?;
        let month = self.one_or_two()?;
        self.literal(b'-')?;
        Some((year, month, self.one_or_two()?))
    }

    fn clock(&mut self) -> Option<(u32, u32, u32, u32)> {
        self.literal(b' ')?;
        let hour = self.one_or_two()?;
        self.literal(b':')?;
        let minute = self.one_or_two()?;
        self.literal(b':')?;
        let second = self.one_or_two()?;
        if self.literal(b'.').is_none() {
            return Some((hour, minute, second, 0));
        }
        let (start, mut nanos) = (self.at, 0);
        while self.at - start < 9
            && let Some(digit) = self.digit()
        {
            nanos = nanos * 10 + digit;
        }
        Some((hour, minute, second, nanos * 10_u32.pow(9 - (self.at - start) as u32)))
    }

    /// Four digits, or more behind a `+`.
    fn year(&mut self) -> Option<i64> {
        let start = self.at;
        let signed = self.literal(b'+').is_some();
        let first = self.at;
        let mut year = 0_i64;
        while self.at - first < if signed { 9 } else { 4 }
            && let Some(digit) = self.digit()
        {
            year = year * 10 + i64::from(digit);
        }
        let digits = self.at - first;
        let fits = digits >= 4 && signed == (digits > 4) && !self.text.get(self.at).is_some_and(u8::is_ascii_digit);
        if !fits {
            self.at = start;
        }
        fits.then_some(year)
    }

    fn one_or_two(&mut self) -> Option<u32> {
        let first = self.digit()?;
        Some(self.digit().map_or(first, |second| first * 10 + second))
    }

    fn digit(&mut self) -> Option<u32> {
        let byte = *self.text.get(self.at)?;
        byte.is_ascii_digit().then(|| {
            self.at += 1;
            u32::from(byte - b'0')
        })
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_leniently() {
        for (text, days) in [
            ("2025-02-16", Some(20_135)),
            ("2025-2-6", Some(20_125)),
            ("2025", Some(20_089)),
            ("  42  ", Some(-704_187)),
            ("0", Some(-719_528)),
            ("2025-02-16 rest", Some(20_135)),
            ("2025-02-30", None),
            ("2025-02-16T07:08:09", None),
            ("-1", None),
            ("32768", None),
            ("", None),
        ] {
            assert_eq!(parse_date(text).ok(), days, "{text}");
        }
        assert_eq!(parse_date("abc").unwrap_err().to_string(), "For input string: 'abc'.");
    }

    #[test]
    fn times_are_read_leniently_and_wrap() {
        for (text, millis) in [
            ("07:08:09", Some(25_689_000)),
            ("07:08:09.123", Some(25_689_123)),
            ("7:8", Some(25_680_000)),
            ("1", Some(3_600_000)),
            ("25:00:00", Some(90_000_000)),
            ("32768", Some(2_000_683_008)),
            ("07:00:00+01:30", Some(30_600_000)),
            ("2025-02-16", None),
            ("1.5", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text).ok(), millis, "{text}");
        }
    }

    #[test]
    fn timestamps_are_read_as_flinks_formatter_reads_them() {
        for (text, millis) in [
            ("2025-02-16 07:08:09", Some(1_739_689_689_000)),
            ("2025-2-6 7:8:9", Some(1_738_825_689_000)),
            ("2025-02-16", Some(1_739_664_000_000)),
            ("2025-02-30", Some(1_740_700_800_000)),
            ("1969-12-31 23:59:59.999", Some(-1)),
            ("2025-02-15 24:00:00", Some(1_739_664_000_000)),
            ("2025-02-16 07:08", None),
            ("2025-02-16T07:08:09", None),
            ("2025-13-01 00:00:00", None),
            ("2025-02-16 25:00:00", None),
            ("0000-01-01", None),
            ("12025-01-01", None),
            ("42", None),
            ("", None),
        ] {
            assert_eq!(parse_timestamp(text).ok().map(Instant::to_millis), millis, "{text}");
        }
        assert_eq!(parse_timestamp("abc").unwrap_err().to_string(), "Text 'abc' could not be parsed at index 0");
        let partial = parse_timestamp("2025-02-16 07:08").unwrap_err().to_string();
        assert_eq!(partial, "Text '2025-02-16 07:08' could not be parsed, unparsed text found at index 10");
    }
}
