//! Times from texts and numbers and back: DATE_FORMAT, TO_TIMESTAMP, TO_TIMESTAMP_LTZ, TO_DATE, UNIX_TIMESTAMP, FROM_UNIXTIME,
//! CONVERT_TZ.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::datatypes::{Date32Type, Float64Type, Int64Type, TimestampMillisecondType};
use irmak_common::text::{Instant, parse_date, parse_timestamp};
use irmak_common::types::TypeKind;

use super::fields::Fields;
use super::format::Formatter;
use super::legacy::{DEFAULT, SimpleFormat};
use super::{Clock, DAY, now};
use crate::column::{Column, View, build_numbers, build_strings};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::pattern::Cache;
use crate::signature::{Arg, Signature, Want, forced, refuse, strict};
use crate::types::KindExt;
use crate::zone::Zone;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::partial("DATE_FORMAT", date_format_signature, date_format),
    Function::partial("TO_TIMESTAMP", |args| forced(args, &[Want::Text, Want::Text], 1, TypeKind::timestamp(3)), |_| to_timestamp()),
    Function::partial("TO_TIMESTAMP_LTZ", ltz_signature, to_timestamp_ltz),
    Function::partial("TO_DATE", |args| forced(args, &[Want::Text, Want::Text], 1, TypeKind::Date), |_| to_date()),
    Function::clock("UNIX_TIMESTAMP", unix_signature, unix_timestamp),
    Function::partial("FROM_UNIXTIME", |args| forced(args, &[Want::Long, Want::Text], 1, TypeKind::STRING), from_unixtime),
    Function::total("CONVERT_TZ", |args| forced(args, &[Want::Text, Want::Text, Want::Text], 0, TypeKind::STRING), |_| convert_tz()),
];

fn date_format_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [time, pattern] if (time.kind().is_timestamp() || time.kind().is_text()) && pattern.kind().is_text() => {
            Ok((vec![time.ty.clone(), pattern.ty.clone()], TypeKind::STRING.nullable()))
        }
        _ => refuse("DATE_FORMAT(<TIMESTAMP>, <CHARACTER_STRING>) or DATE_FORMAT(<CHARACTER_STRING>, <CHARACTER_STRING>)"),
    }
}

fn ltz_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [number, precision] if number.kind().is_numeric() || *number.kind() == TypeKind::Null => {
            // A DECIMAL loses its digits behind the point.
            let kind = if number.kind().is_approximate() { TypeKind::Double } else { TypeKind::BigInt };
            if !precision.kind().is_integer() || precision.int().is_some_and(|precision| precision != 0 && precision != 3) {
                return refuse("TO_TIMESTAMP_LTZ(<NUMERIC>, 0 or 3)");
            }
            Ok((vec![number.cast(kind), precision.cast(TypeKind::Int)], TypeKind::timestamp_ltz(3).nullable()))
        }
        _ => refuse("TO_TIMESTAMP_LTZ(<NUMERIC>, 0 or 3)"),
    }
}

fn unix_signature(args: &[Arg<'_>]) -> Signature {
    if args.is_empty() {
        return Ok((Vec::new(), TypeKind::BigInt.not_null()));
    }
    strict(args, &[Want::Text, Want::Text], 1, TypeKind::BigInt)
}

/// Patterns that are compiled as they come.
struct Patterns<T> {
    view: Option<View<arrow::array::StringArray>>,
    default: Option<Arc<Result<T, String>>>,
}

impl<T> Patterns<T> {
    fn of(column: Option<&Column>, default: Option<&Arc<Result<T, String>>>) -> Result<Self, EvalError> {
        Ok(Self { view: column.map(Column::strings).transpose()?, default: default.cloned() })
    }

    /// The pattern of a row, `None` where it is NULL or where there is none at all.
    fn get(&self, row: usize, cache: &Cache<Result<T, String>>) -> Option<Arc<Result<T, String>>> {
        match &self.view {
            None => self.default.clone(),
            Some(view) => view.get(row).map(|pattern| cache.get(pattern)),
        }
    }
}

fn refused(function: &str, message: &str, row: usize) -> EvalError {
    EvalError::new(function, message).at(row)
}

fn date_format(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if call.arg(0)?.kind.is_text() {
        return reformat();
    }
    let clock = Clock::of(call, 0)?;
    let fine = match call.arg(0)?.kind {
        TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } if precision > 3 => Some(precision),
        _ => None,
    };
    let cache = Cache::new(Formatter::new);
    kernel(move |args, scope| {
        let times = clock.local(&args[0])?;
        let stored = match fine {
            Some(precision) => Some((
                args[0].map(|array| arrow::compute::cast(array, &arrow::datatypes::DataType::Int64).map_err(crate::column::arrow_error))?,
                precision,
            )),
            None => None,
        };
        let nanos = match &stored {
            Some((column, precision)) => Some((column.longs()?, *precision)),
            None => None,
        };
        let patterns = Patterns::of(args.get(1), None)?;
        build_strings(scope.rows, |row, out| {
            let Some((time, pattern)) = times.get(row).zip(patterns.get(row, &cache)) else { return Ok(None) };
            let mut fields = Fields::of_millis(time);
            if let Some(stored) =
                nanos.as_ref().and_then(|(view, precision)| view.get(row).map(|value| Instant::from_stored(value, *precision)))
            {
                fields.nanos = stored.nanos;
            }
            let written = pattern.as_ref().as_ref().map_err(Clone::clone).and_then(|pattern| pattern.format(&fields, out));
            written.map(Some).map_err(|message| refused("DATE_FORMAT", &message, row))
        })
    })
}

/// DATE_FORMAT of a text in the default pattern.
fn reformat() -> Result<Kernel, FunctionError> {
    let from = SimpleFormat::new(DEFAULT).map_err(FunctionError::Unknown)?;
    let cache = Cache::new(SimpleFormat::new);
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        let patterns = Patterns::of(args.get(1), None)?;
        build_strings(scope.rows, |row, out| {
            let Some((text, pattern)) = texts.get(row).zip(patterns.get(row, &cache)) else { return Ok(None) };
            let to = pattern.as_ref().as_ref().map_err(|message| refused("DATE_FORMAT", message, row))?;
            Ok(from.parse(text).map(|read| to.format(read.local, 0, out)))
        })
    })
}

fn to_timestamp() -> Result<Kernel, FunctionError> {
    let cache = Cache::new(Formatter::new);
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        if args.len() == 1 {
            return build_numbers::<TimestampMillisecondType>(scope.rows, |row| {
                Ok(texts.get(row).and_then(|text| parse_timestamp(text).ok()).map(Instant::to_millis))
            });
        }
        let patterns = Patterns::of(args.get(1), None)?;
        build_numbers::<TimestampMillisecondType>(scope.rows, |row| {
            let Some((text, pattern)) = texts.get(row).zip(patterns.get(row, &cache)) else { return Ok(None) };
            let pattern = pattern.as_ref().as_ref().map_err(|message| refused("TO_TIMESTAMP", message, row))?;
            Ok(pattern.parse(text).map(Instant::to_millis))
        })
    })
}

/// Seconds (precision 0) or milliseconds (3) since the epoch.
/// The years 0 to 9999, in milliseconds since the epoch: a number outside is no time, but NULL.
const INSTANTS_MS: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

fn to_timestamp_ltz(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let whole = call.arg(0)?.kind == TypeKind::BigInt;
    kernel(move |args, scope| {
        let precisions = args[1].ints()?;
        let per_unit = |row: usize| match precisions.get(row) {
            None => Ok(None),
            Some(0) => Ok(Some(1_000)),
            Some(3) => Ok(Some(1)),
            Some(other) => Err(refused(
                "TO_TIMESTAMP_LTZ",
                &format!(
                    "The precision value '{other}' for function TO_TIMESTAMP_LTZ(numeric, precision) is unsupported, the supported value is '0' for second or '3' for millisecond."
                ),
                row,
            )),
        };
        if whole {
            let numbers = args[0].longs()?;
            return build_numbers::<TimestampMillisecondType>(scope.rows, |row| {
                let instant = numbers.get(row).zip(per_unit(row)?).and_then(|(number, unit)| number.checked_mul(unit));
                Ok(instant.filter(|ms| INSTANTS_MS.contains(ms)))
            });
        }
        let numbers = args[0].numbers::<Float64Type>()?;
        build_numbers::<TimestampMillisecondType>(scope.rows, |row| {
            let instant = numbers.get(row).zip(per_unit(row)?).map(|(number, unit)| number * unit as f64);
            Ok(instant.filter(|ms| ms.is_finite()).map(|ms| ms as i64).filter(|ms| INSTANTS_MS.contains(ms)))
        })
    })
}

fn to_date() -> Result<Kernel, FunctionError> {
    let cache = Cache::new(SimpleFormat::new);
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        if args.len() == 1 {
            return build_numbers::<Date32Type>(scope.rows, |row| Ok(texts.get(row).and_then(|text| parse_date(text).ok())));
        }
        let patterns = Patterns::of(args.get(1), None)?;
        build_numbers::<Date32Type>(scope.rows, |row| {
            let Some((text, pattern)) = texts.get(row).zip(patterns.get(row, &cache)) else { return Ok(None) };
            let pattern = pattern.as_ref().as_ref().map_err(|message| refused("TO_DATE", message, row))?;
            Ok(pattern.parse(text).and_then(|read| i32::try_from(read.local.div_euclid(DAY)).ok()))
        })
    })
}

/// Seconds since the epoch; the smallest BIGINT for a text that is no time, as in Flink.
fn unix_timestamp(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if call.args.is_empty() {
        return now::unix_seconds();
    }
    let zone = Zone::parse(&call.env.zone)?;
    let cache = Cache::new(SimpleFormat::new);
    let default = cache.get(DEFAULT);
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        let patterns = Patterns::of(args.get(1), Some(&default))?;
        build_numbers::<Int64Type>(scope.rows, |row| {
            let Some((text, pattern)) = texts.get(row).zip(patterns.get(row, &cache)) else { return Ok(None) };
            let pattern = pattern.as_ref().as_ref().map_err(|message| refused("UNIX_TIMESTAMP", message, row))?;
            let millis = pattern.parse(text).map(|read| {
                read.offset.map_or_else(|| zone.to_instant_millis(read.local), |offset| read.local.saturating_sub(offset * 1_000))
            });
            Ok(Some(millis.map_or(i64::MIN, |millis| millis / 1_000)))
        })
    })
}

fn from_unixtime(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let zone = Zone::parse(&call.env.zone)?;
    let cache = Cache::new(SimpleFormat::new);
    let default = cache.get(DEFAULT);
    kernel(move |args, scope| {
        let seconds = args[0].longs()?;
        let patterns = Patterns::of(args.get(1), Some(&default))?;
        build_strings(scope.rows, |row, out| {
            let Some((seconds, pattern)) = seconds.get(row).zip(patterns.get(row, &cache)) else { return Ok(None) };
            let pattern = pattern.as_ref().as_ref().map_err(|message| refused("FROM_UNIXTIME", message, row))?;
            let offset = zone.offset_at(seconds);
            pattern.format(seconds.saturating_add(offset).saturating_mul(1_000), offset, out);
            Ok(Some(()))
        })
    })
}

/// A wall clock of one zone in another; zones that do not exist are UTC, as Java has it.
fn convert_tz() -> Result<Kernel, FunctionError> {
    let pattern = SimpleFormat::new(DEFAULT).map_err(FunctionError::Unknown)?;
    let zones = Cache::new(Zone::parse_or_utc);
    kernel(move |args, scope| {
        let (texts, froms, tos) = (args[0].strings()?, args[1].strings()?, args[2].strings()?);
        build_strings(scope.rows, |row, out| {
            let mut found = || {
                let (from, to) = (zones.get(froms.get(row)?), zones.get(tos.get(row)?));
                let instant = from.to_instant_millis(pattern.parse(texts.get(row)?)?.local);
                pattern.format(to.to_local_millis(instant), 0, out);
                Some(())
            };
            Ok(found())
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::Environment;
    use crate::tests::{check, int, long, null, run, text, timestamp};
    use irmak_common::types::TypeKind;

    #[test]
    fn timestamps_are_written_by_a_pattern() {
        check("DATE_FORMAT", &[timestamp("2025-02-16 07:08:09.123"), text("yyyy/MM/dd HH:mm:ss.SSS")], Some("2025/02/16 07:08:09.123"));
        check("DATE_FORMAT", &[text("2025-02-16 07:08:09"), text("yyyy/MM/dd")], Some("2025/02/16"));
        check("DATE_FORMAT", &[text("2025-02-16"), text("yyyy")], None);
        check("DATE_FORMAT", &[null(TypeKind::timestamp(3)), text("yyyy")], None);
        assert!(run("DATE_FORMAT", &[timestamp("2025-02-16"), text("J")], &Environment::default()).is_err());
    }

    #[test]
    fn texts_become_times_or_null() {
        for (input, output) in [
            ("2025-02-16 07:08:09.123456", Some("2025-02-16 07:08:09.123")),
            ("2025-02-30 00:00:00", Some("2025-02-28 00:00:00.000")),
            ("2025-02-16T07:08:09", None),
            ("", None),
        ] {
            check("TO_TIMESTAMP", &[text(input)], output);
        }
        check("TO_TIMESTAMP", &[text("16/02/2025 07-08"), text("dd/MM/yyyy HH-mm")], Some("2025-02-16 07:08:00.000"));
        check("TO_DATE", &[text("2025-2-6")], Some("2025-02-06"));
        check("TO_DATE", &[text("2025-02-30")], None);
        check("TO_DATE", &[text("16.02.2025"), text("dd.MM.yyyy")], Some("2025-02-16"));
        check("TO_TIMESTAMP_LTZ", &[int(1), int(0)], Some("1970-01-01 00:00:01.000"));
        check("TO_TIMESTAMP_LTZ", &[long(1_500), int(3)], Some("1970-01-01 00:00:01.500"));
        check("TO_TIMESTAMP_LTZ", &[long(253_402_300_800_000), int(3)], None);
    }

    #[test]
    fn seconds_go_there_and_back_in_the_sessions_zone() {
        for (input, output) in [
            ("2025-02-16 07:08:09", "1739689689"),
            ("1969-12-31 23:59:59", "-1"),
            ("bad", "-9223372036854775808"),
            ("", "-9223372036854775808"),
        ] {
            check("UNIX_TIMESTAMP", &[text(input)], Some(output));
        }
        check("FROM_UNIXTIME", &[long(1_739_689_689), text("yyyy/MM/dd HH")], Some("2025/02/16 07"));
        check("FROM_UNIXTIME", &[long(253_402_300_800)], Some("10000-01-01 00:00:00"));
        let shanghai = Environment::in_zone("Asia/Shanghai");
        assert_eq!(run("FROM_UNIXTIME", &[long(0)], &shanghai), Ok(Some("1970-01-01 08:00:00".into())));
        assert_eq!(run("UNIX_TIMESTAMP", &[text("1970-01-01 08:00:00")], &shanghai), Ok(Some("0".into())));
        for (time, from, to, output) in [
            ("1970-01-01 00:00:00", "UTC", "America/Los_Angeles", Some("1969-12-31 16:00:00")),
            ("2025-03-09 02:30:00", "America/New_York", "UTC", Some("2025-03-09 07:30:00")),
            ("bad", "UTC", "UTC", None),
            ("1970-01-01 00:00:00", "UTC", "+05:30", Some("1970-01-01 00:00:00")),
        ] {
            check("CONVERT_TZ", &[text(time), text(from), text(to)], output);
        }
    }
}
