//! EXTRACT and its short names: YEAR, QUARTER, MONTH, WEEK, DAYOFYEAR, DAYOFMONTH, DAYOFWEEK, HOUR, MINUTE, SECOND.
//!
//! Units below a day of a moment before 1970 are negative or zero, as Flink's remainder has it.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use irmak_common::types::{LogicalType, TypeKind, timestamp_unit};

use super::fields::Fields;
use super::{Clock, DAY};
use crate::column::{Column, View, arrow_error, build_numbers};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};
use crate::types::KindExt;

const UNITS: &[&str] = &[
    "SECOND",
    "MINUTE",
    "HOUR",
    "DAY",
    "MONTH",
    "QUARTER",
    "YEAR",
    "DOW",
    "DOY",
    "WEEK",
    "ISODOW",
    "ISOYEAR",
    "DECADE",
    "CENTURY",
    "MILLENNIUM",
    "MILLISECOND",
    "MICROSECOND",
    "NANOSECOND",
    "EPOCH",
];

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("EXTRACT", extract_signature, |call| {
        let unit = call.text(0).unwrap_or_default().to_owned();
        extract(call, &unit, 1)
    }),
    Function::total("YEAR", short, |call| extract(call, "YEAR", 0)),
    Function::total("QUARTER", short, |call| extract(call, "QUARTER", 0)),
    Function::total("MONTH", short, |call| extract(call, "MONTH", 0)),
    Function::total("WEEK", short, |call| extract(call, "WEEK", 0)),
    Function::total("DAYOFYEAR", short, |call| extract(call, "DOY", 0)),
    Function::total("DAYOFMONTH", short, |call| extract(call, "DAY", 0)),
    Function::total("DAYOFWEEK", short, |call| extract(call, "DOW", 0)),
    Function::total("HOUR", short, |call| extract(call, "HOUR", 0)),
    Function::total("MINUTE", short, |call| extract(call, "MINUTE", 0)),
    Function::total("SECOND", short, |call| extract(call, "SECOND", 0)),
];

fn is_moment(kind: &TypeKind) -> bool {
    kind.is_timestamp() || kind.is_interval() || matches!(kind, TypeKind::Date | TypeKind::Time(_))
}

fn short(args: &[Arg<'_>]) -> Signature {
    match args {
        [time] if is_moment(time.kind()) => Ok((uncast(args), LogicalType { kind: TypeKind::BigInt, nullable: any_nullable(args) })),
        _ => refuse("<DATETIME>"),
    }
}

fn extract_signature(args: &[Arg<'_>]) -> Signature {
    let known = args.first().and_then(Arg::text).is_some_and(|unit| UNITS.contains(&unit));
    match args {
        [_, time] if known && is_moment(time.kind()) => {
            Ok((uncast(args), LogicalType { kind: TypeKind::BigInt, nullable: time.ty.nullable }))
        }
        _ => refuse(format!("EXTRACT(<UNIT> FROM <DATETIME>), where the unit is one of {}", UNITS.join(", "))),
    }
}

fn extract(call: &Call<'_>, unit: &str, at: usize) -> Result<Kernel, FunctionError> {
    match &call.arg(at)?.kind {
        TypeKind::IntervalDayTime { .. } => return of_interval(call, unit, at, false),
        TypeKind::IntervalYearMonth { .. } => return of_interval(call, unit, at, true),
        _ => {}
    }
    let Some(part) = part(unit) else { return Err(call.wrong(format!("there is no unit {unit}"))) };
    let clock = Clock::of(call, at)?;
    if let Some(digits) = Digits::of(unit, &call.arg(at)?.kind) {
        return kernel(move |args, scope| {
            let (times, below) = (clock.local(&args[at])?, digits.below_milli(&args[at])?);
            build_numbers::<Int64Type>(scope.rows, |row| Ok(times.get(row).zip(below.get(row)).map(|(at, below)| part(at) + below)))
        });
    }
    kernel(move |args, scope| {
        let times = clock.local(&args[at])?;
        build_numbers::<Int64Type>(scope.rows, |row| Ok(times.get(row).map(part)))
    })
}

/// What a fine timestamp has below its milliseconds, counted in micro- or nanoseconds.
#[derive(Clone, Copy)]
struct Digits {
    /// Stored units of a millisecond.
    stored: i64,
    /// Asked for units of a millisecond.
    asked: i64,
}

impl Digits {
    fn of(unit: &str, kind: &TypeKind) -> Option<Self> {
        let asked = match unit {
            "MICROSECOND" => 1_000,
            "NANOSECOND" => 1_000_000,
            _ => return None,
        };
        let (TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. }) = kind else { return None };
        match timestamp_unit(*precision) {
            TimeUnit::Microsecond => Some(Self { stored: 1_000, asked }),
            TimeUnit::Nanosecond => Some(Self { stored: 1_000_000, asked }),
            _ => None,
        }
    }

    fn below_milli(self, times: &Column) -> Result<View<Int64Array>, EvalError> {
        let below = |array: &ArrayRef| -> Result<ArrayRef, EvalError> {
            let stored = cast(array, &DataType::Int64).map_err(arrow_error)?;
            let digits = |at: i64| at.rem_euclid(self.stored) * self.asked / self.stored;
            Ok(Arc::new(stored.as_primitive::<Int64Type>().unary::<_, Int64Type>(digits)))
        };
        times.map(below)?.longs()
    }
}

fn part(unit: &str) -> Option<fn(i64) -> i64> {
    // Towards zero, as Flink divides.
    fn date(millis: i64) -> Fields {
        Fields::of_day(millis / DAY)
    }
    Some(match unit {
        "SECOND" => |millis| millis % 60_000 / 1_000,
        "MINUTE" => |millis| millis % 3_600_000 / 60_000,
        "HOUR" => |millis| millis % DAY / 3_600_000,
        "MILLISECOND" => |millis| millis % 1_000,
        "MICROSECOND" => |millis| millis % 1_000 * 1_000,
        "NANOSECOND" => |millis| millis % 1_000 * 1_000_000,
        "EPOCH" => |millis| millis / 1_000,
        "DAY" => |millis| date(millis).day.into(),
        "MONTH" => |millis| date(millis).month.into(),
        "QUARTER" => |millis| date(millis).quarter().into(),
        "YEAR" => |millis| date(millis).year,
        "DOW" => |millis| date(millis).us_weekday(),
        "DOY" => |millis| date(millis).day_of_year(),
        "WEEK" => |millis| date(millis).iso_week().1,
        "ISODOW" => |millis| date(millis).iso_weekday(),
        "ISOYEAR" => |millis| date(millis).iso_week().0,
        "DECADE" => |millis| date(millis).year / 10,
        "CENTURY" => |millis| (date(millis).year + 99) / 100,
        "MILLENNIUM" => |millis| (date(millis).year + 999) / 1_000,
        _ => return None,
    })
}

fn of_interval(call: &Call<'_>, unit: &str, at: usize, months: bool) -> Result<Kernel, FunctionError> {
    let part: fn(i64) -> i64 = match (unit, months) {
        ("YEAR", true) => |months| months / 12,
        ("QUARTER", true) => |months| months % 12 / 3 + 1,
        ("MONTH", true) => |months| months % 12,
        ("DAY", false) => |millis| millis / DAY,
        ("HOUR", false) => |millis| millis % DAY / 3_600_000,
        ("MINUTE", false) => |millis| millis % 3_600_000 / 60_000,
        ("SECOND", false) => |millis| millis % 60_000 / 1_000,
        ("MILLISECOND", false) => |millis| millis % 60_000,
        ("EPOCH", false) => |millis| millis / 1_000,
        _ => return Err(call.wrong(format!("an interval has no {unit}"))),
    };
    kernel(move |args, scope| {
        if months {
            let intervals = args[at].ints()?;
            return build_numbers::<Int64Type>(scope.rows, |row| Ok(intervals.get(row).map(|months| part(months.into()))));
        }
        let intervals = args[at].longs()?;
        build_numbers::<Int64Type>(scope.rows, |row| Ok(intervals.get(row).map(part)))
    })
}

#[cfg(test)]
mod tests {
    use crate::Environment;
    use crate::tests::{check, run, symbol, timestamp};
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    #[test]
    fn units_before_1970_are_cut_towards_zero() {
        let (early, late, ancient) = ("1899-01-01 00:00:00.001", "2025-02-16 07:08:09.123", "0001-01-01 00:00:00");
        for (unit, time, value) in [
            ("SECOND", early, "-59"),
            ("HOUR", early, "-23"),
            ("DAY", early, "2"),
            ("MILLISECOND", early, "-999"),
            ("DAY", "1969-12-31 23:59:59.999", "1"),
            ("SECOND", late, "9"),
            ("DOW", late, "1"),
            ("DOY", late, "47"),
            ("WEEK", late, "7"),
            ("ISODOW", late, "7"),
            ("CENTURY", late, "21"),
            ("MICROSECOND", late, "123000"),
            ("ISOYEAR", "2021-01-03 10:00:00", "2020"),
            ("MILLENNIUM", "2000-12-31 00:00:00", "2"),
            ("DECADE", ancient, "0"),
            ("CENTURY", ancient, "1"),
        ] {
            check("EXTRACT", &[symbol(unit), timestamp(time)], Some(value));
        }
        check("DAYOFWEEK", &[timestamp(late)], Some("1"));
        check("YEAR", &[(Value::Int(20_135), TypeKind::Date.not_null())], Some("2025"));
        let instant = (Value::Int(0), TypeKind::timestamp_ltz(3).not_null());
        let shanghai = Environment::in_zone("Asia/Shanghai");
        assert_eq!(run("HOUR", std::slice::from_ref(&instant), &shanghai), Ok(Some("8".into())));
        assert_eq!(run("EXTRACT", &[symbol("EPOCH"), instant], &shanghai), Ok(Some("28800".into())));
        let fine = |micros| (Value::Int(micros), TypeKind::timestamp(6).not_null());
        for (unit, micros, value) in [
            ("MICROSECOND", 1_123_456, "123456"),
            ("MICROSECOND", -1, "-1"),
            ("NANOSECOND", 123_456, "123456000"),
            ("NANOSECOND", -999_000, "-999000000"),
            ("MILLISECOND", 123_456, "123"),
        ] {
            check("EXTRACT", &[symbol(unit), fine(micros)], Some(value));
        }
        assert!(run("EXTRACT", &[symbol("FORTNIGHT"), timestamp(late)], &Environment::default()).is_err());
    }
}
