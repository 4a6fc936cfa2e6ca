//! `java.sql.Timestamp.valueOf` and `java.sql.Date.valueOf`: what TO_TIMESTAMP falls back to where its pattern does not match.
//!
//! `2025-2-6 7:8:9.5` or `2025-2-6`. A year has four digits; the clock, and days up to 31, roll over.

use irmak_common::text::{Instant, days_from_civil};

/// The wall clock of a text, blanks around it left out.
pub(super) fn parse(text: &str) -> Option<Instant> {
    let text = text.trim();
    let Some((day, clock)) = text.split_once(' ') else {
        return Some(Instant { seconds: date(text)? * 86_400, nanos: 0 });
    };
    let (clock, fraction) = clock.trim().split_once('.').unwrap_or((clock.trim(), "0"));
    let mut parts = clock.split(':').map(|part| part.parse::<i32>().ok().map(i64::from));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let digits = !fraction.is_empty() && fraction.len() <= 9 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || !digits {
        return None;
    }
    let nanos = fraction.parse::<u32>().ok()? * 10u32.pow(9 - fraction.len() as u32);
    Some(Instant { seconds: date(day)? * 86_400 + hour * 3_600 + minute * 60 + second, nanos })
}

fn date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || !(1..=2).contains(&month.len()) || !(1..=2).contains(&day.len()) {
        return None;
    }
    let (year, month, day) = (year.parse::<i64>().ok()?, month.parse::<u32>().ok()?, day.parse::<u32>().ok()?);
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
    valid.then(|| days_from_civil(year, month, 1) + i64::from(day) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_jdbc_reads_them() {
        for (text, seconds) in [
            ("1970-1-2", Some(86_400)),
            (" 1970-01-01 0:1:5 ", Some(65)),
            ("1970-01-01 25:00:00", Some(90_000)),
            ("1970-02-30", Some(86_400 * 60)),
            ("1970-01-01 00:00", None),
            ("70-01-01", None),
            ("1970-13-01", None),
            ("1970-01-01T00:00:00", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|at| at.seconds), seconds, "{text}");
        }
        assert_eq!(parse("1970-01-01 00:00:00.5").map(|at| at.nanos), Some(500_000_000));
    }
}
