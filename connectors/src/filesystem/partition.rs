//! Which folder a row belongs to: `PARTITIONED BY (day, hour)` makes `day=2025-02-16/hour=7/`.
//!
//! Source: Flink's `PartitionPathUtils` (which characters are escaped, as Hive escapes them) and `partition.default-name`.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use irmak_common::text::{write_decimal, write_double, write_float};
use irmak_common::types::{Schema, TypeKind};

use crate::error::ConnectorError;
use crate::format::cells::{CellValues, Cells};
use crate::format::text::push_integer;
use crate::format::time::{Moment, write_date, write_java_time};
use crate::options::Options;

/// The partition columns of a table.
pub(super) struct Partitioner {
    columns: Vec<(usize, String, TypeKind)>,
    default_name: String,
}

impl Partitioner {
    pub(super) fn new(options: &Options<'_>, schema: &Schema, partition_by: &[usize]) -> Result<Self, ConnectorError> {
        let mut columns = Vec::new();
        for index in partition_by {
            let Some(field) = schema.fields.get(*index) else {
                let what = format!("partition column {index} of {}", schema.len());
                return Err(ConnectorError::Internal { table: options.table.to_owned(), what });
            };
            let kind = &field.ty.kind;
            let nested = matches!(kind, TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_) | TypeKind::Row(_));
            if nested || matches!(kind, TypeKind::Binary(_) | TypeKind::Varbinary(_)) {
                let what = format!("PARTITIONED BY column `{}` of type {kind}", field.name);
                return Err(options.unsupported(what, "partition by text, numbers, BOOLEAN, dates or times; CAST the column AS STRING"));
            }
            columns.push((*index, field.name.clone(), kind.clone()));
        }
        let default_name = options.get("partition.default-name").unwrap_or("__DEFAULT_PARTITION__").to_owned();
        Ok(Self { columns, default_name })
    }

    /// How many folders deep files lie.
    pub(super) fn depth(&self) -> usize {
        self.columns.len()
    }

    /// The batch's rows by folder, each in order. Without partitions: all in the folder of no name.
    pub(super) fn split(&self, table: &str, batch: &RecordBatch) -> Result<BTreeMap<String, Vec<usize>>, ConnectorError> {
        let mut folders: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let cells: Option<Vec<(&str, Cells<'_>)>> =
            self.columns.iter().map(|(index, name, kind)| Some((name.as_str(), Cells::new(batch.columns().get(*index)?, kind)?))).collect();
        let Some(cells) = cells else {
            return Err(ConnectorError::Internal { table: table.to_owned(), what: "partition columns of another type arrived".to_owned() });
        };
        let mut folder = String::new();
        for row in 0..batch.num_rows() {
            folder.clear();
            for (name, cells) in &cells {
                if !folder.is_empty() {
                    folder.push('/');
                }
                escape(&mut folder, name);
                folder.push('=');
                self.value(&mut folder, cells, row);
            }
            match folders.get_mut(&folder) {
                Some(rows) => rows.push(row),
                None => {
                    folders.insert(folder.clone(), vec![row]);
                }
            }
        }
        Ok(folders)
    }

    fn value(&self, out: &mut String, cells: &Cells<'_>, row: usize) {
        let mut text = String::new();
        if !cells.is_null(row) {
            match &cells.values {
                CellValues::Text(values) => text.push_str(values.value(row)),
                CellValues::Boolean(values) => text.push_str(if values.value(row) { "true" } else { "false" }),
                CellValues::Int8(values) => push_integer(&mut text, values[row].into()),
                CellValues::Int16(values) => push_integer(&mut text, values[row].into()),
                CellValues::Int32(values) => push_integer(&mut text, values[row].into()),
                CellValues::Int64(values) => push_integer(&mut text, values[row]),
                CellValues::Float32(values) => write_float(&mut text, values[row]),
                CellValues::Float64(values) => write_double(&mut text, values[row]),
                CellValues::Decimal { values, scale } => write_decimal(&mut text, values[row], *scale),
                CellValues::Date(values) => write_date(&mut text, values[row].into()),
                CellValues::Time(values) => write_java_time(&mut text, i64::from(values[row]) * 1_000_000, false),
                // As `LocalDateTime` prints itself, instants in UTC.
                CellValues::Timestamp { values, unit, .. } => {
                    let moment = Moment::from_unit(values[row], *unit);
                    write_date(&mut text, moment.days);
                    text.push('T');
                    write_java_time(&mut text, moment.nanos, false);
                }
                _ => {}
            }
        }
        escape(out, if text.trim().is_empty() { &self.default_name } else { &text });
    }
}

/// Appends a name with what must not stand in a path as `%XX`.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\0'..='\u{1f}' | '\u{7f}' | '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '}' | '[' | ']' | '^' => {
                out.push_str(&format!("%{:02X}", character as u32));
            }
            // A folder called `..` would lead out.
            '.' if text == "." || text == ".." => out.push_str("%2E"),
            plain => out.push(plain),
        }
    }
}

/// The inverse of [`escape`].
pub(super) fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let code = match (first, behind) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        match code {
            Some(code) => {
                out.push(code);
                rest = &behind[2..];
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn braces_are_escaped_as_flink_escapes_them(value in "[{}]{1,4}") {
            let mut name = String::new();
            escape(&mut name, &value);
            prop_assert_eq!(name, value.replace('{', "%7B").replace('}', "%7D"));
        }

        #[test]
        fn a_value_survives_its_folder_and_never_leads_out(value in ".{1,20}") {
            let mut name = String::new();
            escape(&mut name, &value);
            prop_assert!(!name.contains('/') && name != ".." && name != ".");
            prop_assert_eq!(unescape(&name), value);
        }
    }
}
