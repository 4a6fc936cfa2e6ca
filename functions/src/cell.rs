//! Values as text: what Flink prints in a result, and what a cast to STRING gives.
//!
//! The two differ in one thing: bytes print as `x'c3a9'`, and are read as UTF-8 when they are cast.

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use irmak_common::map::entry_keys;
use irmak_common::text;
use irmak_common::types::{Field, LogicalType, TypeKind};

use crate::zone::Zone;

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `x'c3a9'`
    Print,
    /// `é`
    Cast,
}

/// A value as Flink prints it in a result, `None` for NULL: `2025-02-16 07:00:00.000`, `TRUE`, `1.95E8`, `[1, NULL]`, `{a=1}`,
/// `(1, x)`, `x'c3a9'`. TIMESTAMP_LTZ is shown in `zone` (in UTC where there is no such zone).
pub fn cell_text(array: &dyn Array, row: usize, ty: &LogicalType, zone: &str) -> Option<String> {
    if is_null(array, row) {
        return None;
    }
    let mut out = String::new();
    write_cell(&mut out, array, row, &ty.kind, &Zone::parse_or_utc(zone), Style::Print);
    Some(out)
}

fn is_null(array: &dyn Array, row: usize) -> bool {
    array.is_null(row) || *array.data_type() == DataType::Null
}

/// Appends the value of a row, `NULL` where there is none.
pub(crate) fn write_cell(out: &mut String, array: &dyn Array, row: usize, kind: &TypeKind, zone: &Zone, style: Style) {
    if is_null(array, row) {
        out.push_str("NULL");
        return;
    }
    // Writing to a String cannot fail.
    let _ = match kind {
        TypeKind::Char(_) | TypeKind::Varchar(_) | TypeKind::Symbol => out.write_str(array.as_string::<i32>().value(row)),
        TypeKind::Boolean => out.write_str(if array.as_boolean().value(row) { "TRUE" } else { "FALSE" }),
        TypeKind::Binary(_) | TypeKind::Varbinary(_) => write_bytes(out, array.as_binary::<i32>().value(row), style),
        TypeKind::Decimal { scale, .. } => {
            text::write_decimal(out, array.as_primitive::<Decimal128Type>().value(row), u32::from(*scale));
            Ok(())
        }
        TypeKind::TinyInt => write!(out, "{}", array.as_primitive::<Int8Type>().value(row)),
        TypeKind::SmallInt => write!(out, "{}", array.as_primitive::<Int16Type>().value(row)),
        TypeKind::Int => write!(out, "{}", array.as_primitive::<Int32Type>().value(row)),
        TypeKind::BigInt => write!(out, "{}", array.as_primitive::<Int64Type>().value(row)),
        TypeKind::Null => out.write_str("NULL"),
        _ => {
            write_rest(out, array, row, kind, zone, style);
            Ok(())
        }
    };
}

fn write_rest(out: &mut String, array: &dyn Array, row: usize, kind: &TypeKind, zone: &Zone, style: Style) {
    match kind {
        TypeKind::Float => text::write_float(out, array.as_primitive::<Float32Type>().value(row)),
        TypeKind::Double => text::write_double(out, array.as_primitive::<Float64Type>().value(row)),
        TypeKind::Date => text::write_date(out, array.as_primitive::<Date32Type>().value(row)),
        TypeKind::Time(precision) => text::write_time(out, array.as_primitive::<Time32MillisecondType>().value(row), *precision),
        TypeKind::Timestamp { precision, .. } => text::write_timestamp(out, stored_timestamp(array, row), *precision),
        TypeKind::TimestampLtz { precision, .. } => {
            let stored = stored_timestamp(array, row);
            let instant = text::Instant::from_stored(stored, *precision);
            let per_second = text::Instant { seconds: 1, nanos: 0 }.to_stored(*precision).unwrap_or(1);
            text::write_timestamp(out, stored.saturating_add(zone.offset_at(instant.seconds) * per_second), *precision);
        }
        TypeKind::IntervalYearMonth { .. } => text::write_year_month(out, array.as_primitive::<Int32Type>().value(row)),
        TypeKind::IntervalDayTime { .. } => text::write_day_time(out, array.as_primitive::<Int64Type>().value(row)),
        TypeKind::Array(element) => {
            let items = array.as_list::<i32>().value(row);
            out.push('[');
            for at in 0..items.len() {
                out.push_str(if at == 0 { "" } else { ", " });
                write_cell(out, &items, at, &element.kind, zone, style);
            }
            out.push(']');
        }
        TypeKind::Map(key, value) => write_entries(out, array, row, (&key.kind, &value.kind), zone, style),
        TypeKind::Multiset(element) => write_entries(out, array, row, (&element.kind, &TypeKind::Int), zone, style),
        TypeKind::Row(fields) => write_row(out, array, row, fields, zone, style),
        _ => {}
    }
}

fn write_entries(out: &mut String, array: &dyn Array, row: usize, (key, value): (&TypeKind, &TypeKind), zone: &Zone, style: Style) {
    let entries = array.as_map().value(row);
    out.push('{');
    for at in 0..entries.len() {
        out.push_str(if at == 0 { "" } else { ", " });
        write_cell(out, entry_keys(&entries), at, key, zone, style);
        out.push('=');
        write_cell(out, entries.column(1), at, value, zone, style);
    }
    out.push('}');
}

fn write_row(out: &mut String, array: &dyn Array, row: usize, fields: &[Field], zone: &Zone, style: Style) {
    let columns = array.as_struct();
    out.push('(');
    for (at, field) in fields.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        write_cell(out, columns.column(at), row, &field.ty.kind, zone, style);
    }
    out.push(')');
}

fn write_bytes(out: &mut String, bytes: &[u8], style: Style) -> std::fmt::Result {
    if style == Style::Cast {
        return out.write_str(&String::from_utf8_lossy(bytes));
    }
    out.push_str("x'");
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
    out.push('\'');
    Ok(())
}

fn stored_timestamp(array: &dyn Array, row: usize) -> i64 {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive::<TimestampMicrosecondType>().value(row),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => array.as_primitive::<TimestampNanosecondType>().value(row),
        _ => array.as_primitive::<TimestampMillisecondType>().value(row),
    }
}

#[cfg(test)]
mod tests {
    use irmak_common::expr::Value;

    use super::*;
    use crate::constant::to_array;

    #[test]
    fn values_print_as_flink_prints_them() {
        let array = |element: TypeKind| TypeKind::Array(Box::new(element.nullable()));
        let map = TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::Int.nullable()));
        let row = TypeKind::Row(vec![Field::new("a", TypeKind::Int.nullable()), Field::new("b", TypeKind::STRING.nullable())]);
        let text = |text: &str| Value::String(text.into());
        for (value, kind, zone, printed) in [
            (Value::Boolean(true), TypeKind::Boolean, "UTC", "TRUE"),
            (Value::Bytes(vec![0xc3, 0xa9]), TypeKind::BYTES, "UTC", "x'c3a9'"),
            (Value::Array(vec![Value::Int(1), Value::Null]), array(TypeKind::Int), "UTC", "[1, NULL]"),
            (Value::Array(vec![Value::Bytes(b"ab".to_vec())]), array(TypeKind::BYTES), "UTC", "[x'6162']"),
            (Value::Map(vec![(text("a"), Value::Int(1)), (text("b"), Value::Int(2))]), map, "UTC", "{a=1, b=2}"),
            (Value::Row(vec![Value::Null, text("x")]), row, "UTC", "(NULL, x)"),
            (Value::Int(0), TypeKind::timestamp_ltz(3), "Asia/Shanghai", "1970-01-01 08:00:00.000"),
            (Value::Int(0), TypeKind::timestamp(3), "Asia/Shanghai", "1970-01-01 00:00:00.000"),
            (Value::Float(0.1), TypeKind::Float, "UTC", "0.1"),
        ] {
            let ty = kind.nullable();
            assert_eq!(cell_text(&to_array(&value, &ty).unwrap(), 0, &ty, zone).unwrap(), printed);
        }
        let ty = TypeKind::Int.nullable();
        assert_eq!(cell_text(&to_array(&Value::Null, &ty).unwrap(), 0, &ty, "UTC"), None);
    }
}
