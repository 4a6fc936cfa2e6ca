//! Times moved by intervals, and intervals among themselves.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{
    ArrowPrimitiveType, ArrowTimestampType, DataType, Date32Type, Int32Type, Int64Type, Time32MillisecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use irmak_common::text::{civil_from_days, days_from_civil, days_in_month};
use irmak_common::types::{TypeKind, timestamp_unit};

use crate::column::{Column, arrow_error, build_numbers};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Kernel, Scope, kernel};
use crate::types::KindExt;

const DAY_MILLIS: i64 = 86_400_000;

/// The kernel of `a + b` (`sign` 1) or `a - b` (-1) where an interval is involved or times are subtracted; else `None`.
pub(super) fn add(call: &Call<'_>, sign: i64) -> Result<Option<Kernel>, FunctionError> {
    let (left, right) = (&call.arg(0)?.kind, &call.arg(1)?.kind);
    if left.is_interval() && right.is_interval() {
        return Ok(Some(kernel(move |args, _| {
            let operation = if sign > 0 { numeric::add_wrapping } else { numeric::sub_wrapping };
            operation(&args[0], &args[1]).map_err(arrow_error)
        })?));
    }
    if sign < 0 && call.ty.kind.is_interval() {
        return Ok(Some(difference(left)?));
    }
    let (time, interval, time_at) = if right.is_interval() { (left, right, 0) } else { (right, left, 1) };
    if !interval.is_interval() {
        return Ok(None);
    }
    let months = matches!(interval, TypeKind::IntervalYearMonth { .. });
    let moved = match (time, &call.ty.kind) {
        (TypeKind::Date, TypeKind::Timestamp { precision, .. }) if timestamp_unit(*precision) == TimeUnit::Microsecond => {
            let moved = |days: i32, millis: i64| (i64::from(days) * DAY_MILLIS).wrapping_add(millis).wrapping_mul(1_000);
            shift::<Date32Type, TimestampMicrosecondType>(time_at, sign, moved)
        }
        (TypeKind::Date, TypeKind::Timestamp { .. }) => {
            shift::<Date32Type, TimestampMillisecondType>(time_at, sign, |days, millis| (i64::from(days) * DAY_MILLIS).wrapping_add(millis))
        }
        (TypeKind::Date, _) if months => {
            shift_months::<Date32Type>(time_at, sign, |days, months| add_months(i64::from(days), months) as i32)
        }
        (TypeKind::Date, _) => {
            shift::<Date32Type, Date32Type>(time_at, sign, |days, millis| days.wrapping_add((millis / DAY_MILLIS) as i32))
        }
        (TypeKind::Time(_), _) if months => shift_months::<Time32MillisecondType>(time_at, sign, |time, _| time),
        (TypeKind::Time(_), _) => shift::<Time32MillisecondType, Time32MillisecondType>(time_at, sign, |time, millis| {
            i64::from(time).wrapping_add(millis).rem_euclid(DAY_MILLIS) as i32
        }),
        (TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. }, _) => match timestamp_unit(*precision) {
            TimeUnit::Microsecond => timestamps::<TimestampMicrosecondType>(time_at, sign, months, 1_000),
            TimeUnit::Nanosecond => timestamps::<TimestampNanosecondType>(time_at, sign, months, 1_000_000),
            _ => timestamps::<TimestampMillisecondType>(time_at, sign, months, 1),
        },
        _ => return Err(call.wrong("an interval moves dates, times and timestamps only")),
    };
    Ok(Some(moved?))
}

fn timestamps<T: ArrowTimestampType>(time_at: usize, sign: i64, months: bool, per_milli: i64) -> Result<Kernel, FunctionError> {
    if months {
        return shift_months::<T>(time_at, sign, move |time, months| {
            let day = DAY_MILLIS * per_milli;
            add_months(time.div_euclid(day), months).wrapping_mul(day).wrapping_add(time.rem_euclid(day))
        });
    }
    // The way of `ts - INTERVAL '5' SECOND`: one vectorised operation where the interval is a constant.
    kernel(move |args, scope| {
        let (times, intervals) = (args[time_at].numbers::<T>()?, args[1 - time_at].longs()?);
        if let (Column::Rows(_), Some(Some(interval))) = (&args[time_at], intervals.constant()) {
            let step = interval.wrapping_mul(sign * per_milli);
            return Ok(Arc::new(times.into_array().unary::<_, T>(|time| time.wrapping_add(step))) as ArrayRef);
        }
        moved::<T, T>(args, scope, time_at, |time, millis| time.wrapping_add(millis.wrapping_mul(sign * per_milli)))
    })
}

fn shift<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    time_at: usize,
    sign: i64,
    change: impl Fn(I::Native, i64) -> O::Native + Send + Sync + 'static,
) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| moved::<I, O>(args, scope, time_at, |time, millis| change(time, millis.wrapping_mul(sign))))
}

fn moved<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    args: &[Column],
    scope: &Scope,
    time_at: usize,
    change: impl Fn(I::Native, i64) -> O::Native,
) -> Result<ArrayRef, EvalError> {
    let (times, intervals) = (args[time_at].numbers::<I>()?, args[1 - time_at].longs()?);
    build_numbers::<O>(scope.rows, |row| Ok(times.get(row).zip(intervals.get(row)).map(|(time, millis)| change(time, millis))))
}

fn shift_months<T: ArrowPrimitiveType>(
    time_at: usize,
    sign: i64,
    change: impl Fn(T::Native, i64) -> T::Native + Send + Sync + 'static,
) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let (times, intervals) = (args[time_at].numbers::<T>()?, args[1 - time_at].ints()?);
        build_numbers::<T>(scope.rows, |row| {
            Ok(times.get(row).zip(intervals.get(row)).map(|(time, months)| change(time, i64::from(months) * sign)))
        })
    })
}

/// A date, in days, months later; a day that the month does not have becomes its last.
pub(crate) fn add_months(days: i64, months: i64) -> i64 {
    let (year, month, day) = civil_from_days(days);
    let total = year * 12 + i64::from(month) - 1 + months;
    let (year, month) = (total.div_euclid(12), (total.rem_euclid(12) + 1) as u32);
    days_from_civil(year, month, day.min(days_in_month(year, month)))
}

/// Milliseconds between two times.
fn difference(kind: &TypeKind) -> Result<Kernel, FunctionError> {
    if *kind == TypeKind::Date {
        return kernel(|args, scope| {
            let (left, right) = (args[0].numbers::<Date32Type>()?, args[1].numbers::<Date32Type>()?);
            build_numbers::<Int64Type>(scope.rows, |row| {
                Ok(left.get(row).zip(right.get(row)).map(|(l, r)| (i64::from(l) - i64::from(r)) * DAY_MILLIS))
            })
        });
    }
    kernel(|args, scope| {
        let (left, right) = (args[0].millis()?, args[1].millis()?);
        build_numbers::<Int64Type>(scope.rows, |row| Ok(left.get(row).zip(right.get(row)).map(|(l, r)| l.wrapping_sub(r))))
    })
}

/// An interval times a number.
pub(super) fn multiply(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let at = usize::from(!call.arg(0)?.kind.is_interval());
    let months = call.ty.kind.to_arrow() == DataType::Int32;
    kernel(move |args, scope| {
        let factors = args[1 - at].longs()?;
        if months {
            let intervals = args[at].ints()?;
            return build_numbers::<Int32Type>(scope.rows, |row| {
                Ok(intervals.get(row).zip(factors.get(row)).map(|(i, f)| i.wrapping_mul(f as i32)))
            });
        }
        let intervals = args[at].longs()?;
        build_numbers::<Int64Type>(scope.rows, |row| Ok(intervals.get(row).zip(factors.get(row)).map(|(i, f)| i.wrapping_mul(f))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_they_end() {
        let day = days_from_civil;
        for (from, months, to) in [
            (day(2024, 1, 31), 1, day(2024, 2, 29)),
            (day(2024, 2, 29), 12, day(2025, 2, 28)),
            (day(2025, 1, 15), -1, day(2024, 12, 15)),
            (day(1969, 12, 31), 2, day(1970, 2, 28)),
        ] {
            assert_eq!(add_months(from, months), to);
        }
    }
}
