//! Constants: what their text means, and which type they have.
//!
//! Types are Calcite's: a whole number is INT, else BIGINT; one with a point is DECIMAL of its digits; one with an exponent is
//! DOUBLE; a text is CHAR of its UTF-16 length. Intervals are milliseconds or months.

use irmak_common::expr::{Expr, Value};
use irmak_common::types::{TypeKind, timestamp_unit};

use crate::ast::{Interval, Unit};
use crate::error::{Code, PlanError, Planned, Span};
use crate::parse::types::{interval_millis, interval_months};

/// A number as written, perhaps with a sign.
pub(crate) fn number(text: &str, span: Span) -> Planned<Expr> {
    let out_of_range = || PlanError::new(Code::Literal, format!("numeric literal `{text}` is out of range")).at(span);
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(out_of_range)?;
        return Ok(Expr::literal(Value::Float(value), TypeKind::Double.not_null()));
    }
    // A point without digits behind it changes nothing.
    let text = text.strip_suffix('.').unwrap_or(text);
    if let Some((whole, fraction)) = text.split_once('.') {
        let digits = whole.trim_start_matches('-').len() + fraction.len();
        let unscaled: i128 = format!("{whole}{fraction}").parse().map_err(|_| out_of_range())?;
        if digits > 38 {
            return Err(out_of_range());
        }
        let kind = TypeKind::Decimal { precision: digits.max(1) as u8, scale: fraction.len() as u8 };
        return Ok(Expr::literal(Value::Decimal(unscaled), kind.not_null()));
    }
    let value: i64 = text.parse().map_err(|_| out_of_range())?;
    let kind = if i32::try_from(value).is_ok() { TypeKind::Int } else { TypeKind::BigInt };
    Ok(Expr::literal(Value::Int(value), kind.not_null()))
}

/// A text.
pub(crate) fn string(text: &str) -> Expr {
    let length = text.encode_utf16().count() as u32;
    Expr::literal(Value::String(text.to_owned()), TypeKind::Char(length).not_null())
}

/// `DATE '...'`, `TIME '...'`, `TIMESTAMP '...'`.
pub(crate) fn typed(keyword: &str, text: &str, span: Span) -> Planned<Expr> {
    let bad = |form: &str| {
        PlanError::new(Code::Literal, format!("`{text}` is no {}", keyword.to_lowercase()))
            .at(span)
            .label(format!("write {keyword} '{form}'"))
    };
    match keyword {
        "DATE" => {
            let days = date(text.trim()).ok_or_else(|| bad("2025-02-16"))?;
            Ok(Expr::literal(Value::Int(days), TypeKind::Date.not_null()))
        }
        "TIME" => {
            let (nanos, _) = time(text.trim()).ok_or_else(|| bad("07:40:00"))?;
            Ok(Expr::literal(Value::Int(nanos / 1_000_000), TypeKind::Time(0).not_null()))
        }
        _ => {
            let form = || bad("2025-02-16 07:40:00");
            let (day, clock) = text.trim().split_once(' ').unwrap_or((text.trim(), "00:00:00"));
            let days = date(day).ok_or_else(form)?;
            let (nanos, digits) = time(clock).ok_or_else(form)?;
            let per_unit = match timestamp_unit(digits) {
                arrow_unit if arrow_unit == timestamp_unit(3) => 1_000_000,
                arrow_unit if arrow_unit == timestamp_unit(6) => 1_000,
                _ => 1,
            };
            let units_a_day = 86_400_000_000_000 / per_unit;
            let value = days.checked_mul(units_a_day).and_then(|start| start.checked_add(nanos / per_unit)).ok_or_else(form)?;
            Ok(Expr::literal(Value::Int(value), TypeKind::timestamp(digits).not_null()))
        }
    }
}

/// Days since the epoch of `2025-02-16`.
fn date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (whole(parts.next()?, 4)?, whole(parts.next()?, 2)?, whole(parts.next()?, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *days.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    (1..=length).contains(&day).then(|| days_from_civil(year, month, day))
}

/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Nanoseconds of the day, and how many digits the fraction has.
fn time(text: &str) -> Option<(i64, u8)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (whole(parts.next()?, 2)?, whole(parts.next()?, 2)?, whole(parts.next()?, 2)?);
    if hour > 23 || minute > 59 || second > 59 || fraction.len() > 9 {
        return None;
    }
    let nanos = if fraction.is_empty() { 0 } else { whole(fraction, 9)? * 10i64.pow(9 - fraction.len() as u32) };
    Some((((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanos, fraction.len() as u8))
}

fn whole(text: &str, digits: usize) -> Option<i64> {
    let good = !text.is_empty() && text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

/// `INTERVAL '1 02:03:04.005' DAY TO SECOND`.
pub(crate) fn interval(interval: &Interval, span: Span) -> Planned<Expr> {
    let bad = || {
        PlanError::new(Code::Literal, format!("`{}` is not an interval of these units", interval.text))
            .at(span)
            .note("intervals: '5' SECOND, '1 02:03:04.5' DAY TO SECOND, '1-2' YEAR TO MONTH")
    };
    let text = interval.text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (!interval.negative, rest),
        None => (interval.negative, text.strip_prefix('+').unwrap_or(text)),
    };
    let to = interval.to.unwrap_or(interval.from);
    if to < interval.from || (interval.from <= Unit::Month) != (to <= Unit::Month) {
        return Err(bad());
    }
    let first = digits.split([' ', ':', '-', '.']).next().unwrap_or_default().trim_start_matches('0');
    if first.len() > usize::from(interval.digits) && first.bytes().all(|byte| byte.is_ascii_digit()) {
        let unit = format!("{:?}", interval.from).to_uppercase();
        let message = format!("the interval's {first} exceeds the {} digits of {unit}", interval.digits);
        return Err(PlanError::new(Code::Literal, message).at(span).label(format!("write {unit}({})", first.len())));
    }
    let (amount, kind) = if interval.from <= Unit::Month {
        (months(digits, interval.from, to).ok_or_else(bad)?, interval_months())
    } else {
        (millis(digits, interval.from, to).ok_or_else(bad)?, interval_millis())
    };
    Ok(Expr::literal(Value::Int(if negative { -amount } else { amount }), kind.not_null()))
}

fn months(text: &str, from: Unit, to: Unit) -> Option<i64> {
    if from != to {
        let (years, months) = text.split_once('-')?;
        let months = whole(months, 2).filter(|months| *months < 12)?;
        return whole(years, 9)?.checked_mul(12)?.checked_add(months);
    }
    whole(text, 9)?.checked_mul(unit_size(from))
}

/// How large a unit is, in what its intervals are counted in: months, or milliseconds.
pub(super) fn unit_size(unit: Unit) -> i64 {
    match unit {
        Unit::Year => 12,
        Unit::Month => 1,
        _ => unit_millis(unit),
    }
}

fn unit_millis(unit: Unit) -> i64 {
    match unit {
        Unit::Day => 86_400_000,
        Unit::Hour => 3_600_000,
        Unit::Minute => 60_000,
        _ => 1_000,
    }
}

/// The fields of a day-time interval: the first in any size, the others behind ` ` or `:`, the seconds with a fraction.
fn millis(text: &str, from: Unit, to: Unit) -> Option<i64> {
    let units: Vec<Unit> =
        [Unit::Day, Unit::Hour, Unit::Minute, Unit::Second].into_iter().filter(|unit| (from..=to).contains(unit)).collect();
    let fields: Vec<&str> = text.split([' ', ':']).collect();
    if fields.len() != units.len() {
        return None;
    }
    let mut total: i64 = 0;
    for (at, (unit, field)) in units.into_iter().zip(fields).enumerate() {
        let (field, fraction) = if unit == Unit::Second { field.split_once('.').unwrap_or((field, "")) } else { (field, "") };
        let bound = match unit {
            _ if at == 0 => i64::MAX,
            Unit::Hour => 23,
            _ => 59,
        };
        let amount = whole(field, 10).filter(|amount| *amount <= bound)?;
        total = total.checked_add(amount.checked_mul(unit_millis(unit))?)?;
        if !fraction.is_empty() {
            let thousandths: String = format!("{fraction}00").chars().take(3).collect();
            whole(fraction, 9)?;
            total = total.checked_add(whole(&thousandths, 3)?)?;
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_calcites_types() {
        for (text, ty) in [
            ("1", "INT NOT NULL"),
            ("2147483648", "BIGINT NOT NULL"),
            ("-9223372036854775808", "BIGINT NOT NULL"),
            ("1.50", "DECIMAL(3, 2) NOT NULL"),
            (".5", "DECIMAL(1, 1) NOT NULL"),
            ("0.1", "DECIMAL(2, 1) NOT NULL"),
            ("1e2", "DOUBLE NOT NULL"),
        ] {
            assert_eq!(number(text, Span::default()).unwrap().ty.to_string(), ty, "{text}");
        }
        assert!(number("9223372036854775808", Span::default()).is_err());
    }

    #[test]
    fn intervals_are_milliseconds_or_months() {
        let of = |text: &str, from, to| {
            let interval = Interval { negative: false, text: text.into(), from, digits: 2, to };
            super::interval(&interval, Span::default()).ok().map(|expr| expr.node)
        };
        let int = |n| Some(irmak_common::expr::ExprNode::Literal(Value::Int(n)));
        assert_eq!(of("5", Unit::Second, None), int(5_000));
        assert_eq!(of("0.001", Unit::Second, None), int(1));
        assert_eq!(of("1 02:03:04.005", Unit::Day, Some(Unit::Second)), int(93_784_005));
        assert_eq!(of("-1-2", Unit::Year, Some(Unit::Month)), int(-14));
        assert_eq!(of("abc", Unit::Day, None), None);
        assert_eq!(of("1:2", Unit::Day, None), None);
        assert_eq!(of("1-12", Unit::Year, Some(Unit::Month)), None);
        assert_eq!(of("1 24", Unit::Day, Some(Unit::Hour)), None);
        assert_eq!(of("1:60", Unit::Hour, Some(Unit::Minute)), None);
        assert_eq!(of("100", Unit::Second, None), None);
        assert_eq!(of("007", Unit::Second, None), int(7_000));
        assert_eq!(of("99.5", Unit::Second, None), int(99_500));
    }

    #[test]
    fn dates_and_times_count_from_the_epoch() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2025-02-16"), Some(20_135));
        assert_eq!(date("0001-01-01"), Some(-719_162));
        assert_eq!(date("2025-02-30"), None);
        assert_eq!(time("07:08:09.123"), Some((25_689_123_000_000, 3)));
    }
}
