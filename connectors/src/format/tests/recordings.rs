//! For tests: the recordings of `golden/formats`, and values as Flink shows them.

use std::path::PathBuf;

use arrow::array::ArrayRef;
use irmak_common::text::{write_date, write_decimal, write_double, write_float, write_time, write_timestamp};
use irmak_common::types::{LogicalType, Schema, TypeKind};

use crate::format::cells::{CellValues, Cells};

fn golden(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../golden").join(path)
}

/// A recorded input file.
pub(crate) fn input(name: &str) -> Vec<u8> {
    std::fs::read(golden("input").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows that a case recorded, values as texts.
pub(crate) fn expected_rows(case: &str) -> Vec<Vec<Option<String>>> {
    let text = std::fs::read_to_string(golden("formats").join(case).join("expected.jsonl")).unwrap();
    let rows = text.lines().skip(1).map(|line| serde_json::from_str::<Vec<Option<String>>>(line).unwrap());
    rows.map(|row| row.into_iter().skip(1).collect()).collect()
}

/// A file that a case recorded.
pub(crate) fn expected_file(case: &str) -> String {
    std::fs::read_to_string(golden("formats").join(case).join("expected/snk/part")).unwrap()
}

/// Whether the case recorded a failure.
pub(crate) fn fails(case: &str) -> bool {
    golden("formats").join(case).join("error.txt").exists()
}

/// The columns that most JSON and CSV cases have.
pub(crate) fn every_type() -> Vec<(&'static str, TypeKind)> {
    vec![
        ("id", TypeKind::Int),
        ("bo", TypeKind::Boolean),
        ("ti", TypeKind::TinyInt),
        ("si", TypeKind::SmallInt),
        ("i", TypeKind::Int),
        ("b", TypeKind::BigInt),
        ("f", TypeKind::Float),
        ("d", TypeKind::Double),
        ("de", TypeKind::Decimal { precision: 10, scale: 2 }),
        ("s", TypeKind::STRING),
        ("dt", TypeKind::Date),
        ("tm", TypeKind::Time(0)),
        ("ts", TypeKind::timestamp(3)),
        ("tl", TypeKind::timestamp_ltz(3)),
        ("by", TypeKind::BYTES),
    ]
}

/// A value as Flink's cast to STRING shows it.
pub(crate) fn shown(array: &ArrayRef, ty: &LogicalType, row: usize) -> Option<String> {
    let cells = Cells::new(array, &ty.kind).unwrap();
    show(&cells, &ty.kind, row)
}

fn show(cells: &Cells<'_>, kind: &TypeKind, row: usize) -> Option<String> {
    if cells.is_null(row) {
        return None;
    }
    let inner = |cells: &Cells<'_>, kind: &TypeKind, row: usize| show(cells, kind, row).unwrap_or_else(|| "NULL".to_owned());
    let mut out = String::new();
    match (&cells.values, kind) {
        (CellValues::Boolean(values), _) => out.push_str(if values.value(row) { "TRUE" } else { "FALSE" }),
        (CellValues::Int8(values), _) => out = values[row].to_string(),
        (CellValues::Int16(values), _) => out = values[row].to_string(),
        (CellValues::Int32(values), _) => out = values[row].to_string(),
        (CellValues::Int64(values), _) => out = values[row].to_string(),
        (CellValues::Float32(values), _) => write_float(&mut out, values[row]),
        (CellValues::Float64(values), _) => write_double(&mut out, values[row]),
        (CellValues::Decimal { values, scale }, _) => write_decimal(&mut out, values[row], *scale),
        (CellValues::Date(values), _) => write_date(&mut out, values[row]),
        (CellValues::Time(values), TypeKind::Time(precision)) => write_time(&mut out, values[row], *precision),
        (CellValues::Timestamp { values, .. }, TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. }) => {
            write_timestamp(&mut out, values[row], *precision)
        }
        (CellValues::Text(values), _) => out.push_str(values.value(row)),
        (CellValues::Binary(values), _) => {
            let hex: String = values.value(row).iter().map(|byte| format!("{byte:02x}")).collect();
            out = format!("x'{hex}'");
        }
        (CellValues::List { list, item }, TypeKind::Array(element)) => {
            let range = list.value_offsets()[row]..list.value_offsets()[row + 1];
            let items: Vec<_> = range.map(|at| inner(item, &element.kind, at as usize)).collect();
            out = format!("[{}]", items.join(", "));
        }
        (CellValues::Map { map, keys, values }, kind) => {
            let (key, value) = match kind {
                TypeKind::Map(key, value) => (&key.kind, &value.kind),
                TypeKind::Multiset(element) => (&element.kind, &TypeKind::Int),
                _ => panic!("not a map"),
            };
            let range = map.value_offsets()[row]..map.value_offsets()[row + 1];
            let entry = |at: i32| format!("{}={}", inner(keys, key, at as usize), inner(values, value, at as usize));
            out = format!("{{{}}}", range.map(entry).collect::<Vec<_>>().join(", "));
        }
        (CellValues::Row { columns, .. }, TypeKind::Row(fields)) => {
            let parts: Vec<_> = columns.iter().zip(fields).map(|(column, field)| inner(column, &field.ty.kind, row)).collect();
            out = format!("({})", parts.join(", "));
        }
        _ => panic!("{kind} is shown nowhere here"),
    }
    Some(out)
}

/// All rows of these columns, as Flink shows them.
pub(crate) fn rows(columns: &[ArrayRef], schema: &Schema) -> Vec<Vec<Option<String>>> {
    let count = columns.first().map_or(0, |column| column.len());
    (0..count).map(|row| columns.iter().zip(&schema.fields).map(|(column, field)| shown(column, &field.ty, row)).collect()).collect()
}
