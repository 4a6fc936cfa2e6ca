//! CEIL and FLOOR: of a time to a unit, or of a number.
//!
//! Days and smaller units are cut by the clock; weeks (from Sunday), months and larger ones by the date alone, so that CEIL of a
//! Sunday at noon to WEEK is that Sunday's midnight. So does Flink.

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::TimestampMillisecondType;
use irmak_common::text::days_from_civil;
use irmak_common::types::{LogicalType, TypeKind};

use super::fields::Fields;
use super::{Clock, DAY};
use crate::cast::Cast;
use crate::column::{arrow_error, build_numbers};
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel, kernel};
use crate::math::round::to_integer;
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};
use crate::types::{KindExt, plain};
use irmak_common::expr::CastMode;

const UNITS: &[&str] =
    &["MILLENNIUM", "CENTURY", "DECADE", "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND"];

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("FLOOR", signature, |call| make(call, Direction::Down)),
    Function::total("CEIL", signature, |call| make(call, Direction::Up)).also(&["CEILING"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Down,
    Up,
}

fn signature(args: &[Arg<'_>]) -> Signature {
    let result = |kind: TypeKind| Ok((uncast(args), LogicalType { kind, nullable: any_nullable(args) }));
    match args {
        [number] => match number.kind() {
            TypeKind::Decimal { precision, .. } => result(TypeKind::Decimal { precision: *precision, scale: 0 }),
            kind if kind.is_numeric() => result(kind.clone()),
            _ => refuse("<NUMERIC> or <DATETIME> TO <UNIT>"),
        },
        [time, unit] => {
            let known = unit.text().is_some_and(|unit| UNITS.contains(&unit));
            let moment = time.kind().is_timestamp() || matches!(time.kind(), TypeKind::Date | TypeKind::Time(_));
            if known && moment { result(plain(time.kind())) } else { refuse(format!("<DATETIME> TO one of {}", UNITS.join(", "))) }
        }
        _ => refuse("<NUMERIC> or <DATETIME> TO <UNIT>"),
    }
}

fn make(call: &Call<'_>, direction: Direction) -> Result<Kernel, FunctionError> {
    if call.args.len() == 1 {
        return to_integer(call, direction == Direction::Up);
    }
    let unit = call.text(1).unwrap_or_default().to_owned();
    let clock = Clock::of(call, 0)?;
    // What comes out is a wall clock in milliseconds; the cast gives it its own type again, and its zone.
    let back = Cast::new(&TypeKind::timestamp(3).nullable(), &call.ty.with_nullable(true), CastMode::Strict, call.env)?;
    let arrow = call.ty.kind.to_arrow();
    kernel(move |args, scope| {
        let times = clock.local(&args[0])?;
        let moved: ArrayRef =
            build_numbers::<TimestampMillisecondType>(scope.rows, |row| Ok(times.get(row).map(|time| moved(time, &unit, direction))))?;
        if back.is_identity() { cast(&moved, &arrow).map_err(arrow_error) } else { back.run(&moved) }
    })
}

fn moved(time: i64, unit: &str, direction: Direction) -> i64 {
    let millis = match unit {
        "MILLISECOND" => 1,
        "SECOND" => 1_000,
        "MINUTE" => 60_000,
        "HOUR" => 3_600_000,
        "DAY" => DAY,
        _ => return date_moved(time / DAY, unit, direction).saturating_mul(DAY),
    };
    let floor = time.saturating_sub(time.rem_euclid(millis));
    if direction == Direction::Up && floor < time { floor.saturating_add(millis) } else { floor }
}

fn date_moved(days: i64, unit: &str, direction: Direction) -> i64 {
    let date = Fields::of_day(days);
    let up = direction == Direction::Up;
    let years = |length: i64, first: i64| {
        let start = (date.year - first).div_euclid(length) * length + first;
        (days_from_civil(start, 1, 1), days_from_civil(start + length, 1, 1))
    };
    let months = |length: i64| {
        let start = (i64::from(date.month) - 1) / length * length;
        let at = |month: i64| days_from_civil(date.year + month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1);
        (at(start), at(start + length))
    };
    let (start, next) = match unit {
        "WEEK" => {
            let sunday = days - date.us_weekday() + 1;
            (sunday, sunday + 7)
        }
        "MONTH" => months(1),
        "QUARTER" => months(3),
        "YEAR" => years(1, 0),
        "DECADE" => years(10, 0),
        "CENTURY" => years(100, 1),
        _ => years(1_000, 1),
    };
    if up && start < days { next } else { start }
}

#[cfg(test)]
mod tests {
    use crate::Environment;
    use crate::tests::{check, run, symbol, timestamp};
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    #[test]
    fn times_are_cut_to_units() {
        for (time, unit, floor, ceil) in [
            ("2025-02-16 07:08:09.123", "SECOND", "2025-02-16 07:08:09.000", "2025-02-16 07:08:10.000"),
            ("2025-02-16 07:08:09.123", "DAY", "2025-02-16 00:00:00.000", "2025-02-17 00:00:00.000"),
            ("2025-02-16 07:08:09.123", "WEEK", "2025-02-16 00:00:00.000", "2025-02-16 00:00:00.000"),
            ("2025-02-16 07:08:09.123", "QUARTER", "2025-01-01 00:00:00.000", "2025-04-01 00:00:00.000"),
            ("2000-12-31 00:00:00", "YEAR", "2000-01-01 00:00:00.000", "2001-01-01 00:00:00.000"),
            ("1899-01-01 00:00:00.001", "WEEK", "1899-01-01 00:00:00.000", "1899-01-08 00:00:00.000"),
            ("1970-01-01 00:00:00", "WEEK", "1969-12-28 00:00:00.000", "1970-01-04 00:00:00.000"),
            ("2025-02-16 07:08:09", "CENTURY", "2001-01-01 00:00:00.000", "2101-01-01 00:00:00.000"),
        ] {
            check("FLOOR", &[timestamp(time), symbol(unit)], Some(floor));
            check("CEIL", &[timestamp(time), symbol(unit)], Some(ceil));
        }
        check("FLOOR", &[(Value::Int(20_135), TypeKind::Date.not_null()), symbol("MONTH")], Some("2025-02-01"));
        check("FLOOR", &[(Value::Int(25_689_123), TypeKind::Time(0).not_null()), symbol("HOUR")], Some("07:00:00"));
        let instant = (Value::Int(0), TypeKind::timestamp_ltz(3).not_null());
        let shanghai = Environment::in_zone("Asia/Shanghai");
        assert_eq!(run("FLOOR", &[instant, symbol("DAY")], &shanghai), Ok(Some("1970-01-01 00:00:00.000".into())));
    }
}
