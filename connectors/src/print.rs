//! The `print` sink: rows on standard output (or error), one a line, as Flink's prints them: `+I[1, a]`.
//!
//! At least once: what a failed attempt has printed stays printed. Source: Flink's `PrintSinkOutputWriter` and `Row.toString`.

use std::io::Write;

use arrow::array::AsArray;
use arrow::datatypes::UInt8Type;
use arrow::record_batch::RecordBatch;
use irmak_common::element::{CheckpointKind, RowKind};
use irmak_common::id::CheckpointId;
use irmak_common::metrics::RECORDS_SENT;
use irmak_common::operator_spec::SinkSpec;
use irmak_common::text::{write_decimal, write_double, write_float};
use irmak_common::time::Millis;
use irmak_common::types::TypeKind;

use crate::context::SinkContext;
use crate::error::ConnectorError;
use crate::format::cells::{CellValues, Cells, cells_of};
use crate::format::text::push_integer;
use crate::format::time::{Moment, write_date, write_java_time};
use crate::options::Options;
use crate::sink::Sink;

/// A table that people read as it comes.
pub(crate) struct PrintSink {
    table: String,
    kinds: Vec<TypeKind>,
    prefix: String,
    to_error: bool,
    rows: u64,
}

impl PrintSink {
    /// Reads the options.
    ///
    /// # Errors
    /// Values that are not understood.
    pub(crate) fn open(spec: &SinkSpec, context: &SinkContext) -> Result<Self, ConnectorError> {
        let options = Options::new(&spec.table, &spec.connector);
        let mut prefix = options.get("print-identifier").unwrap_or_default().to_owned();
        if context.parallelism > 1 {
            let colon = if prefix.is_empty() { "" } else { ":" };
            prefix = format!("{prefix}{colon}{}", context.subtask + 1);
        }
        if !prefix.is_empty() {
            prefix.push_str("> ");
        }
        Ok(Self {
            table: spec.table.clone(),
            kinds: spec.schema.fields.iter().map(|field| field.ty.kind.clone()).collect(),
            prefix,
            to_error: options.bool("standard-error", false)?,
            rows: 0,
        })
    }

    fn lines(&self, rows: &RecordBatch) -> Result<String, ConnectorError> {
        let Some(columns) = cells_of(rows.columns(), &self.kinds) else {
            let what = format!("rows of type {} arrived where {:?} are printed", rows.schema(), self.kinds);
            return Err(ConnectorError::Internal { table: self.table.clone(), what });
        };
        let kinds = rows.columns().get(columns.len()).and_then(|column| column.as_primitive_opt::<UInt8Type>());
        let mut out = String::new();
        for row in 0..rows.num_rows() {
            let kind = kinds.and_then(|kinds| RowKind::from_byte(kinds.value(row))).unwrap_or(RowKind::Insert);
            out.push_str(&self.prefix);
            write_row(&mut out, kind, &columns, row);
            out.push('\n');
        }
        Ok(out)
    }
}

fn write_row(out: &mut String, kind: RowKind, columns: &[Cells<'_>], row: usize) {
    out.push_str(kind.short());
    list(out, '[', columns.iter().map(|cells| (cells, row)), ']');
}

fn list<'a, 'b: 'a>(out: &mut String, open: char, items: impl Iterator<Item = (&'a Cells<'b>, usize)>, close: char) {
    out.push(open);
    for (at, (cells, row)) in items.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_cell(out, cells, row);
    }
    out.push(close);
}

fn write_cell(out: &mut String, cells: &Cells<'_>, row: usize) {
    if cells.is_null(row) {
        return out.push_str("null");
    }
    match &cells.values {
        CellValues::Null => out.push_str("null"),
        CellValues::Boolean(values) => out.push_str(if values.value(row) { "true" } else { "false" }),
        CellValues::Int8(values) => push_integer(out, values[row].into()),
        CellValues::Int16(values) => push_integer(out, values[row].into()),
        CellValues::Int32(values) => push_integer(out, values[row].into()),
        CellValues::Int64(values) => push_integer(out, values[row]),
        CellValues::Float32(values) => write_float(out, values[row]),
        CellValues::Float64(values) => write_double(out, values[row]),
        CellValues::Decimal { values, scale } => write_decimal(out, values[row], *scale),
        CellValues::Date(values) => write_date(out, values[row].into()),
        CellValues::Time(values) => write_java_time(out, i64::from(values[row]) * 1_000_000, false),
        CellValues::Timestamp { values, unit, zoned } => {
            let moment = Moment::from_unit(values[row], *unit);
            write_date(out, moment.days);
            out.push('T');
            // An instant is always written with its seconds.
            write_java_time(out, moment.nanos, *zoned);
            if *zoned {
                out.push('Z');
            }
        }
        CellValues::Text(values) => out.push_str(values.value(row)),
        CellValues::Binary(values) => {
            let bytes: Vec<String> = values.value(row).iter().map(|byte| (*byte as i8).to_string()).collect();
            out.push_str(&format!("[{}]", bytes.join(", ")));
        }
        CellValues::List { list: array, item } => {
            let range = array.value_offsets()[row] as usize..array.value_offsets()[row + 1] as usize;
            list(out, '[', range.map(|at| (item.as_ref(), at)), ']');
        }
        CellValues::Map { map, keys, values } => {
            out.push('{');
            let start = map.value_offsets()[row] as usize;
            for at in start..map.value_offsets()[row + 1] as usize {
                if at > start {
                    out.push_str(", ");
                }
                write_cell(out, keys, at);
                out.push('=');
                write_cell(out, values, at);
            }
            out.push('}');
        }
        CellValues::Row { columns, .. } => write_row(out, RowKind::Insert, columns, row),
    }
}

impl Sink for PrintSink {
    fn write(&mut self, rows: &RecordBatch, _now: Millis) -> Result<(), ConnectorError> {
        let lines = self.lines(rows)?;
        // One write a batch, so that subtasks' lines do not mix.
        let written = match self.to_error {
            true => std::io::stderr().lock().write_all(lines.as_bytes()),
            false => {
                let mut out = std::io::stdout().lock();
                out.write_all(lines.as_bytes()).and_then(|()| out.flush())
            }
        };
        self.rows += rows.num_rows() as u64;
        let stream = std::path::Path::new(if self.to_error { "standard error" } else { "standard output" });
        written.map_err(|error| ConnectorError::file(&self.table, "write to", stream, error))
    }

    fn pre_commit(&mut self, _checkpoint: CheckpointId, _kind: CheckpointKind, _now: Millis) -> Result<Vec<Vec<u8>>, ConnectorError> {
        Ok(Vec::new())
    }

    fn commit(&mut self, _checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        vec![(RECORDS_SENT, self.rows as f64)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use irmak_common::id::JobId;
    use irmak_common::operator_spec::ConnectorSpec;
    use irmak_common::types::Schema;

    use super::*;
    use crate::context::{FileAccess, no_kill_point};
    use crate::format::json::{JsonDecoder, JsonOptions};

    fn check(parallelism: u32, identifier: Option<&str>, expected: &str) {
        let columns = Schema::nullable(&[
            ("i", TypeKind::Int),
            ("s", TypeKind::STRING),
            ("t", TypeKind::timestamp(3)),
            ("b", TypeKind::Boolean),
            ("a", TypeKind::Array(Box::new(TypeKind::Int.nullable()))),
        ]);
        let mut decoder = JsonDecoder::new(&columns, JsonOptions::default());
        decoder.decode(br#"{"i":1,"s":"a b","t":"2025-02-16 07:40:00","b":true,"a":[1,null]}"#).unwrap();
        let batch = RecordBatch::try_new(columns.to_arrow(), decoder.finish().unwrap()).unwrap();
        let options: BTreeMap<_, _> = identifier.map(|name| ("print-identifier".to_owned(), name.to_owned())).into_iter().collect();
        let connector = ConnectorSpec { connector: "print".into(), options };
        let spec = SinkSpec {
            table: "p".into(),
            database: Default::default(),
            connector,
            schema: columns,
            partition_by: vec![],
            primary_key: vec![],
            metadata: Vec::new(),
            ends_old_keys: false,
        };
        let context = SinkContext {
            job: JobId::from_u128(1),
            operator: 1,
            subtask: 1,
            parallelism,
            attempt: 0,
            restored: None,
            checkpoint: None,
            files: FileAccess::Anywhere,
            zone: "UTC".into(),
            clock: || 0,
            kill_point: no_kill_point,
        };
        assert_eq!(PrintSink::open(&spec, &context).unwrap().lines(&batch).unwrap(), expected);
    }

    #[test]
    fn rows_are_printed_as_flink_prints_them() {
        check(1, None, "+I[1, a b, 2025-02-16T07:40, true, [1, null]]\n");
        check(2, None, "2> +I[1, a b, 2025-02-16T07:40, true, [1, null]]\n");
        check(2, Some("x"), "x:2> +I[1, a b, 2025-02-16T07:40, true, [1, null]]\n");
        check(1, Some("x"), "x> +I[1, a b, 2025-02-16T07:40, true, [1, null]]\n");
    }
}
