//! JSON as Jackson writes it: doubles as Java prints them, decimals without trailing zeros, no needless escapes.

use std::fmt::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use base64::Engine;
use irmak_common::map::entry_keys;
use irmak_common::text::{write_decimal_stripped, write_double, write_float};
use irmak_common::types::TypeKind;
use serde_json::Value as Json;

use crate::cell::{Style, write_cell};
use crate::zone::Zone;

/// Appends a text in quotes.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a JSON value, compact.
pub(super) fn write_json(out: &mut String, value: &Json) {
    match value {
        Json::String(text) => write_text(out, text),
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_json(out, item);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (at, (name, member)) in members.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_text(out, name);
                out.push(':');
                write_json(out, member);
            }
            out.push('}');
        }
        scalar => write_scalar(out, scalar),
    }
}

/// Appends a scalar as Java's `toString` has it: texts bare.
pub(super) fn write_scalar(out: &mut String, value: &Json) {
    // Writing to a String cannot fail.
    let _ = match value {
        Json::Null => out.write_str("null"),
        Json::Bool(value) => write!(out, "{value}"),
        Json::String(text) => out.write_str(text),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => write!(out, "{value}"),
            (_, Some(value), _) => write!(out, "{value}"),
            (_, _, Some(value)) => {
                write_double(out, value);
                Ok(())
            }
            _ => write!(out, "{number}"),
        },
        _ => Ok(()),
    };
}

/// Whether values of this kind can be written as JSON.
pub(super) fn is_writable(kind: &TypeKind) -> bool {
    match kind {
        TypeKind::Date | TypeKind::Time(_) | TypeKind::IntervalDayTime { .. } | TypeKind::IntervalYearMonth { .. } | TypeKind::Symbol => {
            false
        }
        TypeKind::Array(element) | TypeKind::Multiset(element) => is_writable(&element.kind),
        TypeKind::Map(key, value) => matches!(key.kind, TypeKind::Char(_) | TypeKind::Varchar(_)) && is_writable(&value.kind),
        TypeKind::Row(fields) => fields.iter().all(|field| is_writable(&field.ty.kind)),
        _ => true,
    }
}

/// Appends the SQL value of a row.
pub(super) fn write_cell_json(out: &mut String, array: &dyn Array, row: usize, kind: &TypeKind) {
    if *array.data_type() == DataType::Null || array.is_null(row) {
        return out.push_str("null");
    }
    let quoted = |out: &mut String, number: &str| {
        if matches!(number, "NaN" | "Infinity" | "-Infinity") { write_text(out, number) } else { out.push_str(number) }
    };
    match kind {
        TypeKind::Char(_) | TypeKind::Varchar(_) => write_text(out, array.as_string::<i32>().value(row)),
        TypeKind::Boolean => out.push_str(if array.as_boolean().value(row) { "true" } else { "false" }),
        TypeKind::Decimal { scale, .. } => {
            write_decimal_stripped(out, array.as_primitive::<Decimal128Type>().value(row), u32::from(*scale))
        }
        TypeKind::Float => {
            let mut number = String::new();
            write_float(&mut number, array.as_primitive::<Float32Type>().value(row));
            quoted(out, &number);
        }
        TypeKind::Double => {
            let mut number = String::new();
            write_double(&mut number, array.as_primitive::<Float64Type>().value(row));
            quoted(out, &number);
        }
        TypeKind::Binary(_) | TypeKind::Varbinary(_) => {
            let text = base64::engine::general_purpose::STANDARD.encode(array.as_binary::<i32>().value(row));
            write_text(out, &text);
        }
        TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => write_moment(out, array, row, kind),
        TypeKind::Array(element) => {
            let items = array.as_list::<i32>().value(row);
            out.push('[');
            for at in 0..items.len() {
                out.push_str(if at == 0 { "" } else { "," });
                write_cell_json(out, &items, at, &element.kind);
            }
            out.push(']');
        }
        TypeKind::Map(key, value) => write_members(out, &array.as_map().value(row), &key.kind, &value.kind),
        TypeKind::Multiset(element) => write_members(out, &array.as_map().value(row), &element.kind, &TypeKind::Int),
        TypeKind::Row(fields) => {
            let member = |at: usize| (fields[at].name.clone(), at);
            write_sorted((0..fields.len()).map(member), out, |out, at| {
                write_cell_json(out, array.as_struct().column(at), row, &fields[at].ty.kind);
            });
        }
        _ => write_cell(out, array, row, kind, &Zone::Fixed(0), Style::Cast),
    }
}

fn write_members(out: &mut String, entries: &dyn Array, key: &TypeKind, value: &TypeKind) {
    let entries = entries.as_struct();
    let member = |at: usize| {
        let mut name = String::new();
        write_cell(&mut name, entry_keys(entries), at, key, &Zone::Fixed(0), Style::Cast);
        (name, at)
    };
    write_sorted((0..entries.len()).map(member), out, |out, at| write_cell_json(out, entries.column(1), at, value));
}

/// An object of these members, by name: the order in which Flink's functions write them.
fn write_sorted(members: impl Iterator<Item = (String, usize)>, out: &mut String, value: impl Fn(&mut String, usize)) {
    let mut members: Vec<(String, usize)> = members.collect();
    members.sort();
    out.push('{');
    for (nth, (name, at)) in members.into_iter().enumerate() {
        out.push_str(if nth == 0 { "" } else { "," });
        write_text(out, &name);
        out.push(':');
        value(out, at);
    }
    out.push('}');
}

/// `2025-02-16T07:08:09.5`, with a `Z` for an instant; the fraction without zeros at its end.
fn write_moment(out: &mut String, array: &dyn Array, row: usize, kind: &TypeKind) {
    let instant = matches!(kind, TypeKind::TimestampLtz { .. });
    let mut text = String::new();
    write_cell(&mut text, array, row, kind, &Zone::Fixed(0), Style::Cast);
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (whole, fraction) = (whole.replacen(' ', "T", 1), fraction.trim_end_matches('0'));
    out.push('"');
    out.push_str(&whole);
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out.push_str(if instant { "Z\"" } else { "\"" });
}
