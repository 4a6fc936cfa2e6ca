//! Dates, times, timestamps and intervals as Flink's casts to STRING write them.
//!
//! Source: Flink 1.20, `DateTimeUtils.formatTimestamp` and its neighbours.

use super::calendar::civil_from_days;
use crate::types::timestamp_unit;
use arrow::datatypes::TimeUnit;

/// A point of time (or of a wall clock) that holds every precision: whole seconds since the epoch and the nanoseconds after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Seconds since 1970-01-01 00:00:00, rounded down.
    pub seconds: i64,
    /// `0..1_000_000_000`
    pub nanos: u32,
}

impl Instant {
    /// From a stored timestamp of this precision: see [`timestamp_unit`].
    pub fn from_stored(value: i64, precision: u8) -> Self {
        let per_second = units_per_second(precision);
        Self { seconds: value.div_euclid(per_second), nanos: (value.rem_euclid(per_second) * (1_000_000_000 / per_second)) as u32 }
    }

    /// From milliseconds since the epoch.
    pub fn from_millis(millis: i64) -> Self {
        Self::from_stored(millis, 3)
    }

    /// Without the digits of the fraction behind this precision: rounded down.
    pub fn floor(self, precision: u8) -> Self {
        let unit = 10_u32.pow(9 - u32::from(precision.min(9)));
        Self { nanos: self.nanos / unit * unit, ..self }
    }

    /// As stored in a timestamp of this precision: digits behind the precision are cut off, towards zero below a millisecond's
    /// precision, as Flink does it. `None` where 64 bits do not hold it (nanoseconds reach from 1677 to 2262).
    pub fn to_stored(self, precision: u8) -> Option<i64> {
        let per_second = units_per_second(precision);
        let unit = 1_000_000_000 / per_second;
        let value = self.seconds.checked_mul(per_second)?.checked_add(i64::from(self.nanos) / unit)?;
        Some(truncate_to_precision(value, precision))
    }

    /// Milliseconds since the epoch, rounded down.
    pub fn to_millis(self) -> i64 {
        self.seconds.saturating_mul(1_000).saturating_add(i64::from(self.nanos) / 1_000_000)
    }
}

/// How many stored units a second has.
fn units_per_second(precision: u8) -> i64 {
    match timestamp_unit(precision) {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Cuts the digits that a timestamp of this precision does not have. Milliseconds are cut towards zero, as Flink does before
/// 1970 too (`1969-12-31 23:59:59.999` to TIMESTAMP(0) is `1970-01-01 00:00:00`); finer digits are part of a nanosecond of the
/// millisecond, which is never negative.
fn truncate_to_precision(value: i64, precision: u8) -> i64 {
    match precision {
        0..=2 => {
            let unit = 10_i64.pow(3 - u32::from(precision));
            value / unit * unit
        }
        4 | 5 => value - value.rem_euclid(10_i64.pow(6 - u32::from(precision))),
        7 | 8 => value - value.rem_euclid(10_i64.pow(9 - u32::from(precision))),
        _ => value,
    }
}

/// `2025-02-16`, from days since the epoch. Four digits of the year are written, whatever it is, as Flink does.
pub fn write_date(out: &mut String, days: i32) {
    let (year, month, day) = civil_from_days(i64::from(days));
    write_ymd(out, year.rem_euclid(10_000), month, day);
}

/// `07:08:09` and `precision` digits of the milliseconds, from milliseconds of the day.
pub fn write_time(out: &mut String, millis: i32, precision: u8) {
    let mut millis = millis;
    while millis < 0 {
        millis = millis.wrapping_add(86_400_000);
    }
    let seconds = millis / 1_000;
    write_hms(out, (seconds / 3_600) as u32, (seconds / 60 % 60) as u32, (seconds % 60) as u32);
    if precision > 0 {
        out.push('.');
        let mut fraction = millis % 1_000;
        for _ in 0..precision {
            out.push(digit((fraction / 100) as u32));
            fraction = fraction % 100 * 10;
        }
    }
}

/// `2025-02-16 07:00:00.000`, from a stored TIMESTAMP of this precision: at least `precision` digits of the fraction, more only
/// where they are not zero.
pub fn write_timestamp(out: &mut String, value: i64, precision: u8) {
    let instant = Instant::from_stored(value, precision);
    let (year, month, day) = civil_from_days(instant.seconds.div_euclid(86_400));
    let second_of_day = instant.seconds.rem_euclid(86_400) as u32;
    write_ymd(out, year, month, day);
    out.push(' ');
    write_hms(out, second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);

    let (mut fraction, mut digits) = (instant.nanos, 9_u32);
    while digits > u32::from(precision) && fraction % 10 == 0 {
        fraction /= 10;
        digits -= 1;
    }
    if digits > 0 {
        out.push('.');
        for at in (0..digits).rev() {
            out.push(digit(fraction / 10_u32.pow(at) % 10));
        }
    }
}

/// `+1-02`: a year-month interval in months.
pub fn write_year_month(out: &mut String, months: i32) {
    out.push(if months < 0 { '-' } else { '+' });
    let months = months.unsigned_abs();
    write_number(out, u64::from(months / 12));
    out.push('-');
    write_two(out, months % 12);
}

/// `+1 02:03:04.005`: a day-time interval in milliseconds.
pub fn write_day_time(out: &mut String, millis: i64) {
    out.push(if millis < 0 { '-' } else { '+' });
    let millis = millis.unsigned_abs();
    write_number(out, millis / 86_400_000);
    out.push(' ');
    let second_of_day = (millis % 86_400_000 / 1_000) as u32;
    write_hms(out, second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
    out.push('.');
    let fraction = (millis % 1_000) as u32;
    out.push(digit(fraction / 100));
    write_two(out, fraction % 100);
}

fn write_ymd(out: &mut String, year: i64, month: u32, day: u32) {
    if year < 0 {
        out.push('-');
    }
    let year = year.unsigned_abs();
    if year > 9_999 {
        write_number(out, year);
    } else {
        write_two(out, (year / 100) as u32);
        write_two(out, (year % 100) as u32);
    }
    out.push('-');
    write_two(out, month);
    out.push('-');
    write_two(out, day);
}

fn write_hms(out: &mut String, hour: u32, minute: u32, second: u32) {
    write_two(out, hour);
    out.push(':');
    write_two(out, minute);
    out.push(':');
    write_two(out, second);
}

/// The last two digits.
fn write_two(out: &mut String, value: u32) {
    out.push(digit(value / 10 % 10));
    out.push(digit(value % 10));
}

fn write_number(out: &mut String, value: u64) {
    let mut buffer = [0_u8; 40];
    out.push_str(super::decimal::digits_of(u128::from(value), &mut buffer));
}

fn digit(value: u32) -> char {
    char::from(b'0' + value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn timestamps_print_the_digits_of_their_precision() {
        for (value, precision, expected) in [
            (1_739_689_200_000, 3, "2025-02-16 07:00:00.000"),
            (1_739_689_200_000, 0, "2025-02-16 07:00:00"),
            (1_739_689_200_100, 0, "2025-02-16 07:00:00.1"),
            (1_739_689_689_123_456, 6, "2025-02-16 07:08:09.123456"),
            (1_739_689_689_123_456_789, 9, "2025-02-16 07:08:09.123456789"),
            (-1, 3, "1969-12-31 23:59:59.999"),
            (-62_135_596_800_000, 3, "0001-01-01 00:00:00.000"),
            (253_402_300_800_000, 3, "10000-01-01 00:00:00.000"),
        ] {
            assert_eq!(text(|out| write_timestamp(out, value, precision)), expected);
        }
    }

    #[test]
    fn dates_times_and_intervals_print_as_flink_prints_them() {
        assert_eq!(text(|out| write_date(out, 20_135)), "2025-02-16");
        assert_eq!(text(|out| write_date(out, -719_528)), "0000-01-01");
        assert_eq!(text(|out| write_time(out, 25_689_123, 0)), "07:08:09");
        assert_eq!(text(|out| write_time(out, 25_689_123, 3)), "07:08:09.123");
        // What Flink makes of CAST('127' AS TIME) and of CAST('32768' AS TIME).
        assert_eq!(text(|out| write_time(out, 127 * 3_600_000, 0)), "27:00:00");
        assert_eq!(text(|out| write_time(out, 2_000_683_008, 0)), "55:44:43");
        assert_eq!(text(|out| write_year_month(out, 14)), "+1-02");
        assert_eq!(text(|out| write_year_month(out, -1)), "-0-01");
        assert_eq!(text(|out| write_day_time(out, 93_784_005)), "+1 02:03:04.005");
        assert_eq!(text(|out| write_day_time(out, -5_000)), "-0 00:00:05.000");
    }

    #[test]
    fn precision_is_cut_towards_zero_in_milliseconds() {
        let before_1970 = Instant { seconds: -1, nanos: 999_000_000 };
        assert_eq!(before_1970.to_stored(3), Some(-1));
        assert_eq!(before_1970.to_stored(0), Some(0));
        assert_eq!(before_1970.floor(0).to_stored(0), Some(-1_000));
        assert_eq!(Instant { seconds: 0, nanos: 123_456_789 }.to_stored(5), Some(123_450));
        assert_eq!(Instant { seconds: i64::MAX / 10, nanos: 0 }.to_stored(9), None);
    }
}
