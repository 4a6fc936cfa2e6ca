//! One JSON array a row, row kind first, behind a line with the columns' names and types.

use std::io::{self, Write};

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use irmak_common::types::Schema;
use serde_json::{Value, json};

use super::{Printer, kinds, text_of};

pub(crate) struct Jsonl<W> {
    out: W,
    columns: usize,
}

impl<W: Write> Jsonl<W> {
    pub(crate) fn begin(mut out: W, schema: &Schema) -> io::Result<Self> {
        let columns: Vec<Value> = schema.fields.iter().map(|field| json!([field.name, field.ty.to_string()])).collect();
        writeln!(out, "{}", json!({ "columns": columns }))?;
        Ok(Self { out, columns: schema.len() })
    }
}

impl<W: Write> Printer for Jsonl<W> {
    fn rows(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let kind = kinds(batch);
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().take(self.columns).map(|column| cell(column.as_ref(), row));
            let line: Vec<Value> = std::iter::once(Value::from(kind(row).short())).chain(cells).collect();
            writeln!(self.out, "{}", Value::Array(line))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn cell(column: &dyn Array, row: usize) -> Value {
    text_of(column, row).map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use irmak_common::types::{Field, TypeKind};

    use super::*;

    #[test]
    fn rows_follow_their_columns() {
        let schema = Schema::new(vec![Field::new("a", TypeKind::Int.not_null())]);
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some("1"), None]));
        let batch = RecordBatch::try_from_iter(vec![("a", values)]).unwrap();
        let mut printer = Jsonl::begin(Vec::new(), &schema).unwrap();
        printer.rows(&batch).unwrap();
        let text = String::from_utf8(printer.out).unwrap();
        assert_eq!(text, "{\"columns\":[[\"a\",\"INT NOT NULL\"]]}\n[\"+I\",\"1\"]\n[\"+I\",null]\n");
    }
}
