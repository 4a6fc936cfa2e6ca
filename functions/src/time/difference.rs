//! TIMESTAMPDIFF: whole units between two times, cut towards zero, in 32 bits that wrap.

use arrow::datatypes::Int32Type;
use irmak_common::types::{LogicalType, TypeKind};

use super::{Clock, DAY};
use crate::arithmetic::time::add_months;
use crate::column::build_numbers;
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[Function::total("TIMESTAMPDIFF", signature, make)];

const UNITS: &[&str] = &["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];

fn signature(args: &[Arg<'_>]) -> Signature {
    let moment = |arg: &Arg<'_>| arg.kind().is_timestamp() || matches!(arg.kind(), TypeKind::Date | TypeKind::Null);
    let zoned = |arg: &Arg<'_>| matches!(arg.kind(), TypeKind::TimestampLtz { .. });
    let zones_differ =
        |from: &Arg<'_>, to: &Arg<'_>| zoned(from) != zoned(to) && *from.kind() != TypeKind::Null && *to.kind() != TypeKind::Null;
    match args {
        [unit, from, to]
            if unit.text().is_some_and(|unit| UNITS.contains(&unit.trim_start_matches("SQL_TSI_")))
                && moment(from)
                && moment(to)
                && !zones_differ(from, to) =>
        {
            Ok((uncast(args), LogicalType { kind: TypeKind::Int, nullable: any_nullable(&args[1..]) }))
        }
        _ => refuse(format!(
            "TIMESTAMPDIFF(<UNIT>, <DATETIME>, <DATETIME>), both TIMESTAMP_LTZ or neither, where the unit is one of {}",
            UNITS.join(", ")
        )),
    }
}

fn make(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let difference: fn(i64, i64) -> i64 = match call.text(0).unwrap_or_default().trim_start_matches("SQL_TSI_") {
        "SECOND" => |from, to| to.wrapping_sub(from) / 1_000,
        "MINUTE" => |from, to| to.wrapping_sub(from) / 60_000,
        "HOUR" => |from, to| to.wrapping_sub(from) / 3_600_000,
        "DAY" => |from, to| to.wrapping_sub(from) / DAY,
        "WEEK" => |from, to| to.wrapping_sub(from) / (7 * DAY),
        "MONTH" => months_between,
        "QUARTER" => |from, to| months_between(from, to) / 3,
        "YEAR" => |from, to| months_between(from, to) / 12,
        other => return Err(call.wrong(format!("there is no unit {other}"))),
    };
    let (from, to) = (Clock::of(call, 1)?, Clock::of(call, 2)?);
    kernel(move |args, scope| {
        let (from, to) = (from.local(&args[1])?, to.local(&args[2])?);
        build_numbers::<Int32Type>(scope.rows, |row| Ok(from.get(row).zip(to.get(row)).map(|(from, to)| difference(from, to) as i32)))
    })
}

/// Whole months, by Calcite's `subtractMonths`, which is not symmetric: a month that its day does not have ends early, and only
/// forwards does the time of the day count.
fn months_between(from: i64, to: i64) -> i64 {
    let (from_day, to_day) = (from.div_euclid(DAY), to.div_euclid(DAY));
    let months = months_between_days(to_day, from_day);
    let ends_on_day = add_months(from_day, months) == to_day;
    if ends_on_day && to.rem_euclid(DAY) < from.rem_euclid(DAY) { months - 1 } else { months }
}

fn months_between_days(later: i64, earlier: i64) -> i64 {
    if later < earlier {
        return -months_between_days(earlier, later);
    }
    // No month is longer than 31 days, so the estimate is not too high.
    let mut months = (later - earlier) / 31;
    while add_months(earlier, months) < later && add_months(earlier, months + 1) <= later {
        months += 1;
    }
    months
}

#[cfg(test)]
mod tests {
    use crate::tests::{Constant, check, null, symbol, timestamp};
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    #[test]
    fn whole_units_lie_between() {
        let (early, late) = ("2024-01-31 10:00:00", "2025-02-28 09:59:59.999");
        for (unit, forwards, backwards) in [
            ("SECOND", "34041599", "-34041599"),
            ("HOUR", "9455", "-9455"),
            ("DAY", "393", "-393"),
            ("WEEK", "56", "-56"),
            ("MONTH", "12", "-13"),
            ("QUARTER", "4", "-4"),
            ("YEAR", "1", "-1"),
        ] {
            check("TIMESTAMPDIFF", &[symbol(unit), timestamp(early), timestamp(late)], Some(forwards));
            check("TIMESTAMPDIFF", &[symbol(unit), timestamp(late), timestamp(early)], Some(backwards));
        }
        let date = |days: i64| -> Constant { (Value::Int(days), TypeKind::Date.not_null()) };
        check("TIMESTAMPDIFF", &[symbol("MONTH"), date(20_119), date(20_147)], Some("1"));
        check("TIMESTAMPDIFF", &[symbol("HOUR"), date(20_089), timestamp("2025-01-02 01:59:00")], Some("25"));
        check("TIMESTAMPDIFF", &[symbol("MONTH"), timestamp("2024-02-29 00:00:00"), timestamp("2025-02-28 00:00:00")], Some("12"));
        check("TIMESTAMPDIFF", &[symbol("SECOND"), null(TypeKind::timestamp(3)), timestamp(early)], None);
        check(
            "TIMESTAMPDIFF",
            &[symbol("SECOND"), timestamp("2025-02-16 00:00:00"), timestamp("9999-12-31 23:59:59.999")],
            Some("-1740433665"),
        );
    }
}
